"""Turns what one look at a database met into facts; what they mean, rules say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.models import Fact, Scalar, Scope
from sre_orchestrator.plugins.sources.database_reading import DatabaseReading
from sre_orchestrator.plugins.sources.databases.statements import verb

KEPT_WORDS = 160
KEPT_CLIENTS = 10
# Locks that are waited for in passing are how a database works; of those nobody is told.
LEAST_WAIT_SECONDS, LEAST_BLOCKED = 1.0, 3
_ASIDE = re.compile(r"(?:^|[._:-])(?:dlq|dlx|dead|deadletters?|parking(?:lot)?|errors?|failed|poison|retry|retries|delay(?:ed)?|archive)(?:$|[._:-])", re.IGNORECASE)  # fmt: skip
QUERIES = {
    "postgres": "SELECT * FROM pg_stat_activity",
    "mysql": "SHOW FULL PROCESSLIST",
    "redis": "redis-cli INFO",
    "rabbitmq": "rabbitmqctl list_queues name messages_ready messages_unacknowledged consumers",
}
SHOWN = {
    ("postgres", "mode"): "SHOW default_transaction_read_only; SELECT pg_is_in_recovery()",
    ("postgres", "replication"): "SELECT * FROM pg_stat_wal_receiver; SELECT * FROM pg_stat_replication",
    ("postgres", "blocking"): "SELECT pid, pg_blocking_pids(pid), query FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
    ("postgres", "deadlocks"): "SELECT datname, deadlocks FROM pg_stat_database",
    ("postgres", "slow_statement"): "SELECT query, calls, mean_exec_time FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 5",
    ("mysql", "connections"): "SHOW GLOBAL STATUS LIKE 'Threads_connected'; SHOW GLOBAL VARIABLES LIKE 'max_connections'",
    ("mysql", "mode"): "SHOW GLOBAL VARIABLES LIKE '%read_only'",
    ("mysql", "replication"): "SHOW REPLICA STATUS",
    ("mysql", "blocking"): "SELECT * FROM sys.innodb_lock_waits",
    ("mysql", "deadlocks"): "SHOW ENGINE INNODB STATUS",
    ("mysql", "space"): "SHOW GLOBAL VARIABLES LIKE 'innodb_data_file_path'",
    ("redis", "client"): "redis-cli CLIENT LIST",
    ("redis", "slow_statement"): "redis-cli SLOWLOG GET",
    ("rabbitmq", "space"): "rabbitmq-diagnostics status",
    ("rabbitmq", "alarm"): "rabbitmq-diagnostics alarms",
    ("rabbitmq", "memory"): "rabbitmq-diagnostics memory_breakdown",
    ("rabbitmq", "client"): "rabbitmqctl list_connections peer_host user state",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Told:
    """A reading, whom it is about, and who is behind an address."""

    reading: DatabaseReading
    component: str
    scope: Scope
    observe: Observer
    workload_at: Callable[[str], str]

    def fact(self, kind: str, **attributes: Scalar | None) -> Fact:
        """Return a fact about this database, with the statement that shows it."""
        family = self.reading.family
        return self.observe(
            f"database.{kind}",
            self.component,
            query=SHOWN.get((family, kind)) or QUERIES.get(family, ""),
            at=self.scope.until,
            database=self.reading.name,
            family=family,
            **attributes,
        )

    def client(self, address: str, user: str, application: str = "") -> tuple[str, bool]:
        """Return the workload at an address, else what is known of it, and whether it is a workload."""
        workload = self.workload_at(address) if address else ""
        named = " ".join(filter(None, (f"{user}@{address}" if address else user, application)))
        return (workload, True) if workload else (named or "unknown", False)


def facts(told: Told) -> Iterator[Fact]:
    """Yield what a look tells."""
    reading = told.reading
    accepted = reading.outcome == "accepted"
    yield told.fact(
        "connection",
        outcome=reading.outcome,
        words=reading.words[:KEPT_WORDS] or None,
        account=reading.account or None,
        version=reading.version or None,
        seconds=None if accepted else round(reading.seconds, 1),
    )
    for look in (
        _connections,
        _mode,
        _replication,
        _blocking,
        _sessions,
        _deadlocks,
        _space,
        _statements,
        _memory,
        _queues,
    ):
        yield from look(told)  # fmt: skip


def _connections(told: Told) -> Iterator[Fact]:
    use = told.reading.connections
    if use is None:
        return
    most = max(use.most - use.reserved, 0)
    yield told.fact(
        "connections",
        used=use.used,
        most=use.most or None,
        reserved=use.reserved,
        free=max(most - use.used, 0) if use.most else None,
        used_ratio=round(use.used / most, 3) if most else None,
        via="connection",
    )
    held: dict[tuple[str, bool], list[int]] = {}
    for one in use.clients:
        sums = held.setdefault(told.client(one.address, one.user, one.application), [0, 0, 0])
        for place, number in enumerate((one.used, one.idle, one.idle_in_transaction)):
            sums[place] += number
    largest = sorted(held.items(), key=lambda one: (-one[1][0], one[0]))[:KEPT_CLIENTS]
    for (client, known), (number, idle, holding) in largest:
        yield told.fact(
            "client",
            client=client,
            known=known,
            connections=number,
            idle=idle,
            idle_in_transaction=holding,
            share=round(min(number / max(use.used, number), 1.0), 2),
        )


def _mode(told: Told) -> Iterator[Fact]:
    mode = told.reading.mode
    if mode:
        yield told.fact(
            "mode",
            read_only=mode.read_only,
            setting=mode.setting or None,
            replica=mode.replica,
            replicas=mode.replicas,
            via="connection",
        )


def _replication(told: Told) -> Iterator[Fact]:
    for one in told.reading.replication:
        lag = one.lag_seconds
        yield told.fact(
            "replication",
            replica=one.name or None,
            running=one.running,
            state=one.state or None,
            lag_seconds=None if lag is None else round(lag, 1),
            lag_bytes=one.lag_bytes,
            delay_seconds=one.delay_seconds or None,
            beyond_seconds=None if lag is None else round(max(lag - one.delay_seconds, 0.0), 1),
            error=one.error or None,
            via="connection",
        )


def _blocking(told: Told) -> Iterator[Fact]:
    for one in told.reading.blocking:
        if one.waited_seconds < LEAST_WAIT_SECONDS and one.blocked < LEAST_BLOCKED:
            continue
        client, known = told.client(one.session.address, one.session.user, one.session.application)
        yield told.fact(
            "blocking",
            session=one.session.id,
            client=client,
            known=known,
            state=one.session.state or None,
            statement=one.session.statement or None,
            transaction_seconds=_rounded(one.session.transaction_seconds),
            blocked=one.blocked,
            depth=one.depth,
            waited_seconds=round(one.waited_seconds, 1),
            waiting=one.statement or None,
        )


def _sessions(told: Told) -> Iterator[Fact]:
    for one in told.reading.sessions:
        client, known = told.client(one.address, one.user, one.application)
        yield told.fact(
            "session",
            session=one.id,
            client=client,
            known=known,
            state=one.state or None,
            statement=one.statement or None,
            verb=verb(one.statement) or None,
            statement_seconds=_rounded(one.statement_seconds),
            transaction_seconds=_rounded(one.transaction_seconds),
            waits=one.waits,
        )


def _deadlocks(told: Told) -> Iterator[Fact]:
    reading = told.reading
    if reading.deadlocks is not None or reading.deadlock_at:
        at = reading.deadlock_at
        yield told.fact(
            "deadlocks",
            count=reading.deadlocks,
            last_at=at.isoformat().replace("+00:00", "Z") if at else None,
            recent=at >= told.scope.since if at else None,
            via="connection",
        )


def _space(told: Told) -> Iterator[Fact]:
    for one in told.reading.space:
        yield told.fact(
            "space",
            what=one.what,
            name=one.name or None,
            free_bytes=one.free_bytes,
            limit_bytes=one.limit_bytes,
            full=one.full,
            via="connection",
        )
        if one.full and one.what == "disk":
            yield told.fact("alarm", alarm="disk", node=one.name or None, blocked=told.reading.blocked_publishers, via="connection")  # fmt: skip


def _statements(told: Told) -> Iterator[Fact]:
    total = sum(one.calls * one.mean_seconds for one in told.reading.statements)
    for one in told.reading.statements:
        yield told.fact(
            "slow_statement",
            statement=one.statement,
            verb=verb(one.statement) or None,
            calls=one.calls,
            mean_seconds=round(one.mean_seconds, 4),
            longest_seconds=None if one.longest_seconds is None else round(one.longest_seconds, 4),
            share=round(one.calls * one.mean_seconds / total, 2) if total else None,
        )


def _memory(told: Told) -> Iterator[Fact]:
    use = told.reading.memory
    if use is None:
        return
    yield told.fact(
        "memory",
        used_bytes=use.used_bytes,
        limit_bytes=use.limit_bytes or None,
        used_ratio=round(use.used_bytes / use.limit_bytes, 3) if use.limit_bytes else None,
        policy=use.policy or None,
        evicts=use.policy != "noeviction" if use.policy else None,
        evicted_per_second=_rounded(use.evicted_per_second),
        hit_ratio=None if use.hit_ratio is None else round(use.hit_ratio, 2),
        refused=use.refused,
        via="connection",
    )
    if use.alarm:
        yield told.fact("alarm", alarm="memory", blocked=told.reading.blocked_publishers, via="connection")


def _queues(told: Told) -> Iterator[Fact]:
    for one in told.reading.queues:
        if not one.ready and not one.unacknowledged:
            continue
        published, delivered = one.published_per_second, one.delivered_per_second
        yield told.fact(
            "queue",
            queue=one.name,
            host=one.host or None,
            ready=one.ready,
            unacknowledged=one.unacknowledged,
            consumers=one.consumers,
            published_per_second=published,
            delivered_per_second=delivered,
            growth_per_second=None if published is None else round(published - (delivered or 0.0), 2),
            aside=is_aside(one.name),
            via="connection",
        )


def is_aside(queue: str) -> bool:
    """Say whether a queue's name tells that it holds what failed or waits for its time, which nobody need consume."""
    return bool(_ASIDE.search(queue))


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
