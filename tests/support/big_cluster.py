"""A cluster of any size in memory, for measurements and for clients that must page."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from sre_orchestrator.api.wire import Store

CREATED = "2026-03-12T08:00:00Z"
REPLICAS = 4


def big_cluster(pods: int, *, namespaces: int = 10) -> Store:
    """Return a store with so many running pods, their workloads, services and nodes (100 pods each)."""
    store = Store()
    for number in range(namespaces):
        store.apply(_object("v1", "Namespace", f"team-{number:03}"))
    for number in range(max(pods // 100, 1)):
        store.apply(node(f"node-{number:04}"))
    for number in range(max(pods // REPLICAS, 1)):
        for one in _application(f"app-{number:05}", f"team-{number % namespaces:03}"):
            store.apply(one)
    for number in range(pods):
        application = number // REPLICAS
        store.apply(
            pod(
                f"app-{application:05}-7c9d8b6f5-{number:05}",
                f"team-{application % namespaces:03}",
                app=f"app-{application:05}",
                node=f"node-{number % max(pods // 100, 1):04}",
            )
        )
    store.expire()
    return store


def node(name: str) -> dict[str, Any]:
    """Return a node that is ready."""
    return _object("v1", "Node", name) | {
        "status": {
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            "capacity": {"cpu": "32", "memory": "128Gi", "pods": "110"},
            "allocatable": {"cpu": "31", "memory": "120Gi", "pods": "110"},
            "nodeInfo": {"kubeletVersion": "v1.34.1"},
        }
    }


def pod(name: str, namespace: str, *, app: str, node: str) -> dict[str, Any]:
    """Return a running pod of the size that real ones have (about 3 KB)."""
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": f"{app}-7c9d8b6f5",
        "uid": _uid(app),
        "controller": True,
    }
    whole = _object("v1", "Pod", name, namespace, {"app": app, "pod-template-hash": "7c9d8b6f5"})
    whole["metadata"]["ownerReferences"] = [owner]
    whole["spec"] = {
        "nodeName": node,
        "serviceAccountName": "default",
        "restartPolicy": "Always",
        "containers": [_container(app)],
        "volumes": [{"name": "config", "configMap": {"name": app}}],
        "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}],
    }
    whole["status"] = {
        "phase": "Running",
        "podIP": "10.1.2.3",
        "hostIP": "192.168.0.7",
        "startTime": CREATED,
        "conditions": [
            {"type": kind, "status": "True", "lastTransitionTime": CREATED}
            for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
        ],
        "containerStatuses": [
            {
                "name": app,
                "ready": True,
                "started": True,
                "restartCount": 0,
                "image": f"registry.example/{app}:1.4.2",
                "imageID": f"registry.example/{app}@sha256:{hashlib.sha256(app.encode()).hexdigest()}",
                "state": {"running": {"startedAt": CREATED}},
            }
        ],
    }
    return whole


def _container(app: str) -> dict[str, Any]:
    return {
        "name": app,
        "image": f"registry.example/{app}:1.4.2",
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "env": [{"name": f"SETTING_{number}", "value": f"value-{number}-of-{app}"} for number in range(8)],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/config"}],
    }


def _application(app: str, namespace: str) -> Iterator[dict[str, Any]]:
    labels = {"app": app}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [_container(app)]}}
    spec = {"replicas": REPLICAS, "selector": {"matchLabels": labels}, "template": template}
    counts = dict.fromkeys(("replicas", "readyReplicas", "availableReplicas", "updatedReplicas"), REPLICAS)
    yield _object("apps/v1", "Deployment", app, namespace, labels) | {"spec": spec, "status": counts}
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": app, "uid": _uid(app), "controller": True}
    replica_set = _object("apps/v1", "ReplicaSet", f"{app}-7c9d8b6f5", namespace, labels) | {
        "spec": spec,
        "status": counts,
    }
    replica_set["metadata"]["ownerReferences"] = [owner]
    yield replica_set
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    yield _object("v1", "Service", app, namespace, labels) | {"spec": {"selector": labels, "ports": ports}}


def _object(
    api_version: str, kind: str, name: str, namespace: str = "", labels: dict[str, str] | None = None
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "uid": _uid(f"{kind}/{namespace}/{name}"), "creationTimestamp": CREATED}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _uid(text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
