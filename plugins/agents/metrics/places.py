"""Which component a series is about, by its labels."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.plugins.objects.network import Service
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.quantity import amount
from sre_orchestrator.plugins.objects.selectors import labels_match
from sre_orchestrator.plugins.objects.workloads import ReplicaSet, Workload
from sre_orchestrator.plugins.sources.metric_names import EXPORTED, NAMESPACES, NODES, OF_TARGET, PODS, WORKLOADS

# Containers that a mesh or a platform adds; their limits are not the application's.
SIDECARS = re.compile(
    r"^(?:istio-proxy|linkerd-proxy|envoy|envoy-sidecar|consul-dataplane|daprd|cloud-?sql-proxy|vault-agent|POD|)$"
)


class Places:
    """Finds components that exist: workloads for what runs in pods, nodes for the rest."""

    def __init__(
        self, pods: Iterable[Pod], nodes: Iterable[Node], workloads: Iterable[Workload], services: Iterable[Service]
    ) -> None:
        self._owner: dict[tuple[str, str], str] = {}
        self._named: dict[tuple[str, str], str] = {}
        self._hosts = {node.metadata.name: component_id("node", None, node.metadata.name) for node in nodes}
        self.nodes = frozenset(self._hosts.values())
        self.pods: dict[str, list[Pod]] = defaultdict(list)
        self._workloads(workloads)
        for pod in pods:
            self._pod(pod)
        self._first: dict[str, list[tuple[str, Pod]]] = defaultdict(list)
        for workload, its in self.pods.items():
            self._first[its[0].metadata.namespace].append((workload, its[0]))
        for service in services:
            self._service(service)

    def of(self, metric: str, labels: Mapping[str, str]) -> str | None:
        """Return the component that a series is about, or ``None`` when none that exists is named."""
        if labels.get(EXPORTED):
            labels = {name: value for name, value in labels.items() if name not in OF_TARGET}
        if metric.startswith(("node_", "machine_")):
            return self._node(labels) or self._node_of_pod(labels)
        namespace = next((labels[name] for name in NAMESPACES if labels.get(name)), "")
        for name in PODS:
            if labels.get(name):
                return self._owner.get((namespace, labels[name]))
        for name in WORKLOADS:
            found = self._named.get((namespace, labels.get(name, "").partition(".")[0]))
            if found:
                return found
        return None if namespace else self._node(labels)

    def node_of(self, workload: str) -> str | None:
        """Return the node on which all pods of ``workload`` run, if it is one."""
        names = {pod.spec.node_name for pod in self.pods.get(workload, ()) if pod.spec.node_name}
        return component_id("node", None, names.pop()) if len(names) == 1 else None

    def on(self, node: str) -> list[str]:
        """Return the workloads whose pods all run on ``node``."""
        return sorted(workload for workload in self.pods if self.node_of(workload) == node)

    def limit(self, workload: str, resource: str) -> float:
        """Return the sum of the limits of the application's own containers over its pods; 0 when one has none."""
        limits = [
            amount(container.resources.limits, resource)
            for pod in self.pods.get(workload, ())
            for container in pod.spec.containers
            if not SIDECARS.match(container.name)
        ]
        return sum(limits) if limits and all(limits) else 0.0

    def _workloads(self, workloads: Iterable[Workload]) -> None:
        self._sets: dict[tuple[str, str], str] = {}
        for one in workloads:
            meta = one.metadata
            if isinstance(one, ReplicaSet):
                owner = next((owner for owner in meta.owner_references if owner.controller or owner.kind), None)
                if owner:
                    self._sets[meta.namespace, meta.name] = component_id(owner.kind, meta.namespace, owner.name)
            else:
                self._named[meta.namespace, meta.name] = component_id(type(one).__name__, meta.namespace, meta.name)

    def _pod(self, pod: Pod) -> None:
        meta = pod.metadata
        owner = next(iter(meta.owner_references), None)
        if owner is None:
            workload = component_id("pod", meta.namespace, meta.name)
        else:
            direct = component_id(owner.kind, meta.namespace, owner.name)
            workload = self._sets.get((meta.namespace, owner.name), direct) if owner.kind == "ReplicaSet" else direct
        self._owner[meta.namespace, meta.name] = workload
        self.pods[workload].append(pod)
        self._named.setdefault((meta.namespace, workload.rpartition("/")[2]), workload)
        if owner and workload.startswith("replicaset/"):
            self._named.setdefault((meta.namespace, owner.name.rpartition("-")[0]), workload)
        if pod.status.host_ip and pod.spec.node_name in self._hosts:
            self._hosts.setdefault(pod.status.host_ip, self._hosts[pod.spec.node_name])

    def _service(self, service: Service) -> None:
        meta, selector = service.metadata, service.spec.selector
        behind = {
            workload
            for workload, pod in self._first.get(meta.namespace, ())
            if labels_match(selector, pod.metadata.labels)
        }
        if len(behind) == 1:
            self._named.setdefault((meta.namespace, meta.name), behind.pop())

    def _node(self, labels: Mapping[str, str]) -> str | None:
        for name in NODES:
            value = labels.get(name, "")
            found = self._hosts.get(value) or self._hosts.get(value.rpartition(":")[0])
            if found:
                return found
        return None

    def _node_of_pod(self, labels: Mapping[str, str]) -> str | None:
        namespace = next((labels[name] for name in NAMESPACES if labels.get(name)), "")
        workload = next((self._owner.get((namespace, labels[name])) for name in PODS if labels.get(name)), None)
        pods = [pod for pod in self.pods.get(workload or "", ()) if pod.metadata.name in labels.values()]
        return self._hosts.get(pods[0].spec.node_name) if pods else None
