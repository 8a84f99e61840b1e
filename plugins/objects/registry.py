"""Every listable kind: its names in the API and in a snapshot's folders."""

from __future__ import annotations

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.objects import config, custom, events, network, nodes, pods, rbac, storage, workloads
from sre_orchestrator.plugins.objects.meta import Object


class Listed(Struct, frozen=True, kw_only=True):
    """How a kind is listed; ``folders`` are its names in snapshots, the first is written."""

    kind: str
    plural: str
    group: str = ""
    folders: tuple[str, ...]
    namespaced: bool = True


def _listed(kind: str, plural: str, *folders: str, group: str = "", namespaced: bool = True) -> Listed:
    return Listed(kind=kind, plural=plural, group=group, folders=folders or (plural,), namespaced=namespaced)


def _custom(kind: str, plural: str, group: str) -> Listed:
    return _listed(kind, plural, f"custom-resources/{plural}.{group}", group=group)


CUSTOM: dict[type[Object], Listed] = {
    custom.Certificate: _custom("Certificate", "certificates", "cert-manager.io"),
    custom.Application: _custom("Application", "applications", "argoproj.io"),
    custom.Rollout: _custom("Rollout", "rollouts", "argoproj.io"),
    custom.Kustomization: _custom("Kustomization", "kustomizations", "kustomize.toolkit.fluxcd.io"),
    custom.HelmRelease: _custom("HelmRelease", "helmreleases", "helm.toolkit.fluxcd.io"),
    custom.Middleware: _custom("Middleware", "middlewares", "traefik.io"),
    custom.ScaledObject: _custom("ScaledObject", "scaledobjects", "keda.sh"),
}
"""What only clusters with its programs have: where it is absent, nothing is missing."""

KINDS: dict[type[Object], Listed] = {
    pods.Pod: _listed("Pod", "pods"),
    workloads.Deployment: _listed("Deployment", "deployments", group="apps"),
    workloads.ReplicaSet: _listed("ReplicaSet", "replicasets", group="apps"),
    workloads.StatefulSet: _listed("StatefulSet", "statefulsets", group="apps"),
    workloads.DaemonSet: _listed("DaemonSet", "daemonsets", group="apps"),
    workloads.Job: _listed("Job", "jobs", group="batch"),
    workloads.CronJob: _listed("CronJob", "cronjobs", group="batch"),
    workloads.HorizontalPodAutoscaler: _listed(
        "HorizontalPodAutoscaler", "horizontalpodautoscalers", "horizontalpodautoscalers", "hpas", group="autoscaling"
    ),
    workloads.PodDisruptionBudget: _listed(
        "PodDisruptionBudget", "poddisruptionbudgets", "pod-disruption-budgets", "poddisruptionbudgets", group="policy"
    ),
    network.Service: _listed("Service", "services"),
    network.Endpoints: _listed("Endpoints", "endpoints"),
    network.EndpointSlice: _listed("EndpointSlice", "endpointslices", group="discovery.k8s.io"),
    network.Ingress: _listed("Ingress", "ingresses", "ingress", "ingresses", group="networking.k8s.io"),
    network.IngressClass: _listed(
        "IngressClass",
        "ingressclasses",
        "ingress-classes",
        "ingressclasses",
        group="networking.k8s.io",
        namespaced=False,
    ),
    network.NetworkPolicy: _listed(
        "NetworkPolicy", "networkpolicies", "network-policy", "networkpolicies", group="networking.k8s.io"
    ),
    network.HTTPRoute: _listed(
        "HTTPRoute",
        "httproutes",
        "httproutes",
        "custom-resources/httproutes.gateway.networking.k8s.io",
        group="gateway.networking.k8s.io",
    ),
    network.VirtualService: _listed(
        "VirtualService",
        "virtualservices",
        "virtualservices",
        "custom-resources/virtualservices.networking.istio.io",
        group="networking.istio.io",
    ),
    storage.PersistentVolumeClaim: _listed(
        "PersistentVolumeClaim", "persistentvolumeclaims", "pvcs", "persistentvolumeclaims"
    ),
    storage.PersistentVolume: _listed(
        "PersistentVolume", "persistentvolumes", "pvs", "persistentvolumes", namespaced=False
    ),
    storage.StorageClass: _listed(
        "StorageClass", "storageclasses", "storage-classes", "storageclasses", group="storage.k8s.io", namespaced=False
    ),
    config.ConfigMap: _listed("ConfigMap", "configmaps"),
    config.Secret: _listed("Secret", "secrets"),
    config.ServiceAccount: _listed("ServiceAccount", "serviceaccounts", "serviceaccounts", "service-accounts"),
    config.ResourceQuota: _listed("ResourceQuota", "resourcequotas", "resource-quota", "resourcequotas"),
    config.LimitRange: _listed("LimitRange", "limitranges", "limitranges", "limit-ranges"),
    config.Namespace: _listed("Namespace", "namespaces", namespaced=False),
    rbac.Role: _listed("Role", "roles", group=rbac.GROUP),
    rbac.RoleBinding: _listed("RoleBinding", "rolebindings", "rolebindings", "role-bindings", group=rbac.GROUP),
    rbac.ClusterRole: _listed(
        "ClusterRole", "clusterroles", "clusterroles", "cluster-roles", group=rbac.GROUP, namespaced=False
    ),
    rbac.ClusterRoleBinding: _listed(
        "ClusterRoleBinding",
        "clusterrolebindings",
        "clusterrolebindings",
        "clusterRoleBindings",
        "cluster-role-bindings",
        group=rbac.GROUP,
        namespaced=False,
    ),
    nodes.Node: _listed("Node", "nodes", namespaced=False),
    nodes.Lease: _listed("Lease", "leases", group="coordination.k8s.io"),
    events.Event: _listed("Event", "events"),
    **CUSTOM,
}
