"""The columns that the API prints, kind by kind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sre_orchestrator.api.wire import Store
from sre_orchestrator.api.wire.ages import human
from sre_orchestrator.api.wire.tables import table

NOW = datetime(2026, 3, 12, 14, 20, tzinfo=UTC)
CREATED = "2026-03-12T13:20:00Z"
TEMPLATE = {"spec": {"containers": [{"name": "web", "image": "web:1"}, {"name": "proxy", "image": "proxy:2"}]}}
SELECTOR = {
    "matchLabels": {"app": "web", "b": "c"},
    "matchExpressions": [
        {"key": "tier", "operator": "In", "values": ["a", "b"]},
        {"key": "old", "operator": "DoesNotExist"},
    ],
}
WORKLOAD = ["web,proxy", "web:1,proxy:2", "app=web,b=c,tier in (a,b),!old"]


def cells(kind: str, group: str, version: str = "v1", wide: bool = True, **parts: Any) -> dict[str, object]:
    """Return the cells of one object by the name of their column."""
    store = Store()
    metadata = {"name": "web", "creationTimestamp": CREATED, **parts.pop("metadata", {})}
    item = {"kind": kind, "apiVersion": f"{group}/{version}" if group else version, "metadata": metadata, **parts}
    store.apply(item)
    [resource] = [one for one in store.resources() if (one.kind, one.group) == (kind, group)]
    made = table(resource, store.items(resource), {}, now=NOW, include="None")
    columns = [one["name"] for one in made["columnDefinitions"] if wide or not one["priority"]]
    return dict(zip(columns, made["rows"][0]["cells"], strict=False))


def status(**states: Any) -> dict[str, Any]:
    return {"name": "web", "ready": False, "restartCount": 0, **states}


def waiting(reason: str) -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason}}}


def ended(code: int, **more: Any) -> dict[str, Any]:
    return {"state": {"terminated": {"exitCode": code, **more}}}


RUNNING = {"ready": True, "state": {"running": {}}}


@pytest.mark.parametrize(
    ("pod", "ready", "word"),
    [
        ({"status": {"phase": "Pending"}}, "0/1", "Pending"),
        ({"status": {}}, "0/1", "Unknown"),
        ({"status": {"phase": "Running", "containerStatuses": [status(**RUNNING)]}}, "1/1", "Running"),
        (
            {"status": {"phase": "Running", "containerStatuses": [status(**waiting("CrashLoopBackOff"))]}},
            "0/1",
            "CrashLoopBackOff",
        ),
        ({"status": {"phase": "Failed", "reason": "Evicted"}}, "0/1", "Evicted"),
        (
            {"status": {"phase": "Failed", "containerStatuses": [status(**ended(137, reason="OOMKilled"))]}},
            "0/1",
            "OOMKilled",
        ),
        ({"status": {"phase": "Failed", "containerStatuses": [status(**ended(3))]}}, "0/1", "ExitCode:3"),
        ({"status": {"phase": "Failed", "containerStatuses": [status(**ended(0, signal=9))]}}, "0/1", "Signal:9"),
        (
            {
                "status": {
                    "phase": "Running",
                    "containerStatuses": [status(**RUNNING), status(**ended(0, reason="Completed"))],
                }
            },
            "1/1",
            "NotReady",
        ),
        (
            {"status": {"initContainerStatuses": [status(**waiting("ImagePullBackOff"))]}},
            "0/1",
            "Init:ImagePullBackOff",
        ),
        ({"status": {"initContainerStatuses": [status(**waiting("PodInitializing"))]}}, "0/1", "Init:0/0"),
        ({"status": {"initContainerStatuses": [status(**ended(1, reason="Error"))]}}, "0/1", "Init:Error"),
        (
            {
                "status": {
                    "phase": "Running",
                    "initContainerStatuses": [status(**ended(0))],
                    "containerStatuses": [status(**RUNNING)],
                }
            },
            "1/1",
            "Running",
        ),
        ({"status": {"phase": "Running"}, "metadata": {"deletionTimestamp": CREATED}}, "0/1", "Terminating"),
        ({"status": {"reason": "NodeLost"}, "metadata": {"deletionTimestamp": CREATED}}, "0/1", "Unknown"),
    ],
)
def test_a_pod_has_one_word(pod: dict[str, Any], ready: str, word: str) -> None:
    found = cells("Pod", "", spec={"containers": [{"name": "web"}]}, **pod)

    assert (found["Ready"], found["Status"]) == (ready, word)


def test_a_sidecar_that_has_started_counts_as_a_container() -> None:
    sidecar = {"name": "proxy", "ready": True, "started": True, "restartCount": 2, "state": {"running": {}}}
    spec = {"containers": [{"name": "web"}], "initContainers": [{"name": "proxy", "restartPolicy": "Always"}]}
    state = {"phase": "Running", "initContainerStatuses": [sidecar], "containerStatuses": [status(**RUNNING)]}

    found = cells("Pod", "", spec=spec, status=state)

    assert (found["Ready"], found["Status"], found["Restarts"]) == ("2/2", "Running", "2")


def test_restarts_tell_when_the_last_one_was() -> None:
    last = {"terminated": {"finishedAt": "2026-03-12T14:15:00Z"}}
    state = {"containerStatuses": [status(**RUNNING) | {"restartCount": 3, "lastState": last}]}

    assert cells("Pod", "", spec={}, status=state)["Restarts"] == "3 (5m ago)"


def test_a_pod_tells_where_it_runs_and_what_it_waits_for() -> None:
    spec = {"nodeName": "node-a", "readinessGates": [{"conditionType": "lb"}, {"conditionType": "x"}]}
    state = {"podIP": "10.0.0.1", "conditions": [{"type": "lb", "status": "True"}]}

    found = cells("Pod", "", spec=spec, status=state)

    assert [found[name] for name in ("IP", "Node", "Nominated Node", "Readiness Gates")] == [
        "10.0.0.1",
        "node-a",
        "<none>",
        "1/2",
    ]


@pytest.mark.parametrize(
    ("kind", "group", "parts", "expected"),
    [
        (
            "Deployment",
            "apps",
            {"spec": {"replicas": 3, "selector": SELECTOR, "template": TEMPLATE}, "status": {"readyReplicas": 2, "updatedReplicas": 3}},
            ["web", "2/3", 3, 0, "60m", *WORKLOAD],
        ),
        ("StatefulSet", "apps", {"spec": {"template": TEMPLATE}, "status": {}}, ["web", "0/1", "60m", *WORKLOAD[:2]]),
        ("ReplicaSet", "apps", {"spec": {"replicas": 0, "template": TEMPLATE}}, ["web", 0, 0, 0, "60m", *WORKLOAD[:2], "<none>"]),
        (
            "DaemonSet",
            "apps",
            {
                "spec": {"selector": {}, "template": {"spec": {**TEMPLATE["spec"], "nodeSelector": {"disk": "ssd"}}}},
                "status": {"desiredNumberScheduled": 3, "currentNumberScheduled": 3, "numberReady": 1, "numberAvailable": 1},
            },
            ["web", 3, 3, 1, 0, 1, "disk=ssd", "60m", *WORKLOAD[:2], "<none>"],
        ),
        (
            "Job",
            "batch",
            {
                "spec": {"template": TEMPLATE},
                "status": {
                    "succeeded": 1,
                    "startTime": CREATED,
                    "completionTime": "2026-03-12T13:25:00Z",
                    "conditions": [{"type": "Complete", "status": "True"}],
                },
            },
            ["web", "Complete", "1/1", "5m", "60m", *WORKLOAD[:2], "<none>"],
        ),
        ("Job", "batch", {"spec": {"completions": 3}, "status": {}}, ["web", "Running", "0/3", "", "60m", "", "", "<none>"]),
        ("Job", "batch", {"spec": {}, "metadata": {"deletionTimestamp": CREATED}}, ["web", "Terminating"]),
        (
            "CronJob",
            "batch",
            {
                "spec": {"schedule": "0 * * * *", "jobTemplate": {"spec": {"template": TEMPLATE}}},
                "status": {"active": [{}], "lastScheduleTime": "2026-03-12T14:00:00Z"},
            },
            ["web", "0 * * * *", "<none>", "False", 1, "20m", "60m", *WORKLOAD[:2]],
        ),
        ("CronJob", "batch", {"spec": {"suspend": True}}, ["web", "", "<none>", "True", 0, "<none>", "60m"]),
        (
            "PodDisruptionBudget",
            "policy",
            {"spec": {"minAvailable": "50%"}, "status": {"disruptionsAllowed": 1}},
            ["web", "50%", "N/A", 1, "60m"],
        ),
        (
            "Service",
            "",
            {"spec": {"type": "NodePort", "clusterIP": "10.0.0.1", "ports": [{"port": 80, "nodePort": 30080}], "selector": {"a": "b"}}},
            ["web", "NodePort", "10.0.0.1", "<none>", "80:30080/TCP", "60m", "a=b"],
        ),
        (
            "Service",
            "",
            {"spec": {"type": "LoadBalancer", "externalIPs": ["1.2.3.4"]}, "status": {"loadBalancer": {"ingress": [{"hostname": "lb"}, {}]}}},
            ["web", "LoadBalancer", "<none>", "lb,1.2.3.4", "<none>", "60m", "<none>"],
        ),
        ("Service", "", {"spec": {"type": "LoadBalancer"}}, ["web", "LoadBalancer", "<none>", "<pending>"]),
        ("Service", "", {"spec": {"type": "ExternalName", "externalName": "db.example"}}, ["web", "ExternalName", "<none>", "db.example"]),
        (
            "Endpoints",
            "",
            {"subsets": [{"addresses": [{"ip": f"10.0.0.{n}"} for n in range(5)], "ports": [{"port": 80}]}]},
            ["web", "10.0.0.0:80,10.0.0.1:80,10.0.0.2:80 + 2 more...", "60m"],
        ),
        ("Endpoints", "", {"subsets": [{"addresses": [{"ip": "10.0.0.1"}]}]}, ["web", "10.0.0.1", "60m"]),
        ("Endpoints", "", {}, ["web", "<none>", "60m"]),
        (
            "EndpointSlice",
            "discovery.k8s.io",
            {"addressType": "IPv4", "ports": [{"port": 80}], "endpoints": [{"addresses": ["10.0.0.1"]}]},
            ["web", "IPv4", "80", "10.0.0.1", "60m"],
        ),
        (
            "Ingress",
            "networking.k8s.io",
            {"spec": {"ingressClassName": "nginx", "rules": [{"host": "a.example"}, {}], "tls": [{}]}, "status": {"loadBalancer": {"ingress": [{"ip": "1.1.1.1"}]}}},
            ["web", "nginx", "a.example", "1.1.1.1", "80, 443", "60m"],
        ),
        ("Ingress", "networking.k8s.io", {"spec": {}}, ["web", "<none>", "*", "", "80", "60m"]),
        ("NetworkPolicy", "networking.k8s.io", {"spec": {"podSelector": {"matchLabels": {"a": "b"}}}}, ["web", "a=b", "60m"]),
        (
            "PersistentVolumeClaim",
            "",
            {
                "spec": {"volumeName": "pv-1", "storageClassName": "fast"},
                "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce", "New"]},
            },
            ["web", "Bound", "pv-1", "1Gi", "RWO,New", "fast", "60m", "Filesystem"],
        ),
        ("PersistentVolumeClaim", "", {"spec": {}, "metadata": {"deletionTimestamp": CREATED}}, ["web", "Terminating"]),
        (
            "PersistentVolume",
            "",
            {
                "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadOnlyMany"], "claimRef": {"namespace": "shop", "name": "db"}},
                "status": {"phase": "Bound"},
            },
            ["web", "1Gi", "ROX", "", "Bound", "shop/db", "", "", "60m"],
        ),
        (
            "StorageClass",
            "storage.k8s.io",
            {"provisioner": "csi.example", "allowVolumeExpansion": True},
            ["web", "csi.example", "Delete", "Immediate", "true", "60m"],
        ),
        ("ConfigMap", "", {"data": {"a": "b"}, "binaryData": {"c": "d"}}, ["web", 2, "60m"]),
        ("Secret", "", {"type": "Opaque", "data": {"a": "***"}}, ["web", "Opaque", 1, "60m"]),
        ("ServiceAccount", "", {}, ["web", 0, "60m"]),
        (
            "ResourceQuota",
            "",
            {"status": {"hard": {"limits.cpu": "4", "pods": "10"}, "used": {"pods": "3"}}},
            ["web", "pods: 3/10", "limits.cpu: 0/4", "60m"],
        ),
        ("ResourceQuota", "", {"status": {"hard": ["odd"]}}, ["web", "", "", "60m"]),
        ("LimitRange", "", {}, ["web", "60m"]),
        ("Namespace", "", {"status": {"phase": "Active"}}, ["web", "Active", "60m"]),
        (
            "Node",
            "",
            {
                "metadata": {"labels": {"node-role.kubernetes.io/control-plane": ""}},
                "spec": {"unschedulable": True},
                "status": {
                    "conditions": [{"type": "Ready", "status": "Unknown"}],
                    "nodeInfo": {"kubeletVersion": "v1.34.1"},
                    "addresses": [{"type": "InternalIP", "address": "192.168.0.7"}],
                },
            },
            ["web", "NotReady,SchedulingDisabled", "control-plane", "v1.34.1", "60m", "192.168.0.7", "<none>", "<unknown>"],
        ),
        ("Node", "", {"spec": {}, "status": {}}, ["web", "Unknown", "<none>", "", "60m"]),
        ("Lease", "coordination.k8s.io", {"spec": {"holderIdentity": "node-a"}}, ["web", "node-a", "60m"]),
        ("Widget", "example.org", {}, ["web", "60m"]),
    ],
)  # fmt: skip
def test_columns_say_what_kubectl_users_look_for(
    kind: str, group: str, parts: dict[str, Any], expected: list[object]
) -> None:
    parts = {key: dict(value) if key == "metadata" else value for key, value in parts.items()}

    assert list(cells(kind, group, **parts).values())[: len(expected)] == expected


@pytest.mark.parametrize("kind", ["RoleBinding", "ClusterRoleBinding"])
def test_a_binding_tells_the_role_that_it_gives(kind: str) -> None:
    reference = {"kind": "ClusterRole", "name": "view", "apiGroup": "rbac.authorization.k8s.io"}

    assert cells(kind, "rbac.authorization.k8s.io", roleRef=reference)["Role"] == "ClusterRole/view"


def test_a_default_class_is_named_so() -> None:
    notes = {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}

    assert cells("StorageClass", "storage.k8s.io", metadata=notes)["Name"] == "web (default)"


def metric(kind: str, name: str, **target: Any) -> dict[str, Any]:
    return {"type": kind, kind[0].lower() + kind[1:]: {"name": name, "target": target}}


def current(kind: str, name: str, **value: Any) -> dict[str, Any]:
    return {"type": kind, kind[0].lower() + kind[1:]: {"name": name, "current": value}}


def test_an_autoscaler_tells_what_it_has_and_wants() -> None:
    spec = {
        "scaleTargetRef": {"kind": "Deployment", "name": "web"},
        "maxReplicas": 5,
        "metrics": [
            metric("Resource", "cpu", averageUtilization=80),
            metric("Resource", "memory", averageUtilization=50),
            metric("Pods", "requests", averageValue="10"),
            metric("External", "", value="3"),
        ],
    }
    state = {
        "currentReplicas": 2,
        "currentMetrics": [
            current("Resource", "cpu", averageUtilization=60),
            current("Resource", "memory"),
            current("Pods", "requests", averageValue="7"),
        ],
    }

    found = cells("HorizontalPodAutoscaler", "autoscaling", "v2", spec=spec, status=state)

    assert found["Reference"] == "Deployment/web"
    assert found["Targets"] == "cpu: 60%/80%, memory: <unknown>/50%, requests: 7/10, <unknown>/3"
    assert [found[name] for name in ("MinPods", "MaxPods", "Replicas")] == [1, 5, 2]


def test_an_event_tells_what_happened_to_what() -> None:
    event = {
        "type": "Warning",
        "reason": "BackOff",
        "message": "again \n",
        "lastTimestamp": "2026-03-12T14:19:00Z",
        "involvedObject": {"kind": "Pod", "name": "web-1", "fieldPath": "spec.containers{web}"},
        "source": {"component": "kubelet"},
    }

    assert list(cells("Event", "", **event).values()) == [
        "60s", "Warning", "BackOff", "pod/web-1", "spec.containers{web}", "kubelet", "again", 1, "web",
    ]  # fmt: skip


def test_an_event_without_times_is_as_old_as_itself() -> None:
    assert cells("Event", "")["Last Seen"] == "60m"


def test_an_object_that_lacks_what_its_kind_has_is_unknown() -> None:
    assert cells("Service", "", spec=None)["Port(s)"] == "<unknown>"


def test_a_custom_resource_has_the_columns_of_its_definition() -> None:
    store = Store()
    columns = [
        {"name": "Ready", "type": "string", "jsonPath": ".status.ready"},
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Odd", "type": "string", "jsonPath": ".spec.size.more"},
        {"name": "Since", "type": "date", "jsonPath": ".status.since", "priority": 1},
    ]
    versions = [{"name": "v1", "additionalPrinterColumns": columns}]
    spec = {"group": "example.org", "names": {"kind": "Widget", "plural": "widgets"}, "versions": versions}
    store.apply(
        {
            "kind": "CustomResourceDefinition",
            "apiVersion": "apiextensions.k8s.io/v1",
            "metadata": {"name": "w"},
            "spec": spec,
        }
    )
    widget = {"status": {"ready": True, "since": CREATED}, "spec": {"size": 3}}
    store.apply(
        {"kind": "Widget", "apiVersion": "example.org/v1", "metadata": {"name": "w", "namespace": "shop"}} | widget
    )
    resource = store.find("example.org", "v1", "widgets")
    assert resource is not None

    made = table(resource, store.items(resource), {}, now=NOW, include="None")

    assert [one["name"] for one in made["columnDefinitions"]] == ["Name", "Ready", "Size", "Odd", "Since", "Age"]
    assert made["rows"][0]["cells"] == ["w", True, 3, "", "60m", "<unknown>"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0s"),
        (119, "119s"),
        (120, "2m"),
        (599, "9m59s"),
        (3600, "60m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 61, "3h1m"),
        (20 * 3600, "20h"),
        (3 * 86_400 + 3700, "3d1h"),
        (30 * 86_400, "30d"),
        (3 * 365 * 86_400 + 86_400, "3y1d"),
        (20 * 365 * 86_400, "20y"),
    ],
)
def test_ages_are_worded_as_kubectl_words_them(seconds: float, words: str) -> None:
    assert human(seconds) == words
