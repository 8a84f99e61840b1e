"""The figures of one process for Prometheus: their names, what they mean, and which labels they may have.

Base units and names as https://prometheus.io/docs/practices/naming/ says. A label's value is one of a closed list
(verdicts, causes of the catalogue, installed agents, routes of the API, names from the settings), never text of a cluster
or a request: what is on no list is ``other``.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from importlib.metadata import version
from typing import get_args

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from sre_orchestrator.api.service.telemetry.timings import Ended
from sre_orchestrator.core.models import ModelUse, Verdict

PREFIX = "sre_orchestrator"
CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST
OTHER = "other"
OUTCOMES = ("delivered", "retried", "given_up")
MODEL_STEPS = ("read", "ask", "narrate", "suggest")
FAILED, LATE = "failed", "late"
LONG = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
SHORT = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
REQUEST = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


class Figures:
    """Counts and times; safe to call from several threads. ``labels`` are those of each family that has some."""

    def __init__(self, agents: Collection[str] = (), causes: Collection[str] = ()) -> None:
        self.registry = CollectorRegistry()
        self.labels: dict[str, tuple[str, ...]] = {}
        self._agents = frozenset(agents)
        self._causes = frozenset(causes)
        ProcessCollector(registry=self.registry)
        self._about()
        self._of_investigations()
        self._of_requests()

    def text(self) -> bytes:
        """Return all figures as Prometheus reads them; blocks, since some are asked of the store."""
        return prometheus_client.generate_latest(self.registry)

    def include(self, collect: Callable[[], Iterator[Metric]]) -> None:
        """Have figures asked for at each scrape."""
        self.registry.register(_Asked(collect))

    def working(self) -> AbstractContextManager[object]:
        """Count an investigation as running while the context lasts."""
        return self._running.track_inprogress()

    def investigated(self, ended: Ended, limit_seconds: float) -> None:
        """Count an investigation and all that is known of it."""
        self._total.labels(*self._outcome(ended, limit_seconds)).inc()
        self._seconds.observe(ended.seconds)
        for step in ended.steps:
            self._steps.labels(step.name).observe(step.seconds)
        for agent in ended.agents:
            name = self._agent(agent.name)
            self._agent_seconds.labels(name).observe(agent.seconds)
            if agent.failed:
                self._agent_errors.labels(name).inc()
        if ended.bundle:
            for gap in ended.bundle.report.gaps:
                self._gaps.labels(self._agent(gap.agent)).inc()
            self._asked(ended.bundle.cost.model)

    def _asked(self, uses: Mapping[str, ModelUse]) -> None:
        for name, use in uses.items():
            step = name if name in MODEL_STEPS else OTHER
            self._calls.labels(step).inc(use.calls)
            self._tokens.labels(step).inc(use.prompt_tokens + use.completion_tokens)
            self._unused.labels(step).inc(len(use.failures))

    def expect(self, target: str) -> None:
        """Begin to count for somebody who is to be told: a rate needs to see the step from 0 to 1."""
        for outcome in OUTCOMES:
            self._told.labels(target, outcome)

    def notified(self, target: str, outcome: str) -> None:
        """Count an attempt to tell ``target``, which is one of the settings' names."""
        self._told.labels(target, outcome).inc()

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request; ``route`` is the template of its path."""
        known = method if method in METHODS else OTHER
        self._requests.labels(known, route, str(status)).inc()
        self._request_seconds.labels(known, route).observe(seconds)

    def _outcome(self, ended: Ended, limit_seconds: float) -> tuple[str, str]:
        """Return verdict and cause; what took longer than the limit was given up, whatever it found."""
        if ended.bundle is None:
            return FAILED, ""
        if ended.seconds > limit_seconds:
            return LATE, ""
        report = ended.bundle.report
        first = report.hypotheses[0].cause if report.verdict == "diagnosed" and report.hypotheses else ""
        return report.verdict, first if first in self._causes or not first else OTHER

    def _agent(self, name: str) -> str:
        return name if name in self._agents else OTHER

    def _about(self) -> None:
        about = {"version": version("sre-orchestrator"), "python": platform.python_version()}
        Info(f"{PREFIX}_build", "The program and its Python.", registry=self.registry).info(about)

    def _of_investigations(self) -> None:
        self._total = self._counter(
            "investigations",
            "Investigations that ended, by verdict (failed: by an error; late: given up) and first cause.",
            "verdict",
            "cause",
        )
        for verdict in (*get_args(Verdict), FAILED, LATE):
            self._total.labels(verdict, "")  # a rate needs to see the step from 0 to 1
        self._running = Gauge(f"{PREFIX}_investigations_running", "What is investigated now.", registry=self.registry)
        self._seconds = self._histogram("investigation_duration_seconds", "How long investigations took.", LONG)
        self._steps = self._histogram("step_duration_seconds", "How long steps took, each time.", SHORT, "step")
        self._agent_seconds = self._histogram("agent_duration_seconds", "How long agents took.", SHORT, "agent")
        self._agent_errors = self._counter(
            "agent_errors", "Times that an agent failed, missed its source or took too long.", "agent"
        )
        self._gaps = self._counter("gaps", "What reports say could not be seen, by agent.", "agent")
        for name in sorted(self._agents):
            self._agent_errors.labels(name)
            self._gaps.labels(name)
        self._calls = self._counter("model_calls", "Calls of language models, by step.", "step")
        self._tokens = self._counter("model_tokens", "Tokens that language models read and wrote, by step.", "step")
        self._unused = self._counter(
            "model_failures", "Answers of language models that were not used, by step.", "step"
        )
        for step in MODEL_STEPS:
            for counter in (self._calls, self._tokens, self._unused):
                counter.labels(step)

    def _of_requests(self) -> None:
        self._told = self._counter(
            "notifications", "Attempts to tell others: delivered, retried, given_up.", "target", "outcome"
        )
        self._requests = self._counter(
            "http_requests",
            "Requests by method, route and status (401, 403: refused callers).",
            "method",
            "route",
            "status",
        )
        self._request_seconds = self._histogram(
            "http_request_duration_seconds",
            "How long requests took until their answer began.",
            REQUEST,
            "method",
            "route",
        )

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        self.labels[f"{PREFIX}_{name}"] = labels
        return Counter(f"{PREFIX}_{name}", about, labels, registry=self.registry)

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        self.labels[f"{PREFIX}_{name}"] = labels
        return Histogram(f"{PREFIX}_{name}", about, labels, buckets=buckets, registry=self.registry)


class _Asked(Collector):
    def __init__(self, collect: Callable[[], Iterator[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterator[Metric]:
        return self._collect()

    def describe(self) -> Iterator[Metric]:
        """Promise no names: asking for them would ask the store."""
        return iter(())
