"""From raw series to one curve a component and metric: rates of counters, quantiles of histograms, sums over pods."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_orchestrator.plugins.agents.metrics.places import Places
from sre_orchestrator.plugins.sources.metric_names import SUFFIX, Signal, signal_of
from sre_orchestrator.plugins.sources.ports import Series

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

QUANTILE = 0.9
STATUS = ("response_code", "status", "code", "status_code", "http_status_code", "grpc_response_status", "grpc_code", "outcome", "classification", "http_response_status_code")  # fmt: skip
BAD_WORDS = frozenset({"failure", "server_error", "unavailable", "internal", "deadlineexceeded", "unknown", "error", "2", "4", "13", "14"})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The course of one signal of one component; ``values`` are in ``signal.unit``, NaN where nothing was measured."""

    component: str
    signal: Signal
    metric: str
    times: Array
    values: Array


def curves(series: Iterable[Series], places: Places) -> list[Curve]:
    """Return the curves of components that exist, sorted by component and metric."""
    groups: dict[tuple[str, str], list[tuple[Signal, Series]]] = defaultdict(list)
    for one in series:
        signal = signal_of(one.name, one.unit)
        if signal is None or len(one.times) == 0 or _aggregate_of_pod(one.labels):
            continue
        component = places.of(one.name, one.labels)
        if component:
            groups[component, _metric(one, signal)].append((signal, one))
    found: list[Curve] = []
    for (component, metric), members in sorted(groups.items(), key=lambda item: item[0]):
        found += _curves(component, metric, members)
    return found


def _aggregate_of_pod(labels: Mapping[str, str]) -> bool:
    """Say whether a series is a sum or a rest: cAdvisor gives each pod's sum beside its containers (``container=""``); idle time is no use."""
    return labels.get("container", "-") == "" or labels.get("mode") in {"idle", "iowait"} or labels.get("le") == ""


def _metric(series: Series, signal: Signal) -> str:
    name = SUFFIX.sub("", series.name) if signal.form in {"bucket", "sum", "count"} else series.name
    quantile = series.labels.get("quantile")
    return f"{name} {quantile}" if quantile else name


def _curves(component: str, metric: str, members: Sequence[tuple[Signal, Series]]) -> list[Curve]:
    signal = members[0][0]
    forms = {one.form for one, _ in members}
    if "bucket" in forms:
        found = _quantile([series for one, series in members if one.form == "bucket"])
        metric = f"{metric} p{QUANTILE * 100:.0f}"
    elif {"sum", "count"} <= forms:
        found = _mean(members)
        metric = f"{metric} mean"
    elif "counter" in forms:
        shares = _error_share(component, metric, signal, [series for _, series in members])
        found = _together([_rate(series) for _, series in members], "sum")
        return [*_curve(component, metric, signal, found), *shares]
    else:
        found = _together([(series.times, series.values) for _, series in members], signal.combine)
    return _curve(component, metric, signal, found)


def _curve(component: str, metric: str, signal: Signal, found: tuple[Array, Array] | None) -> list[Curve]:
    import numpy as np  # noqa: PLC0415 - slow to import

    if found is None:
        return []
    times, values = found
    values = np.where(np.isfinite(values), values, np.nan) * signal.scale
    if signal.inverse:
        # A share of success that is zero all the time belongs to something that serves no requests.
        values = 1.0 - values if np.nanmax(values, initial=0.0) > 0 else np.full_like(values, np.nan)
    if signal.name == "latency":
        values = np.where(values > 0, values, np.nan)
    if np.isnan(values).all():
        return []
    return [Curve(component=component, signal=signal, metric=metric, times=times, values=values)]


def _rate(series: Series) -> tuple[Array, Array]:
    """Return the increase a second; after a reset the counter's value is its increase, as Prometheus counts."""
    import numpy as np  # noqa: PLC0415

    known = np.isfinite(series.values)
    times, values = series.times[known], series.values[known]
    steps, spans = np.diff(values), np.diff(times)
    steps = np.where(steps < 0, values[1:], steps)
    moving = spans > 0
    return times[1:][moving], steps[moving] / spans[moving]


