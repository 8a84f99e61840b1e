"""Lists a kind page by page into structs; what cannot be read becomes a gap with the permission that would show it."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Generic, TypeVar, cast

import msgspec

from sre_orchestrator.core.models import Gap, Struct
from sre_orchestrator.core.structs import decoder_of
from sre_orchestrator.plugins.objects.decoding import decode_object
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.registry import KINDS, Listed
from sre_orchestrator.plugins.objects.sharing import Shared
from sre_orchestrator.plugins.sources.k8s.connection import (
    FORBIDDEN,
    GONE,
    NOT_FOUND,
    ApiError,
    Connection,
)
from sre_orchestrator.plugins.sources.k8s.resources import (
    CUSTOM,
    Resource,
    View,
    decode_groups,
    places_of,
    resource_of,
    role_line,
    views_of,
)
from sre_orchestrator.plugins.sources.ports import EVERYWHERE, Listing

K = TypeVar("K", bound=Object)
AGENT = "cluster"


class Read(Struct, Generic[K], frozen=True, kw_only=True):
    """A listing as of a resource version, and the views by which its changes can be watched: none if nothing was read.

    Without a ``resource`` there is nothing to read: the server does not offer the kind, or forbids it.
    """

    listing: Listing[K]
    version: str = ""
    views: tuple[View, ...] = ()
    resource: Resource | None = None


class _Denied(Exception):  # noqa: N818 - becomes gaps
    """Listing is forbidden, in the whole cluster and in every namespace."""

    def __init__(self, gaps: Iterable[Gap]) -> None:
        super().__init__()
        self.gaps = tuple(gaps)


class Lists:
    """Reads kinds from one API server; in ``namespaces`` where listing the whole cluster is forbidden."""

    def __init__(self, connection: Connection, namespaces: Iterable[str], page_size: int) -> None:
        self.namespaces = tuple(namespaces)
        self._connection = connection
        self._page_size = page_size
        self._groups: Mapping[str, tuple[str, ...]] | None = None
        self._asked = False
        self._lock = threading.Lock()

    def read(self, kind: type[K], *, anew: bool = False) -> Read[K]:
        """Return every object of ``kind`` that may be read; what the server refuses or fails at is a gap.

        ``anew`` asks again which kinds the server offers where it did not offer this one.
        """
        if anew and self.resource(kind) is None:
            with self._lock:
                self._asked = False
        refusals: list[Gap] = []
        for listed in places_of(kind):
            if refusals and resource_of(listed, self.groups()) is None:
                break
            try:
                return self._read(kind, listed)
            except _Denied as denied:
                refusals += denied.gaps
        return Read(listing=Listing(items=(), gaps=tuple(refusals)))

    def resource(self, kind: type[Object]) -> Resource | None:
        """Return where a kind is served, ``None`` when the server does not offer its group."""
        listed = KINDS[kind]
        return resource_of(listed, self.groups() if listed.group else None)

    def groups(self) -> Mapping[str, tuple[str, ...]] | None:
        """Return the versions of each API group that the server offers, asked once; ``None`` when it does not say."""
        with self._lock:
            if not self._asked:
                self._asked = True
                try:
                    self._groups = decode_groups(self._connection.get("/apis"))
                except (ApiError, msgspec.DecodeError):
                    self._groups = None
            return self._groups

    def _read(self, kind: type[K], listed: Listed) -> Read[K]:
        resource = resource_of(listed, self.groups() if listed.group else None)
        if resource is None:
            return absent(kind, listed)
        try:
            return self._in(kind, listed, resource, "")
        except ApiError as error:
            if error.status == NOT_FOUND:
                return absent(kind, listed)
            if error.status != FORBIDDEN:
                return Read(listing=Listing(items=(), gaps=(failed(listed, error),)), resource=resource)
        if not listed.namespaced or not self.namespaces:
            raise _Denied([refused(listed)])
        return self._in_namespaces(kind, listed, resource)

    def _in_namespaces(self, kind: type[K], listed: Listed, resource: Resource) -> Read[K]:
        reads: list[Read[K]] = []
        gaps: list[Gap] = []
        denials = 0
        for namespace in self.namespaces:
            try:
                reads.append(self._in(kind, listed, resource, namespace))
            except ApiError as error:
                forbidden = error.status == FORBIDDEN
                denials += forbidden
                gaps.append(refused(listed, namespace) if forbidden else failed(listed, error, namespace))
        if denials == len(self.namespaces):
            raise _Denied(gaps)
        listings = [one.listing for one in reads]
        return Read(
            listing=Listing(
                items=tuple(item for one in listings for item in one.items),
                complete_in=frozenset[str]().union(*(one.complete_in for one in listings)),
                gaps=(*gaps, *(gap for one in listings for gap in one.gaps)),
            ),
            version=reads[0].version if reads else "",
            views=tuple(view for one in reads for view in one.views),
            resource=resource,
        )

    def _in(self, kind: type[K], listed: Listed, resource: Resource, namespace: str) -> Read[K]:
        """Return what one list holds.

        Raises:
            ApiError: its first page cannot be had.

        """
        views = views_of(kind, namespace)
        parts = [self._pages(kind, resource.path(namespace), view) for view in views]
        gaps = [gap for one in parts for gap in one.gaps]
        gaps += [failed(listed, one.broken, namespace) for one in parts if one.broken]
        return Read(
            listing=Listing(
                items=tuple(item for one in parts for item in one.items),
                complete_in=frozenset(() if gaps else (namespace or EVERYWHERE,)),
                gaps=tuple(gaps),
            ),
            version=parts[0].version,
            views=views,
            resource=resource,
        )

    def _pages(self, kind: type[K], path: str, view: View, *, again: bool = True) -> _Pages[K]:
        """Read page by page; when the first ones have expired meanwhile (410), all of them once more."""
        pages: _Pages[K] = _Pages(kind)
        token = ""
        while token or not pages.version:
            query: dict[str, str | int] = {
                **view.query,
                "limit": self._page_size,
                **({"continue": token} if token else {}),
            }
            try:
                token = pages.add(self._connection.get(path, query, view.accept("PartialObjectMetadataList")))
            except ApiError as error:
                if not pages.version:
                    raise
                if error.status == GONE and again:
                    return self._pages(kind, path, view, again=False)
                pages.broken, token = error, ""
        return pages


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(name="continue", default="")


class _Page(msgspec.Struct, Generic[K]):
    metadata: _ListMeta = msgspec.field(default_factory=_ListMeta)
    items: list[K] | None = None


class _LoosePage(msgspec.Struct):
    metadata: _ListMeta = msgspec.field(default_factory=_ListMeta)
    items: list[msgspec.Raw] | None = None


class _Pages(Generic[K]):
    """What the pages of one list gave so far; ``version`` is that of the first."""

    def __init__(self, kind: type[K]) -> None:
        self.items: list[K] = []
        self.gaps: list[Gap] = []
        self.version = ""
        self.broken: ApiError | None = None
        self._kind = kind
        self._shared = Shared()
        self._decoder = decoder_of(_Page[kind])  # type: ignore[valid-type]

    def add(self, text: bytes) -> str:
        """Add a page and return the token of the next one.

        Raises:
            ApiError: it is no list.

        """
        try:
            with uncollected():
                page = self._decoder.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            page = self._loose(text)
        if self._kind is Pod:
            self._shared.add(cast("list[Pod]", page.items or ()))
        self.items += page.items or ()
        self.version = self.version or page.metadata.resource_version or "0"
        return page.metadata.continue_

    def _loose(self, text: bytes) -> _Page[K]:
        """Read item by item, so that one bad item loses only itself."""
        try:
            page = msgspec.json.decode(text.decode("utf-8", "replace"), type=_LoosePage)
        except msgspec.DecodeError as error:
            raise ApiError(f"what the server sent is no list: {error}") from error
        good: list[K] = []
        for item in page.items or ():
            try:
                good.append(decode_object(item, self._kind))
            except msgspec.DecodeError as error:
                self.gaps.append(_unreadable(self._kind, f"one of {len(page.items or ())}", error))
        return _Page(metadata=page.metadata, items=good)


@contextmanager
def uncollected() -> Iterator[None]:
    """Let the garbage collector wait: it would walk over a page many times while it is decoded, and finds no cycle in it."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def absent(kind: type[K], listed: Listed) -> Read[K]:
    """Return what a server gives that does not know a kind: nothing, and nothing is missing if it need not know it."""
    if kind in CUSTOM:
        return Read(listing=Listing(items=(), complete_in=frozenset({EVERYWHERE})))
    gap = Gap(
        agent=AGENT,
        what=f"all {listed.plural}",
        why=f"the API server does not offer {listed.plural}{listed.group and '.'}{listed.group}",
        remedy="check that the address of the cluster is that of a Kubernetes API server",
    )
    return Read(listing=Listing(items=(), gaps=(gap,)))


def refused(listed: Listed, namespace: str = "") -> Gap:
    """Return the gap of a list that is forbidden, with the permission that would show it."""
    where = f" in namespace {namespace}" if namespace else ""
    return Gap(
        agent=AGENT,
        what=f"all {listed.plural}{where}",
        why="listing them is forbidden (403)",
        remedy=role_line(listed, namespace),
    )


def failed(listed: Listed, error: ApiError, namespace: str = "") -> Gap:
    """Return the gap of a list that could not be had."""
    where = f" in namespace {namespace}" if namespace else ""
    return Gap(
        agent=AGENT, what=f"all {listed.plural}{where}", why=str(error), remedy="ask again when the API server answers"
    )


def _unreadable(kind: type[Object], which: str, error: Exception) -> Gap:
    return Gap(
        agent=AGENT,
        what=f"{which} {kind.__name__} objects",
        why=f"cannot be read: {error}",
        remedy="report this as a bug of the program",
    )
