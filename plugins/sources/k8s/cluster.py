"""A running cluster behind the ports: objects, their changes, logs. It only ever reads."""

from __future__ import annotations

import os
import random
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import msgspec

from sre_orchestrator.core.errors import InputError, SourceMissing
from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.core.structs import learn_structs
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.sources.helm.history import labelled
from sre_orchestrator.plugins.sources.k8s.access import Access, find_access
from sre_orchestrator.plugins.sources.k8s.connection import FORBIDDEN, UNAUTHORIZED, ApiError, Connection
from sre_orchestrator.plugins.sources.k8s.feed import Feed
from sre_orchestrator.plugins.sources.k8s.follower import PACE, Pace
from sre_orchestrator.plugins.sources.k8s.lists import AGENT, Lists, Read
from sre_orchestrator.plugins.sources.k8s.logs import Logs
from sre_orchestrator.plugins.sources.k8s.permissions import granted
from sre_orchestrator.plugins.sources.k8s.raw import RawReader
from sre_orchestrator.plugins.sources.k8s.releases import with_contents
from sre_orchestrator.plugins.sources.k8s.resources import role_line
from sre_orchestrator.plugins.sources.ports import (
    Changed,
    ClusterObjects,
    Grant,
    Listing,
    LogStream,
    Reached,
    ReleaseRecordList,
    Relisted,
    Right,
)
from sre_orchestrator.plugins.sources.twin_feed import feed

K = TypeVar("K", bound=Object)
LISTED_TOGETHER = 8


class _Version(msgspec.Struct, rename="camel"):
    git_version: str = ""


