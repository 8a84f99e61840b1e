"""The door to Redis and Valkey as something to look at: INFO, CLIENT LIST, SLOWLOG, and nothing that writes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sre_orchestrator.plugins.sources.database_reading import (
    ClientUse,
    ConnectionUse,
    DatabaseMode,
    MemoryUse,
    Outcome,
    Replication,
    SlowStatement,
)
from sre_orchestrator.plugins.sources.databases.address import Address
from sre_orchestrator.plugins.sources.databases.asking import (
    MOST_CLIENTS,
    MOST_REPLICAS,
    MOST_STATEMENTS,
    Clock,
    Findings,
    Part,
    RefusedError,
    ask,
    network_outcome,
    said,
)

FAMILY = "redis"
SAMPLE_SECONDS = 0.3
"""Between the two looks that tell how many keys are evicted at present."""
LISTED_CLIENTS = 2000
"""Of more clients no list is asked for: it is made in one piece while the server serves nobody else."""
SLOW_AGO_SECONDS = 3600
_WORDS: tuple[tuple[str, Outcome], ...] = (
    ("max number of clients", "too-many-connections"),
    ("WRONGPASS", "credentials"),
    ("NOAUTH", "credentials"),
    ("invalid username-password", "credentials"),
    ("invalid password", "credentials"),
    ("without any password configured", "credentials"),
    ("Authentication required", "credentials"),
    ("NOPERM", "forbidden"),
    ("no permissions", "forbidden"),
    ("loading", "starting"),
    ("DB index is out of range", "database-missing"),
)
# What redis-py raises when the other side does not speak its protocol.
NO_PROTOCOL = (ValueError, TypeError, LookupError, UnicodeError)
Info = Mapping[str, Any]


def read(name: str, address: Address, clock: Clock, ca_file: str) -> Findings:
    """Return how the server is.

    Raises:
        RefusedError: there is no connection to be had.

    """
    secure: dict[str, Any] = {"ssl": True, "ssl_ca_certs": ca_file or None} if address.secure else {}
    client = redis.Redis(
        host=address.host,
        port=address.port,
        db=int(address.name) if address.name.isdecimal() else 0,
        username=address.user or None,
        password=address.password or None,
        socket_timeout=clock.seconds,
        socket_connect_timeout=clock.seconds,
        single_connection_client=False,
        max_connections=1,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        decode_responses=True,
        encoding_errors="replace",
        **secure,
    )
    errors = (redis.RedisError, OSError, *NO_PROTOCOL)
    with closing(client):
        try:
            info: Info = client.info("all")
        except errors as error:
            raise RefusedError(_outcome(error), said(error, address)) from None
        look = _Look(address, client, info)
        return ask(name, address, look.parts(), look.findings, clock=clock, errors=errors)


class _Look:
    """One look by one connection, which has told how the server is."""

    def __init__(self, address: Address, client: redis.Redis, info: Info) -> None:
        self.findings = Findings(version=str(info.get("valkey_version") or info.get("redis_version") or ""))
        self._account = address.user or "default"
        self._client = client
        self._info = info

    def parts(self) -> Iterator[Part]:
        """Yield the parts."""
        parts: tuple[tuple[str, str, str, Callable[[], None]], ...] = (
            ("mode", "whether it takes writes", "+info", self._mode),
            ("memory", "its memory", "+info", self._memory),
            ("replication", "its replication", "+info", self._replication),
            ("connections", "its connections", "+client|list", self._clients),
            ("statements", "its slow commands", "+slowlog|get", self._statements),
        )
        for gives, words, right, what in parts:
            yield Part(gives=gives, words=words, right=f"ACL SETUSER {self._account} {right}", read=what)

    def _mode(self) -> None:
        info = self._info
        replica = info.get("role") == "slave"
        unsaved = info.get("rdb_last_bgsave_status") == "err" and "errorstat_MISCONF" in info
        setting = "replica-read-only" if replica and info.get("slave_read_only") else ""
        if unsaved:
            setting = "stop-writes-on-bgsave-error"
        self.findings.mode = DatabaseMode(
            read_only=bool(setting), setting=setting, replica=replica, replicas=_number(info, "connected_slaves")
        )

    def _memory(self) -> None:
        info = self._info
        evicted, hits, misses = (_number(info, one) for one in ("evicted_keys", "keyspace_hits", "keyspace_misses"))
        per_second = ratio = None
        if evicted and info.get("maxmemory"):
            begun = time.monotonic()
            time.sleep(SAMPLE_SECONDS)
            later: Info = self._client.info("stats")
            per_second = (_number(later, "evicted_keys") - evicted) / (time.monotonic() - begun)
            hits, misses = _number(later, "keyspace_hits") - hits, _number(later, "keyspace_misses") - misses
        if hits + misses > 0:
            ratio = hits / (hits + misses)
        refused = info.get("errorstat_OOM")
        self.findings.memory = MemoryUse(
            used_bytes=_number(info, "used_memory"),
            limit_bytes=_number(info, "maxmemory"),
            policy=str(info.get("maxmemory_policy", "")),
            evicted=evicted,
            evicted_per_second=per_second,
            hit_ratio=ratio,
            refused=_number(refused, "count") if isinstance(refused, dict) else 0 if "total_error_replies" in info else None,
        )  # fmt: skip

    def _replication(self) -> None:
        info = self._info
        if info.get("role") == "slave":
            up = info.get("master_link_status") == "up"
            behind = _number(info, "master_last_io_seconds_ago" if up else "master_link_down_since_seconds")
            self.findings.replication = [
                Replication(running=up, state=f"link {info.get('master_link_status')}", lag_seconds=float(max(behind, 0)))
            ]  # fmt: skip
            return
        followers = [info.get(f"slave{number}") for number in range(MOST_REPLICAS)]
        self.findings.replication = [
            Replication(
                name=f"{one.get('ip')}:{one.get('port')}",
                running=one.get("state") == "online",
                state=str(one.get("state", "")),
                lag_seconds=float(_number(one, "lag")),
                lag_bytes=_number(info, "master_repl_offset") - _number(one, "offset"),
            )
            for one in followers
            if isinstance(one, dict)
        ]

    def _clients(self) -> None:
        info = self._info
        used = max(_number(info, "connected_clients") - 1, 0)
        self.findings.connections = ConnectionUse(
            used=used, most=_number(info, "maxclients"), rejected=_number(info, "rejected_connections")
        )
        if used > LISTED_CLIENTS:
            return
        counted: Counter[tuple[str, str, str]] = Counter()
        for one in self._client.client_list():
            if not str(one.get("cmd", "")).startswith("client"):  # we
                counted[
                    str(one.get("addr", "")).rpartition(":")[0], str(one.get("user", "")), str(one.get("name", ""))
                ] += 1
        self.findings.connections = ConnectionUse(
            used=used,
            most=self.findings.connections.most,
            rejected=self.findings.connections.rejected,
            clients=tuple(
                ClientUse(address=address, user=user, application=application, used=count)
                for (address, user, application), count in counted.most_common(MOST_CLIENTS)
            ),
        )

    def _statements(self) -> None:
        now = _number(self._info, "server_time_usec") / 1e6 or time.time()
        slow: dict[str, list[float]] = {}
        for one in self._client.slowlog_get(128):
            if now - one["start_time"] <= SLOW_AGO_SECONDS:
                words = _text(one["command"]).split(None, 1) or [""]
                slow.setdefault(words[0].upper()[:40], []).append(one["duration"] / 1e6)
        ordered = sorted(slow.items(), key=lambda one: (-sum(one[1]), one[0]))[:MOST_STATEMENTS]
        self.findings.statements = [
            SlowStatement(statement=f"{command} ?", calls=len(took), mean_seconds=sum(took) / len(took), longest_seconds=max(took))
            for command, took in ordered
        ]  # fmt: skip


def _number(info: Info, key: str) -> int:
    value = info.get(key, 0)
    return int(value) if isinstance(value, int | float) else 0


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _outcome(error: Exception) -> Outcome:
    words = str(error)
    for said_so, outcome in _WORDS:
        if said_so.lower() in words.lower():
            return outcome
    if isinstance(error, redis.TimeoutError):
        return "timeout"
    if isinstance(error, redis.BusyLoadingError):
        return "starting"
    return network_outcome(error) or (
        "reset" if isinstance(error, redis.ConnectionError) and "closed" in words else "protocol"
    )
