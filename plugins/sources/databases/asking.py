"""Asks a connected server part by part within a time, and gathers what it says; what it refuses becomes a gap."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sre_orchestrator.core.models import Gap, Struct
from sre_orchestrator.core.redact import without_secrets
from sre_orchestrator.plugins.sources.database_reading import (
    Blocking,
    ConnectionUse,
    DatabaseMode,
    MemoryUse,
    Outcome,
    Queue,
    Replication,
    Session,
    SlowStatement,
    SpaceUse,
)
from sre_orchestrator.plugins.sources.databases.address import Address

LOOKS = 3
"""A whole look takes so many times the time that one statement may."""
MOST_CLIENTS, MOST_SESSIONS, MOST_WAITS, MOST_STATEMENTS, MOST_QUEUES, MOST_REPLICAS = 200, 10, 500, 5, 20, 20
LONG_SECONDS = 1.0
"""Sessions are told whose statement or transaction lasts longer."""
SHOWN = 200
AGENT = "database"


class RefusedError(Exception):
    """A connection was not made: what became of it, and the words of who refused it."""

    def __init__(self, outcome: Outcome, words: str) -> None:
        super().__init__(words)
        self.outcome: Outcome = outcome


@dataclass(kw_only=True)
class Findings:
    """What a look has found so far; fields as in ``DatabaseReading``."""

    version: str = ""
    connections: ConnectionUse | None = None
    mode: DatabaseMode | None = None
    replication: Sequence[Replication] = ()
    blocking: Sequence[Blocking] = ()
    sessions: Sequence[Session] = ()
    deadlocks: int | None = None
    deadlock_at: datetime | None = None
    space: Sequence[SpaceUse] = ()
    statements: Sequence[SlowStatement] = ()
    memory: MemoryUse | None = None
    queues: Sequence[Queue] = ()
    blocked_publishers: int | None = None
    read: set[str] = field(default_factory=set)
    gaps: list[Gap] = field(default_factory=list)


class Part(Struct, frozen=True, kw_only=True):
    """One part of a look: what it ``gives``, its ``words`` in a gap, and the least right that it needs."""

    gives: str
    words: str
    right: str
    read: Callable[[], None]


class Clock:
    """How much time a look has left; ``now`` counts seconds."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._now = now
        self._end = now() + LOOKS * seconds

    @property
    def left(self) -> float:
        """Return the seconds that are left, 0 at the end."""
        return max(0.0, self._end - self._now())


def ask(
    name: str,
    address: Address,
    parts: Iterable[Part],
    findings: Findings,
    *,
    clock: Clock,
    errors: tuple[type[Exception], ...],
) -> Findings:
    """Read the ``parts``, each with what is left of the time; one that meets ``errors`` becomes a gap."""
    for part in parts:
        if not clock.left:
            findings.gaps.append(
                gap(name, part.words, "the look took too long", f"raise timeout_seconds of databases {name}")
            )
            continue
        try:
            part.read()
        except errors as error:
            findings.gaps.append(gap(name, part.words, said(error, address), part.right))
        else:
            findings.read.add(part.gives)
    return findings


def gap(name: str, what: str, why: str, remedy: str) -> Gap:
    """Return what could not be seen of a database."""
    return Gap(agent=AGENT, what=f"{what} of database {name}", why=why, remedy=remedy)


def said(error: BaseException | str, address: Address) -> str:
    """Return the words of an error on one line, shortened, without the password."""
    words = " ".join(str(error).split()) or type(error).__name__
    return without_secrets(address.without_password(words))[:SHOWN]


def network_outcome(error: BaseException) -> Outcome | None:
    """Return what the network did, by the errors that led to ``error``; ``None`` when it is not to blame."""
    for one in _causes(error):
        if isinstance(one, socket.gaierror):
            return "unresolved"
        if isinstance(one, ssl.SSLError):
            return "tls"
        if isinstance(one, ConnectionRefusedError):
            return "refused"
        if isinstance(one, TimeoutError):
            return "timeout"
        if isinstance(one, ConnectionError | EOFError):
            return "reset"
    return None


def dialled(address: Address, seconds: float) -> Outcome | None:
    """Return why no connection can be made at all, ``None`` where one can."""
    try:
        socket.create_connection((address.host, address.port), seconds).close()
    except OSError as error:
        return network_outcome(error) or "other"
    return None


def chains(waits: Mapping[str, Sequence[str]]) -> dict[str, tuple[list[str], int]]:
    """Return, of each session that waits for nobody, who waits for it, at last, and the length of the longest chain.

    ``waits`` has whom each waits for. Sessions that wait in a circle are left to the server, which ends it.

    >>> chains({"2": ["1"], "3": ["2"], "4": ["1"]})
    {'1': (['2', '3', '4'], 2)}
    """
    behind: dict[str, list[str]] = {}
    for waiting, holders in sorted(waits.items()):
        for holder in holders:
            behind.setdefault(holder, []).append(waiting)
    return {root: _waiting(root, behind) for root in sorted(behind) if root not in waits}


def _waiting(root: str, behind: Mapping[str, Sequence[str]]) -> tuple[list[str], int]:
    met = {root}
    level, depth = [root], 0
    while True:
        level = list(dict.fromkeys(one for holder in level for one in behind.get(holder, ()) if one not in met))
        if not level:
            return sorted(met - {root}), depth
        met.update(level)
        depth += 1


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    met: set[int] = set()
    while error is not None and id(error) not in met:
        met.add(id(error))
        yield error
        args = [one for one in error.args if isinstance(one, OSError)]
        error = (
            getattr(error, "original_exception", None) or error.__cause__ or error.__context__ or next(iter(args), None)
        )
