"""A key for some namespaces, at every operation of the document: nothing of other namespaces is in any answer."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from investigation import NOW
from reports import NOW as REPORTED_AT
from reports import hypothesis, proof, report
from secured import INCIDENTS, Client, Secured, asking
from service import bundle_of

from sre_orchestrator.api.service.models import Arrival, Feedback, Happened, Reported
from sre_orchestrator.api.service.rest.described import described
from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.gather import Observations
from sre_orchestrator.core.models import Component, Coverage, Edge, Gap
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.twin.store import TwinStore

MARK = "zq"  # begins every word that only the other namespace knows
HIDDEN, SHOWN = "deployment/bank/zqvault", "deployment/shop/cart"
FOREIGN = Observer("kubernetes")("pod.unready", "pod/bank/zqpod-1", at=REPORTED_AT, phase="zqphase")
T = TypeVar("T")


class Small:
    """A twin of two namespaces (``api.service.twins.Twins``)."""

    def ask(self, question: Callable[[TwinStore], T]) -> T:
        """Return what it answers."""
        twin = TwinStore()
        where = {"zqattribute": "zqvalue"}
        twin.sync([Component(id=SHOWN), Component(id=HIDDEN, attributes=where)], [], NOW)
        both = [
            Edge(source=HIDDEN, kind="depends_on", target=SHOWN),
            Edge(source=SHOWN, kind="depends_on", target=HIDDEN),
        ]
        twin.sync([Component(id=SHOWN), Component(id=HIDDEN, attributes=where | {"zqmore": 1})], both, REPORTED_AT)
        answer = question(twin)
        twin.close()
        return answer

    def close(self) -> None:
        """Keep nothing open."""


def investigation(*, hidden: bool) -> Bundle:
    """Return an investigation; one of the shop also looked at the bank, and cites nothing of it."""
    answer = report(hypothesis())
    if hidden:
        first = hypothesis("zqtitle", component=HIDDEN, because="zqbecause", proof=(proof("zqproof", FOREIGN),))
        gap = Gap(agent="logs", what="zqwhat", why="zqwhy")
        answer = report(first, facts={FOREIGN.id: FOREIGN}, narrative="zqnarrative", gaps=(gap,))
    edges = (Edge(source="deployment/bank/zqa", kind="depends_on", target=HIDDEN),)
    seen = Observations(facts=(FOREIGN,), coverage=(Coverage(kind="pod.unready", scope="pod/bank/zqpod-1"),))
    return msgspec.structs.replace(bundle_of(answer), seen=seen, edges=edges)


def kept(secured: Secured, description: str, namespace: str, *, hidden: bool) -> str:
    """Keep an incident that is done; return its id."""
    reported = Reported(description=description, namespace=namespace, labels={"team": f"{description}label"})
    key = f"key:shop once{namespace}" if hidden else ""
    store, arrival = (
        secured.store,
        Arrival(reported=reported, origin="api", reporter=f"{description}who", idempotency_key=key),
    )
    name = store.accept(arrival, NOW).record.id
    store.claim(NOW)
    store.note(name, Happened(number=0, at=NOW, what="agent", text="logs failed"))
    store.note(name, Happened(number=0, at=NOW, what="step", text=f"{description}step"))
    ended = NOW + timedelta(seconds=hidden)  # what is hidden is the latest, so that agents tell of it
    store.finish(name, investigation(hidden=hidden), ended)
    said = Feedback(cause="memory-limit-too-low", component=SHOWN, right=True, comment=f"{description}comment")
    store.feedback(name, said, f"{description}person", NOW)
    return name


class Scene:
    """A service with incidents of two namespaces, and the key of one of them."""

    def __init__(self, state: Path) -> None:
        self.secured = Secured(state, twins=Small())
        self.shown = kept(self.secured, "seen", "shop", hidden=False)
        self.hidden = [
            kept(self.secured, "zqdescription", namespace, hidden=True) for namespace in ("bank", "shop,bank", "")
        ]
        failed = self.secured.store.accept(
            Arrival(reported=Reported(description="zqfailing", namespace="bank"), origin="api"), NOW
        ).record.id
        self.secured.store.claim(NOW)
        self.secured.store.fail(failed, "zqerror", NOW, retry=False)
        self.key = self.secured.key("shop", "read", "report", "admin", namespaces=["shop"])
        self.root = self.secured.key("root", "admin")
        self.runbook = ""

    def values(self) -> dict[str, list[str]]:
        """Return what is put in each place of an address, in which nothing is given away."""
        return {
            "incident_id": [self.shown, *self.hidden],
            "runbook_id": [self.runbook],
            "kind": ["deployment"],
            "namespace": ["shop", "bank"],
            "name": ["cart", "vault", "alertmanager", "cloudevents", "memory-limit-too-low"],
        }


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def client(scene: Scene) -> Iterator[Client]:
    with asking(scene.secured) as client:
        headers = {**scene.root, "Content-Type": "text/markdown"}
        book = client.post(
            "/api/v1/runbooks?namespace=bank&name=zqname", content=b"# zqheading\nvault", headers=headers
        )
        scene.runbook = book.json()["id"]
        yield client


OPERATIONS = [
    (path, method, operation) for path, methods in described()["paths"].items() for method, operation in methods.items()
]
ASKED = {
    "text": "vault",
    "cause": "memory-limit-too-low",
    "component": SHOWN,
    "namespace": "bank",
    "Idempotency-Key": "once",
}


def addresses(path: str, values: dict[str, list[str]]) -> list[str]:
    """Return a path with all that may stand in its places."""
    found = [path]
    for name, texts in values.items():
        found = [one.replace(f"{{{name}}}", text) for one in found for text in texts]
    return list(dict.fromkeys(found))


def variants(operation: dict[str, Any]) -> list[dict[str, str]]:
    """Return parameters: those that have to be there; and each of the others that may give something away."""
    known = {one["name"]: one for one in operation.get("parameters", ()) if one["name"] in ASKED}
    needed = {name: ASKED[name] for name, one in known.items() if one.get("required")}
    return [needed, *({**needed, name: ASKED[name]} for name in known if name not in needed)]


def body_of(operation: dict[str, Any]) -> tuple[str, bytes] | None:
    """Return the example of a body."""
    for media, about in operation.get("requestBody", {}).get("content", {}).items():
        example = about.get("examples", {}).get("example", {}).get("value", "")
        return media, (example if isinstance(example, str) else json.dumps(example)).encode()
    return None


def readable(content: bytes) -> str:
    """Return what was answered, unpacked."""
    return (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode()


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=[one[2]["operationId"] for one in OPERATIONS])
def test_nothing_of_other_namespaces_is_in_any_answer(
    scene: Scene, client: Client, path: str, method: str, operation: dict[str, Any]
) -> None:
    body = body_of(operation)
    answers = []
    for address in addresses(path, scene.values()):
        assert "{" not in address, "say in Scene.values what stands there"
        for asked in variants(operation):
            given = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"]
            headers = scene.key | {name: text for name, text in asked.items() if name in given}
            query = {name: text for name, text in asked.items() if name not in given}
            kind = {"Content-Type": body[0]} if body else {}
            content = body[1] if body else None
            answers.append(client.request(method, address, params=query, headers=headers | kind, content=content))

    assert answers
    for one in answers:
        assert MARK not in readable(one.content).replace(str(one.request.url), "")
        assert MARK not in str(one.headers)
        assert [
            name for name in scene.hidden if name in readable(one.content) and name not in str(one.request.url)
        ] == []
        assert one.status_code < 500


def test_what_is_hidden_is_there_for_who_may_see_it(scene: Scene, client: Client) -> None:
    paths = [
        f"{INCIDENTS}/{scene.hidden[0]}",
        "/api/v1/components",
        f"/api/v1/runbooks/{scene.runbook}",
        "/api/v1/agents",
        "/api/v1/feedback",
    ]

    said = [client.get(one, headers=scene.root).text for one in (*paths, f"{paths[0]}/events")]

    assert [MARK in one for one in said] == [True] * 6


def test_hidden_incidents_are_not_counted(scene: Scene, client: Client) -> None:
    asked = client.get(INCIDENTS, params={"limit": 1, "text": "zqdescription"}, headers=scene.key).json()
    pages = client.get(
        INCIDENTS, params={"until": "2031-01-01T00:00:00Z", "status": "failed"}, headers=scene.key
    ).json()

    assert (asked, pages["items"]) == ({"items": [], "next_cursor": ""}, [])
