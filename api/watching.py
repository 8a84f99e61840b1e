"""Watches a cluster: looks at it round by round, opens incidents by itself, diagnoses and closes them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, Protocol

import msgspec

from sre_orchestrator.api.incidents import Diagnosis, IncidentStore, Record, incident_name
from sre_orchestrator.core.cite import cite
from sre_orchestrator.core.detect import (
    REPEATED,
    Look,
    Part,
    described,
    due,
    ended,
    follow,
    joined,
    namespaces_of,
    over,
    parts,
    related,
)
from sre_orchestrator.core.gather import Observations, gather
from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.identity import namespace_of
from sre_orchestrator.core.models import Incident, Report, Scope, Struct
from sre_orchestrator.core.pipeline import Bundle, Parts, answer, diagnose
from sre_orchestrator.core.reach import Graph
from sre_orchestrator.core.report import verdict
from sre_orchestrator.core.route import route
from sre_orchestrator.core.settings import Watch

Event = Literal["open", "updated", "closed"]
AGAIN = timedelta(minutes=2)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A cluster as one round finds it: what an investigation is made of, and the time of what it shows.

    ``sources`` are what rounds look at, where that is less than what an investigation may. ``twin_at`` is when
    the twin was last known to be current, ``requests`` how often the API was asked and ``changes`` how many it told since the look before, ``completed`` adds to an
    investigation what sources found missing only when they were asked.
    """

    parts: Parts
    at: datetime
    sources: Sources | None = None
    twin_at: datetime | None = None
    requests: Callable[[], int] = lambda: 0
    changes: Callable[[], int] = lambda: 0
    completed: Callable[[Bundle], Bundle] = lambda bundle: bundle


class Scenes(Protocol):
    """What can be watched."""

    def look(self) -> AbstractAsyncContextManager[Scene]:
        """Return what is there now, for one round.

        Raises:
            SreError: it cannot be read.

        """
        ...

    def noted(self, seen: Observations) -> None:
        """Learn from what a round saw."""
        ...


class Told(Struct, frozen=True, kw_only=True):
    """What happened to an incident, and where it is kept."""

    event: Event
    at: datetime
    incident: Record
    folder: str


class Teller(Protocol):
    """Is told what watching finds; must not raise."""

    def told(self, news: Told) -> None:
        """Note that an incident was opened, updated or closed."""
        ...


class Round(Struct, frozen=True, kw_only=True):
    """What a round came to."""

    at: datetime
    facts: int
    gaps: int
    failed: tuple[str, ...]
    agents_ms: dict[str, int]
    followed: int
    open: int
    requests: int
    changes: int
    twin_age_seconds: float


