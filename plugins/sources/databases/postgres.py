"""The door to PostgreSQL as something to look at: read-only transactions, one connection, statements cut by time."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, LiteralString

import psycopg

from sre_orchestrator.plugins.sources.database_reading import (
    Blocking,
    ClientUse,
    ConnectionUse,
    DatabaseMode,
    Outcome,
    Replication,
    Session,
    SlowStatement,
)
from sre_orchestrator.plugins.sources.databases.address import Address
from sre_orchestrator.plugins.sources.databases.asking import (
    LONG_SECONDS,
    MOST_CLIENTS,
    MOST_REPLICAS,
    MOST_SESSIONS,
    MOST_STATEMENTS,
    MOST_WAITS,
    Clock,
    Findings,
    Part,
    RefusedError,
    ask,
    chains,
    dialled,
    gap,
    said,
)
from sre_orchestrator.plugins.sources.databases.statements import normalised

FAMILY = "postgres"
MONITOR = "GRANT pg_monitor TO {account}"
WITH_WAITSTART = 140000
# The words of libpq and of the server; both speak English unless somebody chose otherwise.
_WORDS: tuple[tuple[str, Outcome], ...] = (
    (r"authentication failed|no password supplied|role \".*\" does not exist|no pg_hba\.conf entry", "credentials"),
    (r"database \".*\" does not exist", "database-missing"),
    (r"too many clients|connection slots are reserved|too many connections for", "too-many-connections"),
    (r"the database system is", "starting"),
    (r"permission denied|not permitted to log in", "forbidden"),
    (r"could not translate host name|failed to resolve|Name or service not known", "unresolved"),
    (r"Connection refused", "refused"),
    (r"timeout expired|timed out", "timeout"),
    (r"expected authentication request|received invalid|invalid response", "protocol"),
    (r"SSL|certificate", "tls"),
    (r"server closed the connection|Connection reset", "reset"),
)
# Of these sources of a setting, others than this account are concerned.
_OF_THE_SERVER = ("configuration file", "command line", "database", "environment variable", "global", "override")

_SERVER = """
SELECT current_setting('server_version'), current_setting('server_version_num')::int, pg_is_in_recovery(),
  (SELECT setting = 'on' AND source = ANY(%s) FROM pg_settings WHERE name = 'default_transaction_read_only'),
  current_setting('max_connections')::int,
  current_setting('superuser_reserved_connections')::int + coalesce(current_setting('reserved_connections', true), '0')::int,
  pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'), (SELECT count(*) FROM pg_stat_replication)
"""
_CLIENTS = """
SELECT host(client_addr), usename, application_name, count(*), count(*) FILTER (WHERE state = 'idle'),
  count(*) FILTER (WHERE state LIKE 'idle in transaction%%'), (sum(count(*)) OVER ())::bigint
FROM pg_stat_activity
WHERE coalesce(backend_type, 'client backend') = 'client backend' AND datid IS NOT NULL AND pid <> pg_backend_pid()
GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT %s
"""
_WAITS = """
SELECT pid, pg_blocking_pids(pid), extract(epoch FROM clock_timestamp() - query_start)::float8, query
FROM pg_stat_activity WHERE wait_event_type = 'Lock' ORDER BY query_start LIMIT %s
"""
_WAITS_SINCE = """
SELECT pid, pg_blocking_pids(pid), extract(epoch FROM clock_timestamp() - coalesce(
  (SELECT min(waitstart) FROM pg_locks WHERE NOT granted AND pg_locks.pid = one.pid), clock_timestamp()))::float8, query
FROM pg_stat_activity AS one WHERE wait_event_type = 'Lock' ORDER BY query_start LIMIT %s
"""
_SESSIONS = """
SELECT pid, host(client_addr), usename, application_name, coalesce(state, backend_type), query,
  CASE WHEN state = 'active' THEN extract(epoch FROM clock_timestamp() - query_start)::float8 END,
  extract(epoch FROM clock_timestamp() - xact_start)::float8, coalesce(wait_event_type = 'Lock', false)
FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND (pid = ANY(%s) OR backend_type = 'client backend'
  AND xact_start < clock_timestamp() - make_interval(secs => %s))
