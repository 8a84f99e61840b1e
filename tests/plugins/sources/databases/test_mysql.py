"""Real faults of a real MariaDB, seen by an account that may only monitor."""

from __future__ import annotations

import threading
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from database_servers import INNODB_PAUSE, LOOPBACK, PASSWORD, Server, asked, mariadb, mariadb_server, mysql
from metric_servers import until

from sre_orchestrator.core.settings import DatabaseAccess
from sre_orchestrator.plugins.sources.database_reading import DatabaseReading
from sre_orchestrator.plugins.sources.databases.source import Database


@pytest.fixture(scope="module")
def server() -> Server:
    one = mariadb()
    with closing(mysql(one)) as connection:
        asked(
            connection,
            "CREATE OR REPLACE TABLE shop.orders (id INT PRIMARY KEY, note VARCHAR(100))",
            "INSERT INTO shop.orders VALUES (1, 'a'), (2, 'b'), (3, 'c')",
        )
    return one


def look(server: Server, user: str = "monitor", name: str = "", **more: Any) -> DatabaseReading:
    url = server.url(user, name, more.pop("password", PASSWORD))
    return Database(DatabaseAccess(name="orders", url=url, **{"timeout_seconds": 3.0, **more})).look()


def test_a_healthy_server_is_read_whole_and_has_no_gap(server: Server) -> None:
    until(lambda: not look(server).blocking, 10, pause=INNODB_PAUSE)  # of the test before
    reading = look(server)

    assert (reading.outcome, reading.gaps, reading.family) == ("accepted", (), "mysql")
    assert "MariaDB" in reading.version
    assert reading.read == {"mode", "connections", "locks", "replication", "deadlocks", "space", "statements"}
    assert reading.mode
    assert (reading.mode.read_only, reading.mode.replica) == (False, False)
    assert reading.connections
    assert reading.connections.most == 16
    assert reading.blocking == reading.replication == reading.space == ()


def test_a_server_whose_connections_are_used_up_says_so(server: Server) -> None:
    with ExitStack() as held:
        for _ in range(14):
            held.enter_context(closing(mysql(server, "shop")))
        nearly = look(server)
        for _ in range(2):
            held.enter_context(closing(mysql(server, "shop")))
        refused = look(server)

    assert nearly.connections
    assert nearly.connections.used >= 14
    assert (nearly.connections.clients[0].user, nearly.connections.clients[0].used) == ("shop", 14)
    assert nearly.connections.clients[0].address == "127.0.0.1"
    assert refused.outcome == "too-many-connections"
    assert look(server, "sre").outcome == "accepted"  # the server takes back what was given back


def test_a_chain_of_locks_is_followed_to_the_session_that_waits_for_none(server: Server) -> None:
    with closing(mysql(server, "shop")) as root, closing(mysql(server, "shop")) as second, closing(mysql(server, "shop")) as third:  # fmt: skip
        number = asked(root, "SELECT CONNECTION_ID()")[0][0]
        asked(root, "BEGIN", "UPDATE shop.orders SET note = 'of-ada' WHERE id = 1")
        asked(second, "BEGIN", "UPDATE shop.orders SET note = 'x' WHERE id = 2")
        threads = [
            waiting(second, 'UPDATE shop.orders SET note = "second-secret" WHERE id = 1'),
            waiting(third, "UPDATE shop.orders SET note = 'third-secret' WHERE id = 2"),
        ]
        until(lambda: sum(one.waits for one in look(server).sessions) == 2, 30, pause=INNODB_PAUSE)
        reading = look(server)
        asked(root, "ROLLBACK")
        threads[0].join(30)
        asked(second, "ROLLBACK")
        threads[1].join(30)

    (blocking,) = reading.blocking
    assert (blocking.blocked, blocking.depth) == (2, 2)
    assert (blocking.session.id, blocking.session.state) == (str(number), "idle in transaction")
    assert blocking.statement == "UPDATE shop.orders SET note = ? WHERE id = ?"
    assert "secret" not in str(reading)


def test_statements_that_wait_for_a_table_are_told_though_not_who_holds_it(server: Server) -> None:
    with closing(mysql(server, "shop")) as holder, closing(mysql(server, "shop")) as changing:
        asked(holder, "BEGIN", "SELECT * FROM shop.orders")
        thread = waiting(changing, "ALTER TABLE shop.orders ADD COLUMN more INT")
        until(lambda: [one.session.id for one in look(server).blocking] == ["0"], 30, pause=INNODB_PAUSE)
        reading = look(server)
        asked(holder, "ROLLBACK")
        thread.join(30)

    (blocking,) = reading.blocking
    assert (blocking.session.id, blocking.session.state, blocking.blocked) == ("0", "unknown holder", 1)
    assert blocking.statement == "ALTER TABLE shop.orders ADD COLUMN more INT"


def test_the_last_deadlock_has_its_time(server: Server) -> None:
    with closing(mysql(server, "shop")) as one, closing(mysql(server, "shop")) as two:
        asked(one, "BEGIN", "UPDATE shop.orders SET note = 'x' WHERE id = 1")
        asked(two, "BEGIN", "UPDATE shop.orders SET note = 'x' WHERE id = 2")
        thread = waiting(one, "UPDATE shop.orders SET note = 'x' WHERE id = 2")
        with suppress(Exception):  # which of the two is ended, the server decides
            asked(two, "UPDATE shop.orders SET note = 'x' WHERE id = 1")
        asked(two, "ROLLBACK")
        thread.join(30)
        asked(one, "ROLLBACK")
    reading = look(server)

    assert (reading.deadlocks or 0) >= 1
    assert reading.deadlock_at
    assert abs(datetime.now(UTC) - reading.deadlock_at) < timedelta(minutes=2)


