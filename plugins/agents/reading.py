"""What agents share when they read Kubernetes objects: scope, coverage, current events, the command that shows a fact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from sre_orchestrator.core.models import Coverage, Scope
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.sources.ports import Listing

K = TypeVar("K", bound=Object)


def in_scope(items: Iterable[K], scope: Scope) -> list[K]:
    """Return the objects that live in a namespace of ``scope``, or in none."""
    return [item for item in items if not item.metadata.namespace or item.metadata.namespace in scope.namespaces]


def covered(kinds: Iterable[str], *listings: Listing[Object]) -> Iterator[Coverage]:
    """Yield that facts of ``kinds`` are complete wherever all ``listings`` were read completely."""
    places = [listing.complete_in for listing in listings]
    named = frozenset[str]().union(*places)
    whole = {place for place in named if all(place in one or "*" in one for one in places)}
    for kind in kinds:
        for place in sorted(whole):
            yield Coverage(kind=kind, scope=place if place == "*" else f"namespace/{place}")


def current(events: Iterable[Event], present: Iterable[Object], scope: Scope) -> Iterator[Event]:
    """Yield the events about objects that are ``present`` (same name, and same uid where both are known).

    Events of objects that are gone belong to earlier troubles. Events after ``scope.until`` are
    left out: the incident is looked at as of then.
    """
    uids = {(one.metadata.namespace, one.metadata.name): one.metadata.uid for one in present}
    for event in events:
        about = event.about
        uid = uids.get((about.namespace, about.name))
        if uid is None or (uid and about.uid and uid != about.uid):
            continue
        if event.first is None or event.first <= scope.until:
            yield event


def kubectl_get(kind: str, namespace: str, name: str) -> str:
    """Return the command that shows an object."""
    return f"kubectl get {kind.lower()} {name}{_in(namespace)} -o yaml"


def kubectl_describe(kind: str, namespace: str, name: str) -> str:
    """Return the command that shows an object in words."""
    return f"kubectl describe {kind.lower()} {name}{_in(namespace)}"


def kubectl_events(kind: str, namespace: str, name: str) -> str:
    """Return the command that shows the events about an object."""
    return f"kubectl events --for {kind.lower()}/{name}{_in(namespace)}"


def _in(namespace: str) -> str:
    return f" -n {namespace}" if namespace else ""
