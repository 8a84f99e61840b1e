"""Records a running cluster as a snapshot: lists, logs, metrics, alerts; redacted, and gone on with when interrupted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Protocol, TypeVar

import anyio
import msgspec

from sre_orchestrator.api.taking.logs import LogLimits, LogTaker, streams_in
from sre_orchestrator.api.taking.objects import custom_kinds, namespaces_in, record_kind
from sre_orchestrator.api.taking.others import record_others
from sre_orchestrator.api.taking.services import METRICS, late_gaps, record_alerts, record_metrics, record_probes
from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.models import Gap, Struct
from sre_orchestrator.plugins.objects.registry import KINDS, Listed
from sre_orchestrator.plugins.sources.k8s import Cluster
from sre_orchestrator.plugins.sources.k8s.raw import DEFINITIONS
from sre_orchestrator.plugins.sources.snapshot.formats import info_yaml
from sre_orchestrator.plugins.sources.snapshot.recording import Recording
from sre_orchestrator.plugins.sources.snapshot.source import Declared, SnapshotInfo

T = TypeVar("T")
TOGETHER = 8
VERSION = "cluster-info/cluster_version.json"


class Wanted(Struct, frozen=True, kw_only=True):
    """What is recorded: of which namespaces (empty: all), how much of logs, how many minutes of metrics."""

    namespaces: tuple[str, ...] = ()
    logs: LogLimits = LogLimits()
    window_minutes: float = 60.0
    question: str = ""


class Watched(Protocol):
    """Somebody who looks at the progress."""

    def expect(self, parts: int) -> None:
        """Expect so many more parts."""
        ...

    def done(self, what: str) -> None:
        """Note that a part is recorded."""
        ...


def take(cluster: Cluster, sources: Sources, recording: Recording, wanted: Wanted, watched: Watched) -> tuple[Gap, ...]:
    """Record a cluster and return what could not be; what ``recording`` holds already is not asked for again.

    Raises:
        WriteError: a file cannot be written; the next call goes on there.

    """
    reader = cluster.raw
    logs = LogTaker(reader, recording, wanted.logs)

    def kind(listed: Listed) -> str:
        record_kind(reader, recording, listed, wanted.namespaces)
        return listed.plural

    _together(kind, (*KINDS.values(), DEFINITIONS), watched)
    _together(kind, custom_kinds(recording.root), watched)
    _together(logs.record, streams_in(recording.root), watched)
    recording.finish_part("logs", logs.gaps())
    anyio.run(record_metrics, sources, recording, wanted.namespaces, wanted.window_minutes)
    anyio.run(record_alerts, sources, recording)
    anyio.run(record_probes, sources, recording, wanted.namespaces or namespaces_in(recording.root))
    record_others(sources, recording)
    recording.finish_part("services", late_gaps(sources))
    version = anyio.run(cluster.server_version)
    recording.write(VERSION, msgspec.json.encode({"info": {"gitVersion": version}, "string": version}))
    gaps = recording.gaps()
    recording.complete(info_yaml(_info(recording, wanted)))
    return gaps


def _together(record: Callable[[T], str], parts: Sequence[T], watched: Watched) -> None:
    """Record parts in threads; the first error ends it."""
    watched.expect(len(parts))
    threads = ThreadPoolExecutor(TOGETHER, thread_name_prefix="take")
    try:
        for one in as_completed([threads.submit(record, part) for part in parts]):
            watched.done(one.result())
    finally:
        threads.shutdown(cancel_futures=True)


def _info(recording: Recording, wanted: Wanted) -> SnapshotInfo:
    return SnapshotInfo(
        source="sre-orchestrator snapshot take",
        captured_at=recording.started_at,
        namespaces=wanted.namespaces,
        question=wanted.question,
        coverage=Declared(metrics=(recording.root / METRICS).is_file()),
    )
