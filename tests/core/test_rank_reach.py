"""What a namespace is blamed for explains the symptoms of the workload where the rules saw it, and of its callers."""

from __future__ import annotations

from datetime import UTC, datetime

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.models import Cause, Conclusion, Derivation, Edge, Incident, Scope
from sre_orchestrator.core.rank import Ranking, rank
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.core.vocabulary import load_vocabulary

NOW = datetime(2030, 5, 1, tzinfo=UTC)
QUOTA = Cause(id="quota-pods-exceeded", title="", category="admission", blamed_on="namespace")
DOWN = Cause(id="dependency-unavailable", title="", category="routing", blamed_on="workload", consequence=True)
OBSERVE = Observer("test")
CART = OBSERVE("workload.unavailable", "deployment/shop/cart", desired=1, available=0)
WEB = OBSERVE("workload.unavailable", "deployment/shop/web", desired=1, available=0)
BANK = OBSERVE("workload.unavailable", "deployment/bank/ledger", desired=1, available=0)


def seen(cause: Cause, component: str, fact: str) -> Derivation:
    conclusion = Conclusion(cause=cause.id, component=component, strength="strong")
    return Derivation(rule=cause.id, bound={"one": (fact,)}, conclusion=conclusion)


def ranked() -> Ranking:
    return rank(
        Scope(incident=Incident(id="i", description="", at=NOW), namespaces=("shop",), since=NOW, until=NOW),
        facts=[CART, WEB, BANK],
        derivations=[seen(QUOTA, "deployment/shop/cart", CART.id), seen(DOWN, "deployment/shop/web", WEB.id)],
        edges=[Edge(source="deployment/shop/web", kind="depends_on", target="deployment/shop/cart")],
        causes={QUOTA.id: QUOTA, DOWN.id: DOWN},
        vocabulary=load_vocabulary(),
        settings=Settings(state_dir="unused"),
    )


def test_the_symptoms_of_the_workload_and_its_callers_are_explained_those_of_others_are_not() -> None:
    first, second = ranked().hypotheses

    assert (first.cause, first.component) == (QUOTA.id, "namespace/shop")
    assert set(first.explains) == {CART.id, WEB.id}
    assert second.explained_by == "quota-pods-exceeded at namespace/shop"