def _together(parts: Sequence[tuple[Array, Array]], combine: str) -> tuple[Array, Array] | None:
    """Return the sum or the maximum of curves, on the times of the longest; beyond its ends a curve is nothing."""
    import numpy as np  # noqa: PLC0415

    parts = [part for part in parts if len(part[0])]
    if not parts:
        return None
    times = max((part[0] for part in parts), key=lambda at: (len(at), -float(at[0])))
    if len(parts) == 1:
        return parts[0]
    rows = np.stack([values if np.array_equal(at, times) else _onto(times, at, values) for at, values in parts])
    empty = np.isnan(rows).all(axis=0)
    rows = np.where(np.isnan(rows), 0.0, rows)
    put = rows.sum(axis=0) if combine == "sum" else rows.max(axis=0)
    return times, np.where(empty, np.nan, put)


def _onto(times: Array, at: Array, values: Array) -> Array:
    import numpy as np  # noqa: PLC0415

    known = np.isfinite(values)
    if not known.any():
        return np.full(len(times), np.nan)
    return np.interp(times, at[known], values[known], left=np.nan, right=np.nan)


def _mean(members: Sequence[tuple[Signal, Series]]) -> tuple[Array, Array] | None:
    import numpy as np  # noqa: PLC0415

    spent = _together([_rate(series) for signal, series in members if signal.form == "sum"], "sum")
    served = _together([_rate(series) for signal, series in members if signal.form == "count"], "sum")
    if spent is None or served is None:
        return None
    count = served[1] if np.array_equal(served[0], spent[0]) else _onto(spent[0], *served)
    with np.errstate(divide="ignore", invalid="ignore"):
        return spent[0], np.where(count > 0, spent[1] / count, np.nan)


def _quantile(members: Sequence[Series]) -> tuple[Array, Array] | None:
    """Return the 90th percentile over time, interpolated within its bucket as Prometheus does."""
    import numpy as np  # noqa: PLC0415

    by_bound: dict[float, list[tuple[Array, Array]]] = defaultdict(list)
    for series in members:
        by_bound[float(series.labels.get("le", "inf").replace("+Inf", "inf"))].append(_rate(series))
    bounds = sorted(by_bound)
    rows = [_together(by_bound[bound], "sum") for bound in bounds]
    if len(bounds) < 2 or any(row is None for row in rows):  # noqa: PLR2004 - a bucket has two ends
        return None
    times = max((row[0] for row in rows if row), key=len)
    counts = np.stack([row[1] if np.array_equal(row[0], times) else _onto(times, *row) for row in rows if row])
    wanted = counts[-1] * QUANTILE
    place = np.minimum((np.nan_to_num(counts) < wanted).sum(axis=0), len(bounds) - 1)
    column = np.arange(len(times))
    lower = np.where(place > 0, np.array([0.0, *bounds])[place], 0.0)
    upper = np.minimum(np.array(bounds)[place], np.array([0.0, *bounds])[len(bounds) - 1])
    below = np.where(place > 0, counts[np.maximum(place - 1, 0), column], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip((wanted - below) / (counts[place, column] - below), 0.0, 1.0)
    return times, np.where(counts[-1] > 0, lower + (upper - lower) * np.nan_to_num(share, nan=1.0), np.nan)


def _error_share(component: str, metric: str, signal: Signal, members: Sequence[Series]) -> list[Curve]:
    """Return the share of failed requests, where the labels of a request counter tell the outcome."""
    import numpy as np  # noqa: PLC0415

    told = [(series, outcome) for series in members if (outcome := _outcome(series.labels))]
    if signal.name != "traffic" or not told:
        return []
    every = _together([_rate(series) for series, _ in told], "sum")
    failed = _together([_rate(series) for series, outcome in told if outcome == "bad"], "sum")
    if every is None:
        return []
    bad = np.zeros(len(every[0])) if failed is None else np.nan_to_num(_onto(every[0], *failed))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(every[1] > 0, bad / every[1], np.nan)
    return _curve(component, f"{metric} failed", Signal(name="errors", unit="ratio"), (every[0], share))


def _outcome(labels: Mapping[str, str]) -> str:
    value = next((labels[name] for name in STATUS if labels.get(name)), "").lower().replace("_", "").replace(" ", "")
    if not value:
        return ""
    words = {word.replace("_", "") for word in BAD_WORDS}
    return "bad" if value in words or (len(value) == 3 and value.startswith("5")) else "good"  # noqa: PLR2004 - 5xx
