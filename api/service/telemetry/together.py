"""What one process tells of itself, together: figures, traces, health."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from sre_orchestrator.api.service.intake.gate import Taken
from sre_orchestrator.api.service.intake.routes import Doors
from sre_orchestrator.api.service.ports import Living
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.api.service.telemetry.figures import PREFIX, Figures
from sre_orchestrator.api.service.telemetry.health import Health, backlog
from sre_orchestrator.api.service.telemetry.timings import Ended
from sre_orchestrator.api.service.telemetry.tracing import Traces
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.boundary import Failure, guarded

MOST_PARENTS = 1000
EVENTS = "cloudevents"
RESULTS = ("opened", "folded", "resolved", "ignored", "refused")


class Parents:
    """The trace that each of the latest incidents belongs to, by what the request that reported it said (W3C)."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, str] = OrderedDict()

    def note(self, incident_id: str, traceparent: str) -> None:
        """Remember."""
        self._known[incident_id] = traceparent
        if len(self._known) > MOST_PARENTS:
            self._known.popitem(last=False)

    def of(self, incident_id: str) -> str:
        """Return the ``traceparent`` of an incident, or nothing."""
        return self._known.pop(incident_id, "")


@dataclass(frozen=True, kw_only=True)
class Telemetry:
    """What is told; ``limit_seconds`` is how long an investigation may take."""

    figures: Figures = field(default_factory=Figures)
    health: Health = field(default_factory=Health)
    parents: Parents = field(default_factory=Parents)
    traces: Traces | None = None
    limit_seconds: float = 300.0

    @classmethod
    def of(cls, installation: Installation, traces: Traces | None = None) -> Telemetry:
        """Return the telemetry of an installation."""
        agents = {one.name for one in installation.agents} | {"rules", "plugins"}
        figures = Figures(agents, installation.book.causes)
        for target in installation.settings.service.notify:
            figures.expect(target.key)
        return cls(figures=figures, traces=traces, limit_seconds=installation.settings.service.incident_seconds)

    def investigated(self, ended: Ended) -> None:
        """Count and trace an investigation."""
        self.figures.investigated(ended, self.limit_seconds)
        if self.traces:
            self.traces.investigated(ended, self.parents.of(ended.name))

    def attach(self, service: Service, doors: Doors) -> None:
        """Look at the parts of a service whenever somebody asks."""
        store, dispatcher, health = service.store, service.dispatcher, self.health
        health.check("store", lambda: store.state().wrong)
        health.check("backlog", lambda: backlog(store.state, health, self.limit_seconds, service.now))
        if isinstance(dispatcher, Living):
            health.check("workers", dispatcher.trouble)
        self.figures.include(lambda: _waiting(service))
        self.figures.include(lambda: _alerts(doors))
        self.figures.include(lambda: _readiness(health))


def _waiting(service: Service) -> Iterator[Metric]:
    """Yield how much waits; nothing where the store does not answer."""
    outcome = guarded(service.store.state)
    if isinstance(outcome, Failure):
        return
    state = outcome.value
    waiting = GaugeMetricFamily(
        f"{PREFIX}_queue_incidents", "Incidents in the store that wait or run.", labels=["status"]
    )
    waiting.add_metric(["queued"], state.queued)
    waiting.add_metric(["running"], state.running)
    yield waiting
    age = (service.now() - state.oldest_queued_at).total_seconds() if state.oldest_queued_at else 0.0
    yield GaugeMetricFamily(
        f"{PREFIX}_queue_oldest_age_seconds", "How long the oldest queued incident waits.", max(age, 0.0)
    )


def _alerts(doors: Doors) -> Iterator[Metric]:
    """Yield what became of alerts, for every format: a rate needs to see the step from 0 to 1."""
    alerts = CounterMetricFamily(
        f"{PREFIX}_alerts",
        "Alerts and events that were sent, by format and what became of them.",
        labels=["source", "result"],
    )
    known = {name: Taken() for name in (*doors.formats, EVENTS)}
    for source, taken in sorted((known | doors.intake.totals).items()):
        for result in RESULTS:
            alerts.add_metric([source, result], getattr(taken, result))
    yield alerts


def _readiness(health: Health) -> Iterator[Metric]:
    checks = GaugeMetricFamily(f"{PREFIX}_ready", "What /readyz looks at: 1 where it is well.", labels=["check"])
    for name, check in health.readiness().checks.items():
        checks.add_metric([name], check.ok)
    yield checks
