"""Memory that climbs: it grows steadily from each start on, and does not level off as that of warming caches does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.identity import namespace_of
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.metrics.places import SIDECARS, Places
from sre_orchestrator.plugins.sources.metric_names import signal_of
from sre_orchestrator.plugins.sources.ports import Series

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

LEAST_SECONDS, LEAST_SAMPLES, PARTS = 900.0, 12, 6
# What falls by a third was started anew; collectors of garbage give back less.
FALLEN, GROWN, UNREST = 0.67, 1.3, 0.99
# Of a straight climb two fifths are in the last third.
LATE_SHARE = 0.3


@dataclass(frozen=True, kw_only=True)
class Climb:
    """How one series grew since it last fell, and how often it fell."""

    metric: str
    before: float
    after: float
    seconds: float
    falls: int


def climbing(
    series: Iterable[Series], places: Places, namespaces: Collection[str], observe: Observer
) -> Iterator[Fact]:
    """Yield a fact for each workload in ``namespaces`` of which at least half of the series of a metric of memory climb."""
    groups: dict[tuple[str, str], list[Series]] = defaultdict(list)
    for one in series:
        signal = signal_of(one.name, one.unit)
        if signal and signal.name == "memory" and not SIDECARS.match(one.labels.get("container", "-")):
            component = places.of(one.name, one.labels)
            if component and namespace_of(component) in namespaces:
                groups[component, one.name].append(one)
    told: set[str] = set()
    for (component, _), members in sorted(groups.items(), key=lambda item: item[0]):
        found = [climb for one in members if (climb := climb_of(one))]
        if component not in told and 2 * len(found) >= len(members):
            told.add(component)
            yield _fact(component, max(found, key=lambda one: one.after / one.before), observe)


def climb_of(series: Series) -> Climb | None:
    """Return how a series climbs; ``None`` when any part of it between two falls is long enough to tell and does not."""
    import numpy as np  # noqa: PLC0415 - slow to import

    known = np.isfinite(series.values) & (series.values > 0)
    times, values = series.times[known], series.values[known]
    if len(values) < LEAST_SAMPLES or times[-1] - times[0] < LEAST_SECONDS:
        return None
    cuts = [0, *(np.flatnonzero(values[1:] < FALLEN * values[:-1]) + 1).tolist(), len(values)]
    whole = [
        (times[begin:end], values[begin:end])
        for begin, end in pairwise(cuts)
        if end - begin >= LEAST_SAMPLES and times[end - 1] - times[begin] >= LEAST_SECONDS
    ]
    if not whole or not all(_climbs(_medians(part)) for _, part in whole):
        return None
    at, part = whole[-1]
    steps = _medians(part)
    return Climb(
        metric=series.name, before=steps[0], after=steps[-1], seconds=float(at[-1] - at[0]), falls=len(cuts) - 2
    )


def _medians(values: Array) -> list[float]:
    import numpy as np  # noqa: PLC0415

    return [float(np.median(part)) for part in np.array_split(values, PARTS)]


def _climbs(steps: Sequence[float]) -> bool:
    late = steps[-1] - steps[PARTS // 2]
    return (
        all(after >= UNREST * before for before, after in pairwise(steps))
        and steps[-1] >= GROWN * steps[0]
        and late >= LATE_SHARE * (steps[-1] - steps[0])
    )


def _fact(component: str, climb: Climb, observe: Observer) -> Fact:
    return observe(
        "memory.climbing",
        component,
        query=climb.metric,
        metric=climb.metric,
        before_bytes=round(climb.before),
        after_bytes=round(climb.after),
        seconds=climb.seconds,
        falls=climb.falls,
    )
