"""What exporters measure of databases, caches and brokers, for those that nobody has a connection to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.identity import namespace_of
from sre_orchestrator.core.models import Fact, Scalar
from sre_orchestrator.plugins.agents.database.told import is_aside
from sre_orchestrator.plugins.agents.logs.callees import Cast
from sre_orchestrator.plugins.agents.metrics.places import Places
from sre_orchestrator.plugins.sources.exporter_names import EXPORTED
from sre_orchestrator.plugins.sources.metric_names import NAMESPACES
from sre_orchestrator.plugins.sources.ports import Series

ADDRESSES = ("server", "target", "addr", "instance")
STALE_SECONDS = 300.0
MOST_QUEUES = 20


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The series about one database by metric, and the newest time of all; ``server`` is its component."""

    server: str
    family: str
    newest: float
    observe: Observer
    series: dict[str, list[Series]] = field(default_factory=lambda: defaultdict(list))

    def now(self, metric: str) -> float | None:
        """Return the sum of the last values of a metric; ``None`` where it is not measured any more."""
        values = [float(one.values[-1]) for one in self.current(metric)]
        return sum(values) if values else None

    def first(self, *metrics: str) -> float | None:
        """Return the last value of the first of ``metrics`` that is measured."""
        return next((value for one in metrics if (value := self.now(one)) is not None), None)

    def increase(self, metric: str, **labels: str) -> float:
        """Return by how much a counter grew in the window, also over a restart."""
        chosen = [one for one in self.current(metric) if labels.items() <= one.labels.items()]
        return sum(_grown(one) for one in chosen)

    def current(self, metric: str) -> Sequence[Series]:
        """Return the series of a metric that have not ended."""
        return [one for one in self.series.get(metric, ()) if self.newest - float(one.times[-1]) <= STALE_SECONDS]

    def seconds(self, metric: str) -> float:
        """Return for how long a metric was measured."""
        return max((float(one.times[-1] - one.times[0]) for one in self.current(metric)), default=0.0)

    def fact(self, kind: str, metric: str, **attributes: Scalar | None) -> Fact:
        """Return a fact about this database, with the expression that shows it."""
        return self.observe(
            f"database.{kind}",
            self.server,
            query=metric,
            at=datetime.fromtimestamp(self.newest, UTC),
            database=self.server.rpartition("/")[2],
            family=self.family,
            via="metrics",
            **attributes,
        )


def exported(series: Iterable[Series]) -> list[Series]:
    """Return the series that exporters of databases publish."""
    return [one for one in series if one.name in EXPORTED and len(one.times)]


def measured(
    series: Sequence[Series], cast: Cast, places: Places, observe: Observer, known: Collection[str]
) -> Iterator[Fact]:
    """Yield what ``series`` tell of databases, without those that are ``known`` by a connection."""
    newest = max((float(one.times[-1]) for one in series), default=0.0)
    found: dict[str, Measured] = {}
    for one in series:
        family = EXPORTED[one.name]
        server = _server(one, family, cast, places)
        if server and server not in known:
            held = found.setdefault(server, Measured(server=server, family=family, newest=newest, observe=observe))
            held.series[one.name].append(one)
    for _, held in sorted(found.items()):
        for look in LOOKS[held.family]:
            yield from look(held)


def _server(series: Series, family: str, cast: Cast, places: Places) -> str:
    """Return the server that a series is about: whose pod exports it, whom it names, or the only one of its namespace."""
    component = places.of(series.name, series.labels) or ""
    fitting = [one for one in cast.servers if one.family == family]
    if any(one.workload == component for one in fitting):
        return component
    namespace = namespace_of(component) or next(
        (series.labels[one] for one in NAMESPACES if series.labels.get(one)), ""
    )
    for label in ADDRESSES:
        host = series.labels.get(label, "").rpartition("//")[2].partition(":")[0]
        named = cast.backing(cast.service(host, namespace)) if host else ""
        if any(one.workload == named for one in fitting):
            return named
    near = [one.workload for one in fitting if one.namespace == namespace]
    return near[0] if len(near) == 1 else ""


def _grown(series: Series) -> float:
    total, before = 0.0, float(series.values[0])
    for value in map(float, series.values[1:]):
        total += value - before if value >= before else value
        before = value
    return total


def _connections(used: str, most: str, reserved: str = "") -> Callable[[Measured], Iterator[Fact]]:
    def look(held: Measured) -> Iterator[Fact]:
        number, limit = held.now(used), held.now(most)
        if number is None or not limit:
            return
        kept = int(held.now(reserved) or 0) if reserved else 0
        ordinary = max(int(limit) - kept, 1)
        yield held.fact(
            "connections",
            used,
            used=int(number),
            most=int(limit),
            reserved=kept,
            free=max(ordinary - int(number), 0),
            used_ratio=round(number / ordinary, 3),
        )

    return look


def _deadlocks(metric: str) -> Callable[[Measured], Iterator[Fact]]:
    def look(held: Measured) -> Iterator[Fact]:
        if held.current(metric):
            yield held.fact("deadlocks", metric, count=round(held.increase(metric)))

    return look


