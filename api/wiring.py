"""The composition root: puts sources, agents, twin and rule book together for one investigation."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources.abc import Traversable
from pathlib import Path
from threading import Lock
from typing import cast

import msgspec

from sre_orchestrator.api.advice import Advice
from sre_orchestrator.api.blocks import Shelf
from sre_orchestrator.api.contained import Known, known_by
from sre_orchestrator.api.embedding import ChosenOrder
from sre_orchestrator.api.guidance import Guidance
from sre_orchestrator.api.mcp_servers import end, learn, with_presets
from sre_orchestrator.api.model import ChosenModel
from sre_orchestrator.api.packed import Packed
from sre_orchestrator.api.sharing import shared_vectors
from sre_orchestrator.core.additions import Additions, leave_out_clashing
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.hookspecs import Agent, Source, Sources
from sre_orchestrator.core.language.assistant import Assistant, Nobody
from sre_orchestrator.core.language.conversation import Conversation
from sre_orchestrator.core.language.disguise import Pseudonyms, pseudonyms_for
from sre_orchestrator.core.language.examined import examined_in
from sre_orchestrator.core.language.model_assistant import ModelAssistant
from sre_orchestrator.core.language.names import terms_of
from sre_orchestrator.core.language.ports import EmbedderKind, ModelKind
from sre_orchestrator.core.models import Component, Edge, Gap, Incident, Versions
from sre_orchestrator.core.pipeline import Bundle, Parts, Reasoning, diagnose
from sre_orchestrator.core.plugins import Plugins, load_plugins
from sre_orchestrator.core.ports import Progress, Twin
from sre_orchestrator.core.reach import Graph, blamed
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.core.vocabulary import Vocabulary, load_vocabulary, nearest
from sre_orchestrator.plugins.sources.ports import ClusterObjects
from sre_orchestrator.plugins.sources.snapshot import Snapshot, open_snapshot
from sre_orchestrator.rules.book import RuleBook, load_book
from sre_orchestrator.rules.engine import Plan
from sre_orchestrator.rules.names import cause_names, rule_names
from sre_orchestrator.rules.packs import installed, packed
from sre_orchestrator.rules.whynot import Trial, why_not
from sre_orchestrator.twin.store import TwinStore

AGENTS = "sre_orchestrator.plugins.agents."
SOURCES = "sre_orchestrator.plugins.sources."
MODELS = "sre_orchestrator.plugins.models."
BUILTIN = (
    *(
        AGENTS + name
        for name in (
            "kubernetes",
            "startup",
            "scheduling",
            "storage",
            "admission",
            "nodes",
            "network",
            "connectivity",
            "logs",
            "metrics",
            "alerts",
            "user_flow",
            "helm",
            "auth",
            "database",
        )
    ),
    *(SOURCES + name for name in ("probes", "tls", "prometheus", "alertmanager", "loki", "helm", "databases")),
    *(MODELS + name for name in ("llama_cpp", "openai")),
    "sre_orchestrator.plugins.mcp",
)

ALERT_FORMATS = ("alertmanager", "grafana", "pagerduty")  # of api.service.intake, which a diagnosis need not import


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """Vocabulary and rule book, checked; ``refused`` are the rules and checks of runbooks that cannot be used.

    ``unread`` are libraries whose rules and checks nobody knows.
    """

    vocabulary: Vocabulary
    book: RuleBook
    plan: Plan
    refused: tuple[str, ...]
    unread: tuple[Gap, ...]


class Installation:
    """Plugins, vocabulary and rule book: what all investigations share; safe to ask from several threads."""

    def __init__(self, settings: Settings) -> None:
        settings = with_presets(settings)
        self._state_dir = Path(settings.state_dir)
        self._cache = self._state_dir / "cache"
        self.packs, self.broken_packs = installed(self._state_dir)
        self.plugins: Plugins = load_plugins(BUILTIN, settings)
        if self.plugins.third_party():
            leave_out_clashing(self.plugins, _ours(self._cache), settings=settings)
        signals = (*map(str, self._folders("register_signals")), *settings.signal_folders)
        self.settings = msgspec.structs.replace(settings, signal_folders=signals)
        self.agents = cast("Sequence[Agent]", self.plugins.collect("register_agents", settings=settings))
        self.model = ChosenModel(settings.model, self._model_kinds, examined_in(self._state_dir / "models"))
        self.order = ChosenOrder(settings.model, self._embedder_kinds)
        self.packed = Packed(lambda: self.plugins.each("register_runbooks"), self.settings.knowledge)
        self.shelf = Shelf(self._state_dir, self.packed)
        self._opened = ExitStack()
        self.advice = Advice(self.shelf, self.settings, self.order.embedder)
        self.advice.vectors = shared_vectors(self.settings, self._opened)
        self._compiling = Lock()
        self._book: Compiled | None = None
        learn(self.agents, self.kinds)

    @property
    def vocabulary(self) -> Vocabulary:
        """Return the kinds of facts."""
        return self._compiled().vocabulary

    @property
    def book(self) -> RuleBook:
        """Return the rules and causes."""
        return self._compiled().book

    @property
    def plan(self) -> Plan:
        """Return the rules as they are run."""
        return self._compiled().plan

    @property
    def refused(self) -> tuple[str, ...]:
        """Return the rules and checks of runbooks that cannot be used, and why."""
        return self._compiled().refused

    def gaps(self) -> tuple[Gap, ...]:
        """Return what is missing whatever the incident: broken plugins, refused rules."""
        return (
            *self.plugins.gaps(),
            *self.book_gaps(),
            *self.model.gaps(),
            *self.order.gaps(),
            *self.advice.gaps(),
        )

    def book_gaps(self) -> tuple[Gap, ...]:
        """Return what the rule book is without: refused rules and checks, broken packs, libraries that cannot be used."""
        refused = (
            Gap(agent="rules", what="a rule file was refused", why=one, remedy="sre-orchestrator rules check")
            for one in (*self.vocabulary.problems, *self.book.problems)
        )
        packs = (
            Gap(agent="rules", what="what a rule pack knows", why=one, remedy="sre-orchestrator rules packs")
            for one in self.broken_packs
        )
        written = (
            Gap(agent="runbooks", what="a rule or check was refused", why=one, remedy="correct it and ingest it again")
            for one in self.refused
        )
        return (*refused, *packs, *written, *self._compiled().unread)

    def renew(self) -> None:
        """Have the rules compiled anew when they are asked for next: those in runbooks have changed."""
        with self._compiling:
            self._book = None

    def assistant(self, incident: Incident, twin: Twin) -> Assistant:
        """Return who helps with one incident; the first time, this opens the model.

        A model that is elsewhere is told pseudonyms, as far as the settings do not say otherwise.
        """
        enabled = self.model.enabled()
        if enabled is None:
            return Nobody()
        disguise = self.disguise(incident, twin.components()) if enabled.disguised else None
        conversation = Conversation(enabled.model, limits=self.settings.model, disguise=disguise)
        return ModelAssistant(enabled.name, conversation, enabled.steps, plan=self.plan, vocabulary=self.vocabulary)

    def disguise(self, incident: Incident, components: Iterable[Component]) -> Pseudonyms:
        """Return what hides the names of an incident; what the program itself calls things stays."""
        return pseudonyms_for(components, incident, terms_of(self.vocabulary, self.plan.causes))

    def close(self) -> None:
        """Give back what the models hold, what agents keep open, and end the MCP servers."""
        end(self.agents, self.settings.mcp_servers)
        self.model.close()
        self.advice.close()
        self.order.close()
        self.shelf.close()
        self._opened.close()

    def reasoning(self, progress: Progress | None = None, assistant: Assistant | None = None) -> Reasoning:
        """Return what concludes and words, for one report: all that a replay needs."""
        narrator, consulted = assistant or Nobody(), self.advice.consulted()
        return Reasoning(
            plan=self.plan,
            vocabulary=self.vocabulary,
            narrator=narrator,
            knowledge=consulted,
            settings=self.settings,
            versions=Versions(program=version("sre-orchestrator"), rule_book=self.book.digest, model=narrator.name),
            progress=progress or Quiet(),
            guide=Guidance(consulted.fences, self.vocabulary, self.plan.derived_kinds),
        )

    def _compiled(self) -> Compiled:
        """Return what is compiled, once, when it is asked for first: a service is ready before that is needed."""
        with self._compiling:
            self._book = self._book or self._compile()
            return self._book

    def _compile(self) -> Compiled:
        vocabulary = self.kinds()
        blocks = self.shelf.blocks()
        book = load_book(
            vocabulary,
            rule_folders=(*self._folders("register_rules"), *map(Path, self.settings.rule_folders)),
            cause_folders=self._folders("register_causes"),
            texts=blocks.rules,
            cache=self._cache,
        )
        refused = (*book.refused, *blocks.problems(vocabulary))
        return Compiled(
            vocabulary=vocabulary,
            book=book,
            plan=book.compile(self.settings.engine),
            refused=refused,
            unread=blocks.gaps,
        )

    def kinds(self) -> Vocabulary:
        """Return the kinds of facts alone: no rule is read for them."""
        return load_vocabulary(self._folders("register_vocabulary"), cache=self._cache)

    def _model_kinds(self) -> Sequence[ModelKind]:
        return cast("Sequence[ModelKind]", self.plugins.collect("register_models", settings=self.settings))

    def _embedder_kinds(self) -> Sequence[EmbedderKind]:
        return cast("Sequence[EmbedderKind]", self.plugins.collect("register_embedders", settings=self.settings))

    def _folders(self, hook: str) -> tuple[Traversable, ...]:
        ours = packed(self._state_dir, self.packs, hook)
        return (*cast("list[Traversable]", self.plugins.collect(hook)), *ours)


def _ours(cache: Path) -> Additions:
    """Return the names that are ours, beside those of our plugins."""
    kinds = tuple(load_vocabulary(cache=cache).kinds)
    return Additions(kinds=kinds, causes=cause_names(), rules=rule_names(), alert_formats=ALERT_FORMATS)


class Quiet:
    """Progress that nobody watches."""

    def step(self, name: str) -> None:
        """Say nothing."""

    def agent(self, name: str, state: str) -> None:
        """Say nothing."""


@asynccontextmanager
async def twin_of(
    sources: Iterable[Source], at: datetime, seconds: float = 30.0
) -> AsyncIterator[tuple[TwinStore, tuple[Gap, ...]]]:
    """Yield the twin of what ``sources`` know, and the gaps met while reading it; plugins' have ``seconds`` each."""
    twin, gaps = await read_twin(sources, at, seconds)
    with closing(twin):
        yield twin, gaps


