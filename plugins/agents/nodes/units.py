"""System units on nodes: which part they play, whether they should run, whether they came up lately."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.nodes.view import View, node_id
from sre_orchestrator.plugins.sources.ports import Unit

# A distribution that runs several parts in one process counts as the kubelet, without which none of them helps.
ROLES = {
    "kubelet": "kubelet k3s k3s-agent rke2-agent rke2-server k0sworker snap.microk8s.daemon-kubelite kubelite",
    "container-runtime": "containerd crio cri-o docker cri-docker cri-dockerd dockershim rkt frakti isulad"
    " snap.microk8s.daemon-containerd",
    "kube-proxy": "kube-proxy kube-router snap.microk8s.daemon-proxy",
    "scheduler": "kube-scheduler snap.microk8s.daemon-scheduler",
    "controller-manager": "kube-controller-manager kube-controller snap.microk8s.daemon-controller-manager",
    "api-server": "kube-apiserver snap.microk8s.daemon-apiserver k0scontroller",
    "etcd": "etcd etcd-member snap.microk8s.daemon-etcd k8s-dqlite",
    "time-sync": "chronyd chrony systemd-timesyncd ntpd ntp openntpd ntpsec",
}
_ROLE = {name: role for role, names in ROLES.items() for name in names.split()}
UP = frozenset({"active", "reloading", "refreshing"})
OFF = frozenset({"inactive", "not-found"})


def units(view: View) -> Iterator[Fact]:
    """Yield the state of each unit, and which came up within the window after the rest of its node."""
    by_part: dict[str, list[Unit]] = defaultdict(list)
    by_node: dict[str, list[Unit]] = defaultdict(list)
    for unit in view.units:
        by_part[_part(unit)].append(unit)
        by_node[unit.node].append(unit)
    for unit in view.units:
        healthy = unit.state in UP
        yield _fact(view, unit, healthy=healthy, expected=healthy or _expected(view, unit, by_part[_part(unit)]))
        if healthy and _restarted(view, unit, by_node[unit.node]):
            yield view.observe(
                "unit.restarted",
                node_id(unit.node),
                query=_query(unit),
                at=unit.since,
                unit=role(unit.name),
                name=unit.name,
            )


def role(name: str) -> str:
    """Return the part that a unit plays.

    >>> role("crio.service"), role("kube-proxy"), role("sshd")
    ('container-runtime', 'kube-proxy', 'other')
    """
    return _ROLE.get(name.removesuffix(".service").lower(), "other")


def _part(unit: Unit) -> str:
    mine = role(unit.name)
    return unit.name if mine == "other" else mine


def _query(unit: Unit) -> str:
    return f"systemctl status {unit.name}  # on node {unit.node}"


def _fact(view: View, unit: Unit, *, healthy: bool, expected: bool) -> Fact:
    return view.observe(
        "unit.state",
        node_id(unit.node),
        query=_query(unit),
        at=unit.since,
        unit=role(unit.name),
        name=unit.name,
        state=unit.state,
        sub_state=unit.sub_state or None,
        result=unit.result or None,
        healthy=healthy,
        expected=expected,
        message=unit.lines[-1] if unit.lines and not healthy else None,
    )


def _expected(view: View, unit: Unit, alike: Sequence[Unit]) -> bool:
    """Say whether a unit that is not up should be.

    Not when another unit plays its part on the node, nor when it never ran there and is not
    enabled, nor when it is off on every node since before the window: then it is not in use.
    """
    if role(unit.name) == "other" or any(one.node == unit.node and one.state in UP for one in alike):
        return False
    ran = unit.since is not None or unit.result != "" or unit.state not in OFF
    if not (ran or (unit.enabled and unit.state != "not-found")):
        return False
    if any(one.state in UP for one in alike):
        return True
    return unit.state not in OFF or view.recent(unit.since)


def _restarted(view: View, unit: Unit, beside: Sequence[Unit]) -> bool:
    """Say whether a unit came up in the window, and not with the node as a whole."""
    if role(unit.name) == "other" or not view.recent(unit.since):
        return False
    return any(one.since and one.since < view.scope.since for one in beside)