def _mode_of_postgres(held: Measured) -> Iterator[Fact]:
    follows = held.now("pg_replication_is_replica")
    if follows is None:
        return
    forbidden = bool(held.now("pg_settings_default_transaction_read_only"))
    setting = "recovery" if follows else "default_transaction_read_only" if forbidden else None
    yield held.fact(
        "mode", "pg_replication_is_replica", read_only=bool(setting), setting=setting, replica=bool(follows)
    )
    lag = held.first("pg_replication_lag_seconds", "pg_replication_lag")
    if follows and lag is not None:
        seconds = round(lag, 1)
        yield held.fact(
            "replication", "pg_replication_lag_seconds", running=True, lag_seconds=seconds, beyond_seconds=seconds
        )


def _mode_of_mysql(held: Measured) -> Iterator[Fact]:
    receiving = held.now("mysql_slave_status_slave_io_running")
    applying = held.now("mysql_slave_status_slave_sql_running")
    forbidden = held.now("mysql_global_variables_read_only")
    if forbidden is not None:
        yield held.fact(
            "mode",
            "mysql_global_variables_read_only",
            read_only=bool(forbidden),
            setting="read_only" if forbidden else None,
            replica=receiving is not None,
        )
    if receiving is not None:
        lag = held.now("mysql_slave_status_seconds_behind_master")
        yield held.fact(
            "replication",
            "mysql_slave_status_seconds_behind_master",
            running=bool(receiving and applying),
            lag_seconds=lag,
            beyond_seconds=lag,
        )


def _memory_of_redis(held: Measured) -> Iterator[Fact]:
    used, limit = held.now("redis_memory_used_bytes"), held.now("redis_memory_max_bytes")
    if used is None:
        return
    policy = next((one.labels.get("maxmemory_policy", "") for one in held.current("redis_instance_info")), "")
    evicted, seconds = held.increase("redis_evicted_keys_total"), held.seconds("redis_evicted_keys_total")
    hits, misses = held.increase("redis_keyspace_hits_total"), held.increase("redis_keyspace_misses_total")
    yield held.fact(
        "memory",
        "redis_memory_used_bytes / redis_memory_max_bytes",
        used_bytes=int(used),
        limit_bytes=int(limit) if limit else None,
        used_ratio=round(used / limit, 3) if limit else None,
        policy=policy or None,
        evicts=policy != "noeviction" if policy else None,
        evicted_per_second=round(evicted / seconds, 1) if evicted and seconds else None,
        hit_ratio=round(hits / (hits + misses), 2) if hits + misses else None,
        refused=round(held.increase("redis_errors_total", err="OOM")) if held.current("redis_errors_total") else None,
    )


def _link_of_redis(held: Measured) -> Iterator[Fact]:
    up = held.now("redis_master_link_up")
    if up is not None:
        yield held.fact("replication", "redis_master_link_up", running=bool(up), state=f"link {'up' if up else 'down'}")


def _alarms(held: Measured) -> Iterator[Fact]:
    for metric, alarm in (
        ("rabbitmq_alarms_free_disk_space_watermark", "disk"),
        ("rabbitmq_alarms_memory_used_watermark", "memory"),
    ):
        if held.now(metric):
            yield held.fact("alarm", metric, alarm=alarm)


def _queues(held: Measured) -> Iterator[Fact]:
    consumers = _by_queue(held, "rabbitmq_queue_consumers")
    unacknowledged = _by_queue(held, "rabbitmq_queue_messages_unacked")
    published = {
        (one.labels.get("vhost", ""), one.labels.get("queue", "")): _grown(one) / seconds
        for one in held.current("rabbitmq_queue_messages_published_total")
        if (seconds := float(one.times[-1] - one.times[0]))
    }
    ready = [one for one in held.current("rabbitmq_queue_messages_ready") if one.labels.get("queue")]
    for one in sorted(ready, key=lambda one: (-float(one.values[-1]), one.labels["queue"]))[:MOST_QUEUES]:
        key = one.labels.get("vhost", ""), one.labels["queue"]
        seconds = float(one.times[-1] - one.times[0])
        if one.values[-1] and key in consumers:
            yield held.fact(
                "queue",
                "rabbitmq_queue_messages_ready",
                queue=key[1],
                host=key[0] or None,
                ready=int(one.values[-1]),
                unacknowledged=int(unacknowledged.get(key, 0)),
                consumers=int(consumers[key]),
                published_per_second=round(published[key], 2) if key in published else None,
                growth_per_second=round(float(one.values[-1] - one.values[0]) / seconds, 2) if seconds else None,
                aside=is_aside(key[1]),
            )


def _by_queue(held: Measured, metric: str) -> Mapping[tuple[str, str], float]:
    return {
        (one.labels.get("vhost", ""), one.labels.get("queue", "")): float(one.values[-1])
        for one in held.current(metric)
    }


LOOKS: Mapping[str, Sequence[Callable[[Measured], Iterator[Fact]]]] = {
    "postgres": (
        _connections("pg_stat_activity_count", "pg_settings_max_connections", "pg_settings_superuser_reserved_connections"),
        _mode_of_postgres,
        _deadlocks("pg_stat_database_deadlocks"),
    ),
    "mysql": (
        _connections("mysql_global_status_threads_connected", "mysql_global_variables_max_connections"),
        _mode_of_mysql,
        _deadlocks("mysql_global_status_innodb_deadlocks"),
    ),
    "redis": (_connections("redis_connected_clients", "redis_config_maxclients"), _memory_of_redis, _link_of_redis),
    "rabbitmq": (_alarms, _queues),
}  # fmt: skip
