"""Traces: one span a step, agent and pass of the rules, under the request's own trace; a dead collector costs nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from queue import Queue
from threading import Thread
from typing import Any

import anyio
import pytest
from extras import need
from metric_servers import free_port
from observing import CAUSE, REPORTED, Unheard, Walked, diagnosed
from structlog.testing import capture_logs

from sre_orchestrator.api.service.telemetry import Observed, Telemetry
from sre_orchestrator.api.service.telemetry.tracing import Traces, traces_of
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.pipeline import Bundle

INCIDENT = "i" + "0" * 28
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def memory() -> Iterator[tuple[Traces, Any]]:
    need("opentelemetry.sdk", "otel")
    trace, export = import_module("opentelemetry.sdk.trace"), import_module("opentelemetry.sdk.trace.export")
    kept = import_module("opentelemetry.sdk.trace.export.in_memory_span_exporter").InMemorySpanExporter()
    provider = trace.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(kept))
    traces = Traces(provider)
    yield traces, kept
    traces.close()


def investigate(traces: Traces | None, end: Any = diagnosed, traceparent: str = "") -> None:
    telemetry = Telemetry(traces=traces)
    if traceparent:
        telemetry.parents.note(INCIDENT, traceparent)
    anyio.run(Observed(Walked(end), telemetry).investigate, INCIDENT, REPORTED, Unheard())


def test_an_investigation_is_a_tree_of_steps_agents_and_passes(memory: tuple[Traces, Any]) -> None:
    traces, kept = memory

    investigate(traces, traceparent=f"00-{TRACE}-{PARENT}-01")

    spans = kept.get_finished_spans()
    names = {one.context.span_id: one.name for one in spans}
    tree = [(one.name, names.get(one.parent.span_id, "")) for one in spans]
    steps = ["prepare", "gather", "infer", "rank", "infer", "rank", "narrate"]
    assert [name for name, parent in tree if parent == "investigate"] == steps
    assert {name for name, parent in tree if parent == "gather"} == {"agent logs", "agent metrics", "agent of a plugin"}
    assert [one.attributes.get("sre_orchestrator.rule_pass") for one in spans if one.name == "infer"] == [1, 2]
    root = spans[-1]
    assert (format(root.context.trace_id, "032x"), format(root.parent.span_id, "016x")) == (TRACE, PARENT)
    assert all(root.start_time <= one.start_time <= one.end_time <= root.end_time for one in spans)
    assert [one.name for one in spans if not one.status.is_ok and one.status.description] == ["agent metrics"]


def test_an_incident_carries_what_the_conventions_name(memory: tuple[Traces, Any]) -> None:
    traces, kept = memory

    investigate(traces)

    found = dict(kept.get_finished_spans()[-1].attributes)
    assert found["k8s.cluster.name"] == "prod"
    assert found["k8s.namespace.name"] == "shop"
    assert found["k8s.deployment.name"] == "cart"
    assert found["sre_orchestrator.incident.id"] == INCIDENT
    assert found["sre_orchestrator.cause"] == CAUSE
    assert found["sre_orchestrator.verdict"] == "diagnosed"


def test_a_failure_is_told_without_secrets(memory: tuple[Traces, Any]) -> None:
    traces, kept = memory

    def fail() -> Bundle:
        raise InputError("postgres://app:hunter2@db cannot be reached")

    with pytest.raises(InputError):
        investigate(traces, fail)

    root = kept.get_finished_spans()[-1]
    assert root.status.description == "InputError: postgres://app:***@db cannot be reached"


@contextmanager
def collector() -> Iterator[tuple[str, Queue[tuple[str, bytes]]]]:
    """Run a server that takes what an OpenTelemetry collector takes, and yield its address and what came."""
    came: Queue[tuple[str, bytes]] = Queue()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.put((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", came
        server.shutdown()
        thread.join()


def test_a_collector_gets_the_spans_as_protobuf(monkeypatch: pytest.MonkeyPatch) -> None:
    need("opentelemetry.exporter.otlp.proto.http", "otel")
    service = import_module("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    with collector() as (address, came):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "k8s.pod.name=sre-0")
        traces = traces_of({"OTEL_EXPORTER_OTLP_ENDPOINT": address})
        investigate(traces)
        assert traces
        traces.close()

        path, body = came.get(timeout=10)

    sent = service.ExportTraceServiceRequest.FromString(body).resource_spans[0]
    about = {one.key: one.value.string_value for one in sent.resource.attributes}
    assert path == "/v1/traces"
    assert (about["service.name"], about["k8s.pod.name"]) == ("sre-orchestrator", "sre-0")
    assert {"investigate", "infer", "agent logs"} <= {one.name for one in sent.scope_spans[0].spans}


def test_a_dead_collector_neither_slows_an_investigation_nor_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    need("opentelemetry.exporter.otlp.proto.http", "otel")
    address = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    traces = traces_of({"OTEL_EXPORTER_OTLP_ENDPOINT": address})
    begun = time.perf_counter()
    for _ in range(20):
        investigate(traces)
    took = time.perf_counter() - begun
    assert traces
    begun = time.perf_counter()
    traces.close()

    assert took < 5
    assert time.perf_counter() - begun < 5


def test_nobody_who_asks_for_no_traces_makes_any(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}

    assert traces_of({}) is None
    assert traces_of(wanted | {"OTEL_SDK_DISABLED": "true"}) is None
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with capture_logs() as written:
        assert traces_of(wanted) is None
    assert written[0]["remedy"] == "pip install 'sre-orchestrator[otel]'"


def test_neither_the_command_line_nor_a_service_without_traces_imports_the_library() -> None:
    code = (
        "import sys, sre_orchestrator.api.cli.main, sre_orchestrator.api.service.serving\n"
        "from sre_orchestrator.api.service.telemetry.tracing import traces_of\n"
        "assert traces_of({}) is None\n"
        "assert not [one for one in sys.modules if one.startswith('opentelemetry.sdk')]"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")
