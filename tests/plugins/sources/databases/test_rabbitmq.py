"""Real faults of a real RabbitMQ, seen by an account that may only monitor."""

from __future__ import annotations

from typing import Any

import pytest
from database_servers import PASSWORD, Management, Server, rabbitmq, rabbitmqctl
from metric_servers import until

from sre_orchestrator.core.settings import DatabaseAccess
from sre_orchestrator.plugins.sources.database_reading import DatabaseReading
from sre_orchestrator.plugins.sources.databases.source import Database


@pytest.fixture(scope="module")
def server() -> Server:
    return rabbitmq()


def look(server: Server, user: str = "monitor", **more: Any) -> DatabaseReading:
    url = server.url(user, "", more.pop("password", PASSWORD))
    return Database(DatabaseAccess(name="broker", url=url, **{"timeout_seconds": 5.0, **more})).look()


def test_a_healthy_broker_is_read_whole_and_has_no_gap(server: Server) -> None:
    reading = look(server)

    assert (reading.outcome, reading.gaps, reading.family) == ("accepted", (), "rabbitmq")
    assert reading.version.count(".") == 2
    assert reading.read == {"space", "memory", "queues", "connections"}
    assert [one.full for one in reading.space] == [False]
    assert reading.memory
    assert not reading.memory.alarm
    assert (reading.space[0].free_bytes or 0) > (reading.space[0].limit_bytes or 0)


def test_a_queue_that_nobody_consumes_is_told_with_its_length(server: Server) -> None:
    management = Management(server)
    management.publish("orders", 30)
    until(lambda: any(one.ready == 30 for one in look(server).queues), 20)
    reading = look(server)
    management("DELETE", "/queues/%2F/orders")

    queue = next(one for one in reading.queues if one.name == "orders")
    assert (queue.ready, queue.consumers, queue.host) == (30, 0, "/")
    assert (queue.published_per_second or 0) >= 0


def test_a_broker_whose_disk_is_short_raises_its_alarm(server: Server) -> None:
    rabbitmqctl(server, "set_disk_free_limit", "100000GB")
    until(lambda: look(server).space[0].full, 30)
    short = look(server)
    rabbitmqctl(server, "set_disk_free_limit", "50MB")
    until(lambda: not look(server).space[0].full, 30)

    assert (short.space[0].free_bytes or 0) < (short.space[0].limit_bytes or 0)
    assert short.blocked_publishers == 0


def test_a_broker_whose_memory_is_short_raises_its_alarm(server: Server) -> None:
    rabbitmqctl(server, "set_vm_memory_high_watermark", "absolute", "1MB")
    until(lambda: has_alarm(server), 30)
    reading = look(server)
    rabbitmqctl(server, "set_vm_memory_high_watermark", "0.4")
    until(lambda: not has_alarm(server), 30)

    assert reading.memory
    assert reading.memory.used_bytes > reading.memory.limit_bytes


@pytest.mark.parametrize(("user", "password"), [("monitor", "wrong-password-of-ours"), ("nobody", PASSWORD)])
def test_what_refuses_a_connection_is_told_without_the_password(server: Server, user: str, password: str) -> None:
    reading = look(server, user, password=password)

    assert reading.outcome == "credentials"
    assert password not in str(reading)


def test_an_account_without_the_tag_leaves_a_gap_with_the_tag(server: Server) -> None:
    Management(server)("PUT", "/users/app", {"password": PASSWORD, "tags": ""})
    Management(server)("PUT", "/users/half", {"password": PASSWORD, "tags": "management"})

    assert look(server, "app").outcome == "credentials"  # the broker lets nobody in without a tag
    assert "rabbitmqctl set_user_tags half monitoring" in {one.remedy for one in look(server, "half").gaps}


def test_queues_that_the_account_may_not_see_are_a_gap(server: Server) -> None:
    management = Management(server)
    management("PUT", "/users/blind", {"password": PASSWORD, "tags": "monitoring"})
    management.publish("hidden", 1)
    until(lambda: bool(look(server).queues), 20)
    reading = look(server, "blind")
    management("DELETE", "/queues/%2F/hidden")

    assert [one.remedy for one in reading.gaps] == ["rabbitmqctl set_permissions -p / blind '^$' '^$' '^$'"]


def has_alarm(server: Server) -> bool:
    memory = look(server).memory
    return bool(memory and memory.alarm)
