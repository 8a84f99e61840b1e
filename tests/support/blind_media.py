"""Faults and words for a media and payments platform, for incidents that were written blind.

Events are in the style of events.k8s.io where the component writes such, logs are those of eight languages as their
libraries print them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from blind_media_ground import BACKOFF, BILLING, EDGE, LAST, MADE, NODES, REVISION, SEEN, SINCE, VOD, Ground
from shop import Json, container_status, patch, thing, write_snapshot

__all__ = ["BILLING", "EDGE", "LAST", "MADE", "NODES", "REVISION", "SINCE", "VOD", "Case", "Site", "counter", "ramp"]

Case = Callable[["Site"], tuple[str, str]]


class Site(Ground):
    """The platform, with what may happen to it."""

    def reslice(self, at: str) -> None:
        """Bring counts and slices of a workload up to date with the state of its pods."""
        pods = [self.get("Pod", one) for one in self.pods(at)]
        ready = sum(
            any(each["type"] == "Ready" and each["status"] == "True" for each in one["status"].get("conditions", []))
            for one in pods
        )
        self.edit(self.kinds[at], at, status={"readyReplicas": ready, "availableReplicas": ready})
        app = at.rpartition("/")[2]
        if (
            self.kinds[at] == "Deployment"
            and ("ReplicaSet", at.rpartition("/")[0], f"{app}-6c8d4bb9f7") in self.objects
        ):
            self.edit("ReplicaSet", f"{at}-6c8d4bb9f7", status={"readyReplicas": ready, "availableReplicas": ready})
        for (kind, namespace, name), one in list(self.objects.items()):
            if (
                kind == "Service"
                and namespace == at.rpartition("/")[0]
                and one["spec"].get("selector", {}).get("app.kubernetes.io/instance") == app
            ):
                self.slices(at, name, one["spec"]["ports"][0]["port"])

    def containers(self, at: str, **changes: Any) -> None:
        """Merge ``changes`` into the container of a workload everywhere."""
        inside = patch(self.get(self.kinds[at], at)["spec"]["template"]["spec"]["containers"][0], **changes)
        self.spec(at, containers=[inside])

    def spec(self, at: str, **changes: Any) -> None:
        """Merge ``changes`` into the pod spec of a workload everywhere."""
        self.edit(self.kinds[at], at, spec={"template": {"spec": changes}})
        if self.kinds[at] == "Deployment":
            self.edit("ReplicaSet", f"{at}-6c8d4bb9f7", spec={"template": {"spec": changes}})
        for one in self.pods(at):
            self.edit("Pod", one, spec=changes)

    def state(
        self,
        pod: str,
        state: Json,
        *,
        last: Json | None = None,
        restarts: int = 0,
        ready: bool = False,
        phase: str = "Running",
    ) -> None:
        """Set the status of the first container of a pod."""
        found = self.get("Pod", pod)
        inside = found["spec"]["containers"][0]
        status = {
            **container_status(inside["name"], ready=ready, restarts=restarts, state=state, last=last),
            "image": inside["image"],
        }
        others = found["status"].get("containerStatuses", [])[1:]
        conditions = [
            {**one, "status": "True" if ready else "False", "lastTransitionTime": SINCE}
            if one["type"] in ("Ready", "ContainersReady")
            else one
            for one in found["status"]["conditions"]
        ]
        self.edit("Pod", pod, status={"phase": phase, "containerStatuses": [status, *others], "conditions": conditions})

    def event(
        self,
        about: tuple[str, str],
        reason: str,
        text: str,
        *,
        count: int = 7,
        by: str = "kubelet",
        type: str = "Warning",
        first: str = SINCE,
    ) -> None:
        """Add an event; the scheduler's are in the newer style, without first and last time."""
        self._said += 1
        namespace, _, name = about[1].rpartition("/")
        involved = {"kind": about[0], "namespace": namespace, "name": name}
        times: Json = {"firstTimestamp": first, "lastTimestamp": LAST, "count": count, "source": {"component": by}}
        if by == "default-scheduler":
            series = {"count": count, "lastObservedTime": "2030-05-01T11:59:31.104402Z"}
            times = {
                "eventTime": first.replace("Z", ".284410Z"),
                "firstTimestamp": None,
                "lastTimestamp": None,
                "series": series,
                "source": {},
            }
        fields = {
            **times,
            "type": type,
            "reason": reason,
            "message": text,
            "reportingComponent": by,
            "involvedObject": involved,
        }
        self.add(thing("Event", f"{name}.18{self._said:03x}7b2c4d1f", namespace=namespace or "default", **fields))

    def say(self, at: str, text: str, *, anew: bool = False, previous: bool = False) -> None:
        """Let every pod of a workload log ``text``."""
        for pod in self.pods(at):
            key = f"{pod}/{self.get('Pod', pod)['spec']['containers'][0]['name']}"
            self.logs[key] = text if anew else self.logs.get(key, "") + text
            if previous:
                self.logs[f"{key}-previous"] = text

    def crash(self, at: str, log: str, *, code: int = 1, reason: str = "Error", seconds: int = 8) -> None:
        """Let every pod of a workload crash in a loop with ``log``, ``seconds`` after each start."""
        namespace, inside = at.rpartition("/")[0], self.inside(at)
        ended = {
            "exitCode": code,
            "reason": reason,
            "startedAt": "2030-05-01T11:55:02Z",
            "finishedAt": f"2030-05-01T11:{55 + (2 + seconds) // 60}:{(2 + seconds) % 60:02}Z",
        }
        for pod in self.pods(at):
            name = pod.rpartition("/")[2]
            text = BACKOFF.format(inside=inside, pod=name, namespace=namespace)
            self.state(
                pod,
                {"waiting": {"reason": "CrashLoopBackOff", "message": text}},
                last={"terminated": ended},
                restarts=8,
            )
            self.event(
                ("Pod", pod),
                "BackOff",
                f"Back-off restarting failed container {inside} in pod {name}_{namespace}(6e0c1d52-44a1-4b0e-9b53-6a1f3a0b7a11)",
                count=42,
            )
        self.say(at, log, anew=True, previous=True)
        self.reslice(at)

    def roll(self, at: str, *, node: str = NODES[0], **changes: Any) -> str:
        """Begin a rolling update with ``changes`` of the container; the old pods stay. Returns the new pod."""
        app = at.rpartition("/")[2]
        self.replica_set(at, "7f94d6c58c", 15, 1, **changes)
        self.edit(
            "ReplicaSet",
            f"{at}-7f94d6c58c",
            metadata={"creationTimestamp": SINCE},
            status={"readyReplicas": 0, "availableReplicas": 0},
        )
        inside = [patch(self.get("Deployment", at)["spec"]["template"]["spec"]["containers"][0], **changes)]
        conditions = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "lastUpdateTime": LAST,
                       "message": f'ReplicaSet "{app}-7f94d6c58c" has timed out progressing.'}]  # fmt: skip
        self.edit("Deployment", at, metadata={"annotations": {REVISION: "15"}}, spec={"template": {"spec": {"containers": inside}}},
                  status={"updatedReplicas": 1, "unavailableReplicas": 1, "conditions": conditions})  # fmt: skip
        self.event(
            ("Deployment", at),
            "ScalingReplicaSet",
            f"Scaled up replica set {app}-7f94d6c58c from 0 to 1",
            count=1,
            by="deployment-controller",
            type="Normal",
        )
        return self.pod(at, f"{app}-7f94d6c58c-zq5nr", node=node, made=SINCE, hashed="7f94d6c58c")

    def waits(self, pod: str, reason: str, message: str, phase: str = "Pending") -> None:
        """Let the first container of a pod wait, never started."""
        self.state(pod, {"waiting": {"reason": reason, "message": message}}, phase=phase)
        self.logs.pop(f"{pod}/{self.get('Pod', pod)['spec']['containers'][0]['name']}", None)

    def unscheduled(self, at: str, message: str) -> None:
        """Let the newest pod of a workload wait for a node with the scheduler's ``message``."""
        pod = self.pods(at)[-1]
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastTransitionTime": SINCE,
        }
        found = self.get("Pod", pod)
        spec = {key: value for key, value in found["spec"].items() if key != "nodeName"}
        self.add(
            {
                **found,
                "metadata": {**found["metadata"], "creationTimestamp": SINCE},
                "spec": spec,
                "status": {"phase": "Pending", "conditions": [condition]},
            }
        )
        for key in [key for key in self.logs if key.startswith(f"{pod}/")]:
            del self.logs[key]
        self.event(("Pod", pod), "FailedScheduling", message, by="default-scheduler", count=11)
        self.reslice(at)

    def uncreated(self, at: str, reason: str, message: str) -> None:
        """Let the controller fail to make the pods of a workload: the last rollout has none."""
        for pod in self.pods(at):
            self.drop("Pod", pod)
            for key in [key for key in self.logs if key.startswith(f"{pod}/")]:
                del self.logs[key]
        self.reslice(at)
        self.event(("ReplicaSet", f"{at}-6c8d4bb9f7"), reason, message, by="replicaset-controller", count=17)
        condition = {
            "type": "ReplicaFailure",
            "status": "True",
            "reason": reason,
            "message": message,
            "lastTransitionTime": SINCE,
        }
        self.edit("Deployment", at, status={"replicas": 0, "updatedReplicas": 0, "conditions": [condition]})

    def alert(self, name: str, text: str, **labels: str) -> None:
        """Let an alert fire."""
        said = {"alertname": name, "severity": "critical", "cluster": "prod-eu", **labels}
        self.alerts.append({"labels": said, "annotations": {"summary": text}, "startsAt": "2030-05-01T11:48:00Z", "endsAt": "2030-05-01T12:04:00Z",
                            "generatorURL": "", "status": {"state": "active"}})  # fmt: skip

    def series(self, name: str, labels: str, values: Sequence[float], *, step: int = 30) -> None:
        """Add a series that ends at the time of the snapshot, one value every ``step`` seconds."""
        begin = 1903867200 - step * len(values)
        self.metrics += [
            f"{name}{{{labels}}} {value:.4f} {begin + step * (place + 1)}" for place, value in enumerate(values)
        ]

    def write(self, folder: Path) -> Path:
        """Write the snapshot."""
        return write_snapshot(
            folder,
            *self.objects.values(),
            question=self.question,
            namespaces=self.namespaces,
            kinds=[kind for kind in SEEN if not any(one == kind for one, _, _ in self.objects)],
            coverage={
                "logs": "full",
                "metrics": bool(self.metrics),
                "events": [VOD, BILLING, "kube-system", "default"],
            },
            logs=self.logs,
            alerts=self.alerts,
            units=self.units,
            metrics="\n".join([*self.metrics, "# EOF", ""]) if self.metrics else "",
            topology=self.topology,
        )


def ramp(before: float, after: float, count: int = 120, at: int = 80) -> list[float]:
    """Return a gauge that changes from ``before`` to ``after`` at place ``at``, with a little unrest."""
    return [(before if place < at else after) * (1 + 0.03 * ((place * 7919) % 11 - 5) / 5) for place in range(count)]


def counter(before: float, after: float, count: int = 120, at: int = 80, step: int = 30) -> list[float]:
    """Return a counter whose rate a second changes from ``before`` to ``after``."""
    total, values = 91_000.0, []
    for rate in ramp(before, after, count, at):
        total += rate * step
        values.append(total)
    return values
