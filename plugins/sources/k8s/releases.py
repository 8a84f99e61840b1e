"""Reads the contents of the Secrets and ConfigMaps in which Helm keeps its releases; only where a setting says so."""

from __future__ import annotations

from collections.abc import Iterator, Set

import msgspec

from sre_orchestrator.core.models import Gap
from sre_orchestrator.plugins.objects.config import ConfigMap, Secret
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.sources.helm.history import OWNER, compared
from sre_orchestrator.plugins.sources.helm.records import record_of
from sre_orchestrator.plugins.sources.k8s.connection import JSON, ApiError, Connection
from sre_orchestrator.plugins.sources.k8s.lists import failed
from sre_orchestrator.plugins.sources.ports import ReleaseRecord, ReleaseRecordList

PAGE = 25  # a record holds up to a megabyte
KEEPING: tuple[type[Object], ...] = (Secret, ConfigMap)


class _ListMeta(msgspec.Struct):
    continue_: str = msgspec.field(name="continue", default="")


class _Page(msgspec.Struct):
    metadata: _ListMeta = msgspec.field(default_factory=_ListMeta)
    items: list[msgspec.Raw] | None = None


def with_contents(connection: Connection, listed: ReleaseRecordList) -> ReleaseRecordList:
    """Return ``listed`` (names and labels) with the payloads of the revisions that are compared.

    That is one list for each namespace, kind of record and page: of those revisions, not of all that are kept.
    """
    wanted: dict[tuple[str, str], set[str]] = {}
    for one in compared(listed.items):
        wanted.setdefault((one.namespace, one.kind), set()).add(one.labels.get("version", ""))
    found: dict[tuple[str, str, str], ReleaseRecord] = {}
    gaps: list[Gap] = []
    for (namespace, kind), versions in sorted(wanted.items()):
        struct = next(one for one in KEEPING if KINDS[one].kind == kind)
        try:
            found |= {_place(one): one for one in _records(connection, struct, namespace, versions)}
        except ApiError as error:
            gaps.append(failed(KINDS[struct], error, namespace))
    items = tuple(found.get(_place(one), one) for one in listed.items)
    return msgspec.structs.replace(listed, items=items, gaps=(*listed.gaps, *gaps))


def _records(connection: Connection, kind: type[Object], namespace: str, versions: Set[str]) -> Iterator[ReleaseRecord]:
    """Yield the records of some revisions, page by page.

    Raises:
        ApiError: a page cannot be had.

    """
    path, token = f"/api/v1/namespaces/{namespace}/{KINDS[kind].plural}", ""
    selector = f"owner={OWNER},version in ({','.join(sorted(versions))})"
    while True:
        more = {"continue": token} if token else {}
        page = _page(connection.get(path, {"labelSelector": selector, **more, "limit": PAGE}, JSON))
        found = (record_of(item, KINDS[kind].kind) for item in page.items or ())
        yield from (record for record in found if record is not None)
        token = page.metadata.continue_
        if not token:
            return


def _page(text: bytes) -> _Page:
    try:
        return msgspec.json.decode(text, type=_Page)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiError(f"what the server sent is no list: {error}") from error


def _place(one: ReleaseRecord) -> tuple[str, str, str]:
    return one.namespace, one.kind, one.name