class Cluster:
    """One Kubernetes cluster; lists are read when first asked for, once, whichever thread asks.

    ``context`` is the kubeconfig's, empty in a pod; ``namespaces`` are where objects are listed when
    that is forbidden in the whole cluster; ``requests`` counts the requests that were sent. With ``objects``
    no lists are read: what they hold, such as a mirror of the cluster, is the answer.
    """

    name = AGENT

    def __init__(
        self,
        connection: Connection,
        access: Access,
        settings: Settings,
        *,
        version: str = "",
        pace: Pace = PACE,
        objects: ClusterObjects | None = None,
    ) -> None:
        self.context = access.context
        self.namespaces = _namespaces(settings, access)
        self._version = version
        self._objects = objects
        self._pace = pace
        self._connection = connection
        self._page_size = settings.cluster.page_size
        self._lists = Lists(connection, self.namespaces, self._page_size)
        self._logs = Logs(connection, settings.cluster.log_bytes, settings.snapshot_limits.log_line_bytes)
        self._known: dict[type[Object], Read[Any]] = {}
        self._guard = threading.Lock()
        self._locks: dict[type[Object], threading.Lock] = defaultdict(threading.Lock)

    @property
    def requests(self) -> int:
        """Return how many requests were sent so far."""
        return self._connection.requests

    @property
    def address(self) -> str:
        """Return the address of the API server."""
        return self._connection.host

    @property
    def place(self) -> str:
        """Return where the configuration of the access is from."""
        return self._connection.place

    @property
    def native(self) -> bool:
        """Say whether an API server answers, which tells of changes and of permissions."""
        return self._connection.native

    @property
    def raw(self) -> RawReader:
        """Return what reads the same cluster as it is on the wire."""
        return RawReader(self._connection, self._lists, self._page_size)

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    async def list(self, kind: type[K]) -> Listing[K]:
        """Return every object of ``kind``, as when it was first asked for."""
        if self._objects:
            return await self._objects.list(kind)
        return self._read(kind).listing

    def _read(self, kind: type[K]) -> Read[K]:
        with self._guard:
            lock = self._locks[kind]
        with lock:
            if kind not in self._known:
                self._known[kind] = self._lists.read(kind)
            return cast("Read[K]", self._known[kind])

    async def server_version(self) -> str:
        """Return the API server's version, or ``""``."""
        return self._version

    async def api_groups(self) -> frozenset[str]:
        """Return the API groups that the server offers; only the core group where it does not say."""
        return frozenset({"", *(self._lists.groups() or ())})

    async def grants(self, rights: Sequence[Right], namespaces: Sequence[str]) -> Sequence[Grant]:
        """Return which of ``rights`` this account has.

        Raises:
            SourceMissing: the server does not answer the question.

        """
        try:
            return tuple(granted(self._connection, rights, namespaces))
        except (ApiError, msgspec.DecodeError) as error:
            raise SourceMissing(f"{self.place} ({self.address}): permissions cannot be asked for: {error}") from error

    async def streams(self, namespace: str) -> Sequence[LogStream]:
        """Return the logs that exist in ``namespace``."""
        every = (await self.list(Pod)).items
        return self._logs.streams(namespace, (one for one in every if one.metadata.namespace == namespace))

    def lines(self, stream: LogStream, *, newest_bytes: int = 0) -> Iterator[str]:
        """Yield the lines, oldest first, ``cluster.log_bytes`` at most; nothing where the log cannot be read."""
        return self._logs.lines(stream, newest_bytes)

    def follow(
        self, kinds: Sequence[type[Object]], since: Mapping[type[Object], str], stop: threading.Event
    ) -> Iterator[Relisted | Changed | Reached]:
        """Yield the changes of ``kinds`` as they happen (``ObjectFeed``), or lists where nobody tells of changes."""
        return Feed(self._connection, self._lists, self._pace, random.Random()).follow(kinds, since, stop)

    async def release_records(self, namespaces: Sequence[str]) -> ReleaseRecordList:
        """Return what Helm keeps of its releases in ``namespaces``: contents of Secrets, so only ask where that is wanted."""
        return with_contents(self._connection, await labelled(self, namespaces))

    def gaps(self) -> Sequence[Gap]:
        """Return which logs could not be read."""
        return self._logs.gaps()

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield components and relations for the twin, and what could not be read; kinds are listed together."""
        with ThreadPoolExecutor(LISTED_TOGETHER, thread_name_prefix="list") as threads:
            reads = list(threads.map(self._read, KINDS))
        async for one in feed(self):
            yield one
        elsewhere = [
            KINDS[kind] for kind, read in zip(KINDS, reads, strict=True) if any(one.namespace for one in read.views)
        ]
        if elsewhere:
            yield Gap(
                agent=AGENT,
                what=f"objects outside the namespaces {', '.join(self.namespaces)}",
                why=f"listing {elsewhere[0].plural} and {len(elsewhere) - 1} other kinds of all namespaces is forbidden",
                remedy=role_line(elsewhere[0]),
            )


def open_cluster(
    settings: Settings, environment: Mapping[str, str] = os.environ, *, objects: ClusterObjects | None = None
) -> Cluster:
    """Return the cluster of ``settings.cluster``, after it has answered; ``objects`` stand in for its lists.

    Raises:
        InputError: no cluster is configured, it does not answer, or it refuses the credentials.

    """

    def access() -> Access:
        return find_access(settings.cluster, environment)

    learn_structs()
    found = access()
    connection = Connection(found, access, settings.cluster.timeout_seconds)
    try:
        version = msgspec.json.decode(connection.get("/version"), type=_Version).git_version
    except ApiError as error:
        if error.status != FORBIDDEN:
            connection.close()
            raise InputError(f"{found.place} ({connection.host}): {error}; {_advice(error)}") from error
        version = ""
    except msgspec.DecodeError as error:
        connection.close()
        raise InputError(
            f"{found.place} ({connection.host}): this is no Kubernetes API server; correct the address"
        ) from error
    return Cluster(connection, found, settings, version=version, objects=objects)


def _namespaces(settings: Settings, access: Access) -> tuple[str, ...]:
    named = [one.strip() for one in (settings.namespace or access.namespace).split(",")]
    return tuple(one for one in named if one)


def _advice(error: ApiError) -> str:
    if error.status == UNAUTHORIZED:
        return "log in again, or choose another --context"
    if str(error).startswith("TLS"):
        return "check certificate-authority and tls-server-name of the kubeconfig"
    return "check that the cluster runs and that this address is right, or choose another --context or --kubeconfig"