ORDER BY pid = ANY(%s) DESC, xact_start LIMIT %s
"""
_FOLLOWING = """
SELECT (SELECT status FROM pg_stat_wal_receiver), pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn(),
  extract(epoch FROM now() - pg_last_xact_replay_timestamp())::float8,
  pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::bigint,
  extract(epoch FROM (SELECT make_interval(secs => setting::float8 / 1000) FROM pg_settings
    WHERE name = 'recovery_min_apply_delay'))::float8,
  pg_is_wal_replay_paused(), (SELECT setting <> '' FROM pg_settings WHERE name = 'restore_command')
"""
_FOLLOWED = """
SELECT coalesce(nullif(application_name, ''), host(client_addr), 'unknown'), state, extract(epoch FROM replay_lag)::float8,
  pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint
FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup' ORDER BY 1 LIMIT %s
"""
_DEADLOCKS = "SELECT sum(deadlocks)::bigint FROM pg_stat_database"
_STATEMENTS = """
SELECT query, calls, mean_exec_time / 1000, max_exec_time / 1000 FROM pg_stat_statements
ORDER BY total_exec_time DESC LIMIT %s
"""


def read(name: str, address: Address, clock: Clock, ca_file: str) -> Findings:
    """Return how the server is.

    Raises:
        RefusedError: there is no connection to be had.

    """
    with _connected(address, clock, ca_file) as connection:
        look = _Look(name, address, connection)
        return ask(name, address, look.parts(), look.findings, clock=clock, errors=(psycopg.Error,))


class _Look:
    """One look by one connection."""

    def __init__(self, name: str, address: Address, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self.findings = Findings()
        self._name = name
        self._account = address.user or "the account"
        self._connection = connection
        self._number = 0
        self._recovering = False

    def parts(self) -> Iterator[Part]:
        """Yield the parts; later ones lean on the first."""
        right = MONITOR.format(account=self._account)
        parts: tuple[tuple[str, str, Callable[[], None]], ...] = (
            ("mode", "whether it takes writes", self._server),
            ("connections", "its connections", self._clients),
            ("locks", "locks and transactions", self._locks),
            ("replication", "its replication", self._replication),
            ("deadlocks", "its deadlocks", self._deadlocks),
            ("statements", "its slow statements", self._statements),
        )
        for gives, words, what in parts:
            yield Part(gives=gives, words=words, right=right, read=what)

    def _rows(self, query: LiteralString, *values: object) -> Sequence[tuple[Any, ...]]:
        try:
            return self._connection.execute(query, values or None).fetchmany(MOST_WAITS)
        finally:
            with suppress(psycopg.Error):  # ends the transaction, also one that failed
                self._connection.rollback()

    def _server(self) -> None:
        ((version, number, recovering, forbidden, most, reserved, sees, replicas),) = self._rows(
            _SERVER, list(_OF_THE_SERVER)
        )
        self._number, self._recovering = number, recovering
        self.findings.version = version
        setting = "recovery" if recovering else "default_transaction_read_only" if forbidden else ""
        self.findings.mode = DatabaseMode(
            read_only=bool(setting), setting=setting, replica=recovering, replicas=replicas
        )
        self.findings.connections = ConnectionUse(used=0, most=most, reserved=reserved)
        if not sees:
            what = "sessions, locks and statements of other accounts"
            why = f"{self._account} may not read them"
            self.findings.gaps.append(gap(self._name, what, why, MONITOR.format(account=self._account)))

    def _clients(self) -> None:
        known = self.findings.connections or ConnectionUse(used=0)
        rows = self._rows(_CLIENTS, MOST_CLIENTS)
        self.findings.connections = ConnectionUse(
            used=rows[0][6] if rows else 0,
            most=known.most,
            reserved=known.reserved,
            clients=tuple(
                ClientUse(
                    address=address or "",
                    user=user or "",
                    application=application or "",
                    used=used,
                    idle=idle,
                    idle_in_transaction=holding,
                )
                for address, user, application, used, idle, holding, _ in rows
            ),
        )

    def _locks(self) -> None:
        rows = self._rows(_WAITS_SINCE if self._number >= WITH_WAITSTART else _WAITS, MOST_WAITS)
        waits = {str(pid): [str(one) for one in holders] for pid, holders, _, _ in rows if holders}
        told = {str(pid): (seconds or 0.0, query) for pid, _, seconds, query in rows}
        roots = chains(waits)
        wanted = [int(root) for root in roots][:MOST_SESSIONS]
        sessions = {
            one.id: one
            for one in map(_session, self._rows(_SESSIONS, wanted, LONG_SECONDS, wanted, MOST_SESSIONS + len(wanted)))
        }
        self.findings.sessions = [one for one in sessions.values() if one.transaction_seconds][:MOST_SESSIONS]
        for root, (waiting, depth) in roots.items():
            longest = max(waiting, key=lambda one: told[one][0])
            self.findings.blocking = [
                *self.findings.blocking,
                Blocking(
                    session=sessions.get(root) or Session(id=root, state="prepared transaction" if root == "0" else ""),
                    blocked=len(waiting),
                    depth=depth,
                    waited_seconds=told[longest][0],
                    statement=normalised(told[longest][1] or "", FAMILY),
                ),
            ][:MOST_SESSIONS]

    def _replication(self) -> None:
        if self._recovering:
            (row,) = self._rows(_FOLLOWING)
            self.findings.replication = [_following(*row)]
        else:
            self.findings.replication = [
                Replication(
                    name=name,
                    running=state in ("streaming", "catchup"),
                    state=state or "",
                    lag_seconds=seconds or 0.0,
                    lag_bytes=size,
                )
                for name, state, seconds, size in self._rows(_FOLLOWED, MOST_REPLICAS)
            ]

    def _deadlocks(self) -> None:
        ((self.findings.deadlocks,),) = self._rows(_DEADLOCKS)

    def _statements(self) -> None:
        ((there,),) = self._rows("SELECT to_regclass('pg_stat_statements') IS NOT NULL")
        self.findings.statements = [
            SlowStatement(statement=normalised(query, FAMILY), calls=calls, mean_seconds=mean, longest_seconds=longest)
            for query, calls, mean, longest in (self._rows(_STATEMENTS, MOST_STATEMENTS) if there else ())
        ]


def _session(row: tuple[Any, ...]) -> Session:
    pid, address, user, application, state, query, statement_seconds, transaction_seconds, waits = row
    return Session(
        id=str(pid),
        address=address or "",
        user=user or "",
        application=application or "",
        state=state or "",
        statement=normalised(query or "", FAMILY),
        statement_seconds=statement_seconds,
        transaction_seconds=transaction_seconds,
        waits=waits,
    )


def _following(
    status: str | None,
    caught_up: bool | None,
    behind: float | None,
    size: int | None,
    delay: float | None,
    paused: bool,
    archive: bool | None,
) -> Replication:
    """Return how a standby follows: what it has received and not yet applied, else since when it received nothing."""
    streaming = status == "streaming"
    state = "replay paused" if paused else status or ("from an archive" if archive else "no receiver")
    return Replication(
        running=(streaming or (status is None and bool(archive))) and not paused,
        state=state,
        lag_seconds=0.0 if streaming and caught_up and not paused else behind,
        lag_bytes=size,
        delay_seconds=delay or 0.0,
    )


@contextmanager
def _connected(address: Address, clock: Clock, ca_file: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Yield a connection whose transactions are read-only; it is cut when the look's time is over."""
    milliseconds = int(clock.seconds * 1000)
    try:
        connection = psycopg.connect(
            host=address.host,
            port=address.port,
            user=address.user or None,
            password=address.password or None,
            dbname=address.name or "postgres",
            connect_timeout=max(2, round(clock.seconds)),  # libpq takes 1 for 2
            application_name="sre-orchestrator",
            options=f"-c statement_timeout={milliseconds} -c lock_timeout=1000",
            passfile="/dev/null",
            gssencmode="disable",
            sslmode="verify-full" if ca_file else "require" if address.secure else "prefer",
            sslrootcert=ca_file or None,
        )
    except psycopg.Error as error:
        words = str(error)
        raise RefusedError(_outcome(words, address, clock.seconds), said(words, address)) from None
    connection.read_only = True
    held = socket.socket(fileno=os.dup(connection.fileno()))
    cut = threading.Timer(clock.left, _cut, [held])
    cut.daemon = True
    cut.start()
    try:
        yield connection
    finally:
        cut.cancel()
        held.close()
        connection.close()


def _outcome(words: str, address: Address, seconds: float) -> Outcome:
    for pattern, outcome in _WORDS:
        if re.search(pattern, words):
            return outcome
    return dialled(address, seconds) or "other"


def _cut(held: socket.socket) -> None:
    """End a connection whose server does not answer, from another thread."""
    with suppress(OSError):
        held.shutdown(socket.SHUT_RDWR)
