"""Fills the placeholders of remedy commands with what the evidence names: text for people, never executed."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from sre_orchestrator.core.identity import kind_of, name_of, namespace_of
from sre_orchestrator.core.models import Fact, Hypothesis, Step
from sre_orchestrator.core.proof import facts_of
from sre_orchestrator.core.vocabulary import Vocabulary

WORKLOADS = frozenset({"deployment", "statefulset", "daemonset", "replicaset"})
ALONE = frozenset({"node", "release"})  # their commands have no kind before the name
SHORT = {
    "pvc": "persistentvolumeclaim",
    "svc": "service",
    "deploy": "deployment",
    "pv": "persistentvolume",
    "pod": "pod",
}
_NAMED = re.compile(r"\b(?P<kind>[a-z]+)(?P<between>[/ ])NAME\b")
_PLACE = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"\b(?:NAMESPACE|POD|CONTAINER|NODE)\b(?!-)")


def with_names(hypothesis: Hypothesis, facts: Mapping[str, Fact]) -> Hypothesis:
    """Return ``hypothesis`` with NAMESPACE, POD, CONTAINER, NODE and NAME replaced in its remedy where they are known.

    NAME is replaced after the kind of the blamed component only; what the evidence does not name stays a placeholder.
    """
    known = _known(hypothesis, [facts[fact] for fact in facts_of(hypothesis.proof) if fact in facts])
    steps = tuple(_filled(step, hypothesis.component, known) for step in hypothesis.remedy)
    return msgspec.structs.replace(hypothesis, remedy=steps)


def with_undo(hypothesis: Hypothesis, facts: Mapping[str, Fact], vocabulary: Vocabulary) -> Hypothesis:
    """Return ``hypothesis`` with the steps that take back the latest change before it whose kind says how.

    A step that wants what the change does not say is left out.
    """
    changes = [facts[change] for change in hypothesis.changes if change in facts]
    steps = next((undo for fact in changes if (undo := _undo(fact, vocabulary))), ())
    return msgspec.structs.replace(hypothesis, remedy=(*hypothesis.remedy, *steps))


def _undo(fact: Fact, vocabulary: Vocabulary) -> tuple[Step, ...]:
    kind = vocabulary.kinds.get(fact.kind)
    known = fact.attributes | {"name": name_of(fact.component), "namespace": namespace_of(fact.component)}
    return tuple(
        msgspec.structs.replace(step, command=_PLACE.sub(lambda place: str(known[place[1]]), step.command))
        for step in (kind.undo if kind else ())
        if known.keys() >= set(_PLACE.findall(step.command))
    )


def _known(hypothesis: Hypothesis, facts: list[Fact]) -> dict[str, str]:
    components = [hypothesis.component, *(fact.component for fact in facts)]
    nodes = [str(fact.attributes["node"]) for fact in facts if "node" in fact.attributes]
    found = {
        "NAMESPACE": next(filter(None, map(namespace_of, components)), ""),
        "POD": next((name_of(one) for one in components if kind_of(one) == "pod"), ""),
        "NODE": next((name_of(one) for one in (*components, *nodes) if kind_of(one) == "node"), ""),
        "CONTAINER": next((str(fact.attributes["container"]) for fact in facts if "container" in fact.attributes), ""),
    }
    return {word: value for word, value in found.items() if value}


def _filled(step: Step, component: str, known: Mapping[str, str]) -> Step:
    def named(match: re.Match[str]) -> str:
        kind, blamed = SHORT.get(match["kind"], match["kind"]), kind_of(component)
        same_sort = kind == blamed or {kind, blamed} <= WORKLOADS
        return f"{blamed}{match['between']}{name_of(component)}" if same_sort else match[0]

    command = _WORD.sub(lambda match: known.get(match[0], match[0]), step.command)
    if kind_of(component) in ALONE:
        command = re.sub(r"\bNAME\b", name_of(component), command)
    return msgspec.structs.replace(step, command=_NAMED.sub(named, command))
