"""What the database agent makes of readings, whoever gave them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from clusters import shop
from looking import NOON, Seen
from shop import patch

from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.models import Gap, Incident, Scope
from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.agents.database import DatabaseAgent
from sre_orchestrator.plugins.agents.database.told import is_aside
from sre_orchestrator.plugins.sources.database_reading import (
    Blocking,
    ClientUse,
    ConnectionUse,
    DatabaseMode,
    DatabaseReading,
    MemoryUse,
    Queue,
    Replication,
    Session,
    SlowStatement,
    SpaceUse,
)
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

DB = "statefulset/shop/orders-db"


class Told:
    """A database that says what it is given."""

    def __init__(self, **reading: Any) -> None:
        basis = {"name": "orders", "family": "postgres", "component": DB, "outcome": "accepted"}
        self.reading = DatabaseReading(**{**basis, **reading})
        self.name = "database orders"
        self.component = self.reading.component

    async def sync(self) -> Any:
        """Yield nothing."""
        for nothing in ():
            yield nothing

    def look(self) -> DatabaseReading:
        """Return the reading."""
        return self.reading


def seen(folder: Path, *databases: Told, namespaces: tuple[str, ...] = ("shop",)) -> Seen:
    cluster = shop()
    name = cluster.pods_of("checkout")[0]
    cluster.add(patch(cluster.get("Pod", name), status={"podIP": "10.1.2.3"}))
    incident = Incident(id="i", description="it is slow", at=NOON)
    scope = Scope(incident=incident, namespaces=namespaces, since=NOON - timedelta(hours=1), until=NOON)

    async def gather() -> list[object]:
        with open_snapshot(cluster.write(folder), SnapshotLimits()) as snapshot:
            return [one async for one in DatabaseAgent().gather(scope, Sources([*databases, snapshot]))]

    return Seen(DatabaseAgent(), anyio.run(gather))


def test_without_databases_in_the_settings_nothing_is_looked_at(tmp_path: Path) -> None:
    found = seen(tmp_path)

    assert (found.facts, found.gaps, found.coverage) == ([], [], set())


def test_a_database_of_another_namespace_is_not_asked(tmp_path: Path) -> None:
    assert seen(tmp_path, Told(), namespaces=("kube-system",)).facts == []


def test_a_service_stands_for_the_workload_behind_it(tmp_path: Path) -> None:
    assert seen(tmp_path, Told(component="service/shop/orders-db")).only("database.connection").component == DB


def test_a_service_of_a_server_outside_stands_for_itself(tmp_path: Path) -> None:
    outside = "service/shop/rented-db"

    assert seen(tmp_path, Told(component=outside)).only("database.connection").component == outside


def test_a_database_of_nobody_gives_gaps_only(tmp_path: Path) -> None:
    gap = Gap(agent="database", what="everything", why="no file", remedy="write it")
    found = seen(tmp_path, Told(component="", outcome="unknown", gaps=(gap,)), Told(component=""))

    assert found.facts == []
    assert [one.remedy for one in found.gaps] == [
        "write it",
        "set component of databases orders, such as statefulset/shop/db",
    ]


def test_locks_that_are_waited_for_in_passing_are_not_told(tmp_path: Path) -> None:
    session = Session(id="7")
    waits = (
        Blocking(session=session, blocked=1, waited_seconds=0.3),
        Blocking(session=session, blocked=1, waited_seconds=1.2),
    )

    assert seen(tmp_path, Told(blocking=waits)).only("database.blocking").attributes["waited_seconds"] == 1.2


def test_clients_are_named_by_the_workload_at_their_address(tmp_path: Path) -> None:
    clients = (
        ClientUse(address="10.1.2.3", user="shop", application="one", used=40, idle=30, idle_in_transaction=1),
        ClientUse(address="10.1.2.3", user="shop", application="two", used=20),
        ClientUse(address="192.0.2.9", user="etl", application="nightly", used=7),
        ClientUse(used=1),
    )
    found = seen(tmp_path, Told(connections=ConnectionUse(used=68, most=100, reserved=3, clients=clients)))

    assert [(one.attributes["client"], one.attributes["connections"], one.attributes["known"]) for one in found.of("database.client")] == [
        ("deployment/shop/checkout", 60, True), ("etl@192.0.2.9 nightly", 7, False), ("unknown", 1, False),
    ]  # fmt: skip
    use = found.only("database.connections").attributes
    assert (use["free"], use["used_ratio"]) == (29, 0.701)


def test_of_many_clients_those_that_hold_most_are_told(tmp_path: Path) -> None:
    clients = tuple(ClientUse(address=f"192.0.2.{number}", user="shop", used=number) for number in range(1, 200))
    found = seen(tmp_path, Told(connections=ConnectionUse(used=19_900, most=20_000, clients=clients)))

    assert [one.attributes["connections"] for one in found.of("database.client")] == list(range(199, 189, -1))


def test_a_server_without_a_limit_has_nothing_that_can_run_out(tmp_path: Path) -> None:
    use = seen(tmp_path, Told(connections=ConnectionUse(used=5))).only("database.connections").attributes

    assert set(use) == {"database", "family", "used", "reserved", "via"}


def test_a_connection_that_failed_has_the_words_and_nothing_else(tmp_path: Path) -> None:
    found = seen(tmp_path, Told(outcome="refused", words="Connection refused", seconds=0.12))

    assert found.only("database.connection").attributes["words"] == "Connection refused"
    assert len(found.facts) == 1
    assert found.coverage == {("database.connection", DB)}


def test_everything_that_is_told_becomes_facts_of_the_vocabulary(tmp_path: Path) -> None:
    session = Session(
        id="7", address="10.1.2.3", user="shop", state="idle in transaction", statement="UPDATE a SET b = ?",
        transaction_seconds=70.04,
    )  # fmt: skip
    found = seen(
        tmp_path,
        Told(
            mode=DatabaseMode(read_only=True, setting="recovery", replica=True, replicas=0),
            replication=(
                Replication(running=True, state="streaming", lag_seconds=3700.0, delay_seconds=3600.0),
                Replication(name="standby", running=False, lag_seconds=None),
            ),
            blocking=(Blocking(session=session, blocked=3, depth=2, waited_seconds=4.04, statement="SELECT ?"),),
            sessions=(session,),
            deadlocks=4,
            deadlock_at=NOON - timedelta(minutes=5),
            space=(SpaceUse(what="disk", name="rabbit@a", free_bytes=1, limit_bytes=2, full=True),),
            statements=(SlowStatement(statement="SELECT ?", calls=10, mean_seconds=2.0, longest_seconds=4.0),),
            memory=MemoryUse(used_bytes=99, limit_bytes=100, policy="noeviction", refused=2, alarm=True),
            queues=(
                Queue(
                    name="orders", host="/", ready=9, consumers=1, published_per_second=3.0, delivered_per_second=1.0
                ),
                Queue(name="orders.dlq", ready=1),
                Queue(name="idle", consumers=3),
            ),
            read=frozenset({"mode", "locks", "space", "statements"}),
        ),
    )

    assert found.only("database.mode").attributes["setting"] == "recovery"
    assert [one.attributes.get("beyond_seconds") for one in found.of("database.replication")] == [100.0, None]
    assert found.only("database.blocking").attributes["client"] == "deployment/shop/checkout"
    assert found.only("database.session").attributes["verb"] == "UPDATE"
    assert found.only("database.deadlocks").attributes["recent"] is True
    assert found.only("database.slow_statement").attributes["share"] == 1.0
    assert found.only("database.memory").attributes["evicts"] is False
    assert [one.attributes["alarm"] for one in found.of("database.alarm")] == ["disk", "memory"]
    assert [(one.attributes["queue"], one.attributes["aside"], one.attributes.get("growth_per_second")) for one in found.of("database.queue")] == [
        ("orders", False, 2.0), ("orders.dlq", True, None),
    ]  # fmt: skip
    assert {kind for kind, _ in found.coverage} == {
        "database.connection", "database.mode", "database.blocking", "database.space", "database.alarm",
    }  # fmt: skip


@pytest.mark.parametrize(
    "queue", ["orders.dlq", "dead-letter", "order_retry", "orders.error", "mail-parking-lot", "DLX.orders"]
)
def test_queues_for_what_failed_are_known_by_their_names(queue: str) -> None:
    assert is_aside(queue)


@pytest.mark.parametrize("queue", ["orders", "terrors", "deadlines", "retrieval", "delayer"])
def test_other_queues_are_not_taken_for_those(queue: str) -> None:
    assert not is_aside(queue)
