"""Secrets in a cluster, in incidents, alerts and headers reach nothing that a running service writes, sends or answers."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from assistant import connected
from extras import need
from leaking import LINES, SECRETS, files, leaking, told
from metric_servers import until
from openai_server import says, talking
from postgres import fresh_database, program_of
from receiving import receiving
from served import served

from sre_orchestrator.api.wire import serving, write_kubeconfig

INCIDENTS = "/api/v1/incidents"
ALL = " ".join(LINES)
AT = "2025-05-01T12:00:00Z"
HEADERS = {
    "Cookie": f"session={SECRETS['cookie'][1]}",
    "Authorization": f"Bearer {SECRETS['jwt'][1]}",
    "X-Api-Key": SECRETS["stripe"][1],
    "User-Agent": f"client {SECRETS['github'][1]}",
    "Referer": LINES[1],
    "X-Request-ID": SECRETS["aws"][1],
    "Idempotency-Key": SECRETS["slack"][1],
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "tracestate": f"vendor={SECRETS['github'][1]}",
    "baggage": f"token={SECRETS['stripe'][1]}",
}
pytestmark = pytest.mark.timeout(240)


class Outside:
    """All that the service sends to others, and what it answers."""

    def __init__(self, model: Any, spans: list[bytes], notices: list[bytes]) -> None:
        self.model = model
        self.spans = spans
        self.notices = notices
        self.answers: dict[str, bytes] = {}

    def places(self) -> dict[str, bytes]:
        """Return it by place."""
        return self.answers | {
            "prompts": json.dumps([[one.headers, one.body] for one in self.model.asked]).encode(),
            "spans": b"\n".join(self.spans),
            "notifications": b"\n".join(self.notices),
        }


@contextmanager
def running(
    state: Path, cluster: tuple[object, ...], database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Outside]]:
    """Run a service that asks a model, sends spans and notifications; yield its address."""
    with ExitStack() as stack:
        model = stack.enter_context(talking(says("{}")))
        collector, spans = stack.enter_context(receiving())
        told_to, notices = stack.enter_context(receiving())
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        notify = [{"kind": kind, "url": f"{told_to}/{kind}"} for kind in ("slack", "webhook", "cloudevents")]
        service = {"notify": notify, "database_url": database}
        settings = state.with_suffix(".yaml")
        chosen = {"use": "openai:some", "base_url": model.base_url, "suggest": True}
        settings.write_bytes(msgspec.yaml.encode({"service": service, "model": chosen, "probes": {"enabled": False}}))
        process, address = stack.enter_context(served(state, settings, cluster))
        yield address, Outside(model, spans, notices)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def reported(client: httpx.Client, outside: Outside) -> str:
    """Report in every way there is, and look at all that is answered; return the first incident."""
    said = {"description": f"the cart is down: {ALL}"[:4000], "namespace": "shop", "at": AT, "labels": {"note": ALL}}
    first = client.post(INCIDENTS, json=said, params={"token": SECRETS["stripe"][1]})
    assert first.status_code == 202, first.text
    alert = {
        "status": "firing",
        "labels": {"alertname": "Leaks", "namespace": "shop", **{f"k{n}": line for n, line in enumerate(LINES)}},
        "annotations": {"summary": ALL, "description": ALL},
        "startsAt": AT,
        "generatorURL": LINES[1],
        "fingerprint": SECRETS["github"][1],
    }
    group = {"version": "4", "groupKey": ALL, "status": "firing", "receiver": "x", "alerts": [alert]}
    group |= {
        "groupLabels": alert["labels"],
        "commonLabels": alert["labels"],
        "commonAnnotations": {},
        "externalURL": "",
    }
    event = {"specversion": "1.0", "id": ALL, "source": LINES[1], "type": "down", "subject": ALL, "data": ALL}
    sent = [
        client.post("/api/v1/alerts/alertmanager", json=group),
        client.post(
            "/api/v1/events", content=json.dumps(event), headers={"Content-Type": "application/cloudevents+json"}
        ),
    ]
    assert [one.status_code for one in sent] == [202, 202], [one.text for one in sent]
    until(lambda: all(one["status"] == "done" for one in client.get(INCIDENTS).json()["items"]), 60)
    name = first.json()["id"]
    feedback = {"cause": "memory-limit-too-low", "component": "deployment/shop/cart", "right": False, "comment": ALL}
    assert client.post(f"{INCIDENTS}/{name}/feedback", json=feedback).is_success
    wrong = [
        client.post(INCIDENTS, content=f'{{"{SECRETS["github"][1]}": "{SECRETS["aws"][1]}"'),
        client.get(f"{INCIDENTS}/{SECRETS['github'][1]}"),
        client.get(f"/{SECRETS['stripe'][1]}"),
    ]
    assert [one.status_code for one in wrong] == [
        400,
        404,
        404,
    ]  # and they may repeat what was wrong, to whoever sent it
    seen = [client.get(path) for path in (
        INCIDENTS, f"{INCIDENTS}/{name}", f"{INCIDENTS}/{name}/report.md", f"{INCIDENTS}/{name}/graph",
        f"{INCIDENTS}/{name}/events", f"{INCIDENTS}?q=cart", "/api/v1/feedback", "/metrics", "/api/v1/components",
    )]  # fmt: skip
    assert {one.status_code for one in seen} == {200}, [(one.url, one.status_code) for one in seen]
    outside.answers["answers"] = b"\n".join(_said(one) for one in (first, *sent, *seen))
    outside.answers["bundle"] = gzip.decompress(client.get(f"{INCIDENTS}/{name}/bundle").content)
    return name


def _said(answer: httpx.Response) -> bytes:
    """Return all that is answered, but for the id of the request, which who asks makes up."""
    return answer.content + str([pair for pair in answer.headers.items() if pair[0] != "x-request-id"]).encode()


def asked(address: str, name: str, outside: Outside) -> None:
    """Ask as an assistant."""
    with connected(f"{address}/mcp") as assistant:
        calls: list[tuple[str, Mapping[str, str]]] = [
            ("report_incident", {"description": f"down: {ALL}", "namespace": "shop"}),
            ("get_incident", {"incident": name}),
            ("explain", {"incident": name}),
            ("list_incidents", {}),
            ("changes", {"component": "deployment/shop/cart"}),
            ("component", {"component": "deployment/shop/cart"}),
        ]
        answers = [assistant.call(tool, **arguments) for tool, arguments in calls]
    assert [one.is_error for one in answers[:4]] == [False] * 4, answers
    outside.answers["MCP"] = "\n".join(one.model_dump_json() for one in answers).encode()


def investigated(address: str, outside: Outside) -> None:
    """Report, ask, and wait until all has been sent."""
    with httpx.Client(base_url=address, timeout=30, trust_env=False, headers=HEADERS) as client:
        name = reported(client, outside)
        asked(address, name, outside)
        until(lambda: all(one["status"] == "done" for one in client.get(INCIDENTS).json()["items"]), 60)
        told_of = [one for one in client.get(INCIDENTS).json()["items"] if not one["merged_into"]]
        until(lambda: len(outside.notices) >= 3 * len(told_of), 30)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return leaking(tmp_path_factory.mktemp("leaking"))


def test_a_service_of_a_recording_keeps_and_tells_no_secret(
    cluster: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("opentelemetry.exporter.otlp.proto.http", "otel")
    state = tmp_path / "state"

    with running(state, ("--snapshot", cluster), "", monkeypatch) as (address, outside):
        investigated(address, outside)

    places = outside.places() | {"files": b"\n".join(files(state))}
    assert all(places.values())
    assert b"memory-limit-too-low" in places["bundle"]
    assert b"***" in places["files"]
    assert told(places) == {}


def test_a_service_that_watches_and_keeps_all_in_postgresql_has_no_secret_there_or_in_its_twin(
    cluster: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("opentelemetry.exporter.otlp.proto.http", "otel")
    state, database = tmp_path / "state", fresh_database()

    with serving(cluster) as url:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", url, namespace="shop")
        arguments = ("--watch", "--kubeconfig", kubeconfig)
        with running(state, arguments, database, monkeypatch) as (address, outside):
            investigated(address, outside)

    places = outside.places() | {"files": b"\n".join(files(state)), "PostgreSQL": dumped(database)}
    assert all(places.values())
    assert list(state.rglob("*twin*"))
    assert b"***" in places["files"]
    assert told(places) == {}


def dumped(database: str) -> bytes:
    """Return what is in a database, unpacked."""
    made = subprocess.run([program_of("pg_dump"), database], capture_output=True, check=True)
    packed = b"\\x1f8b"  # how a dump writes the beginning of what was packed
    cells = (cell for line in made.stdout.splitlines() for cell in line.split(b"\t"))
    return made.stdout + b"\n".join(
        gzip.decompress(bytes.fromhex(cell.removeprefix(b"\\\\x").decode())) for cell in cells if packed in cell[:8]
    )
