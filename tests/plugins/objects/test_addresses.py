"""Addresses in configuration values of many forms."""

from __future__ import annotations

import pytest

from sre_orchestrator.plugins.objects.addresses import addresses_in, references_in, service_of
from sre_orchestrator.plugins.objects.pods import Container, EnvVar


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://cart:8080/api?x=1", [("cart", 8080, "http")]),
        ("jdbc:mysql://orders-db:3306/orders?useSSL=false", [("orders-db", 3306, "mysql")]),
        ("jdbc:postgresql://db-a:5432,db-b:5432/db", [("db-a", 5432, "postgresql"), ("db-b", 5432, "postgresql")]),
        ("amqp://user:secret@mq.tools.svc:5672/shop", [("mq.tools.svc", 5672, "amqp")]),
        ("mongodb+srv://mongo/shop", [("mongo", 0, "mongodb+srv")]),
        ("root:pw@tcp(orders-db:3306)/orders", [("orders-db", 3306, "")]),
        ("kafka-0:9092,kafka-1:9092", [("kafka-0", 9092, ""), ("kafka-1", 9092, "")]),
        ("host=orders-db port=5432 user=app", [("orders-db", 5432, "")]),
        ("Server=orders-db;Database=orders", [("orders-db", 0, "")]),
        ("cart.shop.svc.cluster.local.", [("cart.shop.svc.cluster.local", 0, "")]),
        ("Cart:8080", [("cart", 8080, "")]),
        ("localhost:8080 127.0.0.1:80 10.0.0.1:80", []),
        ("12:30", []),
        ("cart:99999", []),
        ("-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=*:5005", []),
        ("v1:2022", []),
        ("hello world", []),
    ],
)
def test_addresses_are_found_in_many_forms(text: str, expected: list[tuple[str, int, str]]) -> None:
    assert [(one.host, one.port, one.scheme) for one in addresses_in(text)] == expected


@pytest.mark.parametrize("text", ["true", "none", "y", "12", "localhost"])
def test_switches_and_numbers_are_no_hosts(text: str) -> None:
    assert addresses_in(text, bare=True) == ()


def test_bare_hosts_and_lists_count_where_the_name_says_so() -> None:
    assert [one.host for one in addresses_in("aa, bb;cc", bare=True)] == ["aa", "bb", "cc"]
    assert addresses_in("aa, bb") == ()


def references(env: dict[str, str], *args: str, **more: dict[str, str]) -> dict[tuple[str, int], str]:
    container = Container(name="app", env=tuple(EnvVar(name=key, value=one) for key, one in env.items()), args=args)
    return {(one.address.host, one.address.port): one.variable for one in references_in(container, **more)}  # type: ignore[arg-type]


def test_host_and_port_of_two_variables_belong_together() -> None:
    env = {
        "ORDERS_DB_HOST": "orders-db",
        "ORDERS_DB_PORT": "3306",
        "spring.redis.host": "cache",
        "spring.redis.port": "6379",
    }

    assert references(env) == {("orders-db", 3306): "ORDERS_DB_HOST", ("cache", 6379): "spring.redis.host"}


def test_a_port_that_is_no_number_is_left_out() -> None:
    assert references({"DB_HOST": "db", "DB_PORT": "tcp"}) == {("db", 0): "DB_HOST"}


def test_variables_within_values_are_filled() -> None:
    env = {"DB": "jdbc:mysql://${DB_NAME:orders-db}:$(DB_PORT)/x", "DB_PORT": "3307"}

    assert references(env) == {("orders-db", 3307): "DB"}


def test_json_in_a_variable_is_read() -> None:
    env = {"SPRING_APPLICATION_JSON": '{"spring": {"rabbitmq": {"host": "mq", "port": 5672}}}'}

    assert references(env) == {("mq", 5672): "SPRING_APPLICATION_JSON"}


def test_a_pods_own_names_and_plain_words_are_no_addresses() -> None:
    assert references({"HOSTNAME": "cart-1", "HOST": "cart", "MODE": "production", "LOG_LEVEL": "info"}) == {}


def test_arguments_count_with_port_or_scheme_only() -> None:
    assert references({}, "--db=orders-db:3306", "--mode=fast", "server.svc") == {("orders-db", 3306): ""}


def test_files_are_read_by_key() -> None:
    files = {"app.properties in configmap cart": "redis.host=cache\nname=cart\n"}

    assert references({}, files=files) == {("cache", 0): "redis.host"}


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("cart", ("shop", "cart")),
        ("cart.tools", ("tools", "cart")),
        ("cart.tools.svc", ("tools", "cart")),
        ("db-0.db.tools.svc.cluster.local", ("tools", "db")),
        ("www.example.com", None),
        ("a.b.c.example.com", None),
    ],
)
def test_hosts_name_services(host: str, service: tuple[str, str] | None) -> None:
    assert service_of(host, "shop") == service
