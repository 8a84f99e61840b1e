"""Configured addresses: where they lead, which are wrong and what was meant, and what is none of our business."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import Seen, look
from shop import container, deployment, endpoints, patch, pod, service, thing

from sre_orchestrator.plugins.agents.network import NetworkAgent

KINDS = ("Service", "Namespace", "Deployment", "ConfigMap")


def network(folder: Path, *objects: dict[str, Any], **more: Any) -> Seen:
    space = [thing("Namespace", name, namespace="") for name in ("shop", "tools")]
    return look(NetworkAgent(), folder, *objects, *space, kinds=KINDS, **more)


def caller(name: str, **variables: str) -> dict[str, Any]:
    return deployment(name, containers=[container(env=[{"name": key, "value": one} for key, one in variables.items()])])


def test_an_address_of_an_existing_service_is_told_and_right(tmp_path: Path) -> None:
    seen = network(
        tmp_path, service("cart", port=8080), caller("web", CART_URL="http://cart.shop.svc.cluster.local:8080/api")
    )

    assert seen.only("address.configured").attributes == {
        "host": "cart.shop.svc.cluster.local", "port": 8080, "scheme": "http", "variable": "CART_URL",
        "origin": "env CART_URL of container app", "service": "service/shop/cart",
    }  # fmt: skip
    assert seen.of("address.mismatch") == []


def test_a_misspelt_host_names_the_service_that_is_meant(tmp_path: Path) -> None:
    seen = network(
        tmp_path,
        service("catalogue", port=3550),
        caller("web", CATALOGUE_ADDR="catalogu:3550"),
        caller("checkout", CATALOGUE_ADDR="catalogue:3550"),
    )

    mismatch = seen.only("address.mismatch")
    assert mismatch.component == "deployment/shop/web"
    assert mismatch.attributes == {
        "field": "host", "host": "catalogu", "port": 3550, "variable": "CATALOGUE_ADDR",
        "origin": "env CATALOGUE_ADDR of container app", "nearest": "service/shop/catalogue", "expected": "catalogue",
        "by": "host", "exists": False, "absent": "service/shop/catalogu", "peers": 1, "agreeing": 0,
    }  # fmt: skip


@pytest.mark.parametrize("spelt", ["cart-service", "cartservice", "cart-svc"])
def test_a_service_with_another_ending_is_the_nearest(tmp_path: Path, spelt: str) -> None:
    seen = network(
        tmp_path, service("cart", port=80), service("orders", port=80), caller("web", BASKET=f"http://{spelt}")
    )

    assert seen.only("address.mismatch").attributes["nearest"] == "service/shop/cart"


def test_the_variables_name_shows_what_is_meant(tmp_path: Path) -> None:
    seen = network(tmp_path, service("order-db", port=5432), caller("orders", ORDER_DB_HOST="postgresql-primary"))

    mismatch = seen.only("address.mismatch")
    assert (mismatch.attributes["nearest"], mismatch.attributes["by"]) == ("service/shop/order-db", "variable")
    assert mismatch.attributes["family"] == "postgres"


def test_a_port_that_one_service_alone_has_hints_at_it(tmp_path: Path) -> None:
    seen = network(
        tmp_path, service("cart", port=7070), service("orders", port=80), caller("web", BASKET_ADDR="somewhere:7070")
    )

    assert seen.only("address.mismatch").attributes["by"] == "port"


def test_a_dependency_like_nothing_that_exists_has_no_nearest(tmp_path: Path) -> None:
    seen = network(
        tmp_path,
        service("cart", port=80),
        caller("web", ASSISTANT_ADDR="assistant:80"),
        caller("admin", ASSISTANT_ADDR="assistant:80"),
        service("orders", port=80),
    )

    mismatches = seen.of("address.mismatch")
    assert {one.component for one in mismatches} == {"deployment/shop/web", "deployment/shop/admin"}
    assert all("nearest" not in one.attributes and one.attributes["agreeing"] == 1 for one in mismatches)


def test_a_workload_of_the_absent_services_name_is_told(tmp_path: Path) -> None:
    seen = network(tmp_path, deployment("cart"), caller("web", CART_ADDR="cart:80"))

    assert seen.only("address.mismatch").attributes["named_workload"] == "deployment/shop/cart"


def test_a_service_in_another_namespace_than_given_is_told(tmp_path: Path) -> None:
    seen = network(
        tmp_path,
        service("cart", port=80),
        service("mail", port=25, namespace="tools"),
        caller("web", CART_URL="http://cart.tools:80", MAIL_HOST="mail", MAIL_PORT="25"),
        namespaces=("shop", "tools"),
    )

    found = {str(one.attributes["host"]): one.attributes for one in seen.of("address.mismatch")}
    assert {host: (one["field"], one["nearest"], one["expected"]) for host, one in found.items()} == {
        "cart.tools": ("namespace", "service/shop/cart", "shop"),
        "mail": ("namespace", "service/tools/mail", "tools"),
    }


def test_a_namespace_that_does_not_exist_is_told(tmp_path: Path) -> None:
    seen = network(tmp_path, service("cart", port=80), caller("web", CART_URL="http://cart.shopp.svc:80"))

    assert seen.only("address.mismatch").attributes["absent"] == "service/shopp/cart"


def test_a_cluster_domain_that_is_none_is_told(tmp_path: Path) -> None:
    seen = network(tmp_path, service("cart", port=80), caller("web", CART_URL="http://cart.shop.cluster.local"))

    assert seen.of("address.mismatch") != []


@pytest.mark.parametrize(
    "value",
    [
        "https://api.example.com",
        "http://cart.example.com:80",
        "mail.example.org:25",
        "s3.eu-west-1.amazonaws.com:443",
        "example.com",
    ],
)
def test_names_of_the_world_are_none_of_our_business(tmp_path: Path, value: str) -> None:
    seen = network(tmp_path, service("cart", port=80), caller("web", API_URL=value))

    assert seen.of("address.mismatch") == []
    assert seen.of("address.configured") == []


def test_services_that_could_not_be_listed_are_not_absent(tmp_path: Path) -> None:
    seen = network(
        tmp_path, caller("web", CART_URL="http://cart.other.svc:80"), thing("Namespace", "other", namespace="")
    )

    assert seen.of("address.mismatch") == []


def test_host_aliases_make_a_name_known(tmp_path: Path) -> None:
    aliases = [{"ip": "10.1.2.3", "hostnames": ["legacy"]}]
    web = patch(caller("web", LEGACY_HOST="legacy"), spec={"template": {"spec": {"hostAliases": aliases}}})
    seen = network(tmp_path, service("cart"), web)

    assert seen.of("address.mismatch") == []


def test_a_pod_of_a_headless_service_is_known_by_its_service(tmp_path: Path) -> None:
    headless = service("mq", port=5672, spec={"clusterIP": "None"})
    nodes = "mq-0.mq.shop.svc.cluster.local,mq-1.mq"
    seen = network(tmp_path, headless, caller("orders", MQ_NODES=nodes))

    assert {one.attributes["service"] for one in seen.of("address.configured")} == {"service/shop/mq"}
    assert seen.of("address.mismatch") == []


def test_a_port_that_the_service_lacks_is_told_with_what_others_use(tmp_path: Path) -> None:
    seen = network(
        tmp_path,
        service("cart", port=8080),
        deployment("cart", containers=[container(ports=[{"containerPort": 8080}])]),
        caller("web", CART_ADDR="cart:8081"),
        caller("checkout", CART_ADDR="cart:8080"),
        caller("admin", CART_ADDR="cart:8081"),
    )

    web = seen.of("address.mismatch", "deployment/shop/web")[0].attributes
    assert (web["field"], web["port"], web["expected"], web["exists"]) == ("port", 8081, "8080", True)
    assert (web["peers"], web["agreeing"], web["container_port"]) == (1, 1, False)
    assert (web["front"], web["database"]) == (False, False)
    assert seen.of("address.mismatch", "deployment/shop/checkout") == []


def test_a_scheme_implies_its_port(tmp_path: Path) -> None:
    seen = network(
        tmp_path,
        service("cart", port=8080),
        service("mq", port=5672),
        caller("web", CART_URL="http://cart", MQ_URL="amqp://user:pass@mq/vhost", PEER_URL="lb://cart"),
    )

    mismatch = seen.only("address.mismatch")
    assert (mismatch.attributes["host"], mismatch.attributes["port"]) == ("cart", 80)


def test_a_headless_service_is_called_at_its_containers_ports(tmp_path: Path) -> None:
    mysql = deployment("db", containers=[container(ports=[{"containerPort": 3306}])])
    headless = service("db", port=80, spec={"clusterIP": "None"})
    unknown = service("logs", port=80, spec={"clusterIP": "None"})
    outside = service("crm", port=80, spec={"type": "ExternalName", "externalName": "crm.example.com"})
    seen = network(
        tmp_path, mysql, headless, unknown, outside, caller("web", A="db:3306", B="db:3307", C="logs:514", D="crm:8443")
    )

    assert seen.only("address.mismatch").attributes["port"] == 3307


def test_a_variable_that_leads_to_another_service_is_told(tmp_path: Path) -> None:
    seen = network(
        tmp_path,
        service("cart", port=80),
        service("orders", port=80),
        caller("web", CART_SERVICE_ADDR="orders:80"),
        caller("checkout", CART_SERVICE_ADDR="cart:80"),
    )

    mismatch = seen.only("address.mismatch")
    assert (mismatch.component, mismatch.attributes["exists"]) == ("deployment/shop/web", True)
    assert (mismatch.attributes["nearest"], mismatch.attributes["peers"]) == ("service/shop/cart", 1)


def test_a_variable_that_leads_elsewhere_is_right_where_the_named_service_is_called_too(tmp_path: Path) -> None:
    seen = network(
        tmp_path,
        service("redis", port=6379),
        service("cart-redis", port=6379),
        service("orders", port=80),
        caller("cart", REDIS_HOST="orders", QUEUE="redis:6379"),
        caller("users", REDIS_HOST="cart-redis"),
    )

    assert seen.of("address.mismatch") == []


def test_addresses_in_mounted_files_count(tmp_path: Path) -> None:
    text = "spring:\n  rabbitmq: {host: order-mq, port: 5672}\n  datasource:\n    url: jdbc:mysql://${DB_HOST:orders-db}:3306/orders\n"
    config = thing("ConfigMap", "orders", data={"application.yml": text, "unused.yml": "a.url: http://nowhere"})
    mounts = {"volumeMounts": [{"name": "config", "mountPath": "/config"}]}
    volume = {"name": "config", "configMap": {"name": "orders", "items": [{"key": "application.yml"}]}}
    orders = deployment("orders", containers=[container(**mounts)], spec={"template": {"spec": {"volumes": [volume]}}})
    seen = network(tmp_path, service("orders-mq", port=5672), service("orders-db", port=3306), config, orders)

    mismatch = seen.only("address.mismatch")
    assert mismatch.attributes["nearest"] == "service/shop/orders-mq"
    assert mismatch.attributes["origin"] == "application.yml in configmap orders"
    assert mismatch.attributes["variable"] == "spring.rabbitmq.host"
    assert {one.attributes["host"] for one in seen.of("address.configured")} == {"order-mq", "orders-db"}


def test_workloads_outside_the_scope_are_left_out(tmp_path: Path) -> None:
    other = patch(caller("web", CART_ADDR="car:80"), metadata={"namespace": "tools"})
    seen = network(tmp_path, service("cart", namespace="tools"), endpoints("cart"), other)

    assert seen.of("address.mismatch") == []


def test_a_name_with_something_appended_is_the_nearest(tmp_path: Path) -> None:
    seen = network(
        tmp_path, service("mq", port=5672), service("mq-admin", port=80), caller("orders", BROKER_HOST="mq-admin-wrong")
    )

    assert seen.only("address.mismatch").attributes["nearest"] == "service/shop/mq-admin"


@pytest.mark.parametrize("value", ["10.9.9.9:80", "http://10.9.9.9", "localhost:80"])
def test_a_literal_address_that_is_not_the_named_services_is_told(tmp_path: Path, value: str) -> None:
    cart = service("cart", port=80, spec={"clusterIP": "10.96.4.2"})
    seen = network(tmp_path, cart, caller("web", CART_ADDR=value), caller("checkout", CART_ADDR="cart:80"))

    mismatch = seen.only("address.mismatch")
    assert mismatch.component == "deployment/shop/web"
    assert (mismatch.attributes["nearest"], mismatch.attributes["by"], mismatch.attributes["peers"]) == (
        "service/shop/cart",
        "variable",
        1,
    )


def test_literal_addresses_that_may_be_right_are_left_out(tmp_path: Path) -> None:
    cart = service("cart", port=80, spec={"clusterIP": "10.96.4.2"})
    backed = pod("cart-1", labels={"app": "cart"}, status={"podIP": "10.1.0.7"})
    proxied = deployment(
        "admin", containers=[container(env=[{"name": "CART_ADDR", "value": "localhost:80"}]), container("proxy")]
    )
    headless = service("db", port=80, spec={"clusterIP": "None"})
    seen = network(
        tmp_path,
        *(cart, backed, proxied, headless),
        caller(
            "web",
            CART_ADDR="10.96.4.2:80",
            CART_HOST="10.1.0.7",
            LISTEN_ADDR="0.0.0.0:80",
            VERSION="1.2.3.4",
            DB_HOST="10.9.9.9",
        ),
    )

    assert seen.of("address.mismatch") == []
