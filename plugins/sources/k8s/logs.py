"""The logs that pods have: the ends of a namespace's logs are fetched together, within bounds on requests and bytes."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from sre_orchestrator.core.models import Gap, Struct
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.registry import Listed
from sre_orchestrator.plugins.sources.k8s.connection import FORBIDDEN, ApiError, Connection, Query
from sre_orchestrator.plugins.sources.k8s.resources import role_line
from sre_orchestrator.plugins.sources.ports import LogStream

AGENT = "cluster"
FETCHED_TOGETHER = 8
TROUBLED, HEALTHY = 500, 600
# what an agent reads of the log of a healthy container at least (plugins.agents.logs), and how much is kept in all
NEWEST_BYTES = 64 * 1024
KEPT_BYTES = 32 * 1024 * 1024
LINE_BYTES, LEAST_LINES = 64, 50
LOGS = Listed(kind="Pod", plural="pods/log", folders=("pods",))


class Tail(Struct, frozen=True, kw_only=True):
    """The end of a log; ``whole`` when it is all of it."""

    text: bytes
    whole: bool


class Logs:
    """Reads container logs of one cluster, each end once."""

    def __init__(self, connection: Connection, log_bytes: int, line_bytes: int) -> None:
        self._connection = connection
        self._most = log_bytes
        self._line_bytes = line_bytes
        self._kept: dict[LogStream, Tail] = {}
        self._bytes = 0
        self._streams: dict[str, Sequence[LogStream]] = {}
        self._gaps: dict[Gap, None] = {}
        self._for_troubled, self._for_others, self._left_out = TROUBLED, HEALTHY, 0
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def gaps(self) -> Sequence[Gap]:
        """Return which logs could not be read, and how many were left out."""
        if not self._left_out:
            return tuple(self._gaps)
        left_out = Gap(
            agent=AGENT,
            what=f"the logs of {self._left_out} containers",
            why=f"one investigation reads {TROUBLED} logs of pods in trouble and {HEALTHY} of others at most",
            remedy="name a namespace that has fewer",
        )
        return (*self._gaps, left_out)

    def streams(self, namespace: str, pods: Iterable[Pod]) -> Sequence[LogStream]:
        """Return the logs that the containers of ``pods`` have, as far as the bounds of an investigation allow."""
        with self._guard:
            lock = self._locks[namespace]
        with lock:
            if namespace not in self._streams:
                with ThreadPoolExecutor(FETCHED_TOGETHER, thread_name_prefix="logs") as threads:
                    asked = self._chosen(tuple(pods))
                    exist = list(threads.map(self._exists, asked))
                self._streams[namespace] = tuple(one for one, there in zip(asked, exist, strict=True) if there)
            return self._streams[namespace]

    def _chosen(self, pods: Sequence[Pod]) -> Sequence[LogStream]:
        """Return which logs to read; no namespace takes more than half of what is left for pods without trouble."""
        troubled = list(streams_of(one for one in pods if _is_troubled(one)))
        others = list(streams_of(one for one in pods if not _is_troubled(one)))
        with self._guard:
            chosen = [*troubled[: self._for_troubled], *others[: (self._for_others + 1) // 2]]
            self._for_troubled -= len(troubled[: self._for_troubled])
            self._for_others -= len(others[: (self._for_others + 1) // 2])
            self._left_out += len(troubled) + len(others) - len(chosen)
        return chosen

    def _exists(self, stream: LogStream) -> bool:
        try:
            tail = self._tail(stream, min(NEWEST_BYTES, self._most))
        except ApiError as error:
            if gap := unread(stream, error):
                self._gaps[gap] = None
            return False  # 400 and 404: the container has not run, or its pod is gone
        with self._guard:
            if self._bytes + len(tail.text) <= KEPT_BYTES:
                self._bytes += len(tail.text)
                self._kept[stream] = tail
        return True

    def lines(self, stream: LogStream, newest_bytes: int) -> Iterator[str]:
        """Yield the newest lines, or without ``newest_bytes`` the first; nothing where the log cannot be read."""
        kept = self._kept.get(stream)
        try:
            if kept and (kept.whole or 0 < newest_bytes <= NEWEST_BYTES):
                yield from self._worded(_newest(kept.text, newest_bytes))
            elif newest_bytes:
                text = self._tail(stream, min(newest_bytes, self._most)).text
                yield from self._worded(_newest(text, newest_bytes))
            else:
                yield from self._worded(self._first(stream))
        except ApiError:
            return

    def _worded(self, lines: Iterable[bytes]) -> Iterator[str]:
        """Yield text; an over-long line is cut."""
        for line in lines:
            yield line[: self._line_bytes].decode("utf-8", "replace").rstrip("\r")

    def _first(self, stream: LogStream) -> Iterator[bytes]:
        """Yield lines from the first on, read as they are asked for: who needs few leaves the rest where it is."""
        path, query = _asked(stream, {"limitBytes": self._most})
        rest = b""
        with closing(self._connection.open(path, query)) as response:
            for chunk in self._connection.chunks(response):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole
        if rest:
            yield rest

    def _tail(self, stream: LogStream, newest: int) -> Tail:
        """Return about the last ``newest`` bytes: as many lines as hold them if lines are short.

        Where they are so long that the most that is read of a log ends before its end, fewer lines are asked for.
        """
        lines = max(newest // LINE_BYTES, LEAST_LINES)
        while True:
            text, cut = self._read(stream, {"tailLines": lines})
            if not cut or lines == 1:
                return Tail(text=text, whole=not cut and text.count(b"\n") < lines)
            lines = max(text.count(b"\n") // 2, 1)

    def _read(self, stream: LogStream, query: Query) -> tuple[bytes, bool]:
        """Return the text, and whether it was cut at the most that is read of a log."""
        return self._connection.read(*_asked(stream, query), self._most)


def streams_of(pods: Iterable[Pod]) -> Iterator[LogStream]:
    """Yield the logs that the containers of ``pods`` should have, pods in trouble first."""
    for pod in sorted(pods, key=lambda one: (one.ready, one.metadata.name)):
        for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
            ran_before = status.restart_count > 0 or status.last_state.terminated is not None
            now = [False] if status.state.running or status.state.terminated or ran_before else []
            for previous in (*now, *([True] if ran_before else [])):
                yield LogStream(
                    namespace=pod.metadata.namespace,
                    pod=pod.metadata.name,
                    container=status.name,
                    previous=previous,
                )


def _is_troubled(pod: Pod) -> bool:
    return not pod.ready and pod.status.phase != "Succeeded"


def unread(stream: LogStream, error: ApiError) -> Gap | None:
    """Return the gap of a log that could not be had; none where the container has not run, or its pod is gone."""
    if error.status == FORBIDDEN:
        return Gap(
            agent=AGENT,
            what=f"all logs in namespace {stream.namespace}",
            why="reading them is forbidden (403)",
            remedy=role_line(LOGS, stream.namespace, "get"),
        )
    if not error.passing:
        return None
    return Gap(
        agent=AGENT,
        what=f"the log of {stream.container} in {stream.pod} in namespace {stream.namespace}",
        why=str(error),
        remedy="ask again when the API server and the kubelet of the node answer",
    )


def _asked(stream: LogStream, query: Query) -> tuple[str, Query]:
    path = f"/api/v1/namespaces/{stream.namespace}/pods/{stream.pod}/log"
    return path, {**query, "container": stream.container, **({"previous": "true"} if stream.previous else {})}


def _newest(text: bytes, newest: int) -> list[bytes]:
    """Return the lines in the last ``newest`` bytes, from the first whole one on."""
    if newest and len(text) > newest:
        text = text[-newest:]
        text = text[text.find(b"\n", 0, newest // 2) + 1 :]
    return text.removesuffix(b"\n").split(b"\n") if text else []
