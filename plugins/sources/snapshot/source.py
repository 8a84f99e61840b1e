"""A recorded incident behind the ports that live sources have."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal, TypeVar, cast

import msgspec

from sre_orchestrator.core.documents import DocumentError, read_yaml
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.identity import namespace_of
from sre_orchestrator.core.models import Component, Edge, Gap, Struct
from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.objects.config import Secret
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.nodes import Lease, Node
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.sources.alert_list import ToldAlert
from sre_orchestrator.plugins.sources.helm.source import HelmReleases
from sre_orchestrator.plugins.sources.ports import (
    Alert,
    Dependency,
    HttpProbe,
    Listing,
    LogStream,
    Probes,
    ReleaseHistory,
    ReleaseRecordList,
    Series,
    TcpProbe,
    TlsProbe,
    Unit,
)
from sre_orchestrator.plugins.sources.snapshot.archive import unpacked
from sre_orchestrator.plugins.sources.snapshot.layouts import Layout, LogFile, find_layout, section_of
from sre_orchestrator.plugins.sources.snapshot.lists import is_about, read_listing
from sre_orchestrator.plugins.sources.snapshot.releases import recorded_releases
from sre_orchestrator.plugins.sources.snapshot.units import read_unit
from sre_orchestrator.plugins.sources.twin_feed import feed

K = TypeVar("K", bound=Object)
T = TypeVar("T")


class Declared(Struct, frozen=True, kw_only=True):
    """What ``snapshot.yaml`` says of its completeness.

    ``events`` lists the namespaces whose events are all there; a remark in words instead
    (``describe only``) means that none is complete, no ``events`` that nobody said.
    """

    logs: Literal["full", "error-samples", "none"] = "full"
    metrics: bool = True
    events: tuple[str, ...] | str | None = None


class SnapshotInfo(Struct, frozen=True, kw_only=True):
    """``snapshot.yaml``."""

    format: int = 1
    source: str = ""
    captured_at: datetime | None = None
    namespaces: tuple[str, ...] = ()
    question: str = ""
    coverage: Declared = Declared()


class _Probe(msgspec.Struct):
    namespace: str
    service: str
    port: int
    reachable: bool
    output: str = ""


class Snapshot:
    """One recorded incident; implements every port of ``plugins.sources.ports``.

    Lists are decoded when first asked for, once, whichever thread asks. Use it as a context
    manager: an archive is unpacked to a temporary folder that is removed at the end.
    """

    name = "snapshot"

    def __init__(self, layout: Layout, limits: SnapshotLimits, cleanup: ExitStack) -> None:
        self.root = layout.root
        self._layout = layout
        self.info, self._gaps = _info(layout.root)
        self._limits = limits
        self._cleanup = cleanup
        self._told = tuple(self._json("gaps.json", list[Gap]) or ())
        # those about a kind are told with its list
        self._gaps += [gap for gap in self._told if not any(is_about(gap, listed) for listed in KINDS.values())]
        self._known: dict[type[Object], Listing[Any]] = {}
        self._logs: dict[str, dict[tuple[str, str, bool], LogFile]] = {}
        self._series: Sequence[Series] | None = None
        self._lock = threading.RLock()

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove what was unpacked."""
        self._cleanup.close()

    async def list(self, kind: type[K]) -> Listing[K]:
        """Return every object of ``kind``."""
        return self._listing(kind)

    def _listing(self, kind: type[K]) -> Listing[K]:
        with self._lock:
            if kind not in self._known:
                declared = self.info.coverage.events if kind is Event else None
                complete = (
                    frozenset() if isinstance(declared, str) else None if declared is None else frozenset(declared)
                )
                self._known[kind] = read_listing(self._layout, kind, complete, self._told)
            return cast("Listing[K]", self._known[kind])

    async def server_version(self) -> str:
        """Return the API server's version, or ``""``."""
        read = self._json("cluster-info/cluster_version.json", dict[str, Any])
        info = (read or {}).get("info", {})
        return str(info.get("gitVersion", "")) if isinstance(info, dict) else ""

    async def streams(self, namespace: str) -> Sequence[LogStream]:
        """Return the logs that were recorded in ``namespace``."""
        complete = self.info.coverage.logs == "full"
        return [msgspec.structs.replace(one.stream, complete=complete) for one in self._logs_of(namespace)]

    def _logs_of(self, namespace: str) -> Sequence[LogFile]:
        with self._lock:
            if namespace not in self._logs:
                self._logs[namespace] = {_place(one.stream): one for one in self._layout.logs(namespace)}
            return tuple(self._logs[namespace].values())

    def lines(self, stream: LogStream, *, newest_bytes: int = 0) -> Iterator[str]:
        """Yield the lines, oldest first; an over-long line is cut at ``snapshot_limits.log_line_bytes``.

        ``newest_bytes`` skips what is before the last so many bytes of a log that has a file of its own.
        """
        self._logs_of(stream.namespace)
        found = self._logs[stream.namespace].get(_place(stream))
        if found is None:
            return
        with found.path.open("rb") as log:
            if newest_bytes and not found.section and found.path.stat().st_size > newest_bytes:
                log.seek(-newest_bytes, os.SEEK_END)
                log.readline(newest_bytes // 2)
            lines = _cut(log, self._limits.log_line_bytes)
            for line in section_of(lines, found.section) if found.section else lines:
                yield line.decode("utf-8", "replace").rstrip("\r\n")

    async def series(self, since: datetime, until: datetime, namespaces: Sequence[str] = ()) -> Sequence[Series]:
        """Return all recorded series; a recording is a window already."""
        del since, until, namespaces
        with self._lock:
            if self._series is None:
                self._series, gaps = _series(self.root / "prometheus" / "metrics.om")
                self._gaps += gaps
        return self._series

    async def alerts(self) -> Sequence[Alert]:
        """Return the recorded alerts."""
        return [one.alert() for one in self._json("alertmanager/alerts.json", list[ToldAlert]) or ()]

    async def probes(self, namespaces: Sequence[str]) -> Probes:
        """Return the recorded probes of ``namespaces``."""
        tcp = (
            TcpProbe(
                namespace=one.namespace, service=one.service, port=one.port, reachable=one.reachable, output=one.output
            )
            for one in self._json("probes/tcp.json", list[_Probe]) or []
        )
        tls = self._json("probes/tls.json", list[TlsProbe]) or []
        http = self._json("probes/http.json", list[HttpProbe]) or []
        return Probes(
            tcp=tuple(one for one in tcp if one.namespace in namespaces),
            tls=tuple(one for one in tls if namespace_of(one.component) in namespaces),
            http=tuple(one for one in http if namespace_of(one.component) in namespaces),
        )

    async def units(self) -> Sequence[Unit]:
        """Return the recorded system units."""
        found = []
        for path in sorted((self.root / "host-collectors").glob("*/systemctl-status-*.txt")):
            text = path.read_bytes().decode("utf-8", "replace")
            unit = read_unit(path.parent.name, path.stem.removeprefix("systemctl-status-"), text, self.captured_at)
            if unit:
                found.append(unit)
        return found

    async def dependencies(self) -> Sequence[Dependency]:
        """Return the declared call relations."""
        read = self._json("topology/service-dependencies.json", dict[str, list[str]]) or {}
        namespaces = self.info.namespaces or ("",)
        return [
            Dependency(
                namespace=namespaces[0], caller=caller, callee=callee, provenance="topology/service-dependencies.json"
            )
            for caller in sorted(read)
            for callee in read[caller]
        ]

    async def release_records(self, namespaces: Sequence[str]) -> ReleaseRecordList:
        """Return what was recorded of Helm's own records in ``namespaces``."""
        found = tuple(recorded_releases(self._layout, namespaces))
        return ReleaseRecordList(items=found, complete_in=self._listing(Secret).complete_in)

    async def releases(self, namespaces: Sequence[str]) -> ReleaseHistory:
        """Return the revisions of the Helm releases in ``namespaces``."""
        return await HelmReleases(self, contents=True).releases(namespaces)

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield components and relations for the twin, and what could not be read.

        Every small file is read here once, so that its gap is known whatever the agents ask.
        """
        async for one in feed(self):
            yield one
        await self.alerts()
        await self.probes(())
        await self.series(self.captured_at, self.captured_at)
        for gap in self._gaps:
            yield gap

    @property
    def captured_at(self) -> datetime:
        """Return when it was recorded: as declared, else the newest lease, heartbeat or event, else the file's time."""
        if self.info.captured_at:
            return self.info.captured_at
        times = [lease.spec.renew_time for lease in self._listing(Lease).items]
        times += [one.last_heartbeat_time for node in self._listing(Node).items for one in node.status.conditions]
        times += [event.last for event in self._listing(Event).items]
        known = [at for at in times if at is not None]
        return max(known, default=datetime.fromtimestamp(self.root.stat().st_mtime, UTC))

    def _json(self, name: str, kind: type[T]) -> T | None:
        path = self.root / name
        if not path.is_file():
            return None
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OSError) as error:
            gap = Gap(agent="snapshot", what=name, why=f"cannot be read: {error}", remedy="record the snapshot again")
            if gap not in self._gaps:
                self._gaps.append(gap)
            return None


