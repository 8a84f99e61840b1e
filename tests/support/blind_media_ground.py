"""What the media platform is made of: workloads with pods, services, slices and logs, as another vendor's cluster has them.

Cilium, Traefik, cert-manager, labels ``app.kubernetes.io/*``, EndpointSlices, charts of Bitnami, containers that are not
called as their workload.
"""

from __future__ import annotations

from typing import Any

from blind_media_words import chatter
from shop import Json, container_status, patch, thing

VOD, BILLING, EDGE = "vod", "billing", "traefik"
NODES = ("ip-10-42-1-17.eu-west-1.compute.internal", "ip-10-42-2-88.eu-west-1.compute.internal",
         "ip-10-42-3-40.eu-west-1.compute.internal", "ip-10-42-1-203.eu-west-1.compute.internal")  # fmt: skip
MADE, SINCE, LAST = "2030-04-22T06:10:44Z", "2030-05-01T11:41:20Z", "2030-05-01T11:59:31Z"
REVISION = "deployment.kubernetes.io/revision"
BACKOFF = (
    "back-off 5m0s restarting failed container={inside} pod={pod}_{namespace}(6e0c1d52-44a1-4b0e-9b53-6a1f3a0b7a11)"
)
SEEN = (
    "Secret", "ConfigMap", "ServiceAccount", "PersistentVolumeClaim", "ResourceQuota", "LimitRange", "NetworkPolicy", "Event", "Ingress",
    "Job", "CronJob", "StatefulSet", "DaemonSet", "HorizontalPodAutoscaler", "PersistentVolume", "StorageClass", "IngressClass", "HTTPRoute",
    "Role", "RoleBinding", "Certificate",
)  # fmt: skip


