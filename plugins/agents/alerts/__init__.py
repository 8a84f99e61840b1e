"""Looks at firing alerts and finds the components that their labels name."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from urllib.parse import unquote_plus

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.hookspecs import Agent, Sources, hookimpl
from sre_orchestrator.core.identity import component_id, namespace_of
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scope
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.metrics.places import Places
from sre_orchestrator.plugins.objects.config import Namespace
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import Ingress, Service
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.objects.storage import PersistentVolumeClaim
from sre_orchestrator.plugins.objects.workloads import (
    CronJob,
    DaemonSet,
    Deployment,
    HorizontalPodAutoscaler,
    Job,
    ReplicaSet,
    StatefulSet,
    Workload,
)
from sre_orchestrator.plugins.sources.alert_rules import with_kept_rules
from sre_orchestrator.plugins.sources.metric_names import NAMESPACES
from sre_orchestrator.plugins.sources.ports import Alert, Alerts, ClusterObjects

OWN_LABELS: tuple[tuple[str, type[Object]], ...] = (
    ("persistentvolumeclaim", PersistentVolumeClaim),
    ("horizontalpodautoscaler", HorizontalPodAutoscaler),
    ("ingress", Ingress),
    ("exported_ingress", Ingress),
    ("cronjob", CronJob),
    ("job_name", Job),
)
WORKLOADS: tuple[type[Workload], ...] = (Deployment, StatefulSet, DaemonSet, ReplicaSet)
ABOUT_NODES = re.compile(r"^(?:Kube)?(?:Node|Kubelet|Host|Instance)")
# The dead man's switch, and alerts that exist only to silence others.
NEVER = re.compile(r"^(?:Watchdog|DeadMansSwitch|InfoInhibitor)$", re.IGNORECASE)
# Labels of the exporter that was scraped, not of what it tells about.
EXPORTERS = re.compile(r"kube-state-metrics|node-exporter|blackbox|cadvisor", re.IGNORECASE)
EXPRESSION = re.compile(r"[?&]g0\.expr=([^&]+)")
SCRAPED = ("service", "container", "job", "endpoint", "instance", "app", "pod")


class AlertsAgent:
    """Tells which alerts fire about which components; never why."""

    name = "alerts"
    description = "firing alerts of Alertmanager, by the components that their labels name"
    examples = (
        "an alert is firing in Alertmanager",
        "the pager went off with several alerts",
        "Prometheus alerts since this morning",
    )
    kinds = frozenset({"alert.firing"})

    def __init__(self, state_dir: str = "") -> None:
        self._state_dir = state_dir

    async def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Yield the alerts that fire in the scope; silenced and inhibited ones are known to somebody and left out."""
        source = sources.need(Alerts)  # type: ignore[type-abstract]  # a port is asked for by its protocol
        firing = [one for one in with_kept_rules(await source.alerts(), self._state_dir) if _fires(one, scope)]
        yield Coverage(kind="alert.firing", scope="*")
        if not firing:
            return
        named = await _named(sources.need(ClusterObjects))  # type: ignore[type-abstract]
        observe = Observer(self.name, sources.cluster)
        for alert in firing:
            component = named.of(alert)
            if component and namespace_of(component) in ("", *scope.namespaces):
                yield _fact(alert, component, observe)


def _fires(alert: Alert, scope: Scope) -> bool:
    """Say whether an alert is active at the time of the incident."""
    begun = alert.starts_at is None or alert.starts_at <= scope.until
    over = alert.ends_at is not None and alert.ends_at <= scope.until
    return (
        alert.state == "active"
        and begun
        and not over
        and alert.labels.get("severity") != "none"
        and not NEVER.match(alert.labels.get("alertname", ""))
    )


class Named:
    """Finds the component that an alert is about."""

    def __init__(self, read: Mapping[type[Object], Sequence[Object]]) -> None:
        self._known = {
            component_id(KINDS[kind].kind, one.metadata.namespace or None, one.metadata.name)
            for kind, items in read.items()
            for one in items
        }
        self._places = Places(
            [one for one in read[Pod] if isinstance(one, Pod)],
            [one for one in read[Node] if isinstance(one, Node)],
            [one for kind in WORKLOADS for one in read[kind] if isinstance(one, Workload)],
            [one for one in read[Service] if isinstance(one, Service)],
        )

    def of(self, alert: Alert) -> str | None:
        """Return the most special component that exists: an object of its own label, a workload, a service, a node, a namespace."""
        labels = alert.labels
        exporter = any(EXPORTERS.search(labels.get(name, "")) for name in SCRAPED)
        space = next((labels[name] for name in NAMESPACES if labels.get(name)), "")
        if ABOUT_NODES.match(labels.get("alertname", "")) or (exporter and not space):
            node = self._places.of("node_", labels)
            if node:
                return node
        for name, kind in OWN_LABELS:
            component = component_id(KINDS[kind].kind, space, labels.get(name, ""))
            if component in self._known:
                return component
        service = component_id("service", space, labels.get("service", ""))
        return (
            self._places.of("", _told(labels) if exporter else labels)
            or (service if service in self._known else None)
            or self._places.of("node_", {"node": labels.get("node", "")})
            or next((one for one in [component_id("namespace", None, space)] if one in self._known), None)
        )


def _told(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels without those of the exporter."""
    return {name: value for name, value in labels.items() if name not in SCRAPED or not EXPORTERS.search(value)}


async def _named(cluster: ClusterObjects) -> Named:
    kinds: tuple[type[Object], ...] = (Pod, Node, Service, Namespace, *WORKLOADS, *(kind for _, kind in OWN_LABELS))
    return Named({kind: (await cluster.list(kind)).items for kind in kinds})


def _fact(alert: Alert, component: str, observe: Observer) -> Fact:
    said = alert.annotations
    name = alert.labels.get("alertname", "")
    return observe(
        "alert.firing",
        component,
        query=_expression(alert) or f"amtool alert query alertname={name}",
        at=alert.starts_at,
        alert=name,
        severity=alert.labels.get("severity"),
        summary=(said.get("summary") or said.get("description") or said.get("message") or "")[:300] or None,
        runbook_url=said.get("runbook_url"),
    )


def _expression(alert: Alert) -> str:
    """Return the expression of the alert's rule, which Prometheus also writes into the address of its graph."""
    told = EXPRESSION.search(alert.generator_url)
    return alert.expression or (unquote_plus(told[1]) if told else "")


@hookimpl
def register_agents(settings: Settings) -> Sequence[Agent]:
    """Return the alerts agent."""
    return [AlertsAgent(settings.state_dir)]
