"""Looks at RabbitMQ through its management API: nodes and their alarms, queues, connections; it only ever gets."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from sre_orchestrator.core.settings import Endpoint
from sre_orchestrator.plugins.sources.database_reading import (
    ClientUse,
    ConnectionUse,
    MemoryUse,
    Outcome,
    Queue,
    SpaceUse,
)
from sre_orchestrator.plugins.sources.databases.address import Address
from sre_orchestrator.plugins.sources.databases.asking import (
    MOST_CLIENTS,
    MOST_QUEUES,
    Clock,
    Findings,
    Part,
    RefusedError,
    ask,
    network_outcome,
    said,
)
from sre_orchestrator.plugins.sources.http import HttpService, ServiceProblem

FAMILY = "rabbitmq"
T = TypeVar("T")
CONNECTIONS = 500
STATUSES: dict[int, Outcome] = {401: "credentials", 403: "forbidden", 404: "protocol", 503: "starting"}
BLOCKED = frozenset({"blocked", "blocking"})


class Totals(msgspec.Struct, frozen=True, gc=False):
    """How much of each there is, whether the account may see it or not."""

    queues: int = 0


class Overview(msgspec.Struct, frozen=True, gc=False):
    """``/api/overview``."""

    rabbitmq_version: str
    object_totals: Totals | None = None


class Node(msgspec.Struct, frozen=True, gc=False):
    """One of ``/api/nodes``."""

    name: str = ""
    mem_used: int | None = None
    mem_limit: int | None = None
    mem_alarm: bool = False
    disk_free: int | str | None = None
    disk_free_limit: int | str | None = None
    disk_free_alarm: bool = False
    sockets_used: int = 0
    sockets_total: int = 0


class Rate(msgspec.Struct, frozen=True, gc=False):
    """A rate as the broker measured it last."""

    rate: float = 0.0


class Rates(msgspec.Struct, frozen=True, gc=False):
    """What goes into a queue and out of it."""

    publish_details: Rate | None = None
    deliver_get_details: Rate | None = None
    ack_details: Rate | None = None


class QueueRow(msgspec.Struct, frozen=True, gc=False):
    """One of ``/api/queues``."""

    name: str
    vhost: str = ""
    messages_ready: int = 0
    messages_unacknowledged: int = 0
    consumers: int = 0
    state: str = ""
    message_stats: Rates | list[object] | None = None


class ConnectionRow(msgspec.Struct, frozen=True, gc=False):
    """One of ``/api/connections``."""

    user: str = ""
    peer_host: str | list[int] = ""
    state: str = ""


class Page(msgspec.Struct, frozen=True, gc=False):
    """A page of queues."""

    items: tuple[QueueRow, ...] = ()


class ConnectionPage(msgspec.Struct, frozen=True, gc=False):
    """A page of connections."""

    items: tuple[ConnectionRow, ...] = ()
    total_count: int = 0


def read(name: str, address: Address, clock: Clock, ca_file: str) -> Findings:
    """Return how the broker is.

    Raises:
        RefusedError: it cannot be asked.

    """
    token = base64.b64encode(f"{address.user or 'guest'}:{address.password}".encode()).decode()
    scheme = "https" if address.secure else "http"
    endpoint = Endpoint(
        url=f"{scheme}://{_host(address.host)}:{address.port}",
        timeout_seconds=clock.seconds,
        ca_file=ca_file,
        headers={"Authorization": f"Basic {token}"},
    )
    look = _Look(address, HttpService(endpoint, f"databases {name}"))
    try:
        look.begin()
    except ServiceProblem as problem:
        raise RefusedError(_outcome(problem), said(problem.why, address)) from None
    return ask(name, address, look.parts(), look.findings, clock=clock, errors=(ServiceProblem,))


class _Look:
    """One look at a broker."""

    def __init__(self, address: Address, service: HttpService) -> None:
        self.findings = Findings()
        self._account = address.user or "guest"
        self._service = service
        self._there = 0

    def begin(self) -> None:
        """Ask for the version."""
        overview = self._got("/api/overview", Overview, columns="rabbitmq_version,object_totals")
        self.findings.version = overview.rabbitmq_version
        self._there = overview.object_totals.queues if overview.object_totals else 0

    def parts(self) -> Iterator[Part]:
        """Yield the parts."""
        parts: tuple[tuple[str, str, Callable[[], None]], ...] = (
            ("space", "the alarms of its nodes", self._nodes),
            ("queues", "its queues", self._queues),
            ("connections", "its connections", self._clients),
        )
        tag = f"rabbitmqctl set_user_tags {self._account} monitoring"
        seeing = f"rabbitmqctl set_permissions -p / {self._account} '^$' '^$' '^$'"
        for gives, words, what in parts:
            yield Part(gives=gives, words=words, right=seeing if gives == "queues" else tag, read=what)

    def _got(self, path: str, kind: type[T], **parameters: str) -> T:
        return self._service.decoded(self._service.get(path, tuple(parameters.items())), kind)

    def _nodes(self) -> None:
        nodes = [one for one in self._got("/api/nodes", tuple[Node, ...]) if one.mem_used is not None]
        if not nodes:  # of a broker that has only just started
            raise ServiceProblem("its nodes", "no statistics are told yet", "wait a few seconds")
        self.findings.space = [
            SpaceUse(
                what="disk",
                name=one.name,
                free_bytes=_bytes(one.disk_free),
                limit_bytes=_bytes(one.disk_free_limit),
                full=one.disk_free_alarm,
            )
            for one in nodes
        ]
        fullest = max(nodes, key=lambda one: (one.mem_alarm, one.mem_used))
        self.findings.memory = MemoryUse(
            used_bytes=fullest.mem_used or 0, limit_bytes=fullest.mem_limit or 0, alarm=fullest.mem_alarm
        )
        self.findings.read.add("memory")
        used, most = sum(one.sockets_used for one in nodes), sum(one.sockets_total for one in nodes)
        self.findings.connections = ConnectionUse(used=used, most=most)

    def _queues(self) -> None:
        page = self._got(
            "/api/queues",
            Page,
            page="1",
            page_size=str(MOST_QUEUES),
            sort="messages",
            sort_reverse="true",
            columns="name,vhost,messages,messages_ready,messages_unacknowledged,consumers,state,message_stats",
        )
        if self._there and not page.items:
            raise ServiceProblem("its queues", f"none of {self._there} may be seen", "let the account see them")
        self.findings.queues = [_queue(one) for one in page.items[:MOST_QUEUES]]

    def _clients(self) -> None:
        page = self._got(
            "/api/connections",
            ConnectionPage,
            page="1",
            page_size=str(CONNECTIONS),
            columns="user,peer_host,state",
        )
        counted = Counter((_peer(one.peer_host), one.user) for one in page.items)
        known = self.findings.connections or ConnectionUse(used=0)
        self.findings.connections = ConnectionUse(
            used=page.total_count,
            most=known.most,
            clients=tuple(
                ClientUse(address=address, user=user, used=count)
                for (address, user), count in counted.most_common(MOST_CLIENTS)
            ),
        )
        self.findings.blocked_publishers = sum(one.state in BLOCKED for one in page.items)


def _queue(row: QueueRow) -> Queue:
    rates = row.message_stats if isinstance(row.message_stats, Rates) else Rates()
    out = rates.ack_details or rates.deliver_get_details
    return Queue(
        name=row.name,
        host=row.vhost,
        ready=row.messages_ready,
        unacknowledged=row.messages_unacknowledged,
        consumers=row.consumers,
        published_per_second=rates.publish_details.rate if rates.publish_details else None,
        delivered_per_second=out.rate if out else None,
        state=row.state,
    )


def _bytes(value: int | str | None) -> int | None:
    return value if isinstance(value, int) else None


def _peer(host: str | list[int]) -> str:
    return host if isinstance(host, str) else ""


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _outcome(problem: ServiceProblem) -> Outcome:
    if problem.status:
        return STATUSES.get(problem.status, "other")
    return network_outcome(problem) or ("timeout" if "no answer within" in problem.why else "protocol")
