"""A small shop for tests: functions that make Kubernetes objects, and one that writes a snapshot of them.

Every maker returns the JSON object as a dict, healthy by default; keyword arguments change what
the test is about, and ``patch`` merges anything else::

    from shop import container, deployment, event, pod, service, snapshot, write_snapshot

    cart = pod("cart-1", labels={"app": "cart"}, owner=("ReplicaSet", "cart-abc"), ready=False)
    slow = patch(cart, spec={"nodeName": "node-b"})
    path = write_snapshot(tmp_path, cart, service("cart", {"app": "cart"}, 8080), question="the cart is down")
    with open_snapshot(path, SnapshotLimits()) as source: ...
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sre_orchestrator.plugins.objects.registry import KINDS

Json = dict[str, Any]
NOW = "2030-05-01T12:00:00Z"
EARLIER = "2030-05-01T09:00:00Z"
NAMESPACE = "shop"
BY_KIND = {listed.kind: listed for listed in KINDS.values()}


def patch(original: Json, **changes: Any) -> Json:
    """Return a copy with ``changes`` merged in: dicts deeply, everything else replaced."""
    merged = dict(original)
    for key, value in changes.items():
        known = merged.get(key)
        merged[key] = patch(known, **value) if isinstance(known, dict) and isinstance(value, dict) else value
    return merged


def thing(
    kind: str,
    name: str,
    *,
    namespace: str = NAMESPACE,
    labels: Mapping[str, str] | None = None,
    owner: tuple[str, str] | None = None,
    **fields: Any,
) -> Json:
    """Return any object; ``owner`` is (kind, name) of its controller; ``namespace=""`` for cluster-scoped."""
    metadata: Json = {"name": name, "uid": f"uid-{kind}-{namespace}-{name}", "creationTimestamp": EARLIER}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = dict(labels)
    if owner:
        metadata["ownerReferences"] = [
            {"kind": owner[0], "name": owner[1], "uid": f"uid-{owner[0]}-{namespace}-{owner[1]}", "controller": True}
        ]
    return patch({"kind": kind, "metadata": metadata}, **fields)


def container(name: str = "app", image: str = "registry.example/app:1.0", **fields: Any) -> Json:
    """Return a container of a pod template."""
    return {"name": name, "image": image, **fields}


def container_status(
    name: str = "app", *, ready: bool = True, restarts: int = 0, state: Json | None = None, last: Json | None = None
) -> Json:
    """Return the kubelet's status of a container; running since ``EARLIER`` by default."""
    return {
        "name": name,
        "ready": ready,
        "restartCount": restarts,
        "state": state or {"running": {"startedAt": EARLIER}},
        "lastState": last or {},
    }


def pod(
    name: str,
    *,
    containers: Sequence[Json] = (),
    statuses: Sequence[Json] | None = None,
    node: str = "node-a",
    phase: str = "Running",
    ready: bool = True,
    **fields: Any,
) -> Json:
    """Return a pod, running and ready on ``node``; one container ``app`` by default."""
    inside = list(containers) or [container()]
    if statuses is None:
        statuses = [container_status(one["name"], ready=ready) for one in inside] if phase == "Running" else []
    conditions = [{"type": "PodScheduled", "status": "True" if node else "False", "lastTransitionTime": EARLIER}]
    conditions += [{"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": EARLIER}]
    base = {
        "spec": {"nodeName": node, "containers": inside},
        "status": {"phase": phase, "conditions": conditions, "containerStatuses": list(statuses)},
    }
    return patch(thing("Pod", name, **_meta(fields)), **_merged(base, fields))


def workload(
    kind: str,
    name: str,
    *,
    containers: Sequence[Json] = (),
    replicas: int = 1,
    ready: int | None = None,
    labels: Mapping[str, str] | None = None,
    **fields: Any,
) -> Json:
    """Return a Deployment, ReplicaSet, StatefulSet or DaemonSet; its pods carry ``labels`` (``app: name``)."""
    carried = dict(labels or {"app": name})
    up = replicas if ready is None else ready
    base: Json = {
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": carried},
            "template": {"metadata": {"labels": carried}, "spec": {"containers": list(containers) or [container()]}},
        },
        "status": {"replicas": replicas, "readyReplicas": up, "availableReplicas": up, "updatedReplicas": replicas},
    }
    if kind == "DaemonSet":
        base["status"] = {"desiredNumberScheduled": replicas, "numberReady": up, "numberAvailable": up}
    return patch(thing(kind, name, labels=carried, **_meta(fields)), **_merged(base, fields))


def deployment(name: str, **fields: Any) -> Json:
    """Return a Deployment (see ``workload``)."""
    return workload("Deployment", name, **fields)


def service(name: str, selector: Mapping[str, str] | None = None, port: int = 80, **fields: Any) -> Json:
    """Return a Service; ``selector`` defaults to ``app: name``."""
    base = {"spec": {"selector": dict(selector or {"app": name}), "ports": [{"port": port, "protocol": "TCP"}]}}
    return patch(thing("Service", name, **_meta(fields)), **_merged(base, fields))


