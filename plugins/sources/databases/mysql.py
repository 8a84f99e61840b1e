"""The door to MySQL and MariaDB as something to look at: a read-only session, one connection, statements cut by time."""

from __future__ import annotations

import re
import ssl
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pymysql
from pymysql.cursors import DictCursor

from sre_orchestrator.plugins.sources.database_reading import (
    Blocking,
    ClientUse,
    ConnectionUse,
    DatabaseMode,
    Outcome,
    Replication,
    Session,
    SlowStatement,
    SpaceUse,
)
from sre_orchestrator.plugins.sources.databases.address import Address
from sre_orchestrator.plugins.sources.databases.asking import (
    LONG_SECONDS,
    MOST_CLIENTS,
    MOST_SESSIONS,
    MOST_STATEMENTS,
    MOST_WAITS,
    Clock,
    Findings,
    Part,
    RefusedError,
    ask,
    chains,
    network_outcome,
    said,
)
from sre_orchestrator.plugins.sources.databases.statements import normalised

FAMILY = "mysql"
Row = Mapping[str, Any]
# What PyMySQL raises when the other side does not speak MySQL.
NO_PROTOCOL = (struct.error, LookupError, ValueError, AssertionError, TypeError, AttributeError, NotImplementedError)
CODES: Mapping[int, Outcome] = {
    1040: "too-many-connections",
    1203: "too-many-connections",
    1226: "too-many-connections",
    1045: "credentials",
    1698: "credentials",
    1251: "credentials",
    1130: "credentials",
    1129: "refused",
    1044: "forbidden",
    1049: "database-missing",
    1053: "starting",
    2026: "tls",
}
UNKNOWN_STATEMENT = 1064
FREE_BYTES = 4 * 1024**2
"""InnoDB keeps up to this much of a file for itself; a capped tablespace with less is full."""

_VARIABLES = """
SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'version_comment', 'read_only', 'super_read_only',
  'innodb_read_only', 'transaction_read_only', 'max_connections', 'innodb_data_file_path', 'innodb_file_per_table',
  'performance_schema')
"""
_STATUS = """
SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_connected', 'Connection_errors_max_connections', 'Innodb_deadlocks')
"""
_CLIENTS = """
SELECT LEFT(HOST, LENGTH(HOST) - IF(HOST LIKE '%%:%%', LENGTH(SUBSTRING_INDEX(HOST, ':', -1)) + 1, 0)) AS address,
  USER AS user, COUNT(*) AS used, CAST(SUM(COMMAND = 'Sleep') AS SIGNED) AS idle
FROM information_schema.PROCESSLIST
WHERE ID <> CONNECTION_ID() AND USER NOT IN ('system user', 'event_scheduler')
GROUP BY 1, 2 ORDER BY used DESC, address, user LIMIT %s
"""
_WAITING = """
SELECT r.trx_mysql_thread_id AS waiting, b.trx_mysql_thread_id AS holder, r.trx_query AS statement,
  TIMESTAMPDIFF(SECOND, r.trx_wait_started, NOW()) AS seconds
FROM {waits} AS w
JOIN information_schema.INNODB_TRX AS r ON r.trx_id = w.{requesting}
JOIN information_schema.INNODB_TRX AS b ON b.trx_id = w.{blocking}
LIMIT %s
"""
_WAITS = (
    _WAITING.format(
        waits="information_schema.INNODB_LOCK_WAITS", requesting="requesting_trx_id", blocking="blocking_trx_id"
    ),
    _WAITING.format(
        waits="performance_schema.data_lock_waits",
        requesting="REQUESTING_ENGINE_TRANSACTION_ID",
        blocking="BLOCKING_ENGINE_TRANSACTION_ID",
    ),
)
_SESSIONS = """
SELECT p.ID AS id, p.HOST AS host, p.USER AS user, p.COMMAND AS command, p.STATE AS state, p.INFO AS statement,
  p.TIME AS seconds, TIMESTAMPDIFF(SECOND, t.trx_started, NOW()) AS transaction,
  COALESCE(t.trx_state = 'LOCK WAIT' OR p.STATE LIKE 'Waiting for%%lock', 0) AS waits
FROM information_schema.PROCESSLIST AS p
LEFT JOIN information_schema.INNODB_TRX AS t ON t.trx_mysql_thread_id = p.ID
WHERE p.ID <> CONNECTION_ID() AND p.USER NOT IN ('system user', 'event_scheduler')
  AND (p.ID IN %s OR t.trx_started < NOW() - INTERVAL %s SECOND
    OR (p.COMMAND IN ('Query', 'Execute') AND p.TIME >= %s AND p.INFO IS NOT NULL))
ORDER BY p.ID IN %s DESC, COALESCE(transaction, p.TIME) DESC LIMIT %s
"""
_METADATA = """
SELECT ID AS waiting, TIME AS seconds, INFO AS statement FROM information_schema.PROCESSLIST
WHERE STATE LIKE 'Waiting for%%metadata lock' OR STATE LIKE 'Waiting for%%level lock' LIMIT %s
"""
_DIGESTS = """
SELECT DIGEST_TEXT AS statement, COUNT_STAR AS calls, AVG_TIMER_WAIT / 1e12 AS mean, MAX_TIMER_WAIT / 1e12 AS longest
FROM performance_schema.events_statements_summary_by_digest
WHERE DIGEST_TEXT IS NOT NULL ORDER BY SUM_TIMER_WAIT DESC LIMIT %s
"""
_FREE = """
SELECT MAX(DATA_FREE) AS free FROM information_schema.TABLES
WHERE ENGINE = 'InnoDB' AND TABLE_SCHEMA NOT IN ('mysql', 'sys') AND DATA_FREE IS NOT NULL
"""
_DEADLOCK = re.compile(r"LATEST DETECTED DEADLOCK\s+-+\s+(\d{4}-\d\d-\d\d) +(\d{1,2}:\d\d:\d\d)")
# ibdata1:12M, or ibdata1:12M:autoextend:max:500M; the last file decides.
_FILE = re.compile(r":(?P<size>\d+)(?P<unit>[KMG]?)(?P<grows>:autoextend)?(?::max:(?P<most>\d+)(?P<of>[KMG]?))?$", re.IGNORECASE)  # fmt: skip
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}


def read(name: str, address: Address, clock: Clock, ca_file: str) -> Findings:
    """Return how the server is.

    Raises:
        RefusedError: there is no connection to be had.

    """
    connection = _connected(address, clock, ca_file)
    with closing(connection), suppress(pymysql.err.Error):  # of an end that was not said goodbye to
        look = _Look(address, connection, clock)
        look.begin()
        return ask(
            name, address, look.parts(), look.findings, clock=clock, errors=(pymysql.err.Error, OSError, *NO_PROTOCOL)
        )
    return look.findings  # pragma: no cover - what is raised at the end is suppressed


class _Look:
    """One look by one connection."""

    def __init__(self, address: Address, connection: pymysql.connections.Connection[Any], clock: Clock) -> None:
        self.findings = Findings()
        self._account = f"'{address.user}'@'%'"
        self._connection = connection
        self._clock = clock
        self._variables: dict[str, str] = {}
        self._status: dict[str, str] = {}

    def begin(self) -> None:
        """Forbid writes and statements that last; of the settings MariaDB knows the first, MySQL the others."""
        self._rows("SET SESSION TRANSACTION READ ONLY")
        milliseconds = int(self._clock.seconds * 1000)
        for setting in (
            f"max_statement_time = {self._clock.seconds:g}",
            f"max_execution_time = {milliseconds}",
            "information_schema_stats_expiry = 0",
        ):
            with suppress(pymysql.err.OperationalError, pymysql.err.InternalError):
                self._rows(f"SET SESSION {setting}")

    def parts(self) -> Iterator[Part]:
        """Yield the parts; later ones lean on the first."""
        process = f"GRANT PROCESS ON *.* TO {self._account}"
        parts: tuple[tuple[str, str, str, Callable[[], None]], ...] = (
            ("mode", "whether it takes writes", "nothing: see its log", self._server),
            ("connections", "its connections", process, self._clients),
            ("locks", "locks and transactions", process, self._locks),
            ("replication", "its replication", f"GRANT REPLICATION CLIENT, SLAVE MONITOR ON *.* TO {self._account} (of MySQL the first)", self._replication),
            ("deadlocks", "its last deadlock", process, self._deadlocks),
            ("space", "the space of its tables", f"GRANT SHOW VIEW ON *.* TO {self._account}", self._space),
            ("statements", "its slow statements", f"GRANT SELECT ON performance_schema.* TO {self._account}", self._statements),
        )  # fmt: skip
        for gives, words, right, what in parts:
            yield Part(gives=gives, words=words, right=right, read=what)

    def _rows(self, query: str, *values: object) -> Sequence[Row]:
        with self._connection.cursor() as cursor:
            cursor.execute(query, values or None)
            return cast("Sequence[Row]", cursor.fetchmany(MOST_WAITS))

    def _first(self, *queries: str, values: tuple[object, ...] = ()) -> Sequence[Row]:
        """Return what the first of ``queries`` that this server knows gives."""
        for query in queries[:-1]:
            with suppress(pymysql.err.ProgrammingError, pymysql.err.OperationalError, pymysql.err.InternalError):
                return self._rows(query, *values)
        return self._rows(queries[-1], *values)

    def _server(self) -> None:
        self._variables = {row["Variable_name"].lower(): row["Value"] for row in self._rows(_VARIABLES)}
        self._status = {row["Variable_name"].lower(): row["Value"] for row in self._rows(_STATUS)}
        self.findings.version = self._variables.get("version", "")
        forbidding = [
            one
            for one in ("super_read_only", "innodb_read_only", "transaction_read_only", "read_only")
            if self._variables.get(one, "OFF").upper() not in ("OFF", "0", "NO_LOCK")
        ]
        self.findings.mode = DatabaseMode(read_only=bool(forbidding), setting=next(iter(forbidding), ""))

    def _clients(self) -> None:
        rejected = self._status.get("connection_errors_max_connections")
        self.findings.connections = ConnectionUse(
            used=max(int(self._status.get("threads_connected", "1")) - 1, 0),
            most=int(self._variables.get("max_connections", "0")),
            rejected=int(rejected) if rejected else None,
            clients=tuple(
                ClientUse(address=row["address"] or "", user=row["user"] or "", used=row["used"], idle=row["idle"] or 0)
                for row in self._rows(_CLIENTS, MOST_CLIENTS)
            ),
        )

    def _locks(self) -> None:
        waiting = [
            *self._first(*_WAITS, values=(MOST_WAITS,)),
            *({**row, "holder": 0} for row in self._rows(_METADATA, MOST_WAITS)),
        ]
        waits: dict[str, list[str]] = {}
        for row in waiting:
            waits.setdefault(str(row["waiting"]), []).append(str(row["holder"]))
        told = {str(row["waiting"]): row for row in waiting}
        roots = chains(waits)
        wanted = tuple(int(root) for root in roots)[:MOST_SESSIONS] or (0,)
        found = self._rows(_SESSIONS, wanted, LONG_SECONDS, LONG_SECONDS, wanted, MOST_SESSIONS + len(wanted))
        sessions = {one.id: one for one in map(_session, found)}
        self.findings.sessions = list(sessions.values())[:MOST_SESSIONS]
        self.findings.blocking = [
            _blocking(sessions.get(root) or Session(id=root, state="unknown holder" if root == "0" else ""), told, *chain)
            for root, chain in list(roots.items())[:MOST_SESSIONS]
        ]  # fmt: skip

    def _replication(self) -> None:
        rows = self._first("SHOW REPLICA STATUS", "SHOW SLAVE STATUS")
        self.findings.replication = [_following(row) for row in rows]
        mode = self.findings.mode or DatabaseMode(read_only=False)
        if rows:
            self.findings.mode = DatabaseMode(read_only=mode.read_only, setting=mode.setting, replica=True)

    def _deadlocks(self) -> None:
        counted = self._status.get("innodb_deadlocks")
        self.findings.deadlocks = int(counted) if counted else None
        ((clock,),) = (self._rows("SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), SYSDATE()) AS ahead"),)
        for row in self._rows("SHOW ENGINE INNODB STATUS"):
            found = _DEADLOCK.search(str(row["Status"]))
            if found:
                local = datetime.strptime(f"{found[1]} {found[2]}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
                self.findings.deadlock_at = local - timedelta(seconds=round(clock["ahead"] / 60) * 60)

    def _space(self) -> None:
        limit = _capped(self._variables.get("innodb_data_file_path", ""))
        if not limit or self._variables.get("innodb_file_per_table", "ON").upper() in ("ON", "1"):
            return
        free = next((row["free"] for row in self._rows(_FREE)), None)
        if free is None:
            raise LookupError("no table can be seen")
        full = free < FREE_BYTES
        self.findings.space = [
            SpaceUse(what="tablespace", name="innodb_system", free_bytes=free, limit_bytes=limit, full=full)
        ]

    def _statements(self) -> None:
        if self._variables.get("performance_schema", "OFF").upper() in ("ON", "1"):
            self.findings.statements = [
                SlowStatement(
                    statement=normalised(row["statement"], FAMILY),
                    calls=row["calls"],
                    mean_seconds=float(row["mean"]),
                    longest_seconds=float(row["longest"]),
                )
                for row in self._rows(_DIGESTS, MOST_STATEMENTS)
            ]


def _session(row: Row) -> Session:
    address, colon, _ = str(row["host"] or "").rpartition(":")
    running = row["command"] in ("Query", "Execute")
    idle = row["transaction"] is not None and row["command"] == "Sleep"
    return Session(
        id=str(row["id"]),
        address=address if colon else str(row["host"] or ""),
        user=row["user"] or "",
        state="idle in transaction" if idle else row["state"] or str(row["command"]).lower(),
        statement=normalised(row["statement"] or "", FAMILY),
        statement_seconds=float(row["seconds"]) if running else None,
        transaction_seconds=None if row["transaction"] is None else float(row["transaction"]),
        waits=bool(row["waits"]),
    )


def _blocking(session: Session, told: Mapping[str, Row], waiting: Sequence[str], depth: int) -> Blocking:
    longest = max(waiting, key=lambda one: told[one]["seconds"] or 0)
    return Blocking(
        session=session,
        blocked=len(waiting),
        depth=depth,
        waited_seconds=float(told[longest]["seconds"] or 0),
        statement=normalised(told[longest]["statement"] or "", FAMILY),
    )


def _following(row: Row) -> Replication:
    receiving = _either(row, "Replica_IO_Running", "Slave_IO_Running")
    applying = _either(row, "Replica_SQL_Running", "Slave_SQL_Running")
    behind = _either(row, "Seconds_Behind_Source", "Seconds_Behind_Master")
    error = _either(row, "Last_SQL_Error") or _either(row, "Last_IO_Error") or ""
    return Replication(
        name=str(_either(row, "Channel_Name", "Connection_name") or ""),
        running=receiving == "Yes" and applying == "Yes",
        state=f"receiving {receiving}, applying {applying}",
        lag_seconds=None if behind is None else float(behind),
        delay_seconds=float(_either(row, "SQL_Delay") or 0),
        error=normalised(str(error), FAMILY),
    )


def _either(row: Row, *names: str) -> Any:  # noqa: ANN401 - a column of any type
    return next((row[name] for name in names if name in row), None)


def _capped(path: str) -> int:
    """Return to how many bytes the shared tablespace may grow, 0 where it may without end.

    >>> _capped("ibdata1:12M:autoextend"), _capped("ibdata1:12M"), _capped("a:1G;b:12M:autoextend:max:500M")
    (0, 12582912, 1598029824)
    """
    total = 0
    for one in filter(None, path.split(";")):
        found = _FILE.search(one)
        if not found or (found["grows"] and not found["most"]):
            return 0
        number, unit = (found["most"], found["of"]) if found["most"] else (found["size"], found["unit"])
        total += int(number) * _UNITS[unit.upper()]
    return total


def _connected(address: Address, clock: Clock, ca_file: str) -> pymysql.connections.Connection[Any]:
    """Return a connection.

    Raises:
        RefusedError: there is none to be had.

    """
    try:
        return pymysql.connect(
            host=address.host,
            port=address.port,
            user=address.user,
            password=address.password,
            database=address.name or None,
            connect_timeout=max(1, round(clock.seconds)),
            read_timeout=max(1, round(clock.seconds)),
            write_timeout=max(1, round(clock.seconds)),
            program_name="sre-orchestrator",
            autocommit=True,
            cursorclass=DictCursor,
            ssl=ssl.create_default_context(cafile=ca_file) if ca_file else None,
        )
    except pymysql.err.Error as error:
        raise RefusedError(_outcome(error), said(_words(error), address)) from None
    except (OSError, *NO_PROTOCOL) as error:
        raise RefusedError(network_outcome(error) or "protocol", said(error, address)) from None


def _outcome(error: pymysql.err.Error) -> Outcome:
    code = error.args[0] if error.args else 0
    words = _words(error)
    if code in CODES:
        return CODES[code]
    by_network = network_outcome(error)
    if "timed out" in words:
        return "timeout"
    return by_network or ("reset" if "Lost connection" in words else "protocol")


def _words(error: pymysql.err.Error) -> str:
    return str(error.args[-1]) if error.args else type(error).__name__