def test_a_server_that_is_set_read_only_says_what_forbids_writes(server: Server) -> None:
    with closing(mysql(server)) as connection:
        asked(connection, "SET GLOBAL read_only = ON")
        reading = look(server)
        asked(connection, "SET GLOBAL read_only = OFF")

    assert reading.mode
    assert (reading.mode.read_only, reading.mode.setting) == (True, "read_only")


def test_nothing_can_be_written_by_our_connection(server: Server) -> None:
    import pymysql  # noqa: PLC0415 - optional

    from sre_orchestrator.plugins.sources.databases import mysql as door  # noqa: PLC0415 - optional
    from sre_orchestrator.plugins.sources.databases.address import address_of  # noqa: PLC0415
    from sre_orchestrator.plugins.sources.databases.asking import Clock  # noqa: PLC0415

    address = address_of(DatabaseAccess(name="orders", url=server.url()))
    clock = Clock(2.0)
    with closing(door._connected(address, clock, "")) as connection:
        door._Look(address, connection, clock).begin()

        with pytest.raises(pymysql.err.OperationalError, match="READ ONLY"), connection.cursor() as cursor:
            cursor.execute("DELETE FROM shop.orders")


def test_a_capped_tablespace_that_is_full_is_told() -> None:
    with (
        mariadb_server("--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:20M") as server,
        closing(mysql(server)) as connection,
    ):
        asked(connection, "CREATE TABLE shop.bulk (body LONGBLOB)")
        unseen = look(server)
        asked(connection, "GRANT SHOW VIEW ON *.* TO monitor@'%'")
        roomy = look(server)
        with pytest.raises(Exception, match="is full"):
            asked(connection, *40 * ["INSERT INTO shop.bulk VALUES (REPEAT('x', 500000))"])
        full = look(server)

    assert [one.remedy for one in unseen.gaps] == ["GRANT SHOW VIEW ON *.* TO 'monitor'@'%'"]
    assert [one.full for one in roomy.space] == [False]
    (space,) = full.space
    assert (space.what, space.name, space.full, space.limit_bytes) == (
        "tablespace",
        "innodb_system",
        True,
        20 * 1024**2,
    )


def test_an_account_without_rights_leaves_gaps_with_the_grants(server: Server) -> None:
    reading = look(server, "shop")

    assert reading.outcome == "accepted"
    assert {one.remedy.split(" ON ")[0] for one in reading.gaps} == {"GRANT PROCESS", "GRANT REPLICATION CLIENT, SLAVE MONITOR"}  # fmt: skip


@pytest.mark.parametrize(
    ("user", "password", "name", "outcome"),
    [
        ("monitor", "wrong-password-of-ours", "", "credentials"),
        ("nobody", PASSWORD, "", "credentials"),
        ("monitor", PASSWORD, "absent", "forbidden"),
        ("sre", PASSWORD, "absent", "database-missing"),
    ],
)
def test_what_refuses_a_connection_is_told_without_the_password(
    server: Server, user: str, password: str, name: str, outcome: str
) -> None:
    reading = look(server, user, name, password=password)

    assert reading.outcome == outcome
    assert password not in str(reading)
    assert len(reading.gaps) == 1


def test_a_replica_that_met_an_error_has_stopped_and_says_why() -> None:
    with (
        mariadb_server("--server-id=1", "--log-bin=log", "--binlog-format=ROW") as primary,
        mariadb_server("--server-id=2", "--read-only=ON", "--skip-slave-start") as replica,
        closing(mysql(primary)) as first,
        closing(mysql(replica)) as second,
    ):
        file, position = asked(first, "SHOW MASTER STATUS")[0][:2]
        asked(
            second,
            f"CHANGE MASTER TO MASTER_HOST='{LOOPBACK}', MASTER_PORT={primary.port}, MASTER_USER='sre',"
            f" MASTER_PASSWORD='{PASSWORD}', MASTER_LOG_FILE='{file}', MASTER_LOG_POS={position}",
            "START SLAVE",
        )
        asked(first, "CREATE TABLE shop.bills (id INT PRIMARY KEY, note VARCHAR(50))")
        until(lambda: look(replica).replication[0].lag_seconds == 0.0, 20)
        until(lambda: bool(asked(second, "SHOW TABLES IN shop")), 20)
        well = look(replica)
        asked(second, "INSERT INTO shop.bills VALUES (1, 'made on the replica')")
        asked(first, "INSERT INTO shop.bills VALUES (1, 'of-ada')")
        until(lambda: not look(replica).replication[0].running, 20)
        broken = look(replica)

    assert well.mode
    assert (well.mode.read_only, well.mode.replica, well.replication[0].running) == (True, True, True)
    assert broken.replication[0].state == "receiving Yes, applying No"
    assert "Duplicate entry" in broken.replication[0].error
    assert "ada" not in str(broken)
    assert broken.replication[0].lag_seconds is None


def waiting(connection: Any, statement: str) -> threading.Thread:
    def run() -> None:
        with suppress(Exception):  # a cancelled or deadlocked statement
            asked(connection, statement)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread
