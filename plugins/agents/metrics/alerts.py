"""Alerts as changes: which signal their words name, in which direction, with which numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sre_orchestrator.plugins.agents.metrics.changes import Change
from sre_orchestrator.plugins.agents.metrics.places import Places
from sre_orchestrator.plugins.sources.alert_rules import metrics_in
from sre_orchestrator.plugins.sources.metric_names import signal_of
from sre_orchestrator.plugins.sources.ports import Alert

# The first row that fits decides; direction "" is told by the numbers or by the words below.
WORDS = (
    ("retransmissions", re.compile(r"retrans", re.IGNORECASE)),
    ("throttling", re.compile(r"throttl|cfs", re.IGNORECASE)),
    ("latency", re.compile(r"latenc|slow|response time|duration|p\d\d\b|timeouts?\b", re.IGNORECASE)),
    ("errors", re.compile(r"success|error|fail|5xx|availability", re.IGNORECASE)),
    ("network-errors", re.compile(r"packet loss|(?:packets?|network|interface)\w*\W*(?:drop(?:ped|s)\b|errs?\b|errors?)", re.IGNORECASE)),
    ("network-receive", re.compile(r"inbound|receiv|\brx\b|ingress bandwidth", re.IGNORECASE)),
    ("network-transmit", re.compile(r"outbound|transmi|\btx\b|network|bandwidth|\d\s*pps", re.IGNORECASE)),
    ("traffic", re.compile(r"throughput|\brps\b|\bqps\b|req(?:uest)?s?/s|requests? (?:rate|per)|traffic", re.IGNORECASE)),
    ("cpu", re.compile(r"\bcpu|processor", re.IGNORECASE)),
    ("memory", re.compile(r"memory|\boom|\bram\b", re.IGNORECASE)),
    ("io", re.compile(r"\bio\b|i/o|iowait|iops", re.IGNORECASE)),
    ("disk", re.compile(r"disk|volume|filesystem", re.IGNORECASE)),
    ("connections", re.compile(r"connection|pool", re.IGNORECASE)),
    ("saturation", re.compile(r"queue|backlog|\blag\b|saturat", re.IGNORECASE)),
)  # fmt: skip
DOWN = re.compile(
    r"\b(?:drop(?:ped|s)?|down|low(?:er)?|decreas\w*|fall\w*|fell|no traffic)\b",
    re.IGNORECASE,
)
# No measurement is not a measurement that changed.
MISSING = re.compile(r"missing|vanish|absent|no data", re.IGNORECASE)
NUMBERS = re.compile(
    r"(?P<before>\d+(?:\.\d+)?)\s*(?P<unit>[a-zA-Z%/]*)\s*(?:->|→|=>)\s*(?:[A-Za-z]+\s*[=:]\s*)?(?P<after>\d+(?:\.\d+)?)"
)
# Metrics that are called as those of a signal, and are of something else.
UNLIKE = re.compile(r"missing|vanish|absent|expir|certificate|_info\b", re.IGNORECASE)
# An alert that fires below a bound; ``=~`` and ``!=`` compare labels.
FALLS = re.compile(r"<=?\s*[\d(a-z]", re.IGNORECASE)
SECONDS = {"ms": 1e-3, "us": 1e-6, "s": 1.0, "m": 60.0}
SUCCESS = re.compile(r"success|availability", re.IGNORECASE)
# Unlike data that are shown in percent, a share is compared as a ratio.
PERCENT = 0.01


def alerted(alerts: Iterable[Alert], places: Places) -> list[Change]:
    """Return what alerts that are not silenced say about components that exist."""
    found: list[Change] = []
    for alert in alerts:
        component = places.of("", alert.labels)
        if component and alert.state != "suppressed":
            found += _changes(alert, component)
    return found


def _changes(alert: Alert, component: str) -> Iterator[Change]:
    """Yield what the words of an alert say; where they name no signal, what its expression measures."""
    said = list(_said(alert, component))
    yield from said or _measured(alert, component)


def _measured(alert: Alert, component: str) -> Iterator[Change]:
    """Yield a change of the signal that all metrics in an expression show, if they show one."""
    shown = {signal.name for one in metrics_in(alert.expression) if (signal := signal_of(one)) and not signal.inverse}
    if len(shown) != 1 or UNLIKE.search(alert.expression):
        return
    direction = "down" if FALLS.search(alert.expression) else "up"
    yield Change(
        component=component,
        signal=shown.pop(),
        metric=f"alert {alert.labels.get('alertname', '')}",
        direction=direction,
        before=None,
        after=None,
        unit="",
        began=alert.starts_at,
    )


def _said(alert: Alert, component: str) -> Iterator[Change]:
    name = alert.labels.get("alertname", "alert")
    described = alert.annotations.get("description") or alert.annotations.get("message") or ""
    summary = f"{_spaced(name)} {alert.annotations.get('summary', '')}"
    parts = [part for line in described.splitlines() for part in _parts(line)] or [summary]
    seen: set[str] = set()
    for part in parts:
        signal = "" if MISSING.search(f"{part} {summary}") else _signal(part) or _signal(summary)
        if signal and signal not in seen:
            seen.add(signal)
            yield _change(alert, component, signal, part, summary)


def _parts(line: str) -> list[str]:
    """Return the pieces of a line when several name a signal with numbers of its own, else the line."""
    own = [piece for piece in line.split("|") if NUMBERS.search(piece) and _signal(piece)]
    return own if len(own) > 1 else [line]


def _signal(text: str) -> str:
    return next((signal for signal, pattern in WORDS if pattern.search(text)), "")


def _change(alert: Alert, component: str, signal: str, part: str, summary: str) -> Change:
    pairs = [_pair(signal, match, part) for match in NUMBERS.finditer(part)]
    before, after, unit = max(pairs, key=lambda pair: pair[1] - pair[0], default=(None, None, ""))
    if before is None or after is None or before == after:
        falls = bool(DOWN.search(f"{part} {summary}")) and not SUCCESS.search(part) and signal != "latency"
    else:
        falls = after < before
    return Change(
        component=component,
        signal=signal,
        metric=f"alert {alert.labels.get('alertname', '')}",
        direction="down" if falls else "up",
        before=before,
        after=after,
        unit=unit,
        began=alert.starts_at,
    )


def _pair(signal: str, match: re.Match[str], part: str) -> tuple[float, float, str]:
    before, after, unit = float(match["before"]), float(match["after"]), match["unit"]
    if signal == "latency" and unit in SECONDS:
        return before * SECONDS[unit], after * SECONDS[unit], "seconds"
    if unit == "%":
        before, after, unit = before * PERCENT, after * PERCENT, "ratio"
    if signal == "errors" and SUCCESS.search(part):
        return round(1 - before, 6), round(1 - after, 6), unit
    return before, after, unit


def _spaced(name: str) -> str:
    """Return an alert's name as words: ``KubePodCPUThrottling`` → ``Kube Pod CPU Throttling``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_", " ", name)