async def read_twin(
    sources: Iterable[Source], at: datetime, seconds: float = 30.0
) -> tuple[TwinStore, tuple[Gap, ...]]:
    """Return what ``twin_of`` yields; whoever calls this closes the twin."""
    components: list[Component] = []
    edges: list[Edge] = []
    gaps: list[Gap] = []
    for source in sources:
        # the cluster, or what stands for it, must be there; what plugins add must not stand in its way
        known = source.sync() if isinstance(source, ClusterObjects) else _each(await known_by(source, seconds))
        async for one in known:
            if isinstance(one, Component):
                components.append(one)
            elif isinstance(one, Edge):
                edges.append(one)
            else:
                gaps.append(one)
    with ExitStack() as failing:
        twin = failing.enter_context(closing(TwinStore()))
        twin.sync(components, edges, at)
        failing.pop_all()
    return twin, tuple(dict.fromkeys(gaps))


async def _each(known: Iterable[Known]) -> AsyncIterator[Known]:
    for one in known:
        yield one


def sources_of(installation: Installation, snapshot: Snapshot) -> Sources:
    """Return a recorded incident, and with it what plugins recorded."""
    added = installation.plugins.collect("register_snapshot_sources", settings=installation.settings, snapshot=snapshot)
    return Sources([*cast("list[Source]", added), snapshot])


