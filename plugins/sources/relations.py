"""Keeps the components and relations of a cluster's objects, object by object."""

from __future__ import annotations

from collections.abc import Iterable

from sre_orchestrator.core.models import Component, Edge, EdgeKind
from sre_orchestrator.core.ports import Delta
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import Endpoints, HTTPRoute, NetworkPolicy, Service, VirtualService
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.workloads import DaemonSet, Deployment, StatefulSet, Workload
from sre_orchestrator.plugins.sources.calls import CallGraph
from sre_orchestrator.plugins.sources.components import COMPONENTS, component, identity
from sre_orchestrator.plugins.sources.joins import Join, Pairs, labels_of, selector_of
from sre_orchestrator.plugins.sources.ports import Dependency
from sre_orchestrator.plugins.sources.released import ReleaseComponents
from sre_orchestrator.plugins.sources.tally import Tally
from sre_orchestrator.plugins.sources.telling import told_by

READ: tuple[type[Object], ...] = (*COMPONENTS, Endpoints)
OPTIONAL = frozenset({HTTPRoute, VirtualService})  # custom resources: most clusters have none
LIMITED = (Deployment, StatefulSet, DaemonSet)


class Relations:
    """What the objects seen so far amount to, and what of it is different since it was last taken.

    A change costs as much as it changes: what an object tells by itself is read again, what two
    objects tell together is found through indexes.
    """

    def __init__(self) -> None:
        self._tally = Tally()
        self._calls = CallGraph(self._tally)
        self._selecting, self._limiting = Join(), Join()
        self._own: set[str] = set()
        self._added: dict[str, Component] = {}
        self._others: frozenset[Edge] = frozenset()
        self._releases = ReleaseComponents()
        self._before: dict[str, Component | None] = {}
        self._after: dict[str, Component | None] = {}

    def change(self, old: Object | None, new: Object | None) -> None:
        """Take note that ``old`` became ``new``, of a kind in ``READ``; ``None`` is an object that is not there."""
        self._change_component(old, new)
        if old and new and _status_only(old, new):
            return
        self._tally.change(set(told_by(old)) if old else (), set(told_by(new)) if new else ())
        self._calls.change(old, new)
        self._change_pairs(old, new)

    def declare(self, dependencies: Iterable[Dependency]) -> None:
        """Let ``dependencies`` be all the declared calls."""
        self._calls.declare(dependencies)

    def add(self, components: Iterable[Component], edges: Iterable[Edge]) -> None:
        """Let these be all that other sources know; of what objects are, they say nothing that counts."""
        before, self._added = self._added, {one.id: one for one in components}
        for name in (before.keys() | self._added.keys()) - self._own:
            self._before.setdefault(name, before.get(name))
            self._after[name] = self._added.get(name)
        others, self._others = self._others, frozenset(edges)
        self._tally.change(others - self._others, self._others - others)

    def take(self) -> Delta:
        """Return what is different since the last time."""
        before, after, self._before, self._after = self._before, self._after, {}, {}
        differing = [name for name in before if before[name] != after[name]]
        edges, edges_gone = self._tally.take()
        return Delta(
            components=tuple(one for name in differing if (one := after[name])),
            gone=tuple(name for name in differing if not after[name]),
            edges=edges,
            edges_gone=edges_gone,
        )

    def _change_component(self, old: Object | None, new: Object | None) -> None:
        item = new or old
        if isinstance(item, COMPONENTS):
            self._turn(identity(item), component(old) if old else None, component(new) if new else None)
        for turn in self._releases.change(old, new):
            self._turn(turn.name, turn.before, turn.after)

    def _turn(self, name: str, before: Component | None, after: Component | None) -> None:
        """Note what the objects say of a component; where they say nothing, others do."""
        added = self._added.get(name)
        self._before.setdefault(name, before or added)
        self._after[name] = after or added
        (self._own.add if after else self._own.discard)(name)

    def _change_pairs(self, old: Object | None, new: Object | None) -> None:
        """Find what services select and policies limit, from either side."""
        if isinstance(item := new or old, Service):
            pairs = self._selecting.select(*_names(item), selector_of(old), selector_of(new))
            self._pair(pairs, "selects", "spec.selector")
        elif isinstance(item, Pod):
            pairs = self._selecting.label(*_names(item), labels_of(old), labels_of(new))
            self._pair(pairs, "selects", "spec.selector")
        elif isinstance(item, NetworkPolicy):
            pairs = self._limiting.select(*_names(item), selector_of(old), selector_of(new))
            self._pair(pairs, "limits", "spec.podSelector")
        elif isinstance(item, LIMITED):
            pairs = self._limiting.label(*_names(item), labels_of(old), labels_of(new))
            self._pair(pairs, "limits", "spec.podSelector")

    def _pair(self, pairs: Pairs, kind: EdgeKind, provenance: str) -> None:
        gone, made = (
            [Edge(source=source, kind=kind, target=target, provenance=provenance) for source, target in side]
            for side in (pairs.gone, pairs.made)
        )
        self._tally.change(gone, made)


def _names(item: Object) -> tuple[str, str]:
    return identity(item), item.metadata.namespace


def _status_only(old: Object, new: Object) -> bool:
    """Say whether two states of an object differ at most in the status, which tells no relation."""
    if not (isinstance(old, Pod | Workload | Node) and isinstance(new, Pod | Workload | Node)):
        return False
    return old.metadata == new.metadata and old.spec == new.spec
