"""Tells when symptoms make an incident, which of them belong together, and when it is over.

Pure functions: what was seen and the time come in, what is followed comes out. A symptom opens an
incident only after it was seen in several rounds, and an incident ends only after a quiet time
(hysteresis), so what comes and goes is one incident. Blind is not healthy: a round in which nobody
could see a symptom says nothing about it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from sre_orchestrator.core.identity import kind_of, name_of, namespace_of
from sre_orchestrator.core.models import Cause, Coverage, Edge, Fact, Gap, Hypothesis, Struct
from sre_orchestrator.core.reach import Graph
from sre_orchestrator.core.settings import Watch
from sre_orchestrator.core.vocabulary import Vocabulary

REPEATED = frozenset({"event", "container.restarted"})
DETAILS = ("flow", "route", "status_class", "alert")
WORDS = {"restarts": "restarts", "unavailable": "is unavailable", "errors": "has errors", "slow": "is slow"}
MOST_WORDS = 6
ANYTHING = Cause(id="anything", title="", category="", blamed_on="component")
ON_NODE = Cause(id="anything on a node", title="", category="", blamed_on="node")


class Look(Struct, frozen=True, kw_only=True):
    """What one round saw at ``at``."""

    at: datetime
    facts: tuple[Fact, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    gaps: tuple[Gap, ...] = ()


class Symptom(Struct, frozen=True, kw_only=True):
    """A symptom as it is followed from round to round: of a workload rather than of a pod, which may be replaced."""

    kind: str
    component: str
    detail: str = ""
    symptom: str = "errors"

    @property
    def key(self) -> str:
        """Name the symptom."""
        return f"{self.kind} {self.component} {self.detail}".strip()

    @property
    def text(self) -> str:
        """Return the symptom in words, with the name of its component as routing finds it."""
        about = f" ({self.detail})" if self.detail else ""
        return f"{name_of(self.component)} {WORDS[self.symptom]}{about}"


class Followed(Struct, frozen=True, kw_only=True):
    """What is known about a symptom: in which of the last rounds it was seen (oldest first), and of which incident it is.

    ``heard`` is when anybody was last able to see it. ``covered`` and ``blind`` are what the agent said of
    its own sight when it last saw the symptom.
    """

    symptom: Symptom
    agent: str
    first: datetime
    last: datetime
    heard: datetime
    seen: tuple[bool, ...]
    covered: bool = False
    blind: tuple[str, ...] = ()
    incident: str = ""


Known = Mapping[str, Followed]


class Part(Struct, frozen=True, kw_only=True):
    """Symptoms that make one incident: of one cause, or, where ``cause`` is empty, related ones."""

    cause: str = ""
    component: str = ""
    symptoms: tuple[str, ...]


def symptom_of(fact: Fact, graph: Graph, vocabulary: Vocabulary, watch: Watch | None = None) -> Symptom | None:
    """Return the symptom that a fact shows, if it is one, and, for a ``watch``, repeated and settled."""
    kind = vocabulary.kinds.get(fact.kind)
    shown = kind.symptom if kind else None
    if fact.kind in REPEATED:
        shown = shown or "errors"
    if shown is None or (watch and not _lasting(fact, watch)):
        return None
    names = ("reason",) if fact.kind == "event" else DETAILS
    detail = " ".join(str(fact.attributes[name]) for name in names if name in fact.attributes)
    return Symptom(kind=fact.kind, component=graph.workload(fact.component), detail=detail, symptom=shown)


def follow(
    known: Known, look: Look, edges: Sequence[Edge], vocabulary: Vocabulary, watch: Watch
) -> dict[str, Followed]:
    """Return what is known after a round: what was seen, what was not, and what nobody could see.

    A symptom that is not seen counts as gone only where its agent read that kind completely, if it did so
    when it saw the symptom; else where the agent has no gap that it did not have then.
    """
    graph, sight = Graph(edges), _Sight(look)
    found: dict[str, Followed] = {}
    for fact in look.facts:
        symptom = symptom_of(fact, graph, vocabulary, watch)
        if symptom:
            found[symptom.key] = _sighted(known.get(symptom.key), symptom, fact, sight, watch)
    for key, one in known.items():
        if key not in found:
            unseen = _unseen(one, sight, watch) if sight.could_see(one) else one
            if unseen.incident or any(unseen.seen):
                found[key] = unseen
    return dict(sorted(found.items()))


def due(known: Known, watch: Watch) -> tuple[str, ...]:
    """Return the symptoms that were seen often enough and belong to no incident."""
    return tuple(key for key, one in known.items() if not one.incident and sum(one.seen) >= watch.open_after)


def over(known: Known, incident: str, watch: Watch) -> bool:
    """Say whether an incident has ended: all of its symptoms were looked for and not seen for long enough."""
    quiet = timedelta(seconds=watch.close_after_seconds)
    return all(not one.seen[-1] and one.heard - one.last >= quiet for one in known.values() if one.incident == incident)


def joined(known: Known, symptoms: Collection[str], incident: str) -> dict[str, Followed]:
    """Return what is known with ``symptoms`` as those of ``incident``; no incident (``""``) sets them free."""
    return {
        key: msgspec.structs.replace(one, incident=incident) if key in symptoms else one for key, one in known.items()
    }


def ended(known: Known, incident: str) -> dict[str, Followed]:
    """Return what is known without an incident and its symptoms."""
    return {key: one for key, one in known.items() if one.incident != incident}


def parts(
    symptoms: Sequence[str],
    known: Known,
    proved: Sequence[Hypothesis],
    facts: Sequence[Fact],
    *,
    graph: Graph,
    vocabulary: Vocabulary,
) -> tuple[Part, ...]:
    """Return the incidents that ``symptoms`` make: one for each of the ``proved`` causes that explains some.

    ``facts`` are those that the causes were concluded from. A symptom that no cause explains goes with a
    related one that has a cause, else with the related ones.
    """
    shown: dict[str, set[str]] = defaultdict(set)
    for fact in facts:
        symptom = symptom_of(fact, graph, vocabulary)
        if symptom:
            shown[symptom.key].add(fact.id)
    blamed = {key: _origin(shown[key], proved) for key in symptoms}
    made: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for group in related(symptoms, known, graph):
        first = next((blamed[key] for key in group if blamed[key]), None)
        for key in group:
            cause = blamed[key] or first
            made[(cause.cause, cause.component, "") if cause else ("", "", group[0])].append(key)
    return tuple(
        Part(cause=cause, component=component, symptoms=tuple(sorted(keys)))
        for (cause, component, _), keys in made.items()
    )


def related(symptoms: Sequence[str], known: Known, graph: Graph) -> tuple[tuple[str, ...], ...]:
    """Return the symptoms in groups: same workload, one calls the other (over others too), or one is the other's node."""
    groups: list[set[str]] = []
    reach = {key: _reach(known[key].symptom.component, graph) for key in symptoms}
    for key in symptoms:
        here = known[key].symptom.component
        near = [
            group
            for group in groups
            if any(here in reach[one] or known[one].symptom.component in reach[key] for one in group)
        ]
        groups = [group for group in groups if group not in near] + [{key}.union(*near)]
    return tuple(tuple(sorted(group)) for group in groups)


