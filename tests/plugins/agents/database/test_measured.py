"""What the database agent makes of exporters' series, where nobody gave it a connection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from clusters import Cluster, shop
from looking import Seen, look_at

from sre_orchestrator.plugins.agents.database import DatabaseAgent

DB, CACHE = "statefulset/shop/orders-db", "deployment/shop/cart-cache"
BESIDE = 'namespace="shop",pod="orders-db-0"'


def seen(cluster: Cluster, folder: Path) -> Seen:
    return look_at(DatabaseAgent(), cluster.write(folder))


def measure(cluster: Cluster, labels: str, **series: float | tuple[float, ...]) -> Cluster:
    for name, values in series.items():
        cluster.series(name, labels, [values] * 24 if isinstance(values, int | float) else values)
    return cluster


def attributes(found: Seen, kind: str) -> dict[str, Any]:
    return found.only(kind).attributes


def test_connections_and_role_of_mysql_by_an_exporter_in_its_pod(tmp_path: Path) -> None:
    found = seen(
        measure(
            shop(), BESIDE, mysql_global_status_threads_connected=151, mysql_global_variables_max_connections=151,
            mysql_global_variables_read_only=1, mysql_global_status_innodb_deadlocks=(1, 2, 5),
        ),
        tmp_path,
    )  # fmt: skip

    use = found.only("database.connections")
    assert (use.component, use.attributes["free"], use.attributes["via"]) == (DB, 0, "metrics")
    assert (attributes(found, "database.mode")["read_only"], attributes(found, "database.mode")["replica"]) == (
        True,
        False,
    )
    assert attributes(found, "database.deadlocks")["count"] == 4
    assert found.of("database.replication") == []
    assert found.gaps == []


def test_a_replica_of_mysql_that_applies_nothing(tmp_path: Path) -> None:
    found = seen(
        measure(
            shop(), BESIDE, mysql_slave_status_slave_io_running=1, mysql_slave_status_slave_sql_running=0,
            mysql_global_variables_read_only=1, mysql_slave_status_seconds_behind_master=700,
        ),
        tmp_path,
    )  # fmt: skip

    assert attributes(found, "database.mode")["replica"] is True
    assert (
        attributes(found, "database.replication")["running"],
        attributes(found, "database.replication")["lag_seconds"],
    ) == (False, 700)


def with_postgres() -> Cluster:
    cluster = shop()
    cluster.app("bills-db", 5432, kind="StatefulSet", image="docker.io/library/postgres:16.2", replicas=1)
    return cluster


@pytest.mark.parametrize(
    "labels",
    [
        'namespace="shop",pod="bills-db-exporter-6d5f7c9b8-x2x4z"',
        'namespace="tools",pod="exporter-6d5f7c9b8-x2x4z",server="bills-db.shop.svc:5432"',
        'namespace="tools",instance="bills-db.shop:9187"',
    ],
)
def test_postgresql_by_an_exporter_elsewhere(labels: str, tmp_path: Path) -> None:
    cluster = measure(
        with_postgres(), labels, pg_settings_max_connections=100, pg_settings_superuser_reserved_connections=3,
        pg_replication_is_replica=1, pg_replication_lag_seconds=95.04,
    )  # fmt: skip
    measure(cluster, labels + ',state="idle"', pg_stat_activity_count=90)
    measure(cluster, labels + ',state="active"', pg_stat_activity_count=6)
    found = seen(cluster, tmp_path)

    assert (attributes(found, "database.connections")["used"], attributes(found, "database.connections")["free"]) == (
        96,
        1,
    )
    assert attributes(found, "database.mode")["setting"] == "recovery"
    assert attributes(found, "database.replication")["beyond_seconds"] == 95.0
    assert {one.component for one in found.facts} == {"statefulset/shop/bills-db"}


def test_a_postgresql_whose_role_is_not_measured_is_not_called_read_only(tmp_path: Path) -> None:
    found = seen(measure(with_postgres(), 'namespace="shop"', pg_settings_default_transaction_read_only=1), tmp_path)

    assert found.facts == []


def test_a_primary_that_is_set_read_only(tmp_path: Path) -> None:
    found = seen(
        measure(with_postgres(), 'namespace="shop"', pg_settings_default_transaction_read_only=1, pg_replication_is_replica=0, pg_replication_lag_seconds=0),
        tmp_path,
    )  # fmt: skip

    assert (attributes(found, "database.mode")["setting"], attributes(found, "database.mode")["replica"]) == (
        "default_transaction_read_only",
        False,
    )
    assert found.of("database.replication") == []


def test_memory_of_redis(tmp_path: Path) -> None:
    pod = shop().pods_of("cart-cache")[0]
    labels = f'namespace="shop",pod="{pod}"'
    cluster = measure(
        shop(), labels, redis_memory_used_bytes=99, redis_memory_max_bytes=100, redis_master_link_up=0,
        redis_evicted_keys_total=(0, 500, 1000), redis_keyspace_hits_total=(5, 5, 6), redis_keyspace_misses_total=(10, 2, 9),
    )  # fmt: skip
    measure(cluster, labels + ',maxmemory_policy="allkeys-lru"', redis_instance_info=1)
    measure(cluster, labels + ',err="OOM"', redis_errors_total=(2, 4, 7))
    measure(cluster, labels + ',err="ERR"', redis_errors_total=(0, 40, 70))
    found = seen(cluster, tmp_path)

    memory = found.only("database.memory")
    assert memory.component == CACHE
    assert memory.attributes["evicts"] is True
    assert (memory.attributes["evicted_per_second"], memory.attributes["refused"]) == (100.0, 5)
    assert memory.attributes["hit_ratio"] == 0.1
    assert attributes(found, "database.replication") == {
        "database": "cart-cache", "family": "redis", "running": False, "state": "link down", "via": "metrics",
    }  # fmt: skip


def test_a_redis_of_which_little_is_measured(tmp_path: Path) -> None:
    found = seen(measure(shop(), 'namespace="shop"', redis_memory_used_bytes=99), tmp_path)

    assert set(attributes(found, "database.memory")) == {"database", "family", "used_bytes", "via"}


def with_broker() -> Cluster:
    cluster = shop()
    cluster.app("broker", 5672, kind="StatefulSet", image="docker.io/library/rabbitmq:3.13", replicas=1)
    return cluster


def test_alarms_and_queues_of_rabbitmq(tmp_path: Path) -> None:
    labels = 'namespace="shop",pod="broker-0"'
    cluster = measure(
        with_broker(), labels, rabbitmq_alarms_free_disk_space_watermark=1, rabbitmq_alarms_memory_used_watermark=0
    )
    orders = labels + ',vhost="/",queue="orders"'
    measure(
        cluster, orders, rabbitmq_queue_messages_ready=(100, 150, 200), rabbitmq_queue_consumers=(0, 0, 0),
        rabbitmq_queue_messages_unacked=(1, 1, 1), rabbitmq_queue_messages_published_total=(500, 550, 600),
    )  # fmt: skip
    measure(cluster, labels + ',vhost="/",queue="empty"', rabbitmq_queue_messages_ready=0, rabbitmq_queue_consumers=1)
    measure(cluster, labels + ',vhost="/",queue="half"', rabbitmq_queue_messages_ready=7)
    found = seen(cluster, tmp_path)

    assert attributes(found, "database.alarm")["alarm"] == "disk"
    queue = attributes(found, "database.queue")
    assert (queue["queue"], queue["ready"], queue["consumers"], queue["unacknowledged"]) == ("orders", 200, 0, 1)
    assert (queue["published_per_second"], queue["growth_per_second"]) == (10.0, 10.0)


def test_series_of_servers_that_the_cluster_does_not_have_say_nothing(tmp_path: Path) -> None:
    found = seen(
        measure(shop(), 'namespace="shop"', pg_replication_is_replica=1, rabbitmq_queue_messages_ready=9), tmp_path
    )

    assert found.facts == []


def test_a_series_that_ended_long_ago_says_nothing(tmp_path: Path) -> None:
    cluster = shop()
    end = 1903867200
    cluster.metrics += [
        f"mysql_global_variables_read_only{{{BESIDE}}} 1 {end - 1200 + step}" for step in range(0, 60, 5)
    ]
    measure(cluster, BESIDE, mysql_global_status_threads_connected=4)
    found = seen(cluster, tmp_path)

    assert found.facts == []
