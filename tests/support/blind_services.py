"""Incidents of services that were written before anyone looked at a rule: registry, and words that cases share.

A case changes a healthy shop or railway and returns what an experienced engineer would name: cause and component.
``MISSED`` keeps what the rule book does not find, with the reason, so that the count stays honest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clusters import HASH, Cluster
from faults import crashing, say
from railway import Railway
from railway_words import LATE
from shop import NAMESPACE, container_status, patch

Case = Callable[[Cluster], tuple[str, str]]
RailCase = Callable[[Railway], tuple[str, str]]
SHOP: dict[str, Case] = {}
RAILWAY: dict[str, RailCase] = {}
MISSED: dict[str, str] = {}


def on_shop(make: Case) -> Case:
    """Register an incident of the shop under its name."""
    SHOP[make.__name__] = make
    return make


def on_railway(make: RailCase) -> RailCase:
    """Register an incident of the railway under its name."""
    RAILWAY[make.__name__] = make
    return make


def workload(name: str, kind: str = "deployment", namespace: str = NAMESPACE) -> str:
    """Return a component id."""
    return f"{kind}/{namespace}/{name}"


def each(line: str, *, minutes: tuple[str, ...] = LATE) -> str:
    """Return ``line`` once a minute of the incident; ``§`` in it is the time of day."""
    return "".join(line.replace("§", f"11:{minute}:09") + "\n" for minute in minutes)


def speak(cluster: Cluster, app: str, text: str, *, anew: bool = False) -> None:
    """Let every pod of ``app`` log ``text``."""
    for name in cluster.pods_of(app):
        inside = cluster.get("Pod", name)["spec"]["containers"][0]["name"]
        key = f"{NAMESPACE}/{name}/{inside}"
        cluster.logs[key] = text if anew else cluster.logs.get(key, "") + text


def loop(cluster: Cluster, app: str, log: str, *, code: int = 1, reason: str = "Error", message: str = "") -> None:
    """Let every pod of ``app`` crash in a loop with ``log`` as all it says."""
    state, last = crashing(reason, code, message)
    cluster.status(app, restarts=7, state=state, last=last)
    speak(cluster, app, log, anew=True)
    for name in cluster.pods_of(app):
        inside = cluster.get("Pod", name)["spec"]["containers"][0]["name"]
        cluster.logs[f"{NAMESPACE}/{name}/{inside}-previous"] = log
        text = f"Back-off restarting failed container {inside} in pod {name}_{NAMESPACE}(0b2f5f0e)"
        say(cluster, "BackOff", text, about=("Pod", name), count=31)
    unreached(cluster, app)


def unreached(cluster: Cluster, app: str, output: str = "connect: connection refused") -> None:
    """Let TCP probes of the service of ``app`` fail."""
    cluster.probes = [
        {**one, "reachable": False, "output": output} if one["service"] == app else one for one in cluster.probes
    ]


def gone(cluster: Cluster, app: str) -> None:
    """Take away every pod of ``app``, as scaling to zero does."""
    for name in cluster.pods_of(app):
        inside = cluster.get("Pod", name)["spec"]["containers"][0]["name"]
        cluster.drop("Pod", name)
        cluster.logs.pop(f"{NAMESPACE}/{name}/{inside}", None)
    cluster.count(app, 0)
    cluster.edit("Endpoints", app, subsets=[])
    unreached(cluster, app)


def told(cluster: Cluster, app: str, reason: str, message: str, **fields: Any) -> None:
    """Let the kubelet say the same of every pod of ``app``; ``IP`` in it is the pod's address."""
    for place, name in enumerate(cluster.pods_of(app)):
        say(cluster, reason, message.replace("IP", f"10.0.1.{place + 20}"), about=("Pod", name), **fields)


def alert(cluster: Cluster, name: str, service: str, text: str, *, severity: str = "critical") -> None:
    """Let an alert of ``service`` fire."""
    labels = {"alertname": name, "severity": severity, "namespace": NAMESPACE, "service": service}
    cluster.alerts.append(
        {
            "labels": labels,
            "annotations": {"summary": f"{name} on {service}", "description": text},
            "startsAt": "2030-05-01T11:51:00Z",
            "endsAt": "2030-05-01T12:05:00Z",
            "generatorURL": "",
            "status": {"state": "active"},
        }
    )


def revise(cluster: Cluster, app: str, at: str = "2030-05-01T11:44:30Z", **changes: Any) -> None:
    """Let a rollout of ``changes`` that ended with ready pods have begun at ``at``."""
    hashed, old = "79bd8c6f5d", f"{app}-{HASH}"
    before = cluster.get("ReplicaSet", old)
    cluster.containers(app, **changes)
    after = cluster.get("ReplicaSet", old)
    named = {
        "name": f"{app}-{hashed}",
        "uid": f"uid-{app}-new",
        "creationTimestamp": at,
        "annotations": {"deployment.kubernetes.io/revision": "2"},
    }
    idle = {"replicas": 0, "readyReplicas": 0, "availableReplicas": 0}
    cluster.add(patch(after, metadata=named), patch(before, spec={"replicas": 0}, status=idle))
    cluster.edit("Deployment", app, metadata={"annotations": {"deployment.kubernetes.io/revision": "2"}})
    for place, name in enumerate(cluster.pods_of(app)):
        made = cluster.get("Pod", name)
        inside = made["spec"]["containers"][0]["name"]
        fresh = f"{app}-{hashed}-{['hz5vw', 'q2jxd'][place % 2]}"
        owner = [{"kind": "ReplicaSet", "name": f"{app}-{hashed}", "uid": f"uid-{app}-new", "controller": True}]
        meta = {"name": fresh, "uid": f"uid-{fresh}", "creationTimestamp": at, "ownerReferences": owner}
        status = container_status(inside, state={"running": {"startedAt": at}})
        cluster.drop("Pod", name)
        cluster.add(patch(made, metadata=meta, status={"containerStatuses": [status]}))
        log = cluster.logs.pop(f"{NAMESPACE}/{name}/{inside}")
        cluster.logs[f"{NAMESPACE}/{fresh}/{inside}"] = log.replace("2030-05-01T09:00:01Z", at)
    cluster.edit(
        "Endpoints",
        app,
        subsets=[
            {
                "ports": cluster.get("Endpoints", app)["subsets"][0]["ports"],
                "addresses": [
                    {"ip": f"10.0.0.{place + 1}", "targetRef": {"kind": "Pod", "name": name}}
                    for place, name in enumerate(cluster.pods_of(app))
                ],
                "notReadyAddresses": [],
            }
        ],
    )
