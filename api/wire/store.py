"""Objects by resource, encoded once, with their versions: what the server lists and watches."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from sre_orchestrator.api.wire.logs import ContainerLog, LogKey
from sre_orchestrator.api.wire.resources import Json, Resource, defined, guessed, known_resources
from sre_orchestrator.core.models import Struct

HISTORY = 100_000
Key = tuple[str, str]
"""Namespace and name."""


class ExpiredError(Exception):
    """The changes since a version are no longer known."""


class Stored(Struct, frozen=True, kw_only=True):
    """One object: ``body`` is its JSON without kind and apiVersion, as items of lists are."""

    key: Key
    body: bytes
    labels: dict[str, str]

    def json(self) -> Json:
        """Return the decoded body."""
        decoded: Json = msgspec.json.decode(self.body)
        return decoded


class Change(Struct, frozen=True, kw_only=True):
    """What happened to one object: ``before`` is absent when it was added, ``after`` is its last state when deleted."""

    version: int
    before: Stored | None
    after: Stored
    deleted: bool = False


class Ask(Struct, frozen=True, kw_only=True):
    """What a client wants to do; ``namespace`` is empty for the whole cluster."""

    verb: str
    resource: Resource
    namespace: str = ""


class _Shelf:
    """The objects of one resource."""

    def __init__(self, resource: Resource, lock: threading.RLock) -> None:
        self.resource = resource
        self.keys: list[Key] = []
        self.items: dict[Key, Stored] = {}
        self.history: deque[Change] = deque(maxlen=HISTORY)
        self.changed = threading.Condition(lock)


class Store:
    """A cluster's objects; safe to change while clients read and watch.

    ``clock`` is the moment that ages and ``sinceSeconds`` count from, ``server_version`` what ``/version`` answers,
    ``allows`` what clients may read (nothing else is ever served), ``refusal`` why they may not read the rest.
    """

    def __init__(
        self, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC), server_version: str = "v1.34.0"
    ) -> None:
        self.clock = clock
        self.server_version = server_version
        self.refusal = ""
        self.allows: Callable[[Ask], bool] = lambda _: True
        self.logs: dict[LogKey, ContainerLog] = {}
        self._lock = threading.RLock()
        self._version = 1
        self._floor = 1
        self._shelves: dict[tuple[str, str], _Shelf] = {}
        self._kinds: dict[tuple[str, str], _Shelf] = {}
        for resource in known_resources():
            self.define(resource)

    def define(self, resource: Resource) -> None:
        """Serve ``resource`` from now on, or describe better what is served already."""
        with self._lock:
            shelf = self._shelves.get((resource.group, resource.plural)) or _Shelf(resource, self._lock)
            shelf.resource = resource
            self._shelves[resource.group, resource.plural] = shelf
            self._kinds[resource.group, resource.kind] = shelf

    def resources(self) -> list[Resource]:
        """Return what is served, by group and name."""
        with self._lock:
            return [shelf.resource for _, shelf in sorted(self._shelves.items())]

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """Return a served resource."""
        shelf = self._shelves.get((group, plural))
        return shelf.resource if shelf and version in shelf.resource.versions else None

    @property
    def version(self) -> int:
        """Return the newest resource version."""
        return self._version

    def apply(self, item: Json, *, plural: str = "") -> int:
        """Add or replace an object (with kind, apiVersion and a name); return its version.

        A resource version that the object brings is kept where it is new; ``plural`` names a kind that is unknown.
        """
        with self._lock:
            shelf = self._shelf_of(item, plural)
            before = shelf.items.get(_key(item))
            self._version += 1
            stored = _stored(item, self._version, keep=before is None)
            if before is None:
                insort(shelf.keys, stored.key)
            shelf.items[stored.key] = stored
            if item["kind"] == "CustomResourceDefinition" and (resource := defined(item)):
                self.define(resource)
            return self._tell(shelf, Change(version=self._version, before=before, after=stored))

    def delete(self, kind: str, name: str, namespace: str = "", *, group: str = "") -> int:
        """Remove an object; return the version of its removal.

        Raises:
            KeyError: there is no such object.

        """
        with self._lock:
            shelf = self._kinds[group, kind]
            before = shelf.items.pop((namespace, name))
            del shelf.keys[bisect_left(shelf.keys, before.key)]
            self._version += 1
            last = _stored(before.json(), self._version, keep=False)
            return self._tell(shelf, Change(version=self._version, before=before, after=last, deleted=True))

    def expire(self) -> None:
        """Forget how it came to this: to go on from an older version is answered 410 from now on."""
        with self._lock:
            self._floor = self._version
            for shelf in self._shelves.values():
                shelf.history.clear()

    def get(self, resource: Resource, namespace: str, name: str) -> Stored | None:
        """Return one object."""
        return self._shelf(resource).items.get((namespace, name))

    def items(self, resource: Resource, namespace: str = "", after: Key | None = None) -> Iterator[Stored]:
        """Yield objects in the order of namespace and name, those that come after a key."""
        shelf = self._shelf(resource)
        with self._lock:
            start = bisect_left(shelf.keys, (namespace, ""))
            if after is not None:
                start = max(start, bisect_left(shelf.keys, (after[0], after[1] + "\0")))
            end = bisect_left(shelf.keys, (namespace + "\0", "")) if namespace else len(shelf.keys)
            keys = shelf.keys[start:end]
        for key in keys:
            if found := shelf.items.get(key):
                yield found

    def state(self, resource: Resource, namespace: str = "") -> tuple[int, list[Stored]]:
        """Return the version and the objects of one moment."""
        with self._lock:
            return self._version, list(self.items(resource, namespace))

    def changes(self, resource: Resource, since: int) -> list[Change]:
        """Return what changed after version ``since``, oldest first.

        Raises:
            ExpiredError: that is no longer known.

        """
        shelf = self._shelf(resource)
        with self._lock:
            if since < self._floor:
                raise ExpiredError(f"too old resource version: {since} ({self._floor})")
            if shelf.history and len(shelf.history) == HISTORY and since < shelf.history[0].version - 1:
                raise ExpiredError(f"too old resource version: {since} ({shelf.history[0].version})")
            if not shelf.history or shelf.history[-1].version <= since:
                return []
            newer: deque[Change] = deque()
            for change in reversed(shelf.history):
                if change.version <= since:
                    break
                newer.appendleft(change)
            return list(newer)

    def wait(self, resource: Resource, since: int, seconds: float) -> None:
        """Return once something changed after version ``since``, or after ``seconds``, or when woken."""
        shelf = self._shelf(resource)
        with self._lock:
            if not shelf.history or shelf.history[-1].version <= since:
                shelf.changed.wait(seconds)

    def wake(self) -> None:
        """Wake everyone who waits."""
        with self._lock:
            for shelf in self._shelves.values():
                shelf.changed.notify_all()

    def _tell(self, shelf: _Shelf, change: Change) -> int:
        shelf.history.append(change)
        shelf.changed.notify_all()
        return change.version

    def _shelf(self, resource: Resource) -> _Shelf:
        return self._shelves[resource.group, resource.plural]

    def _shelf_of(self, item: Json, plural: str) -> _Shelf:
        api_version, kind = str(item["apiVersion"]), str(item["kind"])
        group, _, version = api_version.rpartition("/")
        shelf = self._kinds.get((group, kind))
        if shelf is None:
            namespaced = bool(item["metadata"].get("namespace"))
            self.define(guessed(api_version, kind, namespaced=namespaced, plural=plural))
        elif version not in shelf.resource.versions:
            versions = (*shelf.resource.versions, version)
            self.define(msgspec.structs.replace(shelf.resource, versions=versions))
        return self._kinds[group, kind]


def _key(item: Json) -> Key:
    metadata = item["metadata"]
    return str(metadata.get("namespace") or ""), str(metadata["name"])


def _stored(item: Json, version: int, *, keep: bool) -> Stored:
    metadata = dict(item["metadata"])
    if not (keep and metadata.get("resourceVersion")):
        metadata["resourceVersion"] = str(version)
    labels = metadata.get("labels")
    body = {"metadata": metadata} | {
        key: value for key, value in item.items() if key not in ("kind", "apiVersion", "metadata")
    }
    return Stored(
        key=_key(item),
        body=msgspec.json.encode(body),
        labels={str(key): str(value) for key, value in labels.items()} if isinstance(labels, Mapping) else {},
    )
