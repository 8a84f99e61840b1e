"""The admission agent on what workloads count on: quotas, accounts, claims, services."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import look
from shop import container, deployment, patch, service, thing, workload

from sre_orchestrator.plugins.agents.admission import AdmissionAgent

Json = dict[str, Any]
ALL = (
    "Service",
    "PersistentVolumeClaim",
    "ServiceAccount",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Job",
    "CronJob",
)


def quota(name: str, hard: Json, used: Json | None = None, **fields: Any) -> Json:
    status = {"hard": hard, "used": used or {}} if used is not None else {}
    return thing("ResourceQuota", name, spec={"hard": hard}, status=status, **fields)


def test_what_a_quota_still_admits_is_counted_in_base_units(tmp_path: Path) -> None:
    seen = look(
        AdmissionAgent(),
        tmp_path,
        quota(
            "team", {"requests.cpu": "4", "requests.memory": "2Gi"}, {"requests.cpu": "3500m", "requests.memory": "2Gi"}
        ),
        quota("claims", {"persistentvolumeclaims": "0"}),
        quota("other", {"pods": "1"}, {"pods": "1"}, namespace="bank"),
    )

    found = {fact.attributes["resource"]: fact for fact in seen.of("quota.headroom")}
    assert {name: (one.attributes["free"], one.attributes["used_ratio"]) for name, one in found.items()} == {
        "requests.cpu": (0.5, 0.875),
        "requests.memory": (0.0, 1.0),
        "persistentvolumeclaims": (0.0, 1.0),
    }
    assert {one.component for one in found.values()} == {"namespace/shop"}


def uses(name: str) -> Json:
    return {"template": {"spec": {"serviceAccountName": name}}}


def test_absent_accounts_are_told_with_the_nearest_one(tmp_path: Path) -> None:
    seen = look(
        AdmissionAgent(),
        tmp_path,
        patch(deployment("cart"), spec=uses("carts")),
        patch(deployment("web"), spec=uses("web")),
        deployment("plain"),
        thing("CronJob", "nightly", spec={"jobTemplate": {"spec": uses("backup")}}),
        patch(workload("ReplicaSet", "cart-7", owner=("Deployment", "cart")), spec=uses("carts")),
        *(thing("ServiceAccount", name) for name in ("cart", "web")),
    )

    told = {
        fact.component: (fact.attributes["account"], fact.attributes.get("nearest"))
        for fact in seen.of("account.missing")
    }
    assert told == {"deployment/shop/cart": ("carts", "cart"), "cronjob/shop/nightly": ("backup", None)}


def test_nothing_is_absent_where_nothing_could_be_listed(tmp_path: Path) -> None:
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "files"}}
    blind = patch(deployment("cart"), spec={"template": {"spec": {"serviceAccountName": "x", "volumes": [volume]}}})
    blind = patch(blind, spec={"template": {"spec": {"containers": [container(ports=[{"containerPort": 80}])]}}})

    seen = look(AdmissionAgent(), tmp_path, blind, topology={"web": ["cart"]})

    assert seen.facts == []
    assert {kind for kind, _ in seen.coverage} == set()


def test_claims_that_are_mounted_or_made_for_each_pod_and_do_not_exist_are_told(tmp_path: Path) -> None:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "files"}}, {"name": "tmp", "emptyDir": {}}]
    per_pod = {"replicas": 2, "volumeClaimTemplates": [{"metadata": {"name": "data"}}]}

    seen = look(
        AdmissionAgent(),
        tmp_path,
        patch(deployment("web"), spec={"template": {"spec": {"volumes": volumes}}}),
        patch(workload("StatefulSet", "orders-db"), spec=per_pod),
        thing("PersistentVolumeClaim", "data-orders-db-0"),
        thing("PersistentVolumeClaim", "files", namespace="bank"),
        kinds=ALL,
    )

    told = {(fact.component, fact.attributes["claim"], fact.attributes["volume"]) for fact in seen.of("claim.lacking")}
    assert told == {
        ("deployment/shop/web", "files", "data"),
        ("statefulset/shop/orders-db", "data-orders-db-1", "data"),
    }


def with_ports(name: str, **env: str) -> Json:
    variables = [{"name": key, "value": value} for key, value in env.items()]
    return deployment(name, containers=[container(ports=[{"containerPort": 8080}], env=variables)])


def lacking(folder: Path, *objects: Json, **more: Any) -> dict[str, tuple[object, object]]:
    seen = look(AdmissionAgent(), folder, *objects, kinds=ALL, **more)
    return {
        fact.component: (fact.attributes["service"], fact.attributes["evidence"]) for fact in seen.of("service.lacking")
    }


def test_a_service_that_others_are_configured_to_call_is_expected(tmp_path: Path) -> None:
    found = lacking(
        tmp_path,
        deployment("cart"),
        deployment("web", containers=[container(env=[{"name": "CART_URL", "value": "http://cart:8080"}])]),
        service("web"),
    )

    assert found == {"deployment/shop/cart": ("cart", "callers")}


def test_a_declared_call_is_a_caller_too(tmp_path: Path) -> None:
    found = lacking(tmp_path, deployment("cart"), service("web"), topology={"web": ["cart"]})

    assert found == {"deployment/shop/cart": ("cart", "callers")}


@pytest.mark.parametrize(("label", "service_name"), [("app", "basket"), ("app.kubernetes.io/name", "basket")])
def test_a_service_may_be_called_by_the_workload_s_label(tmp_path: Path, label: str, service_name: str) -> None:
    web = deployment("web", containers=[container(env=[{"name": "BASKET_ADDR", "value": "basket:80"}])])

    found = lacking(tmp_path, deployment("cart", labels={label: service_name}), web, service("web"))

    assert found == {"deployment/shop/cart": ("basket", "callers")}


def test_a_stateful_set_names_its_service(tmp_path: Path) -> None:
    orders = patch(workload("StatefulSet", "orders-db"), spec={"serviceName": "orders"})

    assert lacking(tmp_path, orders) == {"statefulset/shop/orders-db": ("orders", "service-name")}


def test_where_most_workloads_with_ports_have_a_service_so_should_the_last(tmp_path: Path) -> None:
    both = (with_ports("cart"), service("cart"), with_ports("orders"), service("orders"))

    found = lacking(tmp_path / "a", *both, with_ports("web"), deployment("worker"), thing("Job", "report"))
    few = lacking(tmp_path / "b", with_ports("cart"), service("cart"), with_ports("web"))
    rare = lacking(tmp_path / "c", *both, *(with_ports(f"w{number}") for number in range(4)))

    assert found == {"deployment/shop/web": ("web", "siblings")}
    assert few == rare == {}


def test_a_service_of_another_name_or_one_that_exists_is_not_lacking(tmp_path: Path) -> None:
    web = with_ports("web", CART_ADDR="cart:80", DB_ADDR="db:80")
    selected = with_ports("cart")

    found = lacking(
        tmp_path,
        web,
        service("front", {"app": "web"}),
        selected,
        service("basket", {"app": "cart"}),
        with_ports("db"),
        patch(service("db"), spec={"selector": {"app": "orders"}}),
        service("other", {"app": "x"}, namespace="bank"),
    )

    assert found == {}
