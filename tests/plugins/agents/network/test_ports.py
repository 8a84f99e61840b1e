"""Ports: where a service's port leads, its protocol, containers that claim one port."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import Seen, look
from shop import container, deployment, pod, service

from sre_orchestrator.plugins.agents.network import NetworkAgent


def network(folder: Path, *objects: dict[str, Any]) -> Seen:
    return look(NetworkAgent(), folder, *objects)


def serving(name: str, *containers: dict[str, Any]) -> list[dict[str, Any]]:
    return [deployment(name, containers=containers), pod(f"{name}-1", labels={"app": name}, containers=containers)]


def exposed(app: str, **port: Any) -> dict[str, Any]:
    return service(app, spec={"ports": [{"port": 80, "protocol": "TCP", **port}]})


def listens(number: int, **fields: Any) -> dict[str, Any]:
    """Return a container that declares a port."""
    return container(ports=[{"containerPort": number, **fields}])


def test_a_number_that_no_container_declares_is_told_with_those_declared(tmp_path: Path) -> None:
    seen = network(
        tmp_path,
        *serving("cart", listens(8080)),
        exposed("cart", targetPort=8081),
        *serving("orders", listens(8080)),
        exposed("orders", targetPort=8080),
    )

    mismatch = seen.only("port.mismatch")
    assert mismatch.component == "service/shop/cart"
    assert mismatch.attributes == {
        "port": 80, "target_port": "8081", "declared_ports": "8080", "named": False, "workload": "deployment/shop/cart",
    }  # fmt: skip
    assert {one.attributes["target_port"] for one in seen.of("service.port")} == {8080, 8081}


def test_a_name_that_no_container_port_has_is_told(tmp_path: Path) -> None:
    seen = network(tmp_path, *serving("cart", listens(8080, name="http")), exposed("cart", targetPort="web"))

    assert seen.only("port.mismatch").attributes["named"] is True
    assert "target_port" not in seen.only("service.port").attributes


def test_a_name_that_a_container_port_has_is_right(tmp_path: Path) -> None:
    seen = network(tmp_path, *serving("cart", listens(8080, name="http")), exposed("cart", targetPort="http"))

    assert seen.of("port.mismatch") == []


def test_the_service_port_itself_is_the_default_target(tmp_path: Path) -> None:
    seen = network(tmp_path, *serving("cart", listens(80)), exposed("cart"))

    assert seen.of("port.mismatch") == []
    assert seen.only("service.port").attributes["target_port"] == 80


def test_a_container_that_declares_no_port_is_no_evidence(tmp_path: Path) -> None:
    seen = network(tmp_path, *serving("cart", container()), exposed("cart", targetPort=8081))

    assert seen.of("port.mismatch") == []


@pytest.mark.parametrize(
    "shown",
    [
        {"readinessProbe": {"httpGet": {"path": "/", "port": 8081}}},
        {"livenessProbe": {"tcpSocket": {"port": 8081}}},
        {"startupProbe": {"grpc": {"port": 8081}}},
        {"env": [{"name": "PORT", "value": "8081"}]},
        {"env": [{"name": "SERVER_PORT", "value": "8081"}]},
    ],
)
def test_probes_and_port_variables_show_a_port_too(tmp_path: Path, shown: dict[str, Any]) -> None:
    fits = {**listens(8080), **shown}
    seen = network(tmp_path, *serving("cart", fits), exposed("cart", targetPort=8081))

    assert seen.of("port.mismatch") == []


def test_a_probe_shows_another_port_where_none_is_declared(tmp_path: Path) -> None:
    probed = container(
        readinessProbe={"httpGet": {"path": "/", "port": 8080}}, env=[{"name": "DB_PORT", "value": "8081"}]
    )
    seen = network(tmp_path, *serving("cart", probed), exposed("cart", targetPort=8081))

    mismatch = seen.only("port.mismatch")
    assert mismatch.attributes["listening_port"] == 8080
    assert "declared_ports" not in mismatch.attributes


def test_a_sidecar_declared_as_init_container_serves_too(tmp_path: Path) -> None:
    proxy = {**listens(15001), "name": "proxy", "restartPolicy": "Always"}
    both = deployment("cart", containers=[listens(8080)], spec={"template": {"spec": {"initContainers": [proxy]}}})
    seen = network(tmp_path, both, exposed("cart", targetPort=15001))

    assert seen.of("port.mismatch") == []


def test_udp_in_front_of_tcp_is_told(tmp_path: Path) -> None:
    seen = network(
        tmp_path, *serving("cart", listens(8080, protocol="TCP")), exposed("cart", protocol="UDP", targetPort=8080)
    )

    assert seen.only("protocol.mismatch").attributes == {
        "port": 80, "layer": "transport", "service_protocol": "UDP", "container_protocol": "TCP",
        "workload": "deployment/shop/cart",
    }  # fmt: skip


def test_a_port_served_with_both_protocols_is_right(tmp_path: Path) -> None:
    both = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]
    resolver = container(ports=[{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53, "protocol": "TCP"}])
    declares_one = service("names", spec={"ports": both})
    seen = network(
        tmp_path,
        *serving("dns", resolver),
        service("dns", spec={"ports": both}),
        *serving("names", listens(53)),
        declares_one,
    )

    assert seen.of("protocol.mismatch") == []


@pytest.mark.parametrize("named", [{"name": "http-api"}, {"name": "api", "appProtocol": "http"}])
def test_an_http_name_on_a_grpc_port_is_told(tmp_path: Path, named: dict[str, Any]) -> None:
    speaks = {**listens(8080), "readinessProbe": {"grpc": {"port": 8080}}}
    seen = network(tmp_path, *serving("cart", speaks), exposed("cart", targetPort=8080, **named))

    mismatch = seen.only("protocol.mismatch")
    assert (mismatch.attributes["layer"], mismatch.attributes["service_protocol"]) == ("application", "http")


def test_a_grpc_name_on_an_http_port_is_told(tmp_path: Path) -> None:
    seen = network(
        tmp_path, *serving("cart", listens(8080, name="http-api")), exposed("cart", targetPort=8080, name="grpc")
    )

    assert seen.only("protocol.mismatch").attributes["container_protocol"] == "http"


def test_probes_that_disagree_say_nothing_of_the_port(tmp_path: Path) -> None:
    both = {**listens(8080), "readinessProbe": {"grpc": {"port": 8080}}, "livenessProbe": {"tcpSocket": {"port": 8080}}}
    seen = network(tmp_path, *serving("cart", both), exposed("cart", targetPort=8080, name="http"))

    assert seen.of("protocol.mismatch") == []


def test_grpc_names_and_plain_http_are_right(tmp_path: Path) -> None:
    seen = network(
        tmp_path,
        *serving("cart", listens(8080, name="grpc")),
        exposed("cart", targetPort="grpc", name="grpc"),
        *serving("web", listens(8080, name="http")),
        exposed("web", targetPort=8080, name="http"),
    )

    assert seen.of("protocol.mismatch") == []


def test_two_containers_of_a_pod_that_claim_one_port_are_told_for_each_pod(tmp_path: Path) -> None:
    sidecar = container("metrics", env=[{"name": "PORT", "value": "8080"}])
    seen = network(tmp_path, *serving("cart", listens(8080), sidecar), *serving("web", listens(8080)))

    conflict = seen.only("listener.conflict")
    assert conflict.component == "pod/shop/cart-1"
    assert conflict.attributes == {"port": 8080, "first": "app", "second": "metrics"}


@pytest.mark.parametrize(
    ("arguments", "conflicts"),
    [
        (["python3", "-m", "http.server", "8080"], True),
        (["sh", "-c", "while true; do nc -lk -p 8080 -e cat; done"], True),
        (["--listen=0.0.0.0:8080"], True),
        (["--addr", ":8080"], True),
        (["--port=8080"], True),
        (["--upstream=http://localhost:8080"], False),
        (["--target", "127.0.0.1:8080"], False),
        (["--listen=:9090"], False),
    ],
)
def test_arguments_claim_the_port_that_another_container_declares(
    tmp_path: Path, arguments: list[str], *, conflicts: bool
) -> None:
    seen = network(
        tmp_path, *serving("cart", container("tool", args=arguments), {**listens(8080), "args": ["--port=8080"]})
    )

    assert [one.attributes["second"] for one in seen.of("listener.conflict")] == ["tool"] * conflicts


def test_a_conflict_without_pods_is_the_workloads(tmp_path: Path) -> None:
    twice = deployment("cart", containers=[listens(8080), {**listens(8080), "name": "metrics"}])
    elsewhere = {**twice, "metadata": {**twice["metadata"], "namespace": "other"}}
    seen = network(tmp_path, twice, elsewhere)

    assert seen.only("listener.conflict").component == "deployment/shop/cart"


def test_one_port_with_two_protocols_is_no_conflict(tmp_path: Path) -> None:
    udp = {**listens(53, protocol="UDP"), "name": "udp"}
    seen = network(tmp_path, *serving("dns", listens(53), udp))

    assert seen.of("listener.conflict") == []
