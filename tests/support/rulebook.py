"""A vocabulary, causes and rules of a small world, for tests of the rule engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import indent
from typing import get_args

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.models import Cause, Coverage, Derivation, Edge, EdgeKind, Fact
from sre_orchestrator.core.ports import Budget, Inference
from sre_orchestrator.core.vocabulary import Attribute, FactKind, Vocabulary
from sre_orchestrator.rules.book import read_checked
from sre_orchestrator.rules.engine import Plan
from sre_orchestrator.rules.model import Case, Rule

ATTRIBUTES = {
    "reason": Attribute(),
    "node": Attribute(),
    "message": Attribute(),
    "level": Attribute(type="integer"),
    "ratio": Attribute(type="number"),
    "ready": Attribute(type="boolean"),
    "at": Attribute(type="time"),
    "mode": Attribute(values=("on", "off")),
}
VOCABULARY = Vocabulary(
    {
        **{
            kind: FactKind(about=f"a {kind}", component="any", agents=("test",), attributes=ATTRIBUTES)
            for kind in ("crash", "limit", "pressure", "probe")
        },
        **{
            kind: FactKind(about=f"a {kind}", component="any", attributes=ATTRIBUTES, derived=True)
            for kind in ("suspect", "sick", "spared")
        },
    }
)
CAUSES = {name: Cause(id=name, title=name, category="test", blamed_on="component") for name in ("broken", "starved")}
OBSERVE = Observer("test")
FIRES = """tests:
  - {name: fires, facts: [{kind: crash, component: pod/shop/a}], expect: [broken]}
  - {name: silent, facts: [], expect: []}
"""
CONCLUDE = 'then: {cause: broken, component: "{a.component}", strength: strong, because: "{a.component} broke"}'


def rule_text(when: str, then: str = CONCLUDE, name: str = "r", tests: str = FIRES) -> bytes:
    """Return a rule file: ``when`` is the body of its conditions."""
    head = f"id: {name}\ntitle: Rule {name}\nstatus: stable\nwhy: A test.\n"
    return f"{head}when:\n{indent(when.strip(), '  ')}\n{then}\n{tests}".encode()


def rule(when: str, then: str = CONCLUDE, name: str = "r") -> Rule:
    """Return a rule of the small world."""
    return read(rule_text(when, then, name), name)[0]


def read(text: bytes, name: str = "r") -> tuple[Rule, tuple[Case, ...]]:
    """Read and check a rule file of the small world."""
    return read_checked(text, f"{name}.yaml", VOCABULARY, CAUSES)


def derive(kind: str, **attributes: str) -> str:
    """Return a ``then`` that asserts a fact about the component of ``a``."""
    more = "".join(f", {name}: {value}" for name, value in attributes.items())
    return f'then: {{derive: {{kind: {kind}, component: "{{a.component}}"{more}}}}}'


def pod(name: str) -> str:
    """Return the id of a pod in the namespace ``shop``."""
    return f"pod/shop/{name}"


def edge(source: str, kind: EdgeKind, target: str) -> Edge:
    """Return a relation."""
    assert kind in get_args(EdgeKind)
    return Edge(source=source, kind=kind, target=target)


def infer(
    rules: Rule | Sequence[Rule],
    facts: Iterable[Fact],
    *,
    edges: Sequence[Edge] = (),
    read: Iterable[str] = (),
    budget: Budget = Budget(),  # noqa: B008 - frozen
) -> Inference:
    """Return what the rules derive; ``read`` names kinds read everywhere, or ``kind@scope``."""
    plan = Plan([rules] if isinstance(rules, Rule) else rules, CAUSES, "test")
    coverage = [Coverage(kind=one.partition("@")[0], scope=one.partition("@")[2] or "*") for one in read]
    return plan.infer(list(facts), edges, coverage, budget)


def concluded(inference: Inference) -> list[str]:
    """Return ``cause @ component`` of every conclusion, sorted."""
    return sorted(
        f"{one.conclusion.cause} @ {one.conclusion.component}" for one in inference.derivations if one.conclusion
    )


def derived(inference: Inference) -> list[str]:
    """Return ``kind @ component`` of every derived fact, sorted."""
    return sorted(f"{one.derived.kind} @ {one.derived.component}" for one in inference.derivations if one.derived)


def only(inference: Inference) -> Derivation:
    """Return the one derivation."""
    (one,) = inference.derivations
    return one
