"""Real servers with real faults behind the databases of a shop: the right cause first, blamed on the database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from clusters import shop
from database_servers import (
    INNODB_PAUSE,
    PASSWORD,
    Management,
    Server,
    asked,
    mariadb,
    mariadb_server,
    mysql,
    postgres,
    postgres_server,
    rabbitmq,
    rabbitmqctl,
    redis_server,
)
from faults import complain
from metric_servers import until

from sre_orchestrator.api.wiring import Installation, diagnose_with
from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.models import Incident, Report
from sre_orchestrator.core.settings import DatabaseAccess, Settings
from sre_orchestrator.plugins.sources.databases.source import Database
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

ORDERS_DB, CACHE, BROKER = "statefulset/shop/orders-db", "deployment/shop/cart-cache", "statefulset/shop/broker"


def diagnosed(server: Server, component: str, folder: Path, user: str = "monitor", told: str = "") -> Report:
    """Return the report on a shop whose database is ``server``, while a caller of a caller complains."""
    cluster = shop()
    cluster.app("broker", 5672, kind="StatefulSet", image="docker.io/library/rabbitmq:3.13", replicas=1)
    cluster.topology["orders"].append("broker")
    complain(
        cluster,
        "checkout",
        "ERROR HTTPError: 500 Server Error: Internal Server Error for url: http://orders:8080/orders",
    )
    complain(
        cluster, "checkout", "ERROR HTTPError: 500 Server Error: Internal Server Error for url: http://cart:7070/cart"
    )
    access = DatabaseAccess(name="store", url=server.url(user), component=component, timeout_seconds=5.0)
    settings = Settings(state_dir=str(folder / "state"))

    async def run() -> Report:
        with open_snapshot(cluster.write(folder / "snapshot"), settings.snapshot_limits) as snapshot:
            incident = Incident(
                id="i",
                description=told or "checkout answers 500 and is slow",
                at=snapshot.captured_at,
                namespace="shop",
            )
            bundle = await diagnose_with(Installation(settings), incident, Sources([Database(access), snapshot]))
            return bundle.report

    return anyio.run(run)


def first(report: Report) -> tuple[str, str]:
    assert PASSWORD not in str(report)
    return report.hypotheses[0].cause, report.hypotheses[0].component


@contextmanager
def waiting(connection: Any, statement: str) -> Iterator[None]:
    """Let a statement wait by a connection in the meantime."""

    def run() -> None:
        with suppress(Exception):
            asked(connection, statement)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield
    thread.join(20)


def test_a_chain_of_locks_in_mariadb(tmp_path: Path) -> None:
    server = mariadb()
    with ExitStack() as stack:
        one, two, three, four = (stack.enter_context(closing(mysql(server, "shop"))) for _ in range(4))
        asked(one, "CREATE OR REPLACE TABLE shop.stock (id INT PRIMARY KEY)", "INSERT INTO shop.stock VALUES (1)")
        asked(one, "BEGIN", "DELETE FROM shop.stock WHERE id = 1")
        for waiter in (two, three, four):
            stack.enter_context(waiting(waiter, "DELETE FROM shop.stock WHERE id = 1"))
        with closing(mysql(server)) as watching:
            query = "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'"
            until(lambda: asked(watching, query)[0][0] == 3, 30, pause=INNODB_PAUSE)
        report = diagnosed(server, ORDERS_DB, tmp_path)
        asked(one, "ROLLBACK")

    assert first(report) == ("database-locks", ORDERS_DB)
    assert report.verdict == "diagnosed"
    assert "3 sessions of orders-db wait for session" in report.hypotheses[0].because
    checkout = [one for one in report.hypotheses[0].explains if "checkout" in report.facts[one].component]
    assert checkout  # what a caller of a caller complains of, this explains


def test_connections_that_are_used_up_in_mariadb(tmp_path: Path) -> None:
    server = mariadb()
    with ExitStack() as stack:
        for _ in range(16):
            stack.enter_context(closing(mysql(server, "shop")))
        report = diagnosed(server, ORDERS_DB, tmp_path)

    assert first(report) == ("database-connections-exhausted", ORDERS_DB)


def test_a_mariadb_that_is_set_read_only(tmp_path: Path) -> None:
    server = mariadb()
    with closing(mysql(server)) as connection:
        asked(connection, "SET GLOBAL read_only = ON")
        report = diagnosed(server, ORDERS_DB, tmp_path)
        asked(connection, "SET GLOBAL read_only = OFF")

    assert first(report) == ("database-read-only", ORDERS_DB)
    assert report.verdict == "diagnosed"


def test_a_tablespace_that_is_full_in_mariadb(tmp_path: Path) -> None:
    with (
        mariadb_server("--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:20M") as server,
        closing(mysql(server)) as connection,
    ):
        asked(connection, "CREATE TABLE shop.bulk (body LONGBLOB)", "GRANT SHOW VIEW ON *.* TO monitor@'%'")
        with pytest.raises(Exception, match="is full"):
            asked(connection, *40 * ["INSERT INTO shop.bulk VALUES (REPEAT('x', 500000))"])
        report = diagnosed(server, ORDERS_DB, tmp_path)

    assert first(report) == ("disk-full", ORDERS_DB)
    assert report.verdict == "diagnosed"


def test_a_standby_of_postgresql_that_lost_its_primary(tmp_path: Path) -> None:
    with postgres_server("wal_level=replica") as primary, postgres_server(copy_of=primary) as standby:
        with postgres(standby) as connection:
            connection.execute("ALTER SYSTEM SET primary_conninfo = ''")
            connection.execute("SELECT pg_reload_conf()")
            until(lambda: not connection.execute("SELECT status FROM pg_stat_wal_receiver").fetchall(), 20)
        report = diagnosed(standby, ORDERS_DB, tmp_path)

    assert first(report) == ("database-replication-lag", ORDERS_DB)


def test_a_redis_at_its_limit_that_gives_up_no_keys(tmp_path: Path) -> None:
    import redis  # noqa: PLC0415 - optional

    with redis_server("--maxmemory", "3mb") as server:
        with (
            redis.Redis(port=server.port, username="sre", password=PASSWORD) as filling,
            pytest.raises(Exception, match="maxmemory"),
        ):
            [filling.set(f"key-{number}", "x" * 50_000) for number in range(200)]
        report = diagnosed(server, CACHE, tmp_path)

    assert first(report) == ("cache-memory-full", CACHE)
    assert report.verdict == "diagnosed"


def test_a_queue_of_rabbitmq_that_nobody_consumes(tmp_path: Path) -> None:
    server = rabbitmq()
    management = Management(server)
    management.publish("shipments", 120)
    until(lambda: any(one.get("messages_ready") == 120 for one in management("GET", "/queues")), 20)
    report = diagnosed(server, BROKER, tmp_path)
    management("DELETE", "/queues/%2F/shipments")

    assert first(report) == ("queue-backlog", BROKER)
    assert report.verdict == "diagnosed"


def test_a_rabbitmq_whose_disk_is_short(tmp_path: Path) -> None:
    server = rabbitmq()
    rabbitmqctl(server, "set_disk_free_limit", "100000GB")
    until(lambda: Management(server)("GET", "/nodes")[0].get("disk_free_alarm") is True, 30)
    report = diagnosed(server, BROKER, tmp_path)
    rabbitmqctl(server, "set_disk_free_limit", "50MB")
    until(lambda: Management(server)("GET", "/nodes")[0].get("disk_free_alarm") is False, 30)

    assert first(report) == ("broker-blocks-publishers", BROKER)
    assert report.verdict == "diagnosed"


def test_a_wrong_password_of_ours_is_a_gap_and_no_cause(tmp_path: Path) -> None:
    report = diagnosed(mariadb(), ORDERS_DB, tmp_path, user="nobody")

    assert [one for one in report.hypotheses if one.category == "database"] == []
    assert [one.remedy for one in report.gaps if one.agent == "database"] == [
        "correct user and password, in the file that it names too"
    ]


def test_a_healthy_server_is_blamed_for_nothing(tmp_path: Path) -> None:
    report = diagnosed(mariadb(), ORDERS_DB, tmp_path)

    assert [one for one in report.hypotheses if one.component == ORDERS_DB] == []
    assert [one for one in report.gaps if one.agent == "database"] == []
