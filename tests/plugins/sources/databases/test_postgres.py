"""Real faults of a real PostgreSQL, seen by an account that may only monitor."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from database_servers import PASSWORD, Server, postgres, postgres_server
from metric_servers import until

from sre_orchestrator.core.settings import DatabaseAccess
from sre_orchestrator.plugins.sources.database_reading import DatabaseReading
from sre_orchestrator.plugins.sources.databases.source import Database


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server(
        "max_connections=14", "superuser_reserved_connections=3", "wal_level=replica", "deadlock_timeout=100ms",
        "shared_preload_libraries=pg_stat_statements",
    ) as one:  # fmt: skip
        with postgres(one) as connection:
            connection.execute("CREATE TABLE orders (id int PRIMARY KEY, note text)")
            connection.execute("INSERT INTO orders SELECT n, 'secret-note' FROM generate_series(1, 20) AS n")
            connection.execute("CREATE EXTENSION pg_stat_statements")
            connection.execute("GRANT ALL ON orders TO shop")
        yield one


def look(server: Server, user: str = "monitor", name: str = "postgres", **more: Any) -> DatabaseReading:
    url = server.url(user, name, more.pop("password", PASSWORD))
    return Database(DatabaseAccess(name="orders", url=url, **{"timeout_seconds": 3.0, **more})).look()


def test_a_healthy_server_is_read_whole_and_has_no_gap(server: Server) -> None:
    reading = look(server)

    assert (reading.outcome, reading.gaps, reading.family) == ("accepted", (), "postgres")
    assert reading.version.startswith("15") or int(reading.version.split(".")[0]) > 12
    assert reading.read == {"mode", "connections", "locks", "replication", "deadlocks", "statements"}
    assert reading.mode
    assert (reading.mode.read_only, reading.mode.replica, reading.mode.replicas) == (False, False, 0)
    assert reading.connections
    assert (reading.connections.most, reading.connections.reserved) == (14, 3)
    assert reading.blocking == ()


def test_a_server_whose_connections_are_used_up_says_so_to_an_ordinary_account(server: Server) -> None:
    import psycopg  # noqa: PLC0415 - optional

    def connects() -> bool:
        with suppress(psycopg.OperationalError):
            held.enter_context(postgres(server, "shop"))
            return True
        return False  # until the server has ended those of the test before

    with ExitStack() as held:
        for _ in range(11):
            until(connects, 10)
        ordinary, administrator = look(server), look(server, "sre")

    assert ordinary.outcome == "too-many-connections"
    assert ordinary.connections is None
    assert administrator.outcome == "accepted"
    assert administrator.connections
    assert administrator.connections.used == 11
    (client,) = administrator.connections.clients
    assert (client.user, client.used, client.address) == ("shop", 11, "127.0.0.1")


def test_sessions_that_hold_transactions_are_counted_by_client(server: Server) -> None:
    with postgres(server, "shop") as busy, postgres(server, "shop"):
        busy.execute("BEGIN")
        reading = look(server)

    assert reading.connections
    (client,) = reading.connections.clients
    assert (client.used, client.idle, client.idle_in_transaction) == (2, 1, 1)


def test_a_chain_of_locks_is_followed_to_the_session_that_waits_for_none(server: Server) -> None:
    with postgres(server, "shop") as root, postgres(server, "shop") as second, postgres(server, "shop") as third:
        root.execute("BEGIN")
        root.execute("UPDATE orders SET note = 'of-ada' WHERE id = 1")
        second.execute("BEGIN")
        second.execute("UPDATE orders SET note = 'x' WHERE id = 2")
        threads = [
            waiting(second, "UPDATE orders SET note = 'second' WHERE id = 1"),
            waiting(third, "UPDATE orders SET note = 'third-secret' WHERE id = 2"),
        ]
        with postgres(server) as watching:
            until(lambda: waits(watching) == 2, 10)
        reading, number = look(server), root.info.backend_pid
        root.execute("ROLLBACK")
        threads[0].join(10)
        second.execute("ROLLBACK")
        threads[1].join(10)

    (blocking,) = reading.blocking
    assert (blocking.blocked, blocking.depth) == (2, 2)
    assert blocking.session.id == str(number)
    assert blocking.session.state == "idle in transaction"
    assert blocking.session.statement == "UPDATE orders SET note = ? WHERE id = ?"
    assert blocking.waited_seconds >= 0
    assert "secret" not in str(reading)


def test_a_session_that_waits_alone_blocks_nobody_and_a_running_one_is_told(server: Server) -> None:
    with postgres(server, "shop") as slow:
        thread = waiting(slow, "SELECT pg_sleep(30), 'of-ada'")
        with postgres(server) as watching:
            until(lambda: running(watching, "1 second"), 10)
        reading = look(server)
        slow.cancel()
        thread.join(10)

    (session,) = reading.sessions
    assert session.statement == "SELECT pg_sleep(?), ?"
    assert session.state == "active"
    assert (session.statement_seconds or 0) >= 1
    assert not session.waits
    assert reading.blocking == ()


def test_deadlocks_are_counted(server: Server) -> None:
    before = look(server).deadlocks
    with postgres(server, "shop") as one, postgres(server, "shop") as two:
        for connection, number in ((one, 5), (two, 6)):
            connection.execute("BEGIN")
            connection.execute(f"UPDATE orders SET note = 'x' WHERE id = {number}")
        thread = waiting(one, "UPDATE orders SET note = 'x' WHERE id = 6")
        with suppress(Exception):  # which of the two is ended, the server decides
            two.execute("UPDATE orders SET note = 'x' WHERE id = 5")
        two.execute("ROLLBACK")
        thread.join(10)
        one.execute("ROLLBACK")
    until(lambda: look(server).deadlocks != before, 10)

    assert look(server).deadlocks == (before or 0) + 1


def test_a_server_that_is_set_read_only_says_what_forbids_writes(server: Server) -> None:
    with postgres(server) as connection:
        connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        connection.execute("SELECT pg_reload_conf()")
        try:
            until(lambda: is_read_only(server), 10)
            reading = look(server)
        finally:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
            connection.execute("SELECT pg_reload_conf()")

    assert reading.mode
    assert (reading.mode.read_only, reading.mode.setting) == (True, "default_transaction_read_only")


def test_that_only_our_own_account_is_read_only_says_nothing_of_the_server(server: Server) -> None:
    with postgres(server) as connection:
        connection.execute("ALTER ROLE monitor SET default_transaction_read_only = on")
        reading = look(server)
        connection.execute("ALTER ROLE monitor RESET default_transaction_read_only")

    assert reading.mode
    assert not reading.mode.read_only


def test_nothing_can_be_written_by_our_connection(server: Server) -> None:
    import psycopg  # noqa: PLC0415 - optional

    from sre_orchestrator.plugins.sources.databases import postgres as door  # noqa: PLC0415 - optional
    from sre_orchestrator.plugins.sources.databases.address import address_of  # noqa: PLC0415
    from sre_orchestrator.plugins.sources.databases.asking import Clock  # noqa: PLC0415

    address = address_of(DatabaseAccess(name="orders", url=server.url(name="postgres")))
    with (
        door._connected(address, Clock(2.0), "") as connection,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        connection.execute("DELETE FROM orders")


def test_an_account_without_rights_leaves_a_gap_with_the_grant(server: Server) -> None:
    reading = look(server, "shop")

    assert reading.outcome == "accepted"
    assert [one.remedy for one in reading.gaps] == ["GRANT pg_monitor TO shop"]


@pytest.mark.parametrize(
    ("user", "password", "name", "outcome"),
    [
        ("monitor", "wrong-password-of-ours", "postgres", "credentials"),
        ("nobody", PASSWORD, "postgres", "credentials"),
        ("monitor", PASSWORD, "absent", "database-missing"),
    ],
)
def test_what_refuses_a_connection_is_told_without_the_password(
    server: Server, user: str, password: str, name: str, outcome: str
) -> None:
    reading = look(server, user, name, password=password)

    assert reading.outcome == outcome
    assert password not in str(reading)
    assert len(reading.gaps) == 1


def test_slow_statements_come_from_the_servers_own_memory(server: Server) -> None:
    with postgres(server) as connection:
        connection.execute("SELECT pg_stat_statements_reset()")
        connection.execute("SELECT pg_sleep(0.2), 'of-ada'")
    reading = look(server)

    assert [one.statement for one in reading.statements if "pg_sleep" in one.statement] == ["SELECT pg_sleep($1), $2"]
    assert reading.statements[0].mean_seconds >= 0.2


def test_a_standby_that_stops_to_apply_lags_and_one_that_lost_its_primary_does_not_run(server: Server) -> None:
    with postgres_server(copy_of=server) as standby:
        until(lambda: following(standby).running, 20)
        well, primary = look(standby), look(server)
        with postgres(standby) as connection:
            connection.execute("SELECT pg_wal_replay_pause()")
        with postgres(server) as connection:
            connection.execute("INSERT INTO orders VALUES (100, 'x')")
        until(lambda: (following(standby).lag_bytes or 0) > 0, 10)
        paused = following(standby)
        with postgres(standby) as connection:
            connection.execute("SELECT pg_wal_replay_resume()")
            connection.execute("ALTER SYSTEM SET primary_conninfo = ''")
            connection.execute("SELECT pg_reload_conf()")
        until(lambda: not following(standby).running, 20)
        lost = following(standby)

    assert well.mode
    assert (well.mode.read_only, well.mode.setting, well.mode.replica) == (True, "recovery", True)
    assert well.replication[0].lag_seconds == 0.0
    assert [one.running for one in primary.replication] == [True]
    assert primary.mode
    assert primary.mode.replicas == 1
    assert (paused.running, paused.state) == (False, "replay paused")
    assert (paused.lag_bytes or 0) > 0
    assert (lost.running, lost.state) == (False, "no receiver")


def test_a_server_that_hangs_in_the_middle_is_left_in_time(server: Server) -> None:
    with postgres(server) as connection:
        connection.execute("BEGIN")
        connection.execute("LOCK TABLE pg_catalog.pg_authid")  # the rights of an account are looked up in it
        reading = look(server, timeout_seconds=1.0)
        connection.execute("ROLLBACK")

    assert reading.seconds < 5
    assert reading.gaps


def following(server: Server) -> Any:
    return look(server).replication[0]


def waiting(connection: Any, statement: str) -> threading.Thread:
    def run() -> None:
        with suppress(Exception):  # a cancelled or deadlocked statement
            connection.execute(statement)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def waits(connection: Any) -> int:
    return int(connection.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone()[0])


def running(connection: Any, since: str) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(30)%%' AND query_start < now() - %s::interval"
    return bool(connection.execute(query, [since]).fetchone()[0])


def is_read_only(server: Server) -> bool:
    with postgres(server, "shop") as connection:
        return bool(connection.execute("SHOW default_transaction_read_only").fetchone()[0] == "on")
