"""The columns of each kind, as the API server prints them (kubernetes/pkg/printers/internalversion)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sre_orchestrator.api.wire.ages import UNKNOWN, age, human, moment
from sre_orchestrator.api.wire.podstate import pod_state
from sre_orchestrator.api.wire.resources import Json
from sre_orchestrator.core.models import Struct

Cell = Callable[[Json, datetime], object]
NONE = "<none>"
SHOWN = 3
ROLE = "node-role.kubernetes.io/"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


class Printed(Struct, frozen=True, kw_only=True):
    """One column; those with a priority are printed by ``-o wide`` only."""

    name: str
    cell: Cell
    type: str = "string"
    format: str = ""
    priority: int = 0


def _column(name: str, path: str, empty: object = "", *, wide: bool = False, number: bool = False) -> Printed:
    steps = path.split(".")

    def cell(item: Json, now: datetime) -> object:
        del now
        found = _at(item, steps)
        return empty if found is None or found == "" else found

    return Printed(name=name, cell=cell, priority=int(wide), type="integer" if number else "string")


def _made(name: str, cell: Callable[[Json], object], *, wide: bool = False) -> Printed:
    return Printed(name=name, cell=lambda item, _: cell(item), priority=int(wide))


def _timed(name: str, cell: Cell) -> Printed:
    return Printed(name=name, cell=cell)


def _at(node: object, steps: Sequence[str]) -> object:
    for step in steps:
        node = node.get(step) if isinstance(node, dict) else None
    return node


def _count(item: Json, *steps: str, default: int = 0) -> int:
    found = _at(item, steps)
    return found if isinstance(found, int) else default


def _ready(item: Json) -> str:
    return f"{_count(item, 'status', 'readyReplicas')}/{_count(item, 'spec', 'replicas', default=1)}"


def _pairs(labels: object) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items())) if isinstance(labels, dict) else ""


def _selector(selector: object) -> str:
    """Return a label selector as text, as ``metav1.FormatLabelSelector`` does."""
    if not isinstance(selector, dict):
        return NONE
    terms = [_pairs(selector.get("matchLabels"))] if selector.get("matchLabels") else []
    words = {"In": "in", "NotIn": "notin"}
    for one in selector.get("matchExpressions") or []:
        values = f" ({','.join(one.get('values') or [])})"
        key, operator = str(one["key"]), str(one["operator"])
        sign = {"Exists": key, "DoesNotExist": f"!{key}"}
        terms.append(sign.get(operator) or f"{key} {words.get(operator, '?')}{values}")
    return ",".join(terms) or NONE


def _containers(item: Json) -> list[Json]:
    template = _at(item, ("spec", "template", "spec")) or _at(item, ("spec", "jobTemplate", "spec", "template", "spec"))
    return list(template.get("containers") or []) if isinstance(template, dict) else []


def _workload_columns(*, selector: bool = True) -> tuple[Printed, ...]:
    found = (
        _made("Containers", lambda item: ",".join(one["name"] for one in _containers(item)), wide=True),
        _made("Images", lambda item: ",".join(one.get("image", "") for one in _containers(item)), wide=True),
    )
    by = _made("Selector", lambda item: _selector(item["spec"].get("selector")), wide=True)
    return (*found, by) if selector else found


def _ports(item: Json) -> str:
    found = []
    for port in item["spec"].get("ports") or []:
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        found.append(f"{port['port']}{node}/{port.get('protocol') or 'TCP'}")
    return ",".join(found) or NONE


def _external(item: Json) -> str:
    spec = item["spec"]
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName") or NONE)
    addresses = [*_balancers(item), *(spec.get("externalIPs") or [])]
    pending = "<pending>" if spec.get("type") == "LoadBalancer" else NONE
    return ",".join(addresses) or pending


def _node_status(item: Json) -> str:
    ready = [one["status"] for one in item["status"].get("conditions") or [] if one["type"] == "Ready"]
    state = {"True": "Ready", "False": "NotReady"}.get(ready[0], "NotReady") if ready else "Unknown"
    return state + (",SchedulingDisabled" if item["spec"].get("unschedulable") else "")


def _node_roles(item: Json) -> str:
    labels = item["metadata"].get("labels") or {}
    return ",".join(sorted(key.removeprefix(ROLE) for key in labels if key.startswith(ROLE))) or NONE


def _address(kind: str) -> Callable[[Json], object]:
    def cell(item: Json) -> object:
        found = [one["address"] for one in item["status"].get("addresses") or [] if one["type"] == kind]
        return found[0] if found else NONE

    return cell


def _endpoints(item: Json) -> str:
    found = []
    for subset in item.get("subsets") or []:
        ports = [port["port"] for port in subset.get("ports") or []]
        for address in subset.get("addresses") or []:
            found += [f"{address['ip']}:{port}" for port in ports] or [address["ip"]]
    return _some(found)


def _some(found: Sequence[str]) -> str:
    more = f" + {len(found) - SHOWN} more..." if len(found) > SHOWN else ""
    return ",".join(found[:SHOWN]) + more if found else NONE


def _modes(item: Json) -> str:
    modes = _at(item, ("status", "accessModes")) or item["spec"].get("accessModes") or []
    return ",".join(MODES.get(str(one), str(one)) for one in modes) if isinstance(modes, list) else ""


def _claim(item: Json) -> str:
    claim = item["spec"].get("claimRef")
    return f"{claim['namespace']}/{claim['name']}" if claim else ""


def _hosts(item: Json) -> str:
    hosts = [rule["host"] for rule in item["spec"].get("rules") or [] if rule.get("host")]
    return _some(hosts) if hosts else "*"


def _balancers(item: Json) -> list[str]:
    found = _at(item, ("status", "loadBalancer", "ingress")) or []
    named = [one.get("ip") or one.get("hostname") for one in found] if isinstance(found, list) else []
    return [str(one) for one in named if one]


def _job_status(item: Json) -> str:
    held = {one["type"]: one["status"] for one in item.get("status", {}).get("conditions") or []}
    for kind, word in (("Complete", "Complete"), ("Failed", "Failed"), ("Suspended", "Suspended")):
        if held.get(kind) == "True":
            return word
    return "Terminating" if item["metadata"].get("deletionTimestamp") else "Running"


def _job_duration(item: Json, now: datetime) -> str:
    start = moment(_at(item, ("status", "startTime")))
    end = moment(_at(item, ("status", "completionTime"))) or now
    return human((end - start).total_seconds()) if start else ""


def _metric(spec: Json, current: object) -> str:
    source = spec[spec["type"][0].lower() + spec["type"][1:]]
    target = source.get("target") or {}
    have = _at(current, ("averageUtilization",))
    if target.get("averageUtilization") is not None:
        shown = f"{'<unknown>' if have is None else f'{have}%'}/{target['averageUtilization']}%"
    else:
        value = _at(current, ("averageValue",)) or _at(current, ("value",)) or UNKNOWN
        shown = f"{value}/{target.get('averageValue') or target.get('value')}"
    return f"{source['name']}: {shown}" if source.get("name") else shown


def _targets(item: Json) -> str:
    current = item.get("status", {}).get("currentMetrics") or []
    found = []
    for number, spec in enumerate(item["spec"].get("metrics") or []):
        now = current[number] if number < len(current) else {}
        key = str(now.get("type") or "")
        found.append(_metric(spec, _at(now, (key[:1].lower() + key[1:], "current"))))
    return ", ".join(found) or NONE


def _used(item: Json, part: str) -> str:
    hard = _at(item, ("status", "hard")) or _at(item, ("spec", "hard")) or {}
    used = _at(item, ("status", "used")) or {}
    if not isinstance(hard, dict) or not isinstance(used, dict):
        return ""
    names = sorted(name for name in hard if name.startswith("limits.") is (part == "limits"))
    return ", ".join(f"{name}: {used.get(name, 0)}/{hard[name]}" for name in names)


def _seen(item: Json, now: datetime) -> str:
    series = item.get("series") or {}
    last = series.get("lastObservedTime") or item.get("lastTimestamp") or item.get("eventTime")
    return age(last or item["metadata"].get("creationTimestamp"), now)


def _object(item: Json) -> str:
    involved = item.get("involvedObject") or item.get("regarding") or {}
    return f"{str(involved.get('kind', '')).lower()}/{involved.get('name', '')}"


def _class_name(item: Json, now: datetime) -> str:
    del now
    notes = item["metadata"].get("annotations") or {}
    return str(item["metadata"]["name"]) + (" (default)" if notes.get(DEFAULT_CLASS) == "true" else "")


def _slice_ports(item: Json) -> str:
    return _some([str(port.get("port", "")) for port in item.get("ports") or []])


def _slice_addresses(item: Json) -> str:
    return _some([address for one in item.get("endpoints") or [] for address in one.get("addresses") or []])


def _data(item: Json) -> object:
    return len(item.get("data") or {}) + len(item.get("binaryData") or {})


def _given(item: Json) -> object:
    return f"{item['roleRef']['kind']}/{item['roleRef']['name']}"


COLUMNS: dict[str, tuple[Printed, ...]] = {
    "pods": (
        _made("Ready", lambda item: pod_state(item).ready),
        _made("Status", lambda item: pod_state(item).status),
        _timed("Restarts", lambda item, now: pod_state(item).restarts_at(now)),
        _column("IP", "status.podIP", NONE, wide=True),
        _column("Node", "spec.nodeName", NONE, wide=True),
        _column("Nominated Node", "status.nominatedNodeName", NONE, wide=True),
        _made("Readiness Gates", lambda item: pod_state(item).gates, wide=True),
    ),
    "deployments.apps": (
        _made("Ready", _ready),
        _column("Up-to-date", "status.updatedReplicas", 0, number=True),
        _column("Available", "status.availableReplicas", 0, number=True),
        *_workload_columns(),
    ),
    "replicasets.apps": (
        _column("Desired", "spec.replicas", 1, number=True),
        _column("Current", "status.replicas", 0, number=True),
        _column("Ready", "status.readyReplicas", 0, number=True),
        *_workload_columns(),
    ),
    "statefulsets.apps": (_made("Ready", _ready), *_workload_columns(selector=False)),
    "daemonsets.apps": (
        _column("Desired", "status.desiredNumberScheduled", 0, number=True),
        _column("Current", "status.currentNumberScheduled", 0, number=True),
        _column("Ready", "status.numberReady", 0, number=True),
        _column("Up-to-date", "status.updatedNumberScheduled", 0, number=True),
        _column("Available", "status.numberAvailable", 0, number=True),
        _made("Node Selector", lambda item: _pairs(item["spec"]["template"]["spec"].get("nodeSelector")) or NONE),
        *_workload_columns(),
    ),
    "jobs.batch": (
        _made("Status", _job_status),
        _made(
            "Completions",
            lambda item: f"{_count(item, 'status', 'succeeded')}/{_count(item, 'spec', 'completions', default=1)}",
        ),
        _timed("Duration", _job_duration),
        *_workload_columns(),
    ),
    "cronjobs.batch": (
        _column("Schedule", "spec.schedule"),
        _column("Timezone", "spec.timeZone", NONE),
        _made("Suspend", lambda item: str(bool(item["spec"].get("suspend")))),
        _made("Active", lambda item: len(item.get("status", {}).get("active") or [])),
        _timed(
            "Last Schedule",
            lambda item, now: age(at, now) if (at := _at(item, ("status", "lastScheduleTime"))) else NONE,
        ),
        *_workload_columns(selector=False),
    ),
    "horizontalpodautoscalers.autoscaling": (
        _made(
            "Reference",
            lambda item: f"{item['spec']['scaleTargetRef']['kind']}/{item['spec']['scaleTargetRef']['name']}",
        ),
        _made("Targets", _targets),
        _column("MinPods", "spec.minReplicas", 1),
        _column("MaxPods", "spec.maxReplicas", 0),
        _column("Replicas", "status.currentReplicas", 0),
    ),
    "poddisruptionbudgets.policy": (
        _column("Min Available", "spec.minAvailable", "N/A"),
        _column("Max Unavailable", "spec.maxUnavailable", "N/A"),
        _column("Allowed Disruptions", "status.disruptionsAllowed", 0, number=True),
    ),
    "services": (
        _column("Type", "spec.type", "ClusterIP"),
        _column("Cluster-IP", "spec.clusterIP", NONE),
        _made("External-IP", _external),
        _made("Port(s)", _ports),
        _made("Selector", lambda item: _pairs(item["spec"].get("selector")) or NONE, wide=True),
    ),
    "endpoints": (_made("Endpoints", _endpoints),),
    "endpointslices.discovery.k8s.io": (
        _column("AddressType", "addressType"),
        _made("Ports", _slice_ports),
        _made("Endpoints", _slice_addresses),
    ),
    "ingresses.networking.k8s.io": (
        _column("Class", "spec.ingressClassName", NONE),
        _made("Hosts", _hosts),
        _made("Address", lambda item: ",".join(_balancers(item))),
        _made("Ports", lambda item: "80, 443" if item["spec"].get("tls") else "80"),
    ),
    "ingressclasses.networking.k8s.io": (_column("Controller", "spec.controller"),),
    "networkpolicies.networking.k8s.io": (
        _made("Pod-Selector", lambda item: _selector(item["spec"].get("podSelector"))),
    ),
    "persistentvolumeclaims": (
        _made(
            "Status",
            lambda item: "Terminating" if item["metadata"].get("deletionTimestamp") else item["status"]["phase"],
        ),
        _column("Volume", "spec.volumeName"),
        _column("Capacity", "status.capacity.storage"),
        _made("Access Modes", _modes),
        _column("StorageClass", "spec.storageClassName"),
        _column("VolumeMode", "spec.volumeMode", "Filesystem", wide=True),
    ),
    "persistentvolumes": (
        _column("Capacity", "spec.capacity.storage"),
        _made("Access Modes", _modes),
        _column("Reclaim Policy", "spec.persistentVolumeReclaimPolicy"),
        _column("Status", "status.phase"),
        _made("Claim", _claim),
        _column("StorageClass", "spec.storageClassName"),
        _column("Reason", "status.reason"),
    ),
    "storageclasses.storage.k8s.io": (
        Printed(name="Name", cell=_class_name, format="name"),
        _column("Provisioner", "provisioner"),
        _column("ReclaimPolicy", "reclaimPolicy", "Delete"),
        _column("VolumeBindingMode", "volumeBindingMode", "Immediate"),
        _made("AllowVolumeExpansion", lambda item: str(bool(item.get("allowVolumeExpansion"))).lower()),
    ),
    "configmaps": (_made("Data", _data),),
    "secrets": (_column("Type", "type", "Opaque"), _made("Data", _data)),
    "serviceaccounts": (_made("Secrets", lambda item: len(item.get("secrets") or [])),),
    "rolebindings.rbac.authorization.k8s.io": (_made("Role", _given),),
    "clusterrolebindings.rbac.authorization.k8s.io": (_made("Role", _given),),
    "resourcequotas": (
        _made("Request", lambda item: _used(item, "requests")),
        _made("Limit", lambda item: _used(item, "limits")),
    ),
    "limitranges": (),
    "namespaces": (_column("Status", "status.phase", "Active"),),
    "nodes": (
        _made("Status", _node_status),
        _made("Roles", _node_roles),
        _column("Version", "status.nodeInfo.kubeletVersion"),
        _made("Internal-IP", _address("InternalIP"), wide=True),
        _made("External-IP", _address("ExternalIP"), wide=True),
        _column("OS-Image", "status.nodeInfo.osImage", UNKNOWN, wide=True),
        _column("Kernel-Version", "status.nodeInfo.kernelVersion", UNKNOWN, wide=True),
        _column("Container-Runtime", "status.nodeInfo.containerRuntimeVersion", UNKNOWN, wide=True),
    ),
    "leases.coordination.k8s.io": (_column("Holder", "spec.holderIdentity"),),
    "events": (
        _timed("Last Seen", _seen),
        _column("Type", "type"),
        _column("Reason", "reason"),
        _made("Object", _object),
        _column("Subobject", "involvedObject.fieldPath", wide=True),
        _made(
            "Source",
            lambda item: (item.get("source") or {}).get("component") or item.get("reportingComponent") or "",
            wide=True,
        ),
        Printed(name="Message", cell=lambda item, _: str(item.get("message") or item.get("note") or "").strip()),
        _column("Count", "count", 1, wide=True, number=True),
        Printed(name="Name", cell=lambda item, _: item["metadata"]["name"], format="name", priority=1),
    ),
}
