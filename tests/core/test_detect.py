"""When symptoms open an incident, what belongs together, and when it is over: rounds of synthetic facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sre_orchestrator.core.detect import (
    Followed,
    Look,
    Part,
    Symptom,
    described,
    due,
    ended,
    follow,
    joined,
    namespaces_of,
    over,
    parts,
    related,
    symptom_of,
)
from sre_orchestrator.core.models import Coverage, Edge, Fact, Gap, Hypothesis
from sre_orchestrator.core.reach import Graph
from sre_orchestrator.core.settings import Watch
from sre_orchestrator.core.vocabulary import load_vocabulary

VOCABULARY = load_vocabulary()
BEGIN = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
STEP = timedelta(seconds=30)
WATCH = Watch(open_after=3, open_within=5, close_after_seconds=90, repeats=3)
EDGES = (
    Edge(source="deployment/shop/web", kind="owns", target="replicaset/shop/web-5d"),
    Edge(source="replicaset/shop/web-5d", kind="owns", target="pod/shop/web-5d-1"),
    Edge(source="pod/shop/web-5d-1", kind="runs_on", target="node/a"),
    Edge(source="service/shop/cart", kind="selects", target="pod/shop/cart-1"),
    Edge(source="deployment/shop/cart", kind="owns", target="pod/shop/cart-1"),
    Edge(source="deployment/shop/web", kind="depends_on", target="service/shop/cart"),
    Edge(source="service/shop/cart", kind="depends_on", target="deployment/shop/cart"),
)
GRAPH = Graph(EDGES)
WEB, CART, MAIL = "deployment/shop/web", "deployment/shop/cart", "deployment/post/mail"


def fact(
    kind: str = "workload.unavailable", component: str = WEB, agent: str = "kubernetes", **attributes: Any
) -> Fact:
    return Fact(id=f"{kind} {component}", kind=kind, component=component, agent=agent, attributes=attributes)


UNAVAILABLE = Coverage(kind="workload.unavailable", scope="*")
ALERT = fact("alert.firing", WEB, "alerts", alert="Down")


def look(number: int, *facts: Fact, coverage: Sequence[Coverage] = (UNAVAILABLE,), gaps: Sequence[Gap] = ()) -> Look:
    return Look(at=BEGIN + number * STEP, facts=facts, coverage=tuple(coverage), gaps=tuple(gaps))


def after(looks: Iterable[Look], known: dict[str, Followed] | None = None) -> dict[str, Followed]:
    known = known or {}
    for one in looks:
        known = follow(known, one, EDGES, VOCABULARY, WATCH)
    return known


def rounds(pattern: str, *facts: Fact, begin: int = 0, **more: Any) -> list[Look]:
    """Return a round a letter: ``x`` sees the facts, ``.`` sees nothing."""
    return [look(begin + number, *(facts if mark == "x" else ()), **more) for number, mark in enumerate(pattern)]


@pytest.mark.parametrize(
    ("pattern", "opens"),
    [
        ("x", False),
        ("xx", False),
        ("xxx", True),
        ("x.x.x", True),
        ("x..x.x", False),
        ("xx....x", False),
        ("......", False),
    ],
)
def test_a_symptom_is_due_when_it_was_seen_in_three_of_five_rounds(pattern: str, opens: bool) -> None:
    known = after(rounds(pattern, fact()))

    assert bool(due(known, WATCH)) is opens


def test_what_was_seen_once_is_forgotten() -> None:
    assert after(rounds("x.....", fact(), fact("pod.phase"))) == {}


def test_a_symptom_of_an_incident_is_not_due_again_while_it_comes_and_goes() -> None:
    known = joined(after(rounds("xxx", fact())), {"workload.unavailable deployment/shop/web"}, "i1")

    known = after(rounds("..x..xx..x", fact(), begin=3), known)

    assert due(known, WATCH) == ()
    assert not over(known, "i1", WATCH)


def test_an_incident_is_over_after_a_quiet_time_only() -> None:
    opened = joined(after(rounds("xxx", fact())), {"workload.unavailable deployment/shop/web"}, "i1")

    assert not over(opened, "i1", WATCH)
    assert not over(after(rounds("..", fact(), begin=3), opened), "i1", WATCH)
    quiet = after(rounds("......", fact(), begin=3), opened)
    assert over(quiet, "i1", WATCH)
    assert ended(quiet, "i1") == {}


def test_an_incident_goes_on_while_one_of_its_symptoms_does() -> None:
    both = [fact(), fact(component=CART)]
    known = joined(after(rounds("xxx", *both)), set(after(rounds("x", *both))), "i1")

    known = after(rounds("xxxxx", fact(component=CART), begin=3), known)

    assert not over(known, "i1", WATCH)


def test_rounds_that_do_not_cover_a_kind_close_nothing() -> None:
    known = joined(after(rounds("xxx", fact())), {"workload.unavailable deployment/shop/web"}, "i1")

    known = after(rounds("..........", begin=3, coverage=()), known)

    assert not over(known, "i1", WATCH)
    assert known["workload.unavailable deployment/shop/web"].heard == BEGIN + 2 * STEP


def test_quiet_before_blindness_does_not_count_on() -> None:
    known = joined(after(rounds("xxx", fact())), {"workload.unavailable deployment/shop/web"}, "i1")

    known = after([*rounds(".", begin=3), *rounds("..........", begin=4, coverage=())], known)

    assert not over(known, "i1", WATCH)


def test_a_kind_without_coverage_is_gone_unless_its_agent_has_a_new_gap() -> None:
    usual, new = Gap(agent="alerts", what="silences", why="403"), Gap(agent="alerts", what="everything", why="timeout")
    seen = rounds("xxx", ALERT, coverage=(), gaps=[usual])
    opened = joined(after(seen), {"alert.firing deployment/shop/web Down"}, "i1")

    assert over(after(rounds("....", begin=3, coverage=(), gaps=[usual]), opened), "i1", WATCH)
    assert not over(after(rounds("....", begin=3, coverage=(), gaps=[usual, new]), opened), "i1", WATCH)


def test_coverage_of_the_namespace_is_enough() -> None:
    there = (Coverage(kind="workload.unavailable", scope="namespace/shop"),)
    elsewhere = (Coverage(kind="workload.unavailable", scope="namespace/post"),)
    opened = joined(after(rounds("xxx", fact(), coverage=there)), {"workload.unavailable deployment/shop/web"}, "i1")

    assert over(after(rounds("....", begin=3, coverage=there), opened), "i1", WATCH)
    assert not over(after(rounds("....", begin=3, coverage=elsewhere), opened), "i1", WATCH)


def test_a_pod_that_is_replaced_is_the_same_symptom() -> None:
    first, second = fact("pod.unready", "pod/shop/web-5d-1"), fact("pod.unready", "pod/shop/cart-1")

    known = after([look(0, first, second)])

    assert list(known) == ["pod.unready deployment/shop/cart", "pod.unready deployment/shop/web"]


@pytest.mark.parametrize(
    ("kind", "attributes", "key"),
    [
        (
            "flow.errors",
            {"route": "GET /", "status_class": "5xx", "count": 4},
            "flow.errors deployment/shop/web GET / 5xx",
        ),
        ("flow.slow", {"flow": "checkout", "route": "GET /"}, "flow.slow deployment/shop/web checkout GET /"),
        ("alert.firing", {"alert": "Down", "severity": "page"}, "alert.firing deployment/shop/web Down"),
        ("event", {"reason": "FailedMount", "count": 3, "message": "x"}, "event deployment/shop/web FailedMount"),
        ("event", {"reason": "FailedMount", "count": 2}, None),
        ("event", {"reason": "FailedMount"}, None),
        ("container.restarted", {"count": 3}, "container.restarted deployment/shop/web"),
        ("container.restarted", {"count": 2}, None),
        ("pod.unready", {"age_seconds": 119.0}, None),
        ("pod.unready", {"age_seconds": 120.0}, "pod.unready deployment/shop/web"),
        ("pod.phase", {"phase": "Running"}, None),
        ("unheard.of", {}, None),
    ],
)
def test_facts_are_symptoms_by_their_kind(kind: str, attributes: dict[str, Any], key: str | None) -> None:
    symptom = symptom_of(fact(kind, **attributes), GRAPH, VOCABULARY, WATCH)

    assert (symptom.key if symptom else None) == key


def test_related_symptoms_are_one_group() -> None:
    told = [
        fact("node.not_ready", "node/a"),
        fact("flow.errors", WEB, "user-flow"),
        fact("pod.unready", "pod/shop/cart-1"),
        fact("workload.unavailable", MAIL),
        fact("service.without_endpoints", "service/shop/cart", "network"),
    ]
    known = after([look(0, *told)])

    assert related(tuple(known), known, GRAPH) == (
        (
            "flow.errors deployment/shop/web",
            "node.not_ready node/a",
            "pod.unready deployment/shop/cart",
            "service.without_endpoints service/shop/cart",
        ),
        ("workload.unavailable deployment/post/mail",),
    )


def hypothesis(cause: str, component: str, *explains: Fact, by: str = "") -> Hypothesis:
    return Hypothesis(
        cause=cause,
        component=component,
        title=cause,
        category="runtime",
        confidence=0.9,
        because="",
        explains=tuple(one.id for one in explains),
        explained_by=by,
    )


def split(told: Sequence[Fact], *hypotheses: Hypothesis) -> tuple[Part, ...]:
    known = after([look(0, *told)])
    return parts(tuple(known), known, hypotheses, [*told, fact("pod.phase")], graph=GRAPH, vocabulary=VOCABULARY)


IN_WEB, IN_CART, IN_MAIL = (fact(component=one) for one in (WEB, CART, MAIL))


def test_symptoms_of_one_cause_are_one_part() -> None:
    (one,) = split([IN_WEB, IN_CART, IN_MAIL], hypothesis("oom", CART, IN_CART, IN_WEB, IN_MAIL))

    assert (one.cause, one.component, len(one.symptoms)) == ("oom", CART, 3)


def test_two_causes_are_two_parts_although_their_symptoms_are_related() -> None:
    found = split([IN_WEB, IN_CART], hypothesis("oom", CART, IN_CART), hypothesis("selector", WEB, IN_WEB))

    assert {(one.cause, one.symptoms) for one in found} == {
        ("oom", ("workload.unavailable deployment/shop/cart",)),
        ("selector", ("workload.unavailable deployment/shop/web",)),
    }


def test_a_cause_that_another_explains_leads_to_that_one() -> None:
    (one,) = split(
        [IN_WEB, IN_CART],
        hypothesis("refused", WEB, IN_WEB, by=f"oom at {CART}"),
        hypothesis("oom", CART, IN_CART, IN_WEB),
    )

    assert one.cause == "oom"


def test_a_cause_keeps_the_symptoms_that_the_one_behind_it_does_not_explain() -> None:
    found = split(
        [IN_WEB, IN_CART], hypothesis("image", WEB, IN_WEB, by=f"oom at {CART}"), hypothesis("oom", CART, IN_CART)
    )

    assert [one.cause for one in found] == ["oom", "image"]


def test_causes_that_explain_each_other_end() -> None:
    found = split(
        [IN_WEB], hypothesis("a", WEB, IN_WEB, by=f"b at {CART}"), hypothesis("b", CART, IN_WEB, by=f"a at {WEB}")
    )

    assert len(found) == 1


def test_a_symptom_without_a_cause_goes_with_a_related_one_that_has_one() -> None:
    found = split([IN_WEB, IN_CART, IN_MAIL], hypothesis("oom", CART, IN_CART))

    assert {(one.cause, len(one.symptoms)) for one in found} == {("oom", 2), ("", 1)}


def test_without_a_diagnosis_related_symptoms_are_one_part() -> None:
    found = split([IN_WEB, IN_CART, IN_MAIL])

    assert sorted((one.cause, len(one.symptoms)) for one in found) == [("", 1), ("", 2)]


def test_words_name_the_first_symptoms() -> None:
    symptoms = [Symptom(kind="flow.errors", component=WEB, detail="GET / 5xx")]
    many = [Symptom(kind="flow.slow", component=f"deployment/shop/w{number}", symptom="slow") for number in range(9)]

    assert described(symptoms) == "web has errors (GET / 5xx)"
    assert described([*symptoms, *symptoms]) == "web has errors (GET / 5xx)"
    assert described(many).endswith("w5 is slow and 3 more symptoms")


def test_namespaces_are_those_of_the_symptoms_or_all() -> None:
    web, mail, node = (Symptom(kind="x", component=one) for one in (WEB, MAIL, "node/a"))

    assert namespaces_of([web, mail, web]) == "post,shop"
    assert namespaces_of([web, node]) == ""
