"""Reads the contents of the Secrets and ConfigMaps in which Helm keeps its releases; only where a setting says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from sre_orchestrator.core.models import Gap
from sre_orchestrator.plugins.objects.config import ConfigMap, Secret
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.sources.helm.records import record_of
from sre_orchestrator.plugins.sources.k8s.connection import FORBIDDEN, JSON, ApiError, Connection
from sre_orchestrator.plugins.sources.k8s.lists import failed
from sre_orchestrator.plugins.sources.k8s.resources import RELEASE
from sre_orchestrator.plugins.sources.ports import ReleaseRecord, ReleaseRecordList

PAGE = 25  # a record holds up to a megabyte
WHERE: dict[type[Object], dict[str, str]] = {
    Secret: {"fieldSelector": f"type={RELEASE}"},
    ConfigMap: {"labelSelector": "owner=helm"},
}


class _ListMeta(msgspec.Struct):
    continue_: str = msgspec.field(name="continue", default="")


class _Page(msgspec.Struct):
    metadata: _ListMeta = msgspec.field(default_factory=_ListMeta)
    items: list[msgspec.Raw] | None = None


def read_release_records(connection: Connection, namespaces: Sequence[str]) -> ReleaseRecordList:
    """Return the records in ``namespaces``; a namespace is complete where its Secrets could be read."""
    items: list[ReleaseRecord] = []
    gaps: list[Gap] = []
    complete: set[str] = set()
    for namespace in namespaces:
        for kind, query in WHERE.items():
            try:
                items += _records(connection, kind, namespace, query)
            except ApiError as error:
                if error.status != FORBIDDEN:  # whoever lists them tells that it is forbidden
                    gaps.append(failed(KINDS[kind], error, namespace))
            else:
                complete |= {namespace} if kind is Secret else set()
    return ReleaseRecordList(items=tuple(items), complete_in=frozenset(complete), gaps=tuple(gaps))


def _records(
    connection: Connection, kind: type[Object], namespace: str, query: dict[str, str]
) -> Iterator[ReleaseRecord]:
    """Yield the records of one list, page by page.

    Raises:
        ApiError: a page cannot be had.

    """
    path, token = f"/api/v1/namespaces/{namespace}/{KINDS[kind].plural}", ""
    while True:
        more = {"continue": token} if token else {}
        page = _page(connection.get(path, {**query, **more, "limit": PAGE}, JSON))
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
