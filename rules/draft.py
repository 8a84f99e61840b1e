"""Drafts a rule from what an incident was concluded from: its facts without their names, for a person to review."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sre_orchestrator.core.models import Cause, Edge, Fact, Hypothesis, Proof, Scalar
from sre_orchestrator.core.proof import facts_of
from sre_orchestrator.core.vocabulary import Attribute, Vocabulary
from sre_orchestrator.rules.draft_writing import Conditions, Seen, Words, written

MOST, HOPS, LONG = 5, 4, 40
_WORDS = re.compile(r"^[A-Za-z][\w .:-]*$")
_CODE = re.compile(r"(?:^|_)code$")


def draft(
    hypothesis: Hypothesis, facts: Mapping[str, Fact], edges: Sequence[Edge], vocabulary: Vocabulary, origin: str
) -> str:
    """Return a rule file with tests for what ``hypothesis`` was concluded from; ``origin`` names the incident.

    Kinds, closed values and words stay; names, times and amounts do not. Facts are joined by shared components and
    values, else along the twin; one that nothing joins is left out, and a comment says so. Returns ``""`` when none of
    its facts is left.
    """
    seen = _joined(_evidence(hypothesis, facts, vocabulary), edges, vocabulary)
    if not seen.facts:
        return ""
    absent = dict.fromkeys(text for proof in hypothesis.proof for text in _absent(proof))
    comments = [
        f"Drafted from {origin}. Read it as if a stranger had written it: would it hold in another cluster?",
        *(f"Left out, since nothing joins it: {one}" for one in seen.left_out),
        *(f"The rules of the incident also wanted: {one}" for one in absent),
    ]
    about = next((name for name, fact in seen.facts.items() if fact.component == hypothesis.component), "")
    words = Words(
        title=f"{hypothesis.title}: as once before",
        why=f"Facts of this kind were seen together when this was the cause ({origin}). Say here why they prove it.",
        cause=hypothesis.cause,
        blamed=about or next(iter(seen.facts)),
        comments=comments,
    )
    return written(words, seen, vocabulary)


def draft_from_words(text: str, cause: Cause, known: Iterable[Conditions], vocabulary: Vocabulary, origin: str) -> str:
    """Return a rule file for ``cause`` from the words of a runbook: the ``known`` condition whose value it names most often.

    Returns ``""`` when it names none.
    """
    counted: dict[str, tuple[int, Conditions]] = {}
    for condition in known:
        value = next(str(value) for name, value in condition.items() if name != "kind")
        number = len(re.findall(rf"(?<!\w){re.escape(value)}(?!\w)", text))
        if number > counted.get(value, (0, {}))[0]:
            counted[value] = (number, condition)
    if not counted:
        return ""
    _, condition = max(counted.values(), key=lambda one: (one[0], str(one[1])))
    kind = str(condition["kind"])
    name = _name(kind, {})
    attributes = {key: value for key, value in condition.items() if key != "kind" and isinstance(value, str)}
    component = "any" if vocabulary.kinds[kind].component == "any" else vocabulary.kinds[kind].component
    fact = Fact(id="f", kind=kind, component=f"{component.split()[0]}/x/x", attributes=dict(attributes), agent="draft")
    seen = Seen(facts={name: fact}, patterns={name: condition})
    words = Words(
        title=f"{cause.title}: as a runbook tells it",
        why=f"{origin} says so. Say here why this fact proves it, and add what tells it from its look-alikes.",
        cause=cause.id,
        blamed=name,
        comments=[f"Drafted from the words of {origin}. One fact is rarely a proof: add conditions, or none of it."],
    )
    return written(words, seen, vocabulary)


def _evidence(hypothesis: Hypothesis, facts: Mapping[str, Fact], vocabulary: Vocabulary) -> list[Fact]:
    """Return the observed facts of the proof, one of each sort, those of the strongest proof first."""
    found: dict[tuple[object, ...], Fact] = {}
    for one in facts_of(hypothesis.proof):
        fact = facts.get(one)
        if fact is not None and fact.kind in vocabulary.kinds and not vocabulary.kinds[fact.kind].derived:
            sort = (fact.kind, *sorted(fact.attributes.items() & _telling(fact, vocabulary, ()).items(), key=str))
            found.setdefault(sort, fact)
    return list(found.values())[:MOST]


def _absent(proof: Proof) -> Iterator[str]:
    yield from proof.absent
    for child in proof.children:
        yield from _absent(child)


def _joined(facts: Sequence[Fact], edges: Sequence[Edge], vocabulary: Vocabulary) -> Seen:
    """Return the facts that can be joined with those before them, and the patterns that do."""
    components = [fact.component for fact in facts]
    kept: dict[str, Fact] = {}
    patterns: dict[str, Conditions] = {}
    used: list[Edge] = []
    left_out: list[str] = []
    for fact in facts:
        name = _name(fact.kind, patterns)
        shared = _shared(fact, kept)
        path = [] if shared or not kept else _path(fact.component, {f.component: n for n, f in kept.items()}, edges)
        if kept and not shared and not path:
            left_out.append(f"{fact.kind} of {fact.component}")
            continue
        telling = _telling(fact, vocabulary, components)
        patterns[name] = {"kind": fact.kind, **telling, **{f"{key}|ref": place for key, place in shared.items()}}
        if path:
            patterns |= _path_patterns(path, name, kept, patterns)
            used += [hop.edge for hop in path]
        kept[name] = fact
    return Seen(facts=kept, patterns=patterns, edges=tuple(dict.fromkeys(used)), left_out=left_out)


def _telling(fact: Fact, vocabulary: Vocabulary, components: Sequence[str]) -> dict[str, Scalar]:
    """Return the attributes that say what sort of fact it is: closed values, booleans, codes, and words that are no names."""
    declared = vocabulary.kinds[fact.kind].attributes
    names = {part for one in (*components, fact.component) for part in one.split("/")[1:] if part}
    return {
        name: value
        for name, value in fact.attributes.items()
        if name in declared and _tells(name, value, declared[name], names)
    }


def _tells(name: str, value: Scalar, declared: Attribute, names: set[str]) -> bool:
    if declared.values or isinstance(value, bool):
        return True
    if not isinstance(value, str):
        return bool(_CODE.search(name))
    if declared.type != "string" or name not in ("reason", "type", "status", "phase", "what", "class", "state"):
        return False
    return len(value) <= LONG and bool(_WORDS.match(value)) and not any(one in value for one in names)


def _shared(fact: Fact, kept: Mapping[str, Fact]) -> dict[str, str]:
    """Return what the fact has in common with one before it: its component first, and values that name something."""
    for name, other in kept.items():
        if fact.component == other.component:
            same = {
                key
                for key, value in fact.attributes.items()
                if key == "container" and other.attributes.get(key) == value
            }
            return {"component": f"{name}.component", **{key: f"{name}.{key}" for key in sorted(same)}}
        for key, value in fact.attributes.items():
            if value == other.component:
                return {key: f"{name}.component"}
        for key, value in other.attributes.items():
            if value == fact.component:
                return {"component": f"{name}.{key}"}
    return {}


@dataclass(frozen=True, kw_only=True)
class _Hop:
    edge: Edge
    forward: bool


def _path(start: str, ends: Mapping[str, str], edges: Sequence[Edge]) -> list[_Hop]:
    """Return the shortest way through the twin from ``start`` to one of ``ends``, at most ``HOPS`` long."""
    ways: dict[str, list[_Hop]] = {start: []}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        if here in ends or len(ways[here]) == HOPS:
            if here in ends:
                return ways[here]
            continue
        for edge in edges:
            for there, forward in ((edge.target, True), (edge.source, False)):
                if here == (edge.source if forward else edge.target) and there not in ways:
                    ways[there] = [*ways[here], _Hop(edge=edge, forward=forward)]
                    waiting.append(there)
    return []


def _path_patterns(
    path: Sequence[_Hop], name: str, kept: Mapping[str, Fact], taken: Mapping[str, Conditions]
) -> dict[str, Conditions]:
    """Return the patterns of a way: hops of one kind in one direction are one."""
    runs: list[list[_Hop]] = []
    for hop in path:
        if runs and (runs[-1][0].edge.kind, runs[-1][0].forward) == (hop.edge.kind, hop.forward):
            runs[-1].append(hop)
        else:
            runs.append([hop])
    last = path[-1]
    end = last.edge.target if last.forward else last.edge.source
    goal = next(one for one, fact in kept.items() if fact.component == end)
    found: dict[str, Conditions] = {}
    here = f"{name}.component"
    for number, run in enumerate(runs):
        forward = run[0].forward
        near, far = ("from", "to") if forward else ("to", "from")
        pattern: Conditions = {"edge": run[0].edge.kind, f"{near}|ref": here}
        if number == len(runs) - 1:
            pattern[f"{far}|ref"] = f"{goal}.component"
        if len(run) > 1:
            pattern["within"] = len(run)
        label = f"way{sum(one.startswith('way') for one in (*taken, *found)) + 1}"
        found[label] = pattern
        here = f"{label}.{far}"
    return found


def _name(kind: str, taken: Mapping[str, object]) -> str:
    plain = re.sub(r"[^a-z0-9_]", "_", kind.rpartition(".")[2]) or "seen"
    return next(one for one in (plain, *(f"{plain}{number}" for number in range(2, 100))) if one not in taken)
