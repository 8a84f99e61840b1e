"""Makes reports for tests of what people and programs read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.models import (
    Cost,
    Fact,
    Gap,
    Hypothesis,
    Incident,
    Missing,
    Moment,
    Proof,
    Question,
    Report,
    Runbook,
    Step,
    Versions,
)
from sre_orchestrator.core.report import worded

NOW = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
POD, WORKLOAD = "pod/shop/cart-1", "deployment/shop/cart"
observe = Observer("kubernetes")
CHANGED = observe(
    "container.changed", WORKLOAD, at=NOW - timedelta(minutes=9), what="resources", before="512Mi", after="128Mi"
)
KILLED = observe("container.terminated", POD, query="kubectl get pod cart-1 -n shop -o yaml", reason="OOMKilled")
UNREADY = observe("pod.unready", POD, at=NOW - timedelta(minutes=8), phase="Running")
UNREADY_LATER = observe("pod.unready", POD, at=NOW - timedelta(minutes=5), phase="Running", reason="again")


def proof(because: str, *facts: Fact, **changes: object) -> Proof:
    """Return a proof for, strong by default."""
    values: dict[str, object] = {"polarity": "for", "strength": "strong"} | changes
    return Proof(rule="some-rule", title="Some rule", because=because, facts=tuple(f.id for f in facts), **values)  # type: ignore[arg-type]


def hypothesis(title: str = "A container needs more memory than its limit allows", **changes: object) -> Hypothesis:
    """Return a well-proved hypothesis."""
    values: dict[str, object] = {
        "cause": "memory-limit-too-low",
        "component": WORKLOAD,
        "category": "runtime",
        "confidence": 0.93,
        "because": "app was OOMKilled",
        "proof": (proof("app was OOMKilled", KILLED),),
        "explains": (UNREADY.id,),
        "changes": (CHANGED.id,),
        "remedy": (Step(text="compare use with the limit", command="kubectl top pod -n shop"), Step(text="raise it")),
    } | changes
    return Hypothesis(title=title, **values)  # type: ignore[arg-type]


def report(*hypotheses: Hypothesis, **changes: object) -> Report:
    """Return a report that holds every fact of this module."""
    facts = (CHANGED, KILLED, UNREADY, UNREADY_LATER)
    moments = [
        Moment(
            at=fact.observed_at or NOW,
            what="change" if fact is CHANGED else "symptom",
            component=fact.component,
            text=worded(fact),
            fact=fact.id,
        )
        for fact in (CHANGED, UNREADY, UNREADY_LATER)
    ]
    values: dict[str, object] = {
        "incident": Incident(id="i1", description="the cart is down", at=NOW, namespace="shop"),
        "verdict": "diagnosed" if hypotheses else "unresolved",
        "symptoms": (UNREADY.id, UNREADY_LATER.id),
        "timeline": tuple(moments),
        "facts": {fact.id: fact for fact in facts},
        "cost": Cost(elapsed_ms=7, agents_ms={"kubernetes": 3}),
        "versions": Versions(program="0", rule_book="b0"),
    } | changes
    return Report(hypotheses=hypotheses, **values)  # type: ignore[arg-type]


def rich_report() -> Report:
    """Return a report with something in every section."""
    second = hypothesis(
        "A node has too little memory",
        component="node/node-a",
        cause="node-memory-pressure",
        confidence=0.31,
        explained_by="memory-limit-too-low deployment/shop/cart",
        missing=(Missing(kind="node.condition", component="node/node-a", condition="MemoryPressure is not True"),),
        next_question=Question(kind="node.condition", component="node/node-a"),
        runbooks=(Runbook(title="Nodes under pressure", passage="…", address="runbooks/nodes.md"),),
        changes=(),
    )
    refuted = hypothesis(
        "A liveness probe gives the container too little time",
        confidence=0.04,
        against=(proof("the kernel ended it, not the probe", KILLED, polarity="against", strength=None),),
    )
    gap = Gap(agent="snapshot", what="all secrets", why="the snapshot holds none", remedy="record them")
    silent = Gap(agent="metrics", what="metrics of node-c", why="not scraped")
    return report(hypothesis(), second, ruled_out=(refuted,), gaps=(gap, silent))