async def diagnose_with(
    installation: Installation,
    incident: Incident,
    sources: Sources,
    *,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Bundle:
    """Diagnose ``incident`` with what ``sources`` hold: their twin as of the incident, then the flow."""
    async with twin_of(sources.all, incident.at, installation.settings.agent_timeout_seconds) as (twin, gaps):
        assistant, order = installation.assistant(incident, twin), installation.order.get()
        parts = Parts(
            **vars(installation.reasoning(progress, assistant)),
            assistant=assistant,
            twin=twin,
            sources=sources,
            agents=installation.agents,
            clock=clock,
            order=order,
            gaps=(*installation.gaps(), *gaps),
        )
        return await diagnose(incident, parts)


async def diagnose_snapshot(
    installation: Installation,
    path: Path,
    *,
    question: str = "",
    namespace: str = "",
    at: datetime | None = None,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Bundle:
    """Diagnose a recorded incident; the report is in the bundle.

    ``question``, ``namespace`` and ``at`` default to what the snapshot says.

    Raises:
        InputError: the snapshot cannot be used, the namespace does not exist, or nobody says what the question is.

    """
    with open_snapshot(path, installation.settings.snapshot_limits) as snapshot:
        # a shell passes bytes that are no UTF-8 as lone surrogates, which nothing can write down
        description = (question or snapshot.info.question).encode("utf-8", "replace").decode()
        if not description:
            raise InputError(
                f"{path}: has no question; say what is wrong: sre-orchestrator diagnose 'checkout answers 500' --snapshot {path}"
            )
        moment = at or snapshot.captured_at
        incident = Incident(
            id=incident_id(description, moment),
            description=description,
            at=moment,
            namespace=namespace or ",".join(snapshot.info.namespaces),
        )
        return await diagnose_with(
            installation, incident, sources_of(installation, snapshot), progress=progress, clock=clock
        )


def trials(installation: Installation, bundle: Bundle, cause: str, component: str) -> tuple[Trial, ...]:
    """Return why ``cause`` was not concluded for ``component`` (``rules.whynot``).

    Raises:
        InputError: the catalogue has no such cause, or nothing that was observed is blamed on that component.

    """
    catalogue = installation.book.causes
    if cause not in catalogue:
        raise InputError(f"there is no cause {cause!r}{nearest(cause, catalogue)}")
    graph = Graph(bundle.edges)
    known = {end for edge in bundle.edges for end in (edge.source, edge.target)}
    known |= {fact.component for fact in bundle.seen.facts}
    family = {one for one in known if component in (one, blamed(catalogue[cause], one, graph))}
    if not family:
        raise InputError(f"there is no component {component!r}{nearest(component, known)}")
    return why_not(
        installation.plan, cause, family, facts=bundle.seen.facts, edges=bundle.edges, coverage=bundle.seen.coverage
    )


def incident_id(description: str, at: datetime) -> str:
    """Return a stable id for an incident that has none."""
    return "i" + hashlib.blake2b(f"{at.astimezone(UTC).isoformat()} {description}".encode(), digest_size=6).hexdigest()
