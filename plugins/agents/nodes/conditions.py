"""Conditions of nodes that are not as they should be."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.nodes.view import View, node_id
from sre_orchestrator.plugins.agents.reading import kubectl_describe
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.objects.pods import Condition

# How the kubelet and the node controller word why a node is not ready: pkg/kubelet/nodestatus and
# pkg/controller/nodelifecycle in kubernetes/kubernetes.
NOT_READY = (
    ("silent", re.compile(r"stopped posting node status|never posted node status", re.IGNORECASE)),
    (
        "runtime",
        re.compile(r"container runtime (?:is down|not ready|status check)|runtime is not (?:up|ready)", re.IGNORECASE),
    ),
    ("pleg", re.compile(r"PLEG is not healthy", re.IGNORECASE)),
    (
        "network",
        re.compile(r"network (?:plugin )?(?:is )?not ready|cni (?:config|plugin)|NetworkPluginNotReady", re.IGNORECASE),
    ),
    ("certificate", re.compile(r"x509|certificate|unauthorized", re.IGNORECASE)),
)
# The cloud's node controller sets the first when it sees that the machine is off, and a person the second when they saw it.
SWITCHED_OFF = frozenset({"node.cloudprovider.kubernetes.io/shutdown", "node.kubernetes.io/out-of-service"})
# Those of the kubelet and of node-problem-detector; another type says nothing about what is right.
BAD_WHEN_TRUE = re.compile(
    r"^(?:\w*Pressure|NetworkUnavailable|\w+Problem|\w+Deadlock|ReadonlyFilesystem|Frequent\w+|Corrupt\w+|\w*Unhealthy)$"
)


def conditions(view: View) -> Iterator[Fact]:
    """Yield nodes that are not ready, and other conditions that are not as they should be."""
    for node in view.nodes:
        for condition in node.status.conditions:
            if condition.type == "Ready" and condition.status != "True":
                yield _not_ready(view, node, condition)
            elif condition.status == "True" and BAD_WHEN_TRUE.match(condition.type):
                yield view.observe(
                    "node.condition",
                    node_id(node.metadata.name),
                    query=kubectl_describe("node", "", node.metadata.name),
                    at=condition.last_transition_time,
                    type=condition.type,
                    status=condition.status,
                    reason=condition.reason,
                    message=condition.message,
                )


def _not_ready(view: View, node: Node, condition: Condition) -> Fact:
    return view.observe(
        "node.not_ready",
        node_id(node.metadata.name),
        query=kubectl_describe("node", "", node.metadata.name),
        at=condition.last_transition_time,
        status=condition.status,
        reason=condition.reason,
        message=condition.message,
        **{"class": _class(condition)},
        recent=view.recent(condition.last_transition_time),
        switched_off=any(one.key in SWITCHED_OFF for one in node.spec.taints),
    )


def _class(condition: Condition) -> str:
    found = next((name for name, pattern in NOT_READY if pattern.search(condition.message)), "other")
    return "silent" if found == "other" and condition.status == "Unknown" else found
