"""Which selectors select which labelled things, kept current change by change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import NetworkPolicy, Service
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.selectors import LabelSelector
from sre_orchestrator.plugins.sources.components import template_of

T = TypeVar("T")
Place = tuple[str, ...]  # a namespace, or a namespace with a label and its value
Pair = tuple[str, str]  # id of what selects, id of what is selected


class Pairs(Struct, frozen=True, kw_only=True):
    """The pairs that a change ended and those that it made."""

    gone: frozenset[Pair]
    made: frozenset[Pair]


class Join:
    """Selectors and labelled things of the same namespace; each change tells which pairs it ended and made.

    No pair is stored: what a selector or a thing was paired with is found again from what it was.
    """

    def __init__(self) -> None:
        self._selectors: dict[Place, dict[str, LabelSelector]] = {}
        self._things: dict[Place, dict[str, Mapping[str, str]]] = {}

    def select(self, name: str, namespace: str, old: LabelSelector | None, new: LabelSelector | None) -> Pairs:
        """Let ``name`` select by ``new``, no longer by ``old``."""
        before = frozenset((name, thing) for thing in self._selected(namespace, old))
        after = frozenset((name, thing) for thing in self._selected(namespace, new))
        if old:
            _drop(self._selectors, _home(namespace, old), name)
        if new:
            self._selectors.setdefault(_home(namespace, new), {})[name] = new
        return Pairs(gone=before - after, made=after - before)

    def label(self, name: str, namespace: str, old: Mapping[str, str] | None, new: Mapping[str, str] | None) -> Pairs:
        """Let ``name`` carry the labels ``new``, no longer ``old``."""
        before = frozenset((one, name) for one in self._selecting(namespace, old))
        after = frozenset((one, name) for one in self._selecting(namespace, new))
        for place in _places(namespace, old):
            _drop(self._things, place, name)
        for place in _places(namespace, new):
            self._things.setdefault(place, {})[name] = new or {}
        return Pairs(gone=before - after, made=after - before)

    def _selected(self, namespace: str, selector: LabelSelector | None) -> Iterator[str]:
        """Yield what ``selector`` selects; only the things that carry the rarest of its labels are looked at."""
        if selector:
            wanted: list[Place] = [(namespace, *label) for label in selector.match_labels.items()] or [(namespace,)]
            candidates = min((self._things.get(place, {}) for place in wanted), key=len)
            yield from (name for name, labels in candidates.items() if selector.matches(labels))

    def _selecting(self, namespace: str, labels: Mapping[str, str] | None) -> Iterator[str]:
        for place in _places(namespace, labels):
            for name, selector in self._selectors.get(place, {}).items():
                if selector.matches(labels or {}):
                    yield name


def selector_of(item: Object | None) -> LabelSelector | None:
    """Return by what a Service or NetworkPolicy selects pods; a Service without a selector selects none."""
    if isinstance(item, NetworkPolicy):
        return item.spec.pod_selector
    if isinstance(item, Service) and item.spec.selector:
        return LabelSelector(match_labels=item.spec.selector)
    return None


def labels_of(item: Object | None) -> Mapping[str, str] | None:
    """Return the labels of a pod, or of the pods of a workload."""
    if isinstance(item, Pod):
        return item.metadata.labels
    template = template_of(item)
    return template.metadata.labels if template else None


def _home(namespace: str, selector: LabelSelector) -> Place:
    """Return where a selector is kept: under the first of its labels, which all that it selects carry."""
    return (namespace, *min(selector.match_labels.items(), default=()))


def _places(namespace: str, labels: Mapping[str, str] | None) -> Iterator[Place]:
    if labels is not None:
        yield (namespace,)
        yield from ((namespace, *label) for label in labels.items())


def _drop(kept: dict[Place, dict[str, T]], place: Place, name: str) -> None:
    del kept[place][name]
    if not kept[place]:
        del kept[place]
