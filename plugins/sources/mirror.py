"""The objects of a running cluster in memory, as its feed reports them, and what they change in the twin."""

from __future__ import annotations

import threading
import zlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import TypeVar, cast

import msgspec

from sre_orchestrator.core.models import Component, Edge, Gap, Struct
from sre_orchestrator.core.ports import Delta, Position, Record
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.nodes import Lease
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.sources.components import identity
from sre_orchestrator.plugins.sources.ports import Changed, Dependency, Listing, Reached, Relisted
from sre_orchestrator.plugins.sources.relations import READ, Relations
from sre_orchestrator.plugins.sources.snapshot.redaction import redacted
from sre_orchestrator.plugins.sources.twin_feed import feed

K = TypeVar("K", bound=Object)
Kind = type[Object]
News = Relisted | Changed | Reached
VOLATILE: frozenset[Kind] = frozenset({Event, Lease})  # many, and no part of the twin: listed again after a restart

FAST = 1
TOLD = "told"
"""The kind of the records of what other sources know; objects' kinds are those of Kubernetes."""


class Told(Struct, frozen=True, kw_only=True):
    """What a source knows for the twin beside the objects of the cluster."""

    components: tuple[Component, ...] = ()
    edges: tuple[Edge, ...] = ()
    dependencies: tuple[Dependency, ...] = ()


class Batch(Struct, frozen=True, kw_only=True):
    """What the news of a while amount to: the delta for the twin, and the objects as they are now or last were."""

    delta: Delta
    changed: tuple[Object, ...] = ()
    deleted: tuple[Object, ...] = ()


class Seen(Struct, frozen=True, kw_only=True):
    """What the last listing of a kind said about itself."""

    complete_in: frozenset[str] = frozenset()
    gaps: tuple[Gap, ...] = ()

    def covers(self, item: Object) -> bool:
        """Say whether the listing would hold ``item`` if it existed."""
        return bool({"*", item.metadata.namespace or "*"} & self.complete_in)


