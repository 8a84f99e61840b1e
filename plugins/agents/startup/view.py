"""What the readers of this agent share: pods that have not started, and what was said about each container."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Scope, Struct
from sre_orchestrator.plugins.objects.config import ConfigMap, Secret
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.pods import Container, ContainerStatus, Pod
from sre_orchestrator.plugins.objects.workloads import ReplicaSet
from sre_orchestrator.plugins.sources.ports import Listing

MAX_MESSAGE = 1000


class Said(Struct, frozen=True, kw_only=True):
    """One thing that the kubelet said: a status or an event."""

    reason: str
    text: str
    first: datetime | None = None
    count: int = 0


@dataclass(frozen=True, kw_only=True)
class View:
    """The objects that one gathering looks at; ``unready`` are the pods that should serve and do not."""

    observe: Observer
    scope: Scope
    pods: Sequence[Pod]
    unready: Sequence[Pod]
    events: Mapping[tuple[str, str], Sequence[Event]]
    secrets: Listing[Secret]
    config_maps: Listing[ConfigMap]
    replica_sets: Sequence[ReplicaSet]

    def about(self, pod: Pod) -> Sequence[Event]:
        """Return the events about ``pod``, latest first."""
        return self.events.get((pod.metadata.namespace, pod.metadata.name), ())


class Unstarted(Struct, frozen=True, kw_only=True):
    """A container that does not run and has not done its work."""

    container: Container
    status: ContainerStatus | None
    init: bool


def is_unready(pod: Pod) -> bool:
    """Say whether a pod should serve and does not: not done, not on its way out, not Ready."""
    done = pod.status.phase in {"Succeeded", "Failed"}
    return not done and pod.metadata.deletion_timestamp is None and not pod.ready


def unstarted(pod: Pod) -> Iterator[Unstarted]:
    """Yield the containers of ``pod`` that neither run nor ended well."""
    groups = (
        (pod.spec.init_containers, pod.status.init_container_statuses, True),
        (pod.spec.containers, pod.status.container_statuses, False),
    )
    for containers, statuses, init in groups:
        known = {status.name: status for status in statuses}
        for container in containers:
            status = known.get(container.name)
            state = status.state if status else None
            ended_well = state and state.terminated and state.terminated.exit_code == 0
            if not (state and state.running) and not ended_well:
                yield Unstarted(container=container, status=status, init=init)


def said(view: View, pod: Pod, one: Unstarted) -> Iterator[Said]:
    """Yield what was said about a container: its present state, its last end, then events, latest first."""
    if one.status:
        for state in (one.status.state, one.status.last_state):
            if state.waiting:
                yield Said(reason=state.waiting.reason, text=state.waiting.message)
            if state.terminated:
                ended = state.terminated
                yield Said(reason=ended.reason, text=ended.message, first=ended.finished_at)
    alone = len(pod.spec.containers) + len(pod.spec.init_containers) == 1
    for event in view.about(pod):
        if concerns(event, one.container, alone=alone):
            yield Said(reason=event.reason, text=event.text, first=event.first, count=event.times)


def concerns(event: Event, container: Container, *, alone: bool) -> bool:
    """Say whether an event about a pod is about this container of it."""
    path = event.about.field_path
    if path:
        return path.endswith(f"{{{container.name}}}")
    return alone or container.image in event.text or f'"{container.name}"' in event.text


def pod_id(pod: Pod) -> str:
    """Return the component id of a pod."""
    return component_id("pod", pod.metadata.namespace, pod.metadata.name)


def node_id(pod: Pod) -> str | None:
    """Return the component id of its node, if it has one."""
    return component_id("node", None, pod.spec.node_name) if pod.spec.node_name else None


def begun(pod: Pod) -> datetime | None:
    """Return when the kubelet took the pod, or when it was created."""
    return pod.status.start_time or pod.metadata.creation_timestamp


def shortened(text: str) -> str:
    """Return a message cut in the middle: the ends tell what and why."""
    half = MAX_MESSAGE // 2
    return text if len(text) <= MAX_MESSAGE else f"{text[:half]} … {text[-half:]}"
