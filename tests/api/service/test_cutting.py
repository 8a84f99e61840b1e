"""Investigations as callers of some namespaces get them: without the affairs of other namespaces."""

from __future__ import annotations

import gzip

import msgspec
from investigation import NOW
from reports import report
from service import bundle_of

from sre_orchestrator.api.service.ports import Caller
from sre_orchestrator.api.service.security.cutting import cut
from sre_orchestrator.core.bundle import bundle_bytes, bundle_from
from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.gather import Observations
from sre_orchestrator.core.models import Coverage, Edge, Question, Said

observe = Observer("kubernetes")
OWN = observe("pod.unready", "pod/shop/cart-9", at=NOW, phase="Running")
CITED = observe("pod.unready", "pod/bank/ledger-1", at=NOW, phase="Running")
FOREIGN = observe("pod.unready", "pod/bank/secret-plan-1", at=NOW, phase="Running")
SHARED = observe("node.pressure", "node/worker-1", at=NOW, type="Memory")
PAIRS = [
    ("pod/shop/cart-9", "node/worker-1"),
    ("deployment/shop/cart", "service/bank/ledger"),
    ("pod/bank/secret-plan-1", "node/worker-1"),
    ("deployment/bank/a", "service/bank/b"),
    ("node/worker-1", "zone/a"),
]
EDGES = tuple(Edge(source=source, kind="depends_on", target=target) for source, target in PAIRS)
SCOPES = ("*", "namespace/shop", "namespace/bank", "pod/bank/secret-plan-1", "node/worker-1")


def packed() -> bytes:
    """Return an investigation of two namespaces whose report cites a fact of the second."""
    answer = report()
    bundle = bundle_of(msgspec.structs.replace(answer, facts={**answer.facts, CITED.id: CITED}))
    coverage = tuple(Coverage(kind="pod.unready", scope=one) for one in SCOPES)
    seen = Observations(facts=(OWN, CITED, FOREIGN, SHARED), coverage=coverage)
    questions = tuple(Question(kind="pod.unready", component=one.component) for one in (OWN, FOREIGN))
    said = Said(components=(OWN.component, FOREIGN.component), asked=questions)
    return bundle_bytes(msgspec.structs.replace(bundle, seen=seen, edges=EDGES, said=said))


def test_what_is_others_own_goes_and_what_touches_stays() -> None:
    content = cut(packed(), Caller(name="x", scopes=frozenset({"read"}), namespaces=("shop",)))
    left = bundle_from(content, "test")

    assert b"secret-plan" not in gzip.decompress(content)
    assert left.seen.facts == (OWN, CITED, SHARED)
    assert [(one.source, one.target) for one in left.edges] == [PAIRS[0], PAIRS[1], PAIRS[4]]
    assert (left.said.components, [one.component for one in left.said.asked]) == ((OWN.component,), [OWN.component])
    assert [one.scope for one in left.seen.coverage] == ["*", "namespace/shop", "node/worker-1"]


def test_who_sees_every_namespace_gets_the_investigation_as_it_is() -> None:
    assert cut(packed(), Caller(name="x", scopes=frozenset({"read"}))) == packed()


def test_who_sees_both_namespaces_gets_all_of_it() -> None:
    both = Caller(name="x", scopes=frozenset({"read"}), namespaces=("bank", "shop"))

    assert cut(packed(), both) == packed()
