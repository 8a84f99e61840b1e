"""Sends what was timed as OpenTelemetry traces: the incident, its steps (each ``infer`` is one pass of the rules), its agents.

Spans are made when an investigation has ended, from what was timed, and leave from a thread of their own: a collector that
is slow, dead or wrong costs an investigation nothing. Set up by the standard variables (``OTEL_EXPORTER_OTLP_ENDPOINT``,
``OTEL_SERVICE_NAME``, ``OTEL_RESOURCE_ATTRIBUTES``, …).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from threading import Thread
from typing import TYPE_CHECKING

import structlog

from sre_orchestrator.api.service.telemetry.timings import Ended
from sre_orchestrator.core.redact import without_secrets

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.util.types import AttributeValue

WANTED = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
NAME = "sre-orchestrator"
OURS = "sre_orchestrator"
END_SECONDS = 2.0
KINDS = frozenset(  # https://opentelemetry.io/docs/specs/semconv/resource/k8s/
    {"container", "cronjob", "daemonset", "deployment", "job", "namespace", "node", "pod", "replicaset", "statefulset"}
)
log = structlog.get_logger()


class Traces:
    """Makes spans; safe to call from several threads."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer(NAME, version(NAME))

    def close(self) -> None:
        """Send what is left, for two seconds at most: the library itself would wait for a dead collector."""
        sending = Thread(target=self._provider.shutdown, name="traces", daemon=True)
        sending.start()
        sending.join(END_SECONDS)

    def investigated(self, ended: Ended, traceparent: str = "") -> None:
        """Make the spans of an investigation; ``traceparent`` is that of the request that reported it (W3C)."""
        from opentelemetry.trace import Status, StatusCode, set_span_in_context  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        parent = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
        root = self._tracer.start_span(
            "investigate", context=parent, attributes=_of_incident(ended), start_time=ended.begun
        )
        for number, step in enumerate(ended.steps):
            span = self._tracer.start_span(
                step.name,
                context=set_span_in_context(root),
                attributes={f"{OURS}.step": step.name, **_pass(ended, number)},
                start_time=step.begun,
            )
            for agent in (one for one in ended.agents if step.begun <= one.begun < step.ended):
                asked = self._tracer.start_span(
                    f"agent {agent.name}",
                    context=set_span_in_context(span),
                    attributes={f"{OURS}.agent": agent.name},
                    start_time=agent.begun,
                )
                if agent.failed:
                    asked.set_status(
                        Status(StatusCode.ERROR, "it failed or missed its source; the report's gaps say why")
                    )
                asked.end(agent.ended)
            span.end(step.ended)
        if ended.failed:
            root.set_status(Status(StatusCode.ERROR, without_secrets(ended.why)))
        root.end(ended.ended)


def traces_of(environment: Mapping[str, str]) -> Traces | None:
    """Return the traces that the environment asks for, or ``None``; where they cannot be sent, the log says why."""
    if not any(environment.get(name) for name in WANTED) or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        log.warning("no traces are sent", why=str(error), remedy="pip install 'sre-orchestrator[otel]'")
        return None
    about = {"service.version": version(NAME)} | (
        {} if environment.get("OTEL_SERVICE_NAME") else {"service.name": NAME}
    )
    provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Traces(provider)


def _pass(ended: Ended, number: int) -> dict[str, AttributeValue]:
    """Return which pass of the rules a step is."""
    if ended.steps[number].name != "infer":
        return {}
    return {f"{OURS}.rule_pass": sum(one.name == "infer" for one in ended.steps[: number + 1])}


def _of_incident(ended: Ended) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {f"{OURS}.incident.id": ended.name}
    if ended.reported.cluster:
        found["k8s.cluster.name"] = ended.reported.cluster
    if ended.reported.namespace and "," not in ended.reported.namespace:
        found["k8s.namespace.name"] = ended.reported.namespace
    return found | (_of_report(ended) if ended.bundle else {})


def _of_report(ended: Ended) -> dict[str, AttributeValue]:
    if not ended.bundle:
        return {}
    report = ended.bundle.report
    found: dict[str, AttributeValue] = {f"{OURS}.verdict": report.verdict, f"{OURS}.gaps": len(report.gaps)}
    if report.verdict != "diagnosed" or not report.hypotheses:
        return found
    first = report.hypotheses[0]
    found |= {
        f"{OURS}.cause": first.cause,
        f"{OURS}.component": first.component,
        f"{OURS}.confidence": first.confidence,
    }
    return found | _of_component(first.component)


def _of_component(component: str) -> dict[str, AttributeValue]:
    """Return what the semantic conventions call ``kind/namespace/name``."""
    kind, _, rest = component.partition("/")
    namespace, _, name = rest.rpartition("/")
    if kind.lower() not in KINDS or not name:
        return {}
    where = {"k8s.namespace.name": namespace} if namespace else {}
    return {f"k8s.{kind.lower()}.name": name, **where}
