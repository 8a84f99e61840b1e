"""Records the logs of the recorded pods."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sre_orchestrator.core.models import Gap, Struct
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.sources.k8s.connection import ApiError
from sre_orchestrator.plugins.sources.k8s.logs import streams_of, unread
from sre_orchestrator.plugins.sources.k8s.raw import RawReader
from sre_orchestrator.plugins.sources.ports import LogStream
from sre_orchestrator.plugins.sources.snapshot.layouts import SupportBundle
from sre_orchestrator.plugins.sources.snapshot.lists import read_listing
from sre_orchestrator.plugins.sources.snapshot.recording import AGENT, Recording, is_name, log_name
from sre_orchestrator.plugins.sources.snapshot.redaction import redacted_text


class LogLimits(Struct, frozen=True, kw_only=True):
    """How old a line may be (seconds, 0: any age), and bytes: of the end of each log, of all logs."""

    since_seconds: int = 0
    each_bytes: int = 4 * 1024**2
    all_bytes: int = 1024**3


class LogTaker:
    """Records logs until they are too large together; threads may share it."""

    def __init__(self, reader: RawReader, recording: Recording, limits: LogLimits) -> None:
        self._reader = reader
        self._recording = recording
        self._limits = limits
        self._left = limits.all_bytes
        self._gaps: dict[Gap, None] = {}
        self._skipped: Counter[str] = Counter()
        self._lock = threading.Lock()

    def record(self, stream: LogStream) -> str:
        """Record the end of a log unless it is recorded; return its pod.

        Raises:
            WriteError: the file cannot be written.

        """
        name = log_name(stream)
        known = self._recording.root / name
        if known.is_file():
            self._spend(known.stat().st_size)
        elif self._left > 0:
            self._fetch(stream, name)
        else:
            with self._lock:
                self._skipped[stream.namespace] += 1
        return stream.pod

    def gaps(self) -> tuple[Gap, ...]:
        """Return which logs are not recorded."""
        skipped = [
            Gap(
                agent=AGENT,
                what=f"{count} logs in namespace {namespace}",
                why=f"the others have {self._limits.all_bytes} bytes already",
                remedy="record fewer namespaces, or less of each log: snapshot take --namespace, --max-log-bytes",
            )
            for namespace, count in sorted(self._skipped.items())
        ]
        return (*self._gaps, *skipped)

    def _fetch(self, stream: LogStream, name: str) -> None:
        try:
            text = self._reader.log(stream, self._limits.since_seconds, self._limits.each_bytes)
        except ApiError as error:
            if gap := unread(stream, error):
                with self._lock:
                    self._gaps[gap] = None
            return
        # bytes that are no UTF-8 are kept as they are
        clean = redacted_text(text.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        self._recording.write(name, clean)
        self._spend(len(clean))

    def _spend(self, size: int) -> None:
        with self._lock:
            self._left -= size


def streams_in(root: Path) -> Sequence[LogStream]:
    """Return the logs that the recorded pods have, those of pods in trouble first; hostile names are left out."""
    pods = read_listing(SupportBundle(root), Pod).items
    return [one for one in streams_of(pods) if all(map(is_name, (one.namespace, one.pod, one.container)))]