class Ground:
    """Objects that stay consistent, and logs; workloads are known as ``namespace/name``."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Json] = {}
        self.logs: dict[str, str] = {}
        self.units: dict[str, str] = {}
        self.alerts: list[Json] = []
        self.metrics: list[str] = []
        self.topology: dict[str, list[str]] = {}
        self.question = "viewers report errors"
        self.namespaces: tuple[str, ...] = (VOD, BILLING)
        self.kinds: dict[str, str] = {}
        self._said = 0

    def add(self, *objects: Json) -> None:
        """Add objects, or replace those of the same kind and name."""
        for one in objects:
            self.objects[one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]] = one

    def get(self, kind: str, at: str) -> Json:
        """Return an object by kind and ``namespace/name``."""
        namespace, _, name = at.rpartition("/")
        return self.objects[kind, namespace, name]

    def edit(self, kind: str, at: str, **changes: Any) -> None:
        """Merge ``changes`` into an object."""
        self.add(patch(self.get(kind, at), **changes))

    def drop(self, kind: str, at: str) -> None:
        """Remove an object."""
        namespace, _, name = at.rpartition("/")
        del self.objects[kind, namespace, name]

    def pods(self, at: str) -> list[str]:
        """Return the pods of a workload as ``namespace/name``."""
        namespace, _, app = at.rpartition("/")
        return [
            f"{namespace}/{name}" for (kind, where, name), one in self.objects.items()
            if kind == "Pod" and where == namespace and one["metadata"]["labels"].get("app.kubernetes.io/instance") == app
        ]  # fmt: skip

    def inside(self, at: str) -> str:
        """Return the name of the first container of a workload."""
        return str(self.get(self.kinds[at], at)["spec"]["template"]["spec"]["containers"][0]["name"])

    def workload(self, at: str) -> str:
        """Return the component id of a workload."""
        return f"{self.kinds[at].lower()}/{at}"

    def deploy(
        self,
        at: str,
        port: int,
        image: str,
        *,
        kind: str = "Deployment",
        inside: str = "app",
        replicas: int = 2,
        **fields: Any,
    ) -> None:
        """Add a workload with everything around it; ``fields`` are those of its container."""
        namespace, _, app = at.rpartition("/")
        self.kinds[at] = kind
        labels = {"app.kubernetes.io/name": app.rpartition("-")[2], "app.kubernetes.io/instance": app}
        one = patch(
            {
                "name": inside,
                "image": image,
                "ports": [
                    {"name": "http" if kind == "Deployment" else "tcp-server", "containerPort": port, "protocol": "TCP"}
                ],
                "resources": {
                    "requests": {"cpu": "250m", "memory": "384Mi"},
                    "limits": {"cpu": "1", "memory": "768Mi"},
                },
            },
            **fields,
        )
        spec = {
            "containers": [one],
            "serviceAccountName": app,
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
        }
        template = {"metadata": {"labels": labels}, "spec": spec}
        counts = {
            "replicas": replicas,
            "readyReplicas": replicas,
            "availableReplicas": replicas,
            "updatedReplicas": replicas,
        }
        base = {
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
            "status": counts,
        }
        made = thing(kind, app, namespace=namespace, labels={**labels, "app.kubernetes.io/managed-by": "Helm"}, **base)
        self.add(patch(made, metadata={"creationTimestamp": MADE, "annotations": {REVISION: "14"}}))
        self.add(thing("ServiceAccount", app, namespace=namespace))
        if kind == "Deployment":
            self.replica_set(at, "6c8d4bb9f7", 14, replicas)
        for place in range(replicas):
            tail = str(place) if kind == "StatefulSet" else f"6c8d4bb9f7-{('k2xvd', 'w9hqz', 'b7lmc')[place]}"
            self.pod(at, f"{app}-{tail}", node=NODES[(place + len(app)) % 3])
        self.serve(at, app, port)

    def replica_set(self, at: str, hashed: str, revision: int, replicas: int, **changes: Any) -> Json:
        """Add a ReplicaSet of a Deployment's template with ``changes`` in its container, and return that template."""
        namespace, _, app = at.rpartition("/")
        spec = self.get("Deployment", at)["spec"]
        inside = [
            patch(spec["template"]["spec"]["containers"][0], **changes),
            *spec["template"]["spec"]["containers"][1:],
        ]
        template = patch(
            spec["template"], spec={"containers": inside}, metadata={"labels": {"pod-template-hash": hashed}}
        )
        counts = {"replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas}
        labels = template["metadata"]["labels"]
        made = thing("ReplicaSet", f"{app}-{hashed}", namespace=namespace, labels=labels, owner=("Deployment", app),
                     spec={"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}, status=counts)  # fmt: skip
        self.add(patch(made, metadata={"creationTimestamp": MADE, "annotations": {REVISION: str(revision)}}))
        return template

    def pod(self, at: str, name: str, *, node: str, made: str = MADE, hashed: str = "6c8d4bb9f7") -> str:
        """Add a running pod of a workload and return it as ``namespace/name``."""
        namespace, _, app = at.rpartition("/")
        kind = self.kinds[at]
        owner = ("ReplicaSet", f"{app}-{hashed}") if kind == "Deployment" else (kind, app)
        template = self.get(owner[0], f"{namespace}/{owner[1]}")["spec"]["template"]
        types = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
        status = {
            "phase": "Running",
            "podIP": f"10.0.{NODES.index(node) if node else 9}.{len(self.objects) % 250 + 1}",
            "startTime": made,
            "conditions": [{"type": one, "status": "True", "lastTransitionTime": made} for one in types],
            "containerStatuses": [
                {
                    **container_status(one["name"], state={"running": {"startedAt": made}}),
                    "image": one["image"],
                    "started": True,
                }
                for one in template["spec"]["containers"]
            ],
        }
        spec = {**template["spec"], "nodeName": node, "schedulerName": "default-scheduler"}
        pod = thing(
            "Pod",
            name,
            namespace=namespace,
            labels=template["metadata"]["labels"],
            owner=owner,
            spec=spec,
            status=status,
        )
        self.add(patch(pod, metadata={"creationTimestamp": made}))
        self.logs[f"{namespace}/{name}/{template['spec']['containers'][0]['name']}"] = chatter(app)
        return f"{namespace}/{name}"

    def serve(self, at: str, name: str, port: int, **fields: Any) -> None:
        """Add the Service of a workload."""
        namespace = at.rpartition("/")[0]
        labels = self.get(self.kinds[at], at)["spec"]["selector"]["matchLabels"]
        ports = [
            {
                "name": "http" if self.kinds[at] == "Deployment" else "tcp",
                "port": port,
                "targetPort": port,
                "protocol": "TCP",
            }
        ]
        spec = {
            "type": "ClusterIP",
            "clusterIP": f"172.20.{len(self.objects) // 200}.{len(self.objects) % 200 + 5}",
            "selector": labels,
            "ports": ports,
        }
        self.add(patch(thing("Service", name, namespace=namespace, labels=labels, spec=spec), **fields))
        self.slices(at, name, port)

    def slices(self, at: str, name: str, port: int, *, empty: bool = False) -> None:
        """Write the EndpointSlice of a Service as the controller would for the pods of ``at``."""
        namespace = at.rpartition("/")[0]
        endpoints = []
        for one in [] if empty else self.pods(at):
            pod = self.get("Pod", one)
            ready = all(
                each["status"] == "True" for each in pod["status"].get("conditions", []) if each["type"] == "Ready"
            )
            if pod["status"].get("phase") == "Running":
                about = {
                    "kind": "Pod",
                    "namespace": namespace,
                    "name": pod["metadata"]["name"],
                    "uid": pod["metadata"]["uid"],
                }
                endpoints.append({"addresses": [pod["status"]["podIP"]], "conditions": {"ready": ready, "serving": ready, "terminating": False},
                                  "nodeName": pod["spec"]["nodeName"], "targetRef": about})  # fmt: skip
        made = thing("EndpointSlice", f"{name}-x4k8t", namespace=namespace, labels={"kubernetes.io/service-name": name}, owner=("Service", name),
                     addressType="IPv4", endpoints=endpoints, ports=[{"name": "http", "port": port, "protocol": "TCP"}] if endpoints else [])  # fmt: skip
        self.add(made)
