"""Real faults of a real Redis, seen by an account that may only monitor."""

from __future__ import annotations

import threading
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from database_servers import PASSWORD, Server, redis_server
from metric_servers import until

from sre_orchestrator.core.settings import DatabaseAccess
from sre_orchestrator.plugins.sources.database_reading import DatabaseReading
from sre_orchestrator.plugins.sources.databases.source import Database


def look(server: Server, user: str = "monitor", **more: Any) -> DatabaseReading:
    url = server.url(user, "0", more.pop("password", PASSWORD))
    return Database(DatabaseAccess(name="cart", url=url, **{"timeout_seconds": 3.0, **more})).look()


def client(server: Server) -> Any:
    import redis  # noqa: PLC0415 - optional

    return redis.Redis(port=server.port, username="sre", password=PASSWORD)


def test_a_healthy_server_is_read_whole_and_has_no_gap() -> None:
    with redis_server() as server:
        reading = look(server)

    assert (reading.outcome, reading.gaps, reading.family) == ("accepted", (), "redis")
    assert reading.version
    assert reading.read == {"mode", "connections", "memory", "replication", "statements"}
    assert reading.mode
    assert not reading.mode.read_only
    assert reading.memory
    assert (reading.memory.limit_bytes, reading.memory.policy, reading.memory.refused) == (0, "noeviction", 0)


def test_a_server_at_its_limit_that_evicts_nothing_counts_what_it_refused() -> None:
    with redis_server("--maxmemory", "3mb", "--maxmemory-policy", "noeviction") as server, client(server) as filling:
        with pytest.raises(Exception, match="maxmemory"):
            [filling.set(f"key-{number}", "x" * 50_000) for number in range(200)]
        reading = look(server)

    assert reading.memory
    assert reading.memory.used_bytes / reading.memory.limit_bytes > 0.97
    assert (reading.memory.policy, reading.memory.refused) == ("noeviction", 1)
    assert reading.memory.evicted_per_second is None


def test_a_server_that_evicts_all_the_time_tells_how_fast_and_how_often_keys_are_found() -> None:
    ended = threading.Event()

    def churn(server: Server) -> None:
        with client(server) as busy:
            number = 0
            while not ended.is_set():
                number += 1
                busy.set(f"key-{number}", "x" * 20_000)
                busy.get(f"key-{number - 500}")

    with redis_server("--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru") as server:
        thread = threading.Thread(target=churn, args=[server], daemon=True)
        thread.start()
        with client(server) as watching:
            until(lambda: watching.info("stats")["evicted_keys"] > 0, 10)
        reading = look(server)
        ended.set()
        thread.join(10)

    assert reading.memory
    assert (reading.memory.evicted_per_second or 0) > 1
    assert reading.memory.hit_ratio is not None
    assert reading.memory.hit_ratio < 0.2
    assert reading.memory.policy == "allkeys-lru"


def test_a_server_whose_connections_are_used_up_says_so() -> None:
    with redis_server("--maxclients", "6") as server, ExitStack() as held:
        for _ in range(5):
            held.enter_context(client(server)).ping()
        nearly = look(server)
        held.enter_context(client(server)).ping()
        refused = look(server)

    assert nearly.connections
    assert (nearly.connections.used, nearly.connections.most) == (5, 6)
    (one,) = nearly.connections.clients
    assert (one.user, one.used, one.address) == ("sre", 5, "127.0.0.1")
    assert refused.outcome == "too-many-connections"


def test_a_replica_takes_no_writes_and_tells_that_it_lost_its_primary() -> None:
    with (
        redis_server() as primary,
        redis_server("--replicaof", f"127.0.0.1 {primary.port}", "--masterauth", PASSWORD) as replica,
    ):
        until(lambda: look(replica).replication[0].running and look(primary).replication[0].running, 20)
        well, followed = look(replica), look(primary)
        with client(primary) as ending:
            ending.config_set("requirepass", "another-password")
            ending.execute_command("CLIENT", "KILL", "TYPE", "replica")
        until(lambda: not look(replica).replication[0].running, 20)
        lost = look(replica)

    assert well.mode
    assert (well.mode.read_only, well.mode.setting, well.mode.replica) == (True, "replica-read-only", True)
    assert followed.mode
    assert followed.mode.replicas == 1
    assert [one.running for one in followed.replication] == [True]
    assert lost.replication[0].state == "link down"


def test_slow_commands_are_told_without_what_was_given_to_them() -> None:
    with redis_server("--slowlog-log-slower-than", "0") as server, client(server) as busy:
        busy.set("secret-key", "secret-value")
        reading = look(server)

    assert "SET ?" in {one.statement for one in reading.statements}
    assert "secret-" not in str(reading)


def test_an_account_that_may_only_ask_how_it_is_leaves_gaps_with_the_rights() -> None:
    with redis_server() as server:
        with client(server) as admin:
            admin.execute_command("ACL", "SETUSER", "monitor", "-client|list", "-slowlog|get")
        reading = look(server)

    assert [one.remedy for one in reading.gaps] == ["ACL SETUSER monitor +client|list", "ACL SETUSER monitor +slowlog|get"]  # fmt: skip
    assert reading.connections


@pytest.mark.parametrize(("user", "password"), [("monitor", "wrong-password-of-ours"), ("nobody", PASSWORD)])
def test_what_refuses_a_connection_is_told_without_the_password(user: str, password: str) -> None:
    with redis_server() as server:
        reading = look(server, user, password=password)

    assert reading.outcome == "credentials"
    assert password not in str(reading)


def test_a_server_that_cannot_save_and_refuses_writes_is_read_only() -> None:
    with redis_server("--save", "1 1", "--stop-writes-on-bgsave-error", "yes") as server, client(server) as busy:
        (server.folder / "dump.rdb").mkdir()  # where it would write a file
        busy.set("key", "x")
        with suppress(Exception):
            busy.bgsave()
        until(lambda: busy.info("persistence")["rdb_last_bgsave_status"] == "err", 20)
        with pytest.raises(Exception, match="MISCONF"):
            busy.set("key", "y")
        reading = look(server)

    assert reading.mode
    assert (reading.mode.read_only, reading.mode.setting) == (True, "stop-writes-on-bgsave-error")
