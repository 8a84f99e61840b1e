"""Records what others than the API server know: metrics, alerts, and what connections met."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.models import Gap
from sre_orchestrator.plugins.sources.ports import Alerts, Connectivity, Incomplete, Metrics
from sre_orchestrator.plugins.sources.snapshot.formats import alerts_json, metrics_text
from sre_orchestrator.plugins.sources.snapshot.recording import AGENT, Recording

METRICS = "prometheus/metrics.om"
ALERTS = "alertmanager/alerts.json"


async def record_metrics(
    sources: Sources, recording: Recording, namespaces: Sequence[str], window_minutes: float
) -> None:
    """Record the series of the last minutes, where there is a source of metrics that answers."""
    source = sources.find(Metrics)  # type: ignore[type-abstract]  # a port is asked for by its protocol
    if source is None or (recording.root / METRICS).is_file():
        return
    until = recording.started_at
    try:
        series = await source.series(until - timedelta(minutes=window_minutes), until, namespaces)
    except SourceMissing as missing:
        recording.finish_part("metrics", [_missing("metrics", missing)])
        return
    recording.write(METRICS, b"".join(metrics_text(series)))
    recording.finish_part("metrics")


async def record_alerts(sources: Sources, recording: Recording) -> None:
    """Record the alerts, where there is a source of alerts that answers."""
    source = sources.find(Alerts)  # type: ignore[type-abstract]
    if source is None or (recording.root / ALERTS).is_file():
        return
    try:
        alerts = await source.alerts()
    except SourceMissing as missing:
        recording.finish_part("alerts", [_missing("alerts", missing)])
        return
    recording.write(ALERTS, alerts_json(alerts))
    recording.finish_part("alerts")


async def record_probes(sources: Sources, recording: Recording, namespaces: Sequence[str]) -> None:
    """Record what connections to the services of ``namespaces`` met, where there is a source that makes them."""
    source = sources.find(Connectivity)  # type: ignore[type-abstract]
    if source is None or recording.is_done("probes"):
        return
    try:
        probes = await source.probes(namespaces)
    except SourceMissing as missing:
        recording.finish_part("probes", [_missing("connections", missing)])
        return
    for name, met in (("tcp", probes.tcp), ("tls", probes.tls), ("http", probes.http)):
        if met:
            recording.write(f"probes/{name}.json", msgspec.json.format(msgspec.json.encode(met), indent=1))
    recording.finish_part("probes", probes.gaps)


def late_gaps(sources: Sources) -> list[Gap]:
    """Return what the answers of sources lacked."""
    return [gap for source in sources.all if isinstance(source, Incomplete) for gap in source.gaps()]


def _missing(what: str, missing: SourceMissing) -> Gap:
    return Gap(agent=AGENT, what=what, why=str(missing), remedy="set it up, and record again")
