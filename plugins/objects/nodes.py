"""Nodes and leases."""

from __future__ import annotations

from sre_orchestrator.plugins.objects.meta import Object, Part, Time
from sre_orchestrator.plugins.objects.pods import Condition, IntOrString
from sre_orchestrator.plugins.objects.selectors import Taint


class NodeSpec(Part, frozen=True, kw_only=True):
    """``spec`` of a Node."""

    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()


class NodeStatus(Part, frozen=True, kw_only=True):
    """``status`` of a Node."""

    allocatable: dict[str, IntOrString | float] = {}
    capacity: dict[str, IntOrString | float] = {}
    conditions: tuple[Condition, ...] = ()


class Node(Object, frozen=True, kw_only=True):
    """A Node."""

    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class LeaseSpec(Part, frozen=True, kw_only=True):
    """``spec`` of a Lease."""

    holder_identity: str = ""
    lease_duration_seconds: int = 0
    renew_time: Time | None = None


class Lease(Object, frozen=True, kw_only=True):
    """A Lease: of a node in ``kube-node-lease``, of a control-plane component elsewhere."""

    spec: LeaseSpec = LeaseSpec()
