"""Reads lists and logs as they are on the wire, for who keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from sre_orchestrator.core.models import Gap, Struct
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.registry import KINDS, Listed
from sre_orchestrator.plugins.sources.k8s.connection import FORBIDDEN, GONE, NOT_FOUND, ApiError, Connection, Query
from sre_orchestrator.plugins.sources.k8s.lists import Lists, absent, failed, refused
from sre_orchestrator.plugins.sources.k8s.resources import VERSION, Resource, View, resource_of, views_of
from sre_orchestrator.plugins.sources.ports import EVERYWHERE, LogStream

DEFINITIONS = Listed(
    kind="CustomResourceDefinition",
    plural="customresourcedefinitions",
    group="apiextensions.k8s.io",
    folders=("custom-resource-definitions",),
    namespaced=False,
)
MAX_PAGE_BYTES = 64 * 1024 * 1024
MAX_PAGES = 20_000
_BY_PLACE = {(listed.group, listed.plural): kind for kind, listed in KINDS.items()}


class RawPage(Struct, frozen=True, kw_only=True):
    """A page of a list of ``scope``: a namespace, or ``*``; ``names_only`` where just the metadata were asked for."""

    scope: str
    api_version: str
    items: tuple[msgspec.Raw, ...] = ()
    names_only: bool = False


class Restarted(Exception):  # noqa: N818 - it is what happened
    """The list expired between two pages: what was yielded of it must be forgotten, it has to be read again."""


class _ListMeta(msgspec.Struct):
    continue_: str = msgspec.field(name="continue", default="")


class _Page(msgspec.Struct):
    metadata: _ListMeta = msgspec.field(default_factory=_ListMeta)
    items: list[msgspec.Raw] | None = None


class RawReader:
    """Reads one cluster; lists go on in ``namespaces`` where the whole cluster is forbidden."""

    def __init__(self, connection: Connection, lists: Lists, page_size: int) -> None:
        self._connection = connection
        self._lists = lists
        self._page_size = page_size

    def pages(self, listed: Listed, only: Sequence[str] = ()) -> Iterator[RawPage | Gap]:
        """Yield the pages of every list of a kind, in the namespaces ``only`` where these are given.

        A gap says what could not be read; a scope of which a page came, and no gap, was read completely.

        Raises:
            Restarted: the list expired meanwhile.

        """
        kind = _BY_PLACE.get((listed.group, listed.plural))
        resource = resource_of(listed, self._lists.groups() if listed.group else None)
        if resource is None:
            yield from self._absent(kind, listed)
            return
        if listed.namespaced and only:
            yield from self._in_namespaces(kind, resource, listed, only)
            return
        try:
            yield from self._list(kind, resource, listed, "")
        except ApiError as error:
            if error.status == NOT_FOUND:
                yield from self._absent(kind, listed)
            elif error.status != FORBIDDEN:
                yield failed(listed, error)
            elif listed.namespaced and self._lists.namespaces:
                yield from self._in_namespaces(kind, resource, listed, self._lists.namespaces)
            else:
                yield refused(listed)

    def log(self, stream: LogStream, since_seconds: int, most: int) -> bytes:
        """Return the newest lines of a log, ``most`` bytes at most; ``since_seconds`` 0 means of any age.

        Raises:
            ApiError: it cannot be had.

        """
        path = f"/api/v1/namespaces/{stream.namespace}/pods/{stream.pod}/log"
        query: dict[str, str | int] = {"container": stream.container}
        if stream.previous:
            query["previous"] = "true"
        elif since_seconds:
            query["sinceSeconds"] = since_seconds
        text, cut = self._connection.read(path, query, most)
        while cut and (lines := text.count(b"\n") * 3 // 4):
            text, cut = self._connection.read(path, {**query, "tailLines": lines}, most)
        return text

    def _absent(self, kind: type[Object] | None, listed: Listed) -> Iterator[RawPage | Gap]:
        gaps = absent(kind, listed).listing.gaps if kind else ()
        nothing = RawPage(scope=EVERYWHERE, api_version=f"{listed.group}/{VERSION}")
        yield from gaps or (nothing,)

    def _in_namespaces(
        self, kind: type[Object] | None, resource: Resource, listed: Listed, namespaces: Sequence[str]
    ) -> Iterator[RawPage | Gap]:
        for namespace in namespaces:
            try:
                yield from self._list(kind, resource, listed, namespace)
            except ApiError as error:
                forbidden = error.status == FORBIDDEN
                yield refused(listed, namespace) if forbidden else failed(listed, error, namespace)

    def _list(
        self, kind: type[Object] | None, resource: Resource, listed: Listed, namespace: str
    ) -> Iterator[RawPage | Gap]:
        """Yield the pages of one list.

        Raises:
            ApiError: its first page cannot be had.

        """
        begun = False
        for view in views_of(kind, namespace) if kind else (View(namespace=namespace),):
            try:
                for page in self._pages(resource, view, namespace):
                    begun = True
                    yield page
            except ApiError as error:
                if not begun:
                    raise
                if error.status == GONE:
                    raise Restarted from error
                yield failed(listed, error, namespace)

    def _pages(self, resource: Resource, view: View, namespace: str) -> Iterator[RawPage]:
        """Yield the pages of a view; when objects are very large, of fewer objects.

        Raises:
            ApiError: one cannot be had.

        """
        limit, token = self._page_size, ""
        for _ in range(MAX_PAGES):
            page = self._page(resource.path(namespace), limit, token, view)
            if page is None:
                limit //= 4
                continue
            yield RawPage(
                scope=namespace or EVERYWHERE,
                api_version=f"{resource.group}/{resource.version}" if resource.group else resource.version,
                items=tuple(page.items or ()),
                names_only=view.names_only,
            )
            token = page.metadata.continue_
            if not token:
                return
        raise ApiError(f"the list does not end within {MAX_PAGES} pages")

    def _page(self, path: str, limit: int, token: str, view: View) -> _Page | None:
        """Return a page, ``None`` when it is too large."""
        query: Query = {**view.query, "limit": max(limit, 1), **({"continue": token} if token else {})}
        text, cut = self._connection.read(path, query, MAX_PAGE_BYTES, accept=view.accept("PartialObjectMetadataList"))
        if cut and limit > 0:
            return None
        if cut:
            raise ApiError(f"one object of the list is larger than {MAX_PAGE_BYTES} bytes")
        try:
            return msgspec.json.decode(text.decode("utf-8", "replace"), type=_Page)
        except msgspec.DecodeError as error:
            raise ApiError(f"what the server sent is no list: {error}") from error
