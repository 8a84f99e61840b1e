"""What one look at a database, cache or broker gives; the words of its server are data, without secrets."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sre_orchestrator.core.models import Gap, Struct


class ClientUse(Struct, frozen=True, kw_only=True):
    """Connections of one client: ``address`` is where they come from, ``application`` what they call themselves."""

    address: str = ""
    user: str = ""
    application: str = ""
    used: int
    idle: int = 0
    idle_in_transaction: int = 0


class ConnectionUse(Struct, frozen=True, kw_only=True):
    """Connections of a server: how many there are, may be, and are kept for administrators; the clients with most."""

    used: int
    most: int = 0
    reserved: int = 0
    clients: tuple[ClientUse, ...] = ()
    rejected: int | None = None


class DatabaseMode(Struct, frozen=True, kw_only=True):
    """Whether a server takes writes; ``setting`` is what forbids them. ``replica``: it follows another server."""

    read_only: bool
    setting: str = ""
    replica: bool = False
    replicas: int | None = None


class Replication(Struct, frozen=True, kw_only=True):
    """How a replica follows: ``name`` is empty for the server itself, else one of those that follow it.

    ``delay_seconds`` is how far behind it is told to stay, ``state`` and ``error`` are the server's words.
    """

    name: str = ""
    running: bool
    state: str = ""
    lag_seconds: float | None = None
    lag_bytes: int | None = None
    delay_seconds: float = 0.0
    error: str = ""


class Session(Struct, frozen=True, kw_only=True):
    """A session of a database and what it does; seconds of its statement and of its transaction.

    ``statement`` has no literals; ``waits`` says that it waits for a lock.
    """

    id: str
    address: str = ""
    user: str = ""
    application: str = ""
    state: str = ""
    statement: str = ""
    statement_seconds: float | None = None
    transaction_seconds: float | None = None
    waits: bool = False


class Blocking(Struct, frozen=True, kw_only=True):
    """A session for whose lock others wait and that waits for none itself: how many, in a chain of which length, how long."""

    session: Session
    blocked: int
    depth: int = 1
    waited_seconds: float = 0.0
    statement: str = ""


class SpaceUse(Struct, frozen=True, kw_only=True):
    """Space that a server may fill: ``what`` is ``disk`` or ``tablespace``; ``full``: the server says so, or none is left."""

    what: str
    name: str = ""
    free_bytes: int | None = None
    limit_bytes: int | None = None
    full: bool = False


class SlowStatement(Struct, frozen=True, kw_only=True):
    """Statements of one form that the server itself remembers for being slow: how often, how long on average and at most."""

    statement: str
    calls: int
    mean_seconds: float
    longest_seconds: float | None = None


class MemoryUse(Struct, frozen=True, kw_only=True):
    """Memory of a cache or broker against its own limit (0: none), and what becomes of keys at the limit.

    ``evicted_per_second`` and ``hit_ratio`` were measured during the look; ``refused`` counts commands since the start.
    """

    used_bytes: int
    limit_bytes: int = 0
    policy: str = ""
    evicted: int = 0
    evicted_per_second: float | None = None
    hit_ratio: float | None = None
    refused: int | None = None
    alarm: bool = False


class Queue(Struct, frozen=True, kw_only=True):
    """A queue of a broker; rates are messages a second, as the broker measured them last."""

    name: str
    host: str = ""
    ready: int = 0
    unacknowledged: int = 0
    consumers: int = 0
    published_per_second: float | None = None
    delivered_per_second: float | None = None
    state: str = ""


Outcome = Literal[
    "accepted",
    "refused",
    "timeout",
    "unresolved",
    "reset",
    "tls",
    "protocol",
    "credentials",
    "forbidden",
    "database-missing",
    "too-many-connections",
    "starting",
    "other",
    "unknown",
]


class DatabaseReading(Struct, frozen=True, kw_only=True):
    """What one look at a database met: how the connection went, and, where it was accepted, how the server is.

    ``words`` are the server's or the network's about a connection that failed, without secrets. ``read`` names the
    parts that were read completely, of those of ``plugins.sources.databases``; ``gaps`` say what could not be.
    """

    name: str
    family: str
    host: str = ""
    port: int = 0
    component: str = ""
    outcome: Outcome
    words: str = ""
    account: str = ""
    version: str = ""
    seconds: float = 0.0
    connections: ConnectionUse | None = None
    mode: DatabaseMode | None = None
    replication: tuple[Replication, ...] = ()
    blocking: tuple[Blocking, ...] = ()
    sessions: tuple[Session, ...] = ()
    deadlocks: int | None = None
    deadlock_at: datetime | None = None
    space: tuple[SpaceUse, ...] = ()
    statements: tuple[SlowStatement, ...] = ()
    memory: MemoryUse | None = None
    queues: tuple[Queue, ...] = ()
    blocked_publishers: int | None = None
    read: frozenset[str] = frozenset()
    gaps: tuple[Gap, ...] = ()
