"""Why a cause was not concluded."""

from __future__ import annotations

import pytest

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.models import Cause, Coverage, Edge, Fact
from sre_orchestrator.core.vocabulary import load_vocabulary
from sre_orchestrator.rules.book import read_checked
from sre_orchestrator.rules.engine import Plan
from sre_orchestrator.rules.whynot import Trial, why_not

CAUSES = {
    name: Cause(id=name, title=name, category="runtime", blamed_on="workload") for name in ("too-low", "other", "crowd")
}
RULE = """
id: killed
title: Killed at its limit
status: stable
why: The limit ran out.
when:
  all:
    oom: {kind: container.terminated, reason: OOMKilled}
    limit: {kind: container.limit, resource: memory, container|ref: oom.container, component|ref: oom.component}
  none:
    - {kind: node.condition, type: MemoryPressure, status: "True", component|ref: oom.node}
then: {cause: too-low, component: "{oom.component}", strength: strong, because: killed, explains: [oom]}
tests:
  - name: fires
    facts:
      - {kind: container.terminated, component: pod/shop/a, container: app, reason: OOMKilled, node: node/a}
      - {kind: container.limit, component: pod/shop/a, container: app, resource: memory}
    coverage: [node.condition]
    expect: [too-low]
  - {name: silent, facts: [], expect: []}
"""
CROWD = """
id: crowd
title: Many restart on one node
status: stable
why: Several at once.
when:
  all:
    gone: {kind: node.not_ready}
    home: {edge: runs_on, to|ref: gone.component}
  count:
    - {as: many, of: {kind: container.restarted, node|ref: gone.component}, gte: 3}
then: {cause: crowd, component: "{gone.component}", strength: weak, because: crowd, explains: [gone]}
tests:
  - name: fires
    facts:
      - {kind: node.not_ready, component: node/a}
      - {kind: container.restarted, component: pod/shop/a, container: x, node: node/a}
      - {kind: container.restarted, component: pod/shop/b, container: x, node: node/a}
      - {kind: container.restarted, component: pod/shop/c, container: x, node: node/a}
    edges: [{from: pod/shop/a, edge: runs_on, to: node/a}]
    expect: [crowd]
  - {name: silent, facts: [], expect: []}
"""
OBSERVE = Observer("test")
FAMILY = frozenset({"pod/shop/a", "deployment/shop/a"})


@pytest.fixture(scope="module")
def plan() -> Plan:
    vocabulary = load_vocabulary()
    rules = [
        read_checked(text.encode(), f"{name}.yaml", vocabulary, CAUSES)[0]
        for name, text in (("killed", RULE), ("crowd", CROWD))
    ]
    return Plan(rules, CAUSES, "test")


def tried(plan: Plan, *facts: Fact, covered: tuple[str, ...] = (), edges: tuple[Edge, ...] = ()) -> Trial:
    coverage = [Coverage(kind=kind, scope="*") for kind in covered]
    (trial,) = why_not(plan, "too-low", FAMILY, facts=facts, edges=edges, coverage=coverage)
    return trial


def killed(reason: str = "OOMKilled", component: str = "pod/shop/a") -> Fact:
    return OBSERVE("container.terminated", component, container="app", reason=reason, node="node/a")


def limit(container: str = "app") -> Fact:
    return OBSERVE("container.limit", "pod/shop/a", container=container, resource="memory")


def test_a_rule_that_fired_lacks_nothing(plan: Plan) -> None:
    trial = tried(plan, killed(), limit(), covered=("node.condition",))

    assert trial.unmet == ()
    assert trial.holds == {"oom": killed().id, "limit": limit().id}


def test_the_nearest_fact_is_named_with_what_differs(plan: Plan) -> None:
    trial = tried(plan, killed("Error"), limit(), covered=("node.condition",))

    (unmet,) = trial.unmet
    assert unmet.why == "absent"
    assert unmet.nearest == ((killed("Error").id, "reason is Error, wanted OOMKilled"),)


def test_a_condition_that_leans_on_what_holds_says_so(plan: Plan) -> None:
    trial = tried(plan, killed(), limit("sidecar"))

    (unmet,) = trial.unmet
    assert unmet.nearest == ((limit("sidecar").id, "container is sidecar, wanted app"),)


def test_what_nobody_read_is_not_observable(plan: Plan) -> None:
    trial = tried(plan, killed())

    (unmet,) = trial.unmet
    assert unmet.why == "unread"
    assert unmet.condition.startswith("container.limit with resource memory")


def test_what_was_read_and_is_not_there_is_absent(plan: Plan) -> None:
    trial = tried(plan, killed(), covered=("container.limit",))

    assert [one.why for one in trial.unmet] == ["absent"]


def test_a_contradiction_is_present(plan: Plan) -> None:
    pressure = OBSERVE("node.condition", "node/a", type="MemoryPressure", status="True")

    trial = tried(plan, killed(), limit(), pressure, covered=("node.condition",))

    (unmet,) = trial.unmet
    assert (unmet.why, unmet.nearest) == ("present", ((pressure.id, ""),))


def test_a_negation_that_nobody_could_decide_is_unread(plan: Plan) -> None:
    trial = tried(plan, killed(), limit())

    assert [one.why for one in trial.unmet] == ["unread"]


def test_facts_of_another_component_do_not_count(plan: Plan) -> None:
    other = killed(component="pod/shop/b")

    trial = tried(plan, other, covered=("container.terminated", "container.limit"))

    assert {one.why for one in trial.unmet} == {"absent"}
    assert trial.holds == {}


def test_a_count_that_is_too_small_is_named(plan: Plan) -> None:
    facts = [
        OBSERVE("node.not_ready", "node/a"),
        OBSERVE("container.restarted", "pod/shop/a", container="x", node="node/a"),
    ]
    edge = Edge(source="pod/shop/a", kind="runs_on", target="node/a")

    (trial,) = why_not(plan, "crowd", {"node/a"}, facts=facts, edges=[edge], coverage=[])

    assert trial.unmet[0].condition == "count of container.restarted with node that of gone: gte 3"
    assert trial.holds["home"] == "pod/shop/a runs_on node/a"


def test_an_edge_that_is_not_there_is_absent(plan: Plan) -> None:
    (trial,) = why_not(plan, "crowd", {"node/a"}, facts=[OBSERVE("node.not_ready", "node/a")], edges=[], coverage=[])

    assert [(one.condition, one.why) for one in trial.unmet] == [("runs_on edge", "absent")]


def test_an_edge_is_tried_alone_when_its_end_is_missing(plan: Plan) -> None:
    edge = Edge(source="pod/shop/a", kind="runs_on", target="node/a")

    (trial,) = why_not(plan, "crowd", {"node/a"}, facts=[], edges=[edge], coverage=[])

    assert {one.why for one in trial.unmet} >= {"unread"}


def test_a_cause_without_rules_has_no_trials(plan: Plan) -> None:
    assert why_not(plan, "other", FAMILY, facts=[], edges=[], coverage=[]) == ()