class Mirror:
    """What a feed has told so far (``ClusterObjects``); safe to read from any thread while it is told more.

    Objects that a listing does not cover and does not hold stay as they were last known: what
    cannot be read any more is not gone.
    """

    name = "mirror"

    def __init__(self, kinds: Sequence[Kind] = tuple(KINDS), version: str = "") -> None:
        self.kinds = tuple(kinds)
        self.version = version
        self._shelves = {kind: _Shelf() for kind in self.kinds}
        self._relations = Relations()
        self._before: dict[tuple[Kind, str], Object | None] = {}
        self._moved: set[Kind] = set()
        self._unread: dict[tuple[str, str], Record] = {}
        self.told: dict[str, Told] = {}
        self.missing: tuple[Gap, ...] = ()
        self._whole, self._stirred = True, True
        self._lock = threading.Lock()

    async def list(self, kind: type[K]) -> Listing[K]:
        """Return every object of ``kind`` as last told, sorted by namespace and name; with a gap when nothing was told."""
        with self._lock:
            return cast("Listing[K]", self._shelves.get(kind, _Shelf()).listing(kind))

    async def server_version(self) -> str:
        """Return the API server's version, such as ``v1.31.2``, or ``""``."""
        return self.version

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield components and relations of the objects as last told, and what could not be read."""
        async for one in feed(self):
            yield one

    @property
    def complete(self) -> bool:
        """Say whether every kind has been told, so that the objects amount to a whole twin."""
        with self._lock:
            return all(shelf.seen for shelf in self._shelves.values())

    @property
    def stirred(self) -> bool:
        """Say whether more than versions is different since the last time."""
        with self._lock:
            return self._stirred

    def versions(self) -> dict[Kind, str]:
        """Return after which version the feed is to go on; a kind that is not there is to be listed."""
        with self._lock:
            return {kind: shelf.version for kind, shelf in self._shelves.items() if shelf.version}

    def load(self, records: Iterable[Record], positions: Iterable[Position]) -> None:
        """Begin with what an earlier mirror left beside its twin; a kind that cannot be read whole is listed again."""
        lasting = {kind.__name__: kind for kind in self.kinds if kind not in VOLATILE}
        broken = set[str]()
        with self._lock:
            for record in records:
                try:
                    if record.kind == TOLD:
                        self.told[record.id] = msgspec.json.decode(zlib.decompress(record.content), type=Told)
                        continue
                    item = msgspec.json.decode(zlib.decompress(record.content), type=lasting[record.kind])
                except (KeyError, zlib.error, msgspec.DecodeError):
                    self._unread[record.kind, record.id] = Record(kind=record.kind, id=record.id)
                    broken.add(record.kind)
                else:
                    self._put(type(item), record.id, item)
            self._relate()
            for position in positions:
                if position.kind in lasting.keys() - broken and position.version:
                    shelf = self._shelves[lasting[position.kind]]
                    shelf.version, shelf.seen = position.version, msgspec.json.decode(position.notes, type=Seen)

    def heed(self, news: News) -> None:
        """Take note of what the feed reports."""
        with self._lock:
            if isinstance(news, Relisted):
                self._relist(news.kind, news.listing)
            elif isinstance(news, Changed):
                self._change(news.kind, identity(news.item), None if news.deleted else news.item)
            self._shelves[news.kind].version = news.resource_version
            self._moved.add(news.kind)

    def hear(self, told: Mapping[str, Told], missing: Iterable[Gap] = ()) -> None:
        """Let these be all that other sources know, by their names, and what they could not tell."""
        with self._lock:
            before, self.told, self.missing = self.told, dict(told), tuple(missing)
            differing = [name for name in before.keys() | self.told.keys() if before.get(name) != self.told.get(name)]
            self._unread |= {(TOLD, name): _record(TOLD, name, self.told.get(name)) for name in differing}
            if differing:
                self._relate()

    def take(self) -> Batch:
        """Return what is different since the last time; the first delta is whole, so let it wait for ``complete``."""
        with self._lock:
            delta = self._relations.take()
            before, self._before = self._before, {}
            now = {(kind, name): self._shelves[kind].items.get(name) for kind, name in before}
            records, self._unread = self._unread, {}
            positions = [_position(kind, self._shelves[kind]) for kind in self._moved - VOLATILE]
            whole, self._whole, self._stirred, self._moved = self._whole, False, False, set()
        differing = [key for key, item in before.items() if now[key] != item]
        for kind, name in differing:
            if kind not in VOLATILE:
                records[kind.__name__, name] = _record(kind.__name__, name, now[kind, name])
        return Batch(
            delta=msgspec.structs.replace(
                delta, whole=whole, records=tuple(records.values()), positions=tuple(positions)
            ),
            changed=tuple(item for key in differing if (item := now[key])),
            deleted=tuple(item for key in differing if not now[key] and (item := before[key])),
        )

    def _relate(self) -> None:
        every = self.told.values()
        self._relations.add(
            (one for told in every for one in told.components), (one for told in every for one in told.edges)
        )
        self._relations.declare(one for told in every for one in told.dependencies)
        self._stirred = True

    def _relist(self, kind: Kind, listing: Listing[Object]) -> None:
        shelf, items = self._shelves[kind], {identity(item): item for item in listing.items}
        seen = Seen(complete_in=listing.complete_in, gaps=listing.gaps)
        for name in [name for name, item in shelf.items.items() if name not in items and seen.covers(item)]:
            self._change(kind, name, None)
        for name, item in items.items():
            self._change(kind, name, item)
        shelf.seen, shelf.listed = seen, None

    def _change(self, kind: Kind, name: str, new: Object | None) -> None:
        old = self._shelves[kind].items.get(name)
        new = new and _kept(new)
        if old != new:
            self._before.setdefault((kind, name), old)
            self._put(kind, name, new)

    def _put(self, kind: Kind, name: str, new: Object | None) -> None:
        shelf = self._shelves[kind]
        old = shelf.items.pop(name, None)
        if new:
            shelf.items[name] = new
        shelf.listed = None
        if kind in READ:
            self._relations.change(old, new)
        self._stirred = True


class _Shelf:
    """The objects of one kind by id, the version that they are of, and what their last listing said."""

    def __init__(self) -> None:
        self.items: dict[str, Object] = {}
        self.version = ""
        self.seen: Seen | None = None
        self.listed: Listing[Object] | None = None

    def listing(self, kind: Kind) -> Listing[Object]:
        if self.seen is None:
            gap = Gap(agent=Mirror.name, what=f"all {KINDS[kind].plural}", why="they have not been listed yet")
            return Listing(items=(), gaps=(gap,))
        if self.listed is None:
            items = sorted(self.items.values(), key=lambda one: (one.metadata.namespace, one.metadata.name))
            self.listed = Listing(items=tuple(items), complete_in=self.seen.complete_in, gaps=self.seen.gaps)
        return self.listed


def _kept(item: Object) -> Object:
    """Return an object as it is remembered: without secrets, as in a recording, and without its kind, which lists do not name."""
    if type(item) in VOLATILE:
        return msgspec.structs.replace(item, kind="") if item.kind else item
    told = msgspec.json.decode(msgspec.json.encode(item)) | {"kind": ""}
    kept = redacted(told, type(item).__name__)
    if kept == told:
        return msgspec.structs.replace(item, kind="") if item.kind else item
    return msgspec.json.decode(msgspec.json.encode(kept), type=type(item))


def _position(kind: Kind, shelf: _Shelf) -> Position:
    return Position(kind=kind.__name__, version=shelf.version, notes=msgspec.json.encode(shelf.seen or Seen()))


def _record(kind: str, name: str, item: Object | Told | None) -> Record:
    content = zlib.compress(msgspec.json.encode(item), FAST) if item else b""
    return Record(kind=kind, id=name, content=content)
