"""Pods that wait for their containers, node against node."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.nodes.view import View, node_id
from sre_orchestrator.plugins.objects.pods import Pod

CREATING = frozenset({"ContainerCreating", "PodInitializing", ""})
# The kubelet's runtimeRequestTimeout unless set: a request to the runtime that takes longer has failed.
PATIENCE = timedelta(minutes=2)


def stuck_pods(view: View) -> Iterator[Fact]:
    """Yield the nodes on which pods wait for the runtime although others started elsewhere in less time, or for too long."""
    waiting: dict[str, list[Pod]] = defaultdict(list)
    started: dict[str, list[timedelta]] = defaultdict(list)
    for pod in view.pods:
        created = pod.metadata.creation_timestamp
        if not pod.spec.node_name or created is None:
            continue
        if waits(pod):
            waiting[pod.spec.node_name].append(pod)
        elif view.recent(created) and (took := _took(pod, created)) is not None:
            started[pod.spec.node_name].append(took)
    stuck = {
        node: [pod for pod in pods if _waited(view, pod) > _usual(node, started)] for node, pods in waiting.items()
    }
    for node, pods in sorted(stuck.items()):
        if pods:
            yield view.observe(
                "node.stuck_pods",
                node_id(node),
                query=f"kubectl get pods -A --field-selector spec.nodeName={node}",
                at=min(at for pod in pods if (at := pod.metadata.creation_timestamp)),
                stuck=len(pods),
                started=len(started[node]),
                elsewhere=sum(len(found) for other, found in stuck.items() if other != node),
                started_elsewhere=sum(len(found) for other, found in started.items() if other != node),
                acknowledged=sum(bool(pod.status.start_time or pod.status.container_statuses) for pod in pods),
            )


def waits(pod: Pod) -> bool:
    """Say whether a pod that has a node waits for the kubelet or the runtime, not for an image, its configuration or itself."""
    if pod.status.phase != "Pending" or pod.metadata.deletion_timestamp:
        return False
    states = [one.state for one in (*pod.status.init_container_statuses, *pod.status.container_statuses)]
    done = [state.terminated for state in states if state.terminated]
    if any(state.running for state in states) or any(one.exit_code for one in done):
        return False
    return all(state.waiting is None or state.waiting.reason in CREATING for state in states)


def _waited(view: View, pod: Pod) -> timedelta:
    created = pod.metadata.creation_timestamp
    return view.scope.until - created if created else timedelta()


def _usual(node: str, started: Mapping[str, Sequence[timedelta]]) -> timedelta:
    """Return how long starting takes at most on the other nodes."""
    elsewhere = [max(times) for other, times in started.items() if other != node and times]
    return min(max(elsewhere, default=PATIENCE), PATIENCE)


def _took(pod: Pod, created: datetime) -> timedelta | None:
    """Return how long a pod took from its creation to its last container's first start, if all started."""
    statuses = pod.status.container_statuses
    times = [one.state.running.started_at for one in statuses if one.state.running and not one.restart_count]
    known = [at for at in times if at is not None]
    return max(known) - created if known and len(known) == len(statuses) else None
