"""The graph of an incident: the cause, what shows symptoms, and what is between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from metric_servers import until
from secured import INCIDENTS, Secured, asking
from service import bundle_of

from sre_orchestrator.api.service.rest.graph import MOST, IncidentGraph, Link, graph_of
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.models import Edge, Fact
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.settings import Settings

DEMO = Path(__file__).parents[3] / "api" / "demo" / "shop"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    installation = Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))
    return anyio.run(lambda: diagnose_snapshot(installation, DEMO))


def roles(graph: IncidentGraph) -> dict[str, str]:
    return {one.id: one.role for one in graph.components}


def of(bundle: Bundle, edges: list[tuple[str, str, str]], **changed: Any) -> IncidentGraph:
    """Return the graph of another report over other relations."""
    made = tuple(Edge(source=source, kind=kind, target=target) for source, kind, target in edges)  # type: ignore[arg-type]
    other = msgspec.structs.replace(bundle.report, **changed)
    return graph_of(msgspec.structs.replace(bundle, edges=made, report=other))


def test_the_callers_of_the_cause_are_connected_with_it(shop: Bundle) -> None:
    graph = graph_of(shop)

    pairs = {(one.source, one.target) for one in graph.links}
    assert roles(graph)["deployment/shop/pricing"] == "cause"
    assert roles(graph)["deployment/shop/web"] == "symptom"
    assert ("deployment/shop/web", "deployment/shop/checkout") in pairs
    assert ("deployment/shop/orders", "service/shop/pricing") in pairs
    assert ("service/shop/pricing", "deployment/shop/pricing") in pairs
    assert graph.left_out == 0


def test_a_call_that_a_service_shows_is_not_shown_twice(shop: Bundle) -> None:
    pairs = {(one.source, one.target) for one in graph_of(shop).links}

    assert ("deployment/shop/orders", "deployment/shop/pricing") not in pairs


def test_pods_are_shown_as_their_workload(shop: Bundle) -> None:
    graph = graph_of(shop)

    pricing = next(one for one in graph.components if one.role == "cause")
    assert pricing.stands_for == ("pod/shop/pricing-6f8b9d7c5-5gkqz", "pod/shop/pricing-6f8b9d7c5-xw9lm")
    assert not [one for one in graph.components if one.id.startswith(("pod/", "replicaset/"))]


def test_what_the_cluster_shares_connects_nothing(shop: Bundle) -> None:
    assert not [one for one in graph_of(shop).components if one.id.startswith("node/")]


def test_what_is_between_is_named_as_such(shop: Bundle) -> None:
    cause = shop.report.hypotheses[0].component
    symptom = "deployment/far/web"
    fact = Fact(id="f-web", kind="flow.errors", component=symptom, agent="user-flow")

    graph = of(
        shop,
        [(symptom, "depends_on", "service/far/api"), ("service/far/api", "selects", cause)],
        symptoms=("f-web",),
        facts={**shop.report.facts, "f-web": fact},
    )

    assert roles(graph) == {cause: "cause", "service/far/api": "between", symptom: "symptom"} | {
        one: role for one, role in roles(graph).items() if role in {"suspect", "changed"}
    }
    assert Link(source="service/far/api", target=cause, kinds=("selects",)) in graph.links


def test_what_is_too_much_for_a_picture_is_counted(shop: Bundle) -> None:
    cause = shop.report.hypotheses[0].component
    names = [f"deployment/far/n{number:03}" for number in range(MOST + 5)]
    facts = {name: Fact(id=name, kind="flow.errors", component=name, agent="user-flow") for name in names}

    graph = of(
        shop,
        [(name, "depends_on", cause) for name in names],
        symptoms=tuple(names),
        facts={**shop.report.facts, **facts},
    )

    assert len(graph.components) == MOST
    assert graph.components[0].role == "cause"
    assert graph.left_out >= 6


def test_a_report_without_a_cause_has_a_graph_too(shop: Bundle) -> None:
    graph = of(shop, [], hypotheses=(), symptoms=(), facts={})

    assert graph == IncidentGraph(components=(), links=())


def test_a_graph_is_answered_to_those_who_may_see_the_incident(tmp_path: Path) -> None:
    secured = Secured(tmp_path)
    shop, other = (secured.key(name, "read", "report", namespaces=[name]) for name in ("shop", "bank"))
    with asking(secured) as client:
        made = client.post(INCIDENTS, json={"description": "slow", "namespace": "shop"}, headers=shop).json()["id"]
        until(lambda: client.get(f"{INCIDENTS}/{made}", headers=shop).json()["status"] == "done", 60)
        mine = client.get(f"{INCIDENTS}/{made}/graph", headers=shop)
        theirs = client.get(f"{INCIDENTS}/{made}/graph", headers=other)

    assert (mine.status_code, theirs.status_code) == (200, 404)
    assert mine.json()["components"][0]["id"] == bundle_of().report.facts[bundle_of().report.symptoms[0]].component