def endpoints(name: str, ready: Iterable[str] = (), not_ready: Iterable[str] = (), port: int = 80) -> Json:
    """Return the Endpoints of service ``name`` with the pods of those names."""
    subset = {"ports": [{"port": port}], "addresses": _addresses(ready), "notReadyAddresses": _addresses(not_ready)}
    return thing("Endpoints", name, subsets=[subset] if subset["addresses"] or subset["notReadyAddresses"] else [])


def node(name: str = "node-a", *, ready: bool = True, cpu: str = "4", memory: str = "16Gi", **fields: Any) -> Json:
    """Return a Node."""
    amounts = {"cpu": cpu, "memory": memory, "pods": "110"}
    conditions = [
        {"type": "Ready", "status": "True" if ready else "Unknown", "lastHeartbeatTime": NOW},
        {"type": "MemoryPressure", "status": "False", "lastHeartbeatTime": NOW},
    ]
    base = {"status": {"allocatable": amounts, "capacity": amounts, "conditions": conditions}}
    named = {"labels": {"kubernetes.io/hostname": name}, **_meta(fields), "namespace": ""}
    return patch(thing("Node", name, **named), **_merged(base, fields))


def event(  # noqa: PLR0913
    reason: str,
    message: str,
    *,
    about: tuple[str, str] = ("Pod", "cart-1"),
    namespace: str = NAMESPACE,
    type: str = "Warning",
    count: int = 1,
    first: str = EARLIER,
    last: str = NOW,
    component: str = "kubelet",
) -> Json:
    """Return a core/v1 event about (kind, name)."""
    involved = {"kind": about[0], "namespace": namespace, "name": about[1]}
    return thing(
        "Event",
        f"{about[1]}.{reason.lower()}",
        namespace=namespace,
        type=type,
        reason=reason,
        message=message,
        count=count,
        firstTimestamp=first,
        lastTimestamp=last,
        involvedObject=involved,
        source={"component": component},
    )


def write_snapshot(  # noqa: PLR0913
    folder: Path,
    *objects: Json,
    question: str = "the shop is down",
    namespaces: Sequence[str] = (NAMESPACE,),
    kinds: Iterable[str] = (),
    coverage: Json | None = None,
    logs: Mapping[str, str] | None = None,
    probes: Sequence[Json] | None = None,
    alerts: Sequence[Json] | None = None,
    units: Mapping[str, str] | None = None,
    metrics: str = "",
    topology: Mapping[str, Sequence[str]] | None = None,
) -> Path:
    """Write a snapshot of ``objects`` into ``folder`` and return it.

    ``kinds`` (``"Secret"``) were looked for in every namespace although there may be none. ``logs``
    maps ``namespace/pod/container`` (``…-previous`` too) and ``units`` maps ``node/unit`` to text.
    """
    _write_lists(folder / "cluster-resources", objects, namespaces, frozenset(kinds))
    info = {
        "format": 1,
        "captured_at": NOW,
        "namespaces": list(namespaces),
        "question": question,
        "coverage": coverage or {"logs": "full", "metrics": bool(metrics), "events": list(namespaces)},
    }
    write(folder / "snapshot.yaml", msgspec.yaml.encode(info).decode())
    for name, text in (logs or {}).items():
        write(folder / "cluster-resources" / "pods" / "logs" / f"{name}.log", text)
    for name, text in (units or {}).items():
        host, _, unit = name.partition("/")
        write(folder / "host-collectors" / host / f"systemctl-status-{unit}.txt", text)
    extra = {"probes/tcp": probes, "alertmanager/alerts": alerts, "topology/service-dependencies": topology}
    for name, value in extra.items():
        if value is not None:
            write(folder / f"{name}.json", json.dumps(value))
    if metrics:
        write(folder / "prometheus" / "metrics.om", metrics)
    return folder


def write(path: Path, content: str | bytes) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _write_lists(base: Path, objects: Iterable[Json], namespaces: Iterable[str], kinds: frozenset[str]) -> None:
    lists: dict[tuple[str, str], list[Json]] = {}
    for kind in kinds:
        for namespace in namespaces if BY_KIND[kind].namespaced else ("",):
            lists[kind, namespace] = []
    for one in objects:
        lists.setdefault((one["kind"], one["metadata"].get("namespace", "")), []).append(one)
    for (kind, namespace), items in lists.items():
        name = BY_KIND[kind].folders[0]
        path = base / name / f"{namespace}.json" if namespace else base / f"{name}.json"
        write(path, json.dumps({"kind": f"{kind}List", "items": items}, ensure_ascii=False))


def _addresses(pods: Iterable[str]) -> list[Json]:
    return [
        {"ip": f"10.0.0.{number}", "targetRef": {"kind": "Pod", "name": name}}
        for number, name in enumerate(pods, start=1)
    ]


def _meta(fields: Json) -> Json:
    return {key: fields[key] for key in ("namespace", "labels", "owner") if key in fields}


def _merged(base: Json, fields: Json) -> Json:
    return patch(base, **{key: value for key, value in fields.items() if key not in {"namespace", "labels", "owner"}})