def described(symptoms: Iterable[Symptom]) -> str:
    """Return the words of an incident: what its symptoms are, the first of them by name."""
    texts = list(dict.fromkeys(one.text for one in symptoms))
    more = f" and {len(texts) - MOST_WORDS} more symptoms" if len(texts) > MOST_WORDS else ""
    return "; ".join(texts[:MOST_WORDS]) + more


def namespaces_of(symptoms: Iterable[Symptom]) -> str:
    """Return the namespaces of symptoms, as an incident has them: ``""`` means all."""
    found = {namespace_of(one.component) for one in symptoms}
    return "" if "" in found else ",".join(sorted(found))


class _Sight:
    """What the agents could see in a round."""

    def __init__(self, look: Look) -> None:
        self.at = look.at
        self._wide = {(one.kind, one.scope) for one in look.coverage}
        self._gaps: dict[str, set[str]] = defaultdict(set)
        for gap in look.gaps:
            self._gaps[gap.agent].add(gap.what)

    def covers(self, symptom: Symptom) -> bool:
        space = namespace_of(symptom.component)
        return bool({(symptom.kind, "*"), (symptom.kind, f"namespace/{space}")} & self._wide)

    def blind(self, agent: str) -> tuple[str, ...]:
        return tuple(sorted(self._gaps[agent]))

    def could_see(self, one: Followed) -> bool:
        return self.covers(one.symptom) if one.covered else self._gaps[one.agent] <= set(one.blind)


def _sighted(known: Followed | None, symptom: Symptom, fact: Fact, sight: _Sight, watch: Watch) -> Followed:
    before = known.seen if known else ()
    return Followed(
        symptom=symptom,
        agent=fact.agent,
        first=known.first if known else sight.at,
        last=sight.at,
        heard=sight.at,
        seen=(*before, True)[-watch.open_within :],
        covered=sight.covers(symptom),
        blind=sight.blind(fact.agent),
        incident=known.incident if known else "",
    )


def _unseen(one: Followed, sight: _Sight, watch: Watch) -> Followed:
    return msgspec.structs.replace(one, heard=sight.at, seen=(*one.seen, False)[-watch.open_within :])


def _lasting(fact: Fact, watch: Watch) -> bool:
    """Say whether a fact tells more than that something happened once, or only just began."""
    count, age = fact.attributes.get("count", 1), fact.attributes.get("age_seconds", watch.settle_seconds)
    often = fact.kind not in REPEATED or not isinstance(count, int) or count >= watch.repeats
    return often and not (isinstance(age, int | float) and age < watch.settle_seconds)


def _origin(shown: Collection[str], proved: Sequence[Hypothesis]) -> Hypothesis | None:
    """Return the first cause that explains a symptom, and is not itself explained by another that explains it too."""
    explaining = [one for one in proved if not set(one.explains).isdisjoint(shown)]
    named = {f"{one.cause} at {one.component}" for one in explaining}
    return next((one for one in explaining if one.explained_by not in named), explaining[0] if explaining else None)


def _reach(component: str, graph: Graph) -> Collection[str]:
    """Return where symptoms of whatever is wrong at a component can show."""
    return graph.reach(ON_NODE if kind_of(component) == "node" else ANYTHING, component)
