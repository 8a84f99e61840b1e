"""TCP probes: what each met, and how the nodes compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import Seen, look
from shop import node, service

from sre_orchestrator.plugins.agents.connectivity import ConnectivityAgent
from sre_orchestrator.plugins.agents.connectivity.connections import failure_of


def network(folder: Path, *probes: dict[str, Any], nodes: tuple[str, ...] = ("node-a", "node-b")) -> Seen:
    return look(ConnectivityAgent(), folder, service("cart"), *map(node, nodes), probes=probes)


def probe(reachable: bool, output: str, service: str = "cart", namespace: str = "shop") -> dict[str, Any]:
    return {"namespace": namespace, "service": service, "port": 80, "reachable": reachable, "output": output}


def test_a_refused_connection_is_a_symptom_of_the_service(tmp_path: Path) -> None:
    seen = network(
        tmp_path,
        probe(False, "nc: connect to cart (10.96.0.4) port 80 (tcp) failed: Connection refused"),
        probe(True, "orders (10.96.0.5:80) open", "orders"),
        probe(False, "refused", namespace="other"),
    )

    failed = seen.only("connection.failed")
    assert (failed.component, failed.attributes) == ("service/shop/cart", {"port": 80, "failure": "refused"})
    assert {one.component: one.attributes["reachable"] for one in seen.of("connection.probed")} == {
        "service/shop/cart": False,
        "service/shop/orders": True,
    }


@pytest.mark.parametrize(
    ("output", "failure"),
    [
        ("dial tcp 10.96.0.4:80: i/o timeout", "timeout"),
        ("nc: cart: Connection timed out", "timeout"),
        ("wget: bad address 'cart:80'", "unresolved"),
        ('nc: getaddrinfo for host "cart" port 80: Name or service not known', "unresolved"),
        ("curl: (6) Could not resolve host: cart", "unresolved"),
        ("connect: connection refused", "refused"),
        ("read: Connection reset by peer", "reset"),
        ("connect: No route to host", "no-route"),
        ("Connection Failed", "other"),
    ],
)
def test_outputs_of_many_tools_fall_into_classes(output: str, failure: str) -> None:
    assert failure_of(output) == failure


def test_a_service_that_one_node_cannot_reach_is_a_symptom_of_the_node(tmp_path: Path) -> None:
    output = "report\ntested on node-a: punt!\nTerminated\nConnection Failed\ntested on node-b: cart (10.96.0.4:80) open\nConnection Succeeded"
    seen = network(tmp_path, probe(False, output), probe(False, output.replace("cart", "orders"), "orders"))

    assert seen.of("connection.failed") == []
    lost = seen.only("connection.lost_from_node")
    assert lost.component == "node/node-a"
    assert lost.attributes == {
        "failed": 2, "probed": 2, "only_here": 2, "elsewhere_failed": 0, "elsewhere_probed": 2, "failure": "timeout",
    }  # fmt: skip


def test_a_service_that_no_node_can_reach_is_not_a_nodes_fault(tmp_path: Path) -> None:
    seen = network(tmp_path, probe(False, "from node-a: connection refused\nfrom node-b: Connection Failed"))

    assert seen.of("connection.lost_from_node") == []
    assert seen.only("connection.failed").attributes["failure"] == "refused"


def test_without_known_nodes_the_output_is_read_as_a_whole(tmp_path: Path) -> None:
    seen = network(tmp_path, probe(False, "on node-a: connection refused"), nodes=())

    assert seen.only("connection.failed").attributes["failure"] == "refused"
