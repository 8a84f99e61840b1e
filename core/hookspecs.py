"""The plugin contract: everything a plugin may add to SRE-Orchestrator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from importlib.resources.abc import Traversable
from typing import Protocol, TypeVar, runtime_checkable

import pluggy

from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.language.ports import EmbedderKind, ModelKind
from sre_orchestrator.core.models import Component, Coverage, Edge, Fact, Gap, Scope
from sre_orchestrator.core.notices import Notice
from sre_orchestrator.core.settings import Settings

PROJECT = "sre_orchestrator"
HOOKS = 1
"""The version of these hooks. Within a version they only get more: hooks, arguments, protocols with a default."""
OLDEST_HOOKS = 1
"""The oldest version whose plugins still work; a plugin says which it was made for by ``HOOKS = 1`` in its module."""
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

T = TypeVar("T")


@runtime_checkable
class Source(Protocol):
    """Where data come from: a live API, a recorded snapshot or an MCP server."""

    name: str

    def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield what this source knows for the twin; nothing when it knows no components."""
        ...


@runtime_checkable
class Recordable(Protocol):
    """A source that ``snapshot take`` records, beside what else it is."""

    name: str

    async def record(self) -> Mapping[str, bytes]:
        """Return files by their names; the snapshot keeps them in ``plugins/NAME``, secrets in texts masked.

        Whatever is raised becomes a gap of the snapshot.
        """
        ...


class Sources:
    """The sources of one cluster, found by the port they implement (``plugins.sources.ports``)."""

    def __init__(self, sources: Sequence[Source], cluster: str = "") -> None:
        self.all = tuple(sources)
        self.cluster = cluster

    def find(self, port: type[T]) -> T | None:
        """Return the first source that implements ``port``, or ``None``."""
        return next((source for source in self.all if isinstance(source, port)), None)

    def need(self, port: type[T]) -> T:
        """Return the first source that implements ``port``.

        Raises:
            SourceMissing: there is none; the host turns it into a Gap.

        """
        found = self.find(port)
        if found is None:
            raise SourceMissing(f"no {port.__name__.lower()} source: this snapshot or cluster does not offer one")
        return found


@runtime_checkable
class Agent(Protocol):
    """Looks at one speciality and reports facts; never diagnoses.

    It may have ``examples``, short texts of incidents that it should be asked about first, and ``answers``, the kinds
    of facts that it looks up when they are asked for.
    """

    name: str
    description: str
    kinds: frozenset[str]

    def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Yield the facts seen in ``scope``, what was read completely, and what could not be seen."""
        ...


@runtime_checkable
class AlertFormat(Protocol):
    """Reads what an alerting system posts to ``/api/v1/alerts/NAME``."""

    name: str

    def notices(self, body: bytes, headers: Mapping[str, str]) -> Sequence[Notice]:
        """Return what a request says (``core.notices``); names of ``headers`` are in lower case.

        Raises:
            InputError: it cannot be read; the sender is told the message. ``msgspec.DecodeError`` is as good.

        """
        ...


@hookspec
def register_agents(settings: Settings) -> Sequence[Agent]:
    """Return the agents that this plugin provides."""
    raise NotImplementedError


@hookspec
def register_sources(settings: Settings, cluster: Source) -> Sequence[Source]:
    """Return the sources that this plugin adds to a live cluster.

    ``cluster`` is its Kubernetes source; it implements ``plugins.sources.ports.ClusterObjects``, through
    which services can be discovered: when the source is first asked, not in this hook.
    """
    raise NotImplementedError


@hookspec
def register_snapshot_sources(settings: Settings, snapshot: Source) -> Sequence[Source]:
    """Return the sources that this plugin adds to a recorded incident.

    ``snapshot`` implements the ports of ``plugins.sources.ports``; what this plugin recorded is in the folder
    ``plugins/NAME`` below ``snapshot.root``, a path, where NAME is that of the source.
    """
    raise NotImplementedError


@hookspec
def register_vocabulary() -> Sequence[Traversable]:
    """Return folders of YAML files that declare fact kinds."""
    raise NotImplementedError


@hookspec
def register_causes() -> Sequence[Traversable]:
    """Return folders of YAML files that declare causes."""
    raise NotImplementedError


@hookspec
def register_rules() -> Sequence[Traversable]:
    """Return folders of rule files (YAML, one rule a file, with embedded tests), searched recursively."""
    raise NotImplementedError


@hookspec
def register_runbooks() -> Sequence[Traversable]:
    """Return folders of runbooks, searched recursively, which reports quote beside those that are ingested."""
    raise NotImplementedError


@hookspec
def register_signals() -> Sequence[Traversable]:
    """Return folders of YAML files that say which metrics and expressions show a signal (docs/reference/signals.md)."""
    raise NotImplementedError


@hookspec
def register_alert_formats() -> Sequence[AlertFormat]:
    """Return formats of alerts that the service accepts beside those it knows."""
    raise NotImplementedError


@hookspec
def register_models(settings: Settings) -> Sequence[ModelKind]:
    """Return kinds of language models, which ``--model KIND:NAME`` opens."""
    raise NotImplementedError


@hookspec
def register_embedders(settings: Settings) -> Sequence[EmbedderKind]:
    """Return kinds of models that embed texts, which the setting ``model.embedder`` names."""
    raise NotImplementedError
