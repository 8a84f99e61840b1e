"""What services select: endpoints, the label that differs, another workload's pods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from looking import Seen, look
from shop import container, deployment, endpoints, patch, pod, service, thing, workload

from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.network import NetworkAgent, register_agents

LOOKED_FOR = (
    "Service",
    "Pod",
    "Endpoints",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "CronJob",
    "Namespace",
    "ConfigMap",
)


def network(folder: Path, *objects: dict[str, Any], **more: Any) -> Seen:
    more.setdefault("kinds", LOOKED_FOR)
    return look(NetworkAgent(), folder, *objects, **more)


def calls(name: str, address: str) -> dict[str, Any]:
    """Return a workload that is configured with an address."""
    return deployment(name, containers=[container(env=[{"name": "CALLEE_ADDR", "value": address}])])


def healthy(name: str, port: int = 80) -> list[dict[str, Any]]:
    """Return a workload with its pod, service and endpoints, which must not be reported."""
    return [
        deployment(name),
        pod(f"{name}-1", labels={"app": name}),
        service(name, port=port),
        endpoints(name, ready=[f"{name}-1"], port=port),
    ]


def test_the_plugin_registers_the_agent() -> None:
    (agent,) = register_agents(Settings())

    assert agent.name == "network"


def test_a_selector_with_another_value_names_the_nearest_workload(tmp_path: Path) -> None:
    seen = network(
        tmp_path,
        *healthy("orders"),
        deployment("cart"),
        pod("cart-1", labels={"app": "cart"}),
        service("cart", {"app": "crat"}),
        endpoints("cart"),
        calls("web", "cart:80"),
    )

    mismatch = seen.only("selector.mismatch")
    assert mismatch.component == "service/shop/cart"
    assert mismatch.attributes == {
        "key": "app", "wanted": "crat", "found": "cart", "workload": "deployment/shop/cart", "differing": 1,
    }  # fmt: skip
    assert seen.only("service.without_endpoints").attributes == {"not_ready": 0, "callers": 1}
    assert ("selector.mismatch", "namespace/shop") in seen.coverage


def test_a_selector_with_another_key_names_the_label_of_the_same_value(tmp_path: Path) -> None:
    seen = network(
        tmp_path,
        workload("StatefulSet", "orders-db", labels={"app.kubernetes.io/name": "orders-db", "tier": "data"}),
        service("orders-db", {"app": "orders-db", "tier": "data"}),
        endpoints("orders-db"),
    )

    mismatch = seen.only("selector.mismatch")
    assert (mismatch.attributes["key"], mismatch.attributes["found"]) == ("app", "app.kubernetes.io/name=orders-db")
    assert seen.of("service.without_endpoints") == []


def test_a_label_that_no_workload_has_is_found_nowhere(tmp_path: Path) -> None:
    seen = network(tmp_path, deployment("cart"), service("cart", {"app": "cart", "stage": "blue"}), endpoints("cart"))

    mismatch = seen.only("selector.mismatch")
    assert mismatch.attributes["key"] == "stage"
    assert "found" not in mismatch.attributes


def test_a_selector_far_from_every_workload_names_none(tmp_path: Path) -> None:
    seen = network(tmp_path, deployment("web"), service("billing", {"app": "billing"}), endpoints("billing"))

    assert "workload" not in seen.only("selector.mismatch").attributes


def test_a_template_that_fits_is_no_mismatch_without_pods(tmp_path: Path) -> None:
    seen = network(
        tmp_path, deployment("cart", replicas=0), service("cart"), endpoints("cart"), calls("web", "http://cart")
    )

    assert seen.of("selector.mismatch") == []
    assert seen.only("service.without_endpoints").component == "service/shop/cart"


def test_no_mismatch_is_claimed_where_workloads_could_not_be_read(tmp_path: Path) -> None:
    seen = network(tmp_path, service("cart"), endpoints("cart"), kinds=("Service", "Endpoints"))

    assert seen.of("selector.mismatch") == []
    assert seen.coverage == set()


def test_unready_endpoints_are_counted_apart(tmp_path: Path) -> None:
    changed = {"endpoints.kubernetes.io/last-change-trigger-time": "2030-05-01T11:40:00Z"}
    unready = patch(endpoints("cart", not_ready=["cart-1"]), metadata={"annotations": changed})
    seen = network(
        tmp_path,
        deployment("cart"),
        pod("cart-1", labels={"app": "cart"}),
        service("cart"),
        unready,
        calls("web", "cart:80"),
    )

    empty = seen.only("service.without_endpoints")
    assert empty.attributes == {"not_ready": 1, "callers": 1}
    assert empty.observed_at is not None
    assert empty.observed_at.isoformat() == "2030-05-01T11:40:00+00:00"
    assert seen.of("selector.mismatch") == []


def test_a_change_time_that_is_none_is_left_out(tmp_path: Path) -> None:
    changed = {"endpoints.kubernetes.io/last-change-trigger-time": "yesterday"}
    seen = network(
        tmp_path,
        deployment("cart"),
        service("cart"),
        patch(endpoints("cart"), metadata={"annotations": changed}),
        calls("web", "cart:80"),
    )

    assert seen.only("service.without_endpoints").observed_at is None


def test_slices_count_where_there_are_no_endpoints_objects(tmp_path: Path) -> None:
    def part(name: str, *ready: bool) -> dict[str, Any]:
        return thing(
            "EndpointSlice",
            name,
            labels={"kubernetes.io/service-name": "cart"},
            endpoints=[{"addresses": ["10.0.0.1"], "conditions": {"ready": one}} for one in ready],
        )

    seen = network(
        tmp_path, deployment("cart"), service("cart"), part("cart-a", True, False), part("cart-b", True), kinds=("Pod",)
    )

    assert seen.only("service.endpoints").attributes == {"ready": 2, "not_ready": 1, "callers": 0}


def test_pods_count_where_no_endpoints_were_recorded(tmp_path: Path) -> None:
    seen = network(
        tmp_path,
        deployment("cart"),
        service("cart"),
        pod("cart-1", labels={"app": "cart"}),
        pod("cart-2", labels={"app": "cart"}, ready=False),
        pod("cart-0", labels={"app": "cart"}, phase="Succeeded", ready=False),
        kinds=("Service", "Deployment"),
    )

    assert seen.only("service.endpoints").attributes == {"ready": 1, "not_ready": 1, "callers": 0}


def test_nothing_is_said_of_endpoints_that_nobody_could_see(tmp_path: Path) -> None:
    seen = network(tmp_path, service("cart"), kinds=("Service",))

    assert seen.of("service.endpoints") == []


def test_a_service_that_the_outside_calls_is_a_symptom_without_callers(tmp_path: Path) -> None:
    seen = network(tmp_path, deployment("web"), service("web", spec={"type": "LoadBalancer"}), endpoints("web"))

    assert seen.only("service.without_endpoints").component == "service/shop/web"


def test_declared_and_routed_calls_make_callers(tmp_path: Path) -> None:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    ingress = thing("Ingress", "shop", spec={"defaultBackend": backend})
    seen = network(tmp_path, *healthy("cart"), *healthy("web"), ingress, topology={"web": ["cart"]})

    callers = {one.component: one.attributes["callers"] for one in seen.of("service.endpoints")}
    assert callers == {"service/shop/cart": 1, "service/shop/web": 1}


def test_services_without_selector_or_outside_the_cluster_have_no_mismatch(tmp_path: Path) -> None:
    outside = service("mail", spec={"type": "ExternalName", "externalName": "mail.example.com"})
    by_hand = service("ldap")
    del by_hand["spec"]["selector"]
    seen = network(tmp_path, *healthy("web"), outside, by_hand)

    assert seen.of("selector.mismatch") == []
    assert {one.component for one in seen.of("service.endpoints")} == {"service/shop/ldap", "service/shop/web"}


def test_a_service_that_selects_another_workloads_pods_is_told(tmp_path: Path) -> None:
    seen = network(
        tmp_path,
        *healthy("orders"),
        deployment("cart"),
        service("cart", {"app": "orders"}),
        endpoints("cart", ready=["orders-1"]),
    )

    stray = seen.only("selector.stray")
    assert stray.component == "service/shop/cart"
    assert stray.attributes == {"workload": "deployment/shop/orders", "expected": "deployment/shop/cart"}


def test_two_names_for_one_workload_and_blue_green_are_by_design(tmp_path: Path) -> None:
    alias = service("web-external", {"app": "web"})
    blue = [deployment("cart-blue"), deployment("cart-green"), service("cart", {"app": "cart-blue"})]
    shared = [
        deployment("db"),
        service("db", {"app": "db-primary"}),
        deployment("db-primary"),
        service("db-ro", {"app": "db"}),
    ]
    seen = network(tmp_path, *healthy("web"), alias, *blue, *shared)

    assert seen.of("selector.stray") == []
