"""Who calls whom, by configuration and by declaration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
from shop import container, deployment, service, thing, workload, write_snapshot

from sre_orchestrator.core.models import Edge
from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.sources.snapshot import open_snapshot


def calls(folder: Path, *objects: dict[str, Any], **more: Any) -> set[tuple[str, str, str]]:
    path = write_snapshot(folder, *objects, **more)

    async def read() -> set[tuple[str, str, str]]:
        with open_snapshot(path, SnapshotLimits()) as source:
            return {
                (one.source, one.target, one.provenance)
                async for one in source.sync()
                if isinstance(one, Edge) and one.kind == "depends_on"
            }

    return anyio.run(read)


def test_a_variable_with_an_address_is_a_call(tmp_path: Path) -> None:
    env = [{"name": "CART_ADDR", "value": "cart:7070"}, {"name": "API", "value": "https://api.example.com"}]
    found = calls(tmp_path, service("cart", {"app": "none"}), deployment("web", containers=[container(env=env)]))

    assert found == {("deployment/shop/web", "service/shop/cart", "env CART_ADDR of container app")}


def test_config_maps_by_variable_whole_and_as_files_hold_calls(tmp_path: Path) -> None:
    config = thing(
        "ConfigMap",
        "web",
        data={"CART_URL": "http://cart:7070", "orders": "http://orders", "app.yml": "a: {url: 'http://users'}"},
    )
    one = {"name": "ORDERS", "valueFrom": {"configMapKeyRef": {"name": "web", "key": "orders"}}}
    gone = {"name": "GONE", "valueFrom": {"configMapKeyRef": {"name": "web", "key": "gone"}}}
    secret = {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "web", "key": "x"}}}
    by_env = container("env", env=[one, gone, secret], envFrom=[{"configMapRef": {"name": "absent"}}])
    by_file = container("file", volumeMounts=[{"name": "config", "mountPath": "/c"}])
    whole = container("whole", envFrom=[{"configMapRef": {"name": "web"}}, {"secretRef": {"name": "web"}}])
    parts = [
        {"configMap": {"name": "web", "items": [{"key": "app.yml", "path": "app.yml"}]}},
        {"secret": {"name": "x"}},
    ]
    volumes = [{"name": "config", "projected": {"sources": parts}}, {"name": "other", "configMap": {"name": "web"}}]
    web = deployment("web", containers=[by_env, by_file], spec={"template": {"spec": {"volumes": volumes}}})
    services = [service(name, {"app": "none"}) for name in ("cart", "orders", "users")]
    found = calls(tmp_path, config, *services, web, deployment("admin", containers=[whole]))

    assert found == {
        ("deployment/shop/web", "service/shop/orders", "env ORDERS from configmap web"),
        ("deployment/shop/web", "service/shop/users", "app.yml in configmap web"),
        *(
            ("deployment/shop/admin", f"service/shop/{name}", f"{key} in configmap web of container whole")
            for name, key in (("cart", "CART_URL"), ("orders", "orders"), ("users", "app.yml"))
        ),
    }


def test_a_service_depends_on_the_workloads_behind_it(tmp_path: Path) -> None:
    found = calls(
        tmp_path,
        service("cart"),
        deployment("cart"),
        workload("StatefulSet", "db"),
        deployment("cart2", namespace="other"),
    )

    assert found == {("service/shop/cart", "deployment/shop/cart", "spec.selector")}


def test_cron_jobs_call_too_and_declared_calls_reach_workload_and_service(tmp_path: Path) -> None:
    env = [{"name": "CART_ADDR", "value": "cart:80"}]
    job = {"spec": {"template": {"spec": {"containers": [container(env=env)]}}}}
    nightly = thing("CronJob", "nightly", spec={"schedule": "0 1 * * *", "jobTemplate": job})
    found = calls(
        tmp_path, nightly, deployment("web"), deployment("cart"), service("cart"), topology={"web": ["cart", "gone"]}
    )

    declared = "topology/service-dependencies.json"
    assert found == {
        ("cronjob/shop/nightly", "service/shop/cart", "env CART_ADDR of container app"),
        ("service/shop/cart", "deployment/shop/cart", "spec.selector"),
        ("deployment/shop/web", "deployment/shop/cart", declared),
        ("deployment/shop/web", "service/shop/cart", declared),
    }