class Watcher:
    """One round after the other on one cluster; ``namespace`` (comma-separated, empty for all) says where to look."""

    def __init__(
        self, scenes: Scenes, store: IncidentStore, teller: Teller, *, watch: Watch, namespace: str = ""
    ) -> None:
        self._scenes = scenes
        self._store = store
        self._teller = teller
        self._watch = watch
        self._namespace = namespace

    async def round(self) -> Round:
        """Look, follow what is seen, open what is due, close what is over.

        Raises:
            SreError: the cluster cannot be read or the state not be written; nothing was closed.

        """
        async with self._scenes.look() as scene:
            asked = _Asked()
            rounds = replace(scene.parts, sources=scene.sources or scene.parts.sources, progress=asked)
            seen = await gather(self._scope(scene), rounds)
            self._scenes.noted(seen)
            look = Look(at=scene.at, facts=seen.facts, coverage=seen.coverage, gaps=seen.gaps)
            edges, vocabulary = scene.parts.twin.edges(), scene.parts.vocabulary
            self._store.known = follow(self._store.known, look, edges, vocabulary, self._watch)
            await self._open(scene)
            self._close(scene.at)
            self._store.keep(self._store.known)
            requests, changes = scene.requests(), scene.changes()
        return Round(
            at=scene.at,
            facts=len(seen.facts),
            gaps=len(seen.gaps),
            failed=tuple(sorted(asked.failed)),
            agents_ms=seen.agents_ms,
            followed=len(self._store.known),
            open=len(self._store.open()),
            requests=requests,
            changes=changes,
            twin_age_seconds=(scene.at - (scene.twin_at or scene.at)).total_seconds(),
        )

    def _scope(self, scene: Scene) -> Scope:
        """Return where a round looks: the agents that tell symptoms, over a short window."""
        every = scene.parts.vocabulary.kinds
        symptoms = {name for name, kind in every.items() if kind.symptom} | REPEATED
        incident = Incident(id="watch", description="", at=scene.at, namespace=self._namespace)
        scope = route(incident, scene.parts.twin, scene.parts.agents, scene.parts.settings)
        return msgspec.structs.replace(
            scope,
            since=scene.at - timedelta(minutes=self._watch.window_minutes),
            agents=tuple(
                agent.name
                for agent in scene.parts.agents
                if agent.kinds & symptoms and agent.name not in self._watch.skip_agents
            ),
        )

    async def _open(self, scene: Scene) -> None:
        """Diagnose what is due, with what is open and without a cause, and give each cause its incident."""
        known = self._store.known
        causeless = {one.id for one in self._store.open() if not one.cause and self._hopeful(one, scene.at)}
        keys = (*due(known, self._watch), *(key for key, one in known.items() if one.incident in causeless))
        if not keys:
            return
        bundle = scene.completed(await diagnose(self._incident(Part(symptoms=keys), scene), scene.parts))
        floor = scene.parts.settings.confidence_floor
        proved = [one for one in bundle.report.hypotheses if one.confidence >= floor]
        found = parts(
            keys, known, proved, bundle.seen.facts, graph=Graph(bundle.edges), vocabulary=scene.parts.vocabulary
        )
        for part in found:
            others = {(other.cause, other.component) for other in found if other is not part and other.cause}
            report = _narrowed(bundle, self._incident(part, scene), part, others, scene.parts)
            self._settle(part, Diagnosis(report=report, bundle=bundle), scene.at)
        for one in sorted(causeless):
            self._leave({self._store.known[key].incident for key in keys if known[key].incident == one}, one, scene.at)

    def _hopeful(self, record: Record, at: datetime) -> bool:
        """Say whether to diagnose an incident without a cause again: while it is new with whatever else begins, later ever more rarely."""
        waited = at - record.diagnosed
        rested = waited >= max(AGAIN, record.diagnosed - record.opened)
        return rested or (self._recent(record, at) and bool(due(self._store.known, self._watch)))

    def _leave(self, homes: set[str], incident: str, at: datetime) -> None:
        """Take from an incident the symptoms that now belong to others; one that has none left is merged."""
        record = self._store.records[incident]
        if homes and incident not in homes:
            self._end(record, at, merged_into=min(homes))
        elif len(homes) > 1:
            left = tuple(one for one in record.symptoms if self._store.known[one.key].incident == incident)
            self._store.write(msgspec.structs.replace(record, symptoms=left))

    def _incident(self, part: Part, scene: Scene) -> Incident:
        followed = [self._store.known[key] for key in part.symptoms]
        symptoms = [one.symptom for one in followed]
        twin = scene.parts.twin
        spaces = set(filter(None, namespaces_of(symptoms).split(",")))
        for one in symptoms if spaces else ():
            spaces |= {namespace_of(other) for other in twin.impact(one.component, direction="down")}
        spaces &= {namespace_of(one.id) for one in twin.components()} - {""}
        return Incident(
            id=incident_name(self._store.cluster, part, followed),
            description=described(symptoms),
            at=scene.at,
            namespace=",".join(sorted(spaces)) or self._namespace,
            cluster=self._store.cluster,
        )

    def _settle(self, part: Part, diagnosis: Diagnosis, at: datetime) -> None:
        """Put the symptoms of a cause to the open incident of that cause or of related symptoms, else open one."""
        report = diagnosis.report
        home = self._home(part, Graph(diagnosis.bundle.edges), at)
        record = home or Record(
            id=report.incident.id,
            cluster=self._store.cluster,
            description=report.incident.description,
            opened=at,
            updated=at,
            diagnosed=at,
        )
        symptoms = tuple(self._store.known[key].symptom for key in part.symptoms)
        fuller = msgspec.structs.replace(record, symptoms=tuple(dict.fromkeys((*record.symptoms, *symptoms))))
        told_more = not fuller.cause or bool(part.cause)
        if told_more:
            fuller = msgspec.structs.replace(
                fuller,
                verdict=report.verdict,
                cause=part.cause,
                component=part.component,
                confidence=report.hypotheses[0].confidence if report.verdict == "diagnosed" else 0.0,
            )
        news: Event | None = "open" if home is None else "updated" if fuller != home else None
        fuller = msgspec.structs.replace(
            fuller, status=news or fuller.status, updated=at if news else fuller.updated, diagnosed=at
        )
        self._store.write(fuller, diagnosis if told_more else None)
        self._store.known = joined(self._store.known, part.symptoms, fuller.id)
        if news:
            self._tell(news, fuller, at)

    def _home(self, part: Part, graph: Graph, at: datetime) -> Record | None:
        """Return the open incident that a part belongs to: of the same cause, else its own, else a related new one.

        The latter two must not have another cause.
        """
        every = self._store.open()
        same = [one for one in every if part.cause and (one.cause, one.component) == (part.cause, part.component)]
        fitting = [one for one in every if not (one.cause and part.cause)]
        its = {self._store.known[key].incident for key in part.symptoms}
        own = [one for one in fitting if one.id in its]
        near = [one for one in fitting if self._recent(one, at) and self._related(one, part, graph)]
        return next(iter((*same, *own, *near)), None)

    def _related(self, record: Record, part: Part, graph: Graph) -> bool:
        keys = {symptom.key for symptom in record.symptoms} & self._store.known.keys()
        return bool(keys) and len(related((*sorted(keys), *part.symptoms), self._store.known, graph)) == 1

    def _recent(self, record: Record, at: datetime) -> bool:
        return at - record.opened <= timedelta(seconds=self._watch.group_seconds)

    def _close(self, at: datetime) -> None:
        for record in self._store.open():
            if over(self._store.known, record.id, self._watch):
                self._end(record, at)

    def _end(self, record: Record, at: datetime, merged_into: str = "") -> None:
        closed = msgspec.structs.replace(record, status="closed", updated=at, closed=at, merged_into=merged_into)
        self._store.write(closed)
        self._store.known = ended(self._store.known, record.id)
        self._tell("closed", closed, at)

    def _tell(self, event: Event, record: Record, at: datetime) -> None:
        self._teller.told(Told(event=event, at=at, incident=record, folder=str(self._store.folder(record))))


class _Asked:
    """Progress of a round: which agents failed, or have not the source that they need."""

    def __init__(self) -> None:
        self.failed: set[str] = set()

    def step(self, name: str) -> None:
        """Note nothing."""

    def agent(self, name: str, state: str) -> None:
        """Note an agent that failed."""
        if state == "failed":
            self.failed.add(name)


def _narrowed(bundle: Bundle, incident: Incident, part: Part, others: set[tuple[str, str]], parts: Parts) -> Report:
    """Return the report on one of several incidents of an investigation: its cause first, those of the others left out."""
    scope = route(incident, parts.twin, parts.agents, parts.settings)
    report = answer(scope, bundle.seen, bundle.edges, bundle.cost, parts)
    mine = [one for one in report.hypotheses if (one.cause, one.component) not in others]
    mine.sort(key=lambda one: (one.cause, one.component) != (part.cause, part.component))
    kept = msgspec.structs.replace(
        report, hypotheses=tuple(mine), verdict=verdict(tuple(mine), parts.settings.confidence_floor)
    )
    return cite(msgspec.structs.replace(kept, narrative=parts.narrator.narrate(kept)))