def open_snapshot(path: Path, limits: SnapshotLimits) -> Snapshot:
    """Open a snapshot folder or archive.

    Raises:
        InputError: it does not exist, is unsafe or damaged, or holds no snapshot.

    """
    with ExitStack() as cleanup:
        layout = find_layout(cleanup.enter_context(unpacked(path, limits)))
        if layout is None:
            raise InputError(
                f"{path}: is no snapshot: it holds no cluster-resources, cluster-info, namespaces or NAMESPACE/pods.json;"
                " give a snapshot, a support bundle, a must-gather or a kubectl cluster-info dump"
            )
        return Snapshot(layout, limits, cleanup.pop_all())


def _place(stream: LogStream) -> tuple[str, str, bool]:
    return stream.pod, stream.container, stream.previous


def _cut(log: IO[bytes], limit: int) -> Iterator[bytes]:
    """Yield the lines of a file, each cut at ``limit`` bytes."""
    while line := log.readline(limit):
        while line[-1:] != b"\n" and len(line) == limit and (rest := log.readline(limit)):
            if rest[-1:] == b"\n" or len(rest) < limit:
                break
        yield line


def _series(path: Path) -> tuple[tuple[Series, ...], tuple[Gap, ...]]:
    if not path.is_file():
        return (), ()
    from sre_orchestrator.plugins.sources.snapshot.openmetrics import read_series  # noqa: PLC0415 - numpy is slow to import

    return read_series(path)


def _info(root: Path) -> tuple[SnapshotInfo, list[Gap]]:
    path = root / "snapshot.yaml"
    if not path.is_file():
        return SnapshotInfo(), []
    try:
        info = read_yaml(path.read_bytes(), SnapshotInfo)
    except (OSError, DocumentError) as error:
        return SnapshotInfo(), [
            Gap(agent="snapshot", what="snapshot.yaml", why=str(error), remedy="correct it; it was ignored")
        ]
    if info.captured_at and info.captured_at.tzinfo is None:
        info = msgspec.structs.replace(info, captured_at=info.captured_at.replace(tzinfo=UTC))
    return info, []
