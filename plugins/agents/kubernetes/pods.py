"""Pods and their containers: phase, readiness, eviction, restarts, waiting and ended containers, limits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.kubernetes.probes import probe_facts
from sre_orchestrator.plugins.agents.kubernetes.view import View, identity, node_of, partial
from sre_orchestrator.plugins.agents.reading import kubectl_describe, kubectl_get
from sre_orchestrator.plugins.objects.pods import Container, ContainerStatus, Pod, Terminated
from sre_orchestrator.plugins.objects.quantity import amount

SETTLING = frozenset({"ContainerCreating", "PodInitializing", ""})
LOOPING = "CrashLoopBackOff"
COMMAND_CODES = frozenset({126, 127, 128})
LOST = frozenset({"Unknown", "ContainerStatusUnknown"})
NOT_STARTED = frozenset({"StartError", "ContainerCannotRun"})
FIRST_SIGNAL, LAST_SIGNAL = 129, 192
_RESOURCE = re.compile(
    r"low on resource: (?P<low>[\w-]+)"
    r"|condition: \[?(?P<condition>\w+)Pressure"
    r"|(?P<local>ephemeral local storage|local ephemeral storage|EmptyDir)",
    re.IGNORECASE,
)
_PRESSURE = {"memory": "memory", "disk": "ephemeral-storage", "pid": "pids"}


def pod_facts(view: View) -> Iterator[Fact]:
    """Yield what each pod shows; details of containers only of pods that are in trouble."""
    for pod in view.pods:
        yield from _pod(view, pod)
        if partial(pod):
            continue
        for container in pod.spec.containers:
            yield from _limits(view, pod, container)
        for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
            yield from _container(view, pod, status)
        if in_trouble(view, pod):
            yield from _running(view, pod)
            yield from probe_facts(view, pod)


def in_trouble(view: View, pod: Pod) -> bool:
    """Say whether a pod is unready, restarted in the window, or failed a probe or was killed in it."""
    if not_serving(view, pod) or any(restarted(view, one) for one in pod.status.container_statuses):
        return True
    events = view.events.get(identity(pod), ())
    return any(one.reason in {"Unhealthy", "Killing", "BackOff"} and view.in_window(one.last) for one in events)


def not_serving(view: View, pod: Pod) -> bool:
    """Say whether a pod should serve by now and is not Ready.

    Ended and leaving pods need not; a pod that is just starting is given time, unless a container
    already waits for something other than its start.
    """
    if pod.status.phase in {"Succeeded", "Failed"} or pod.metadata.deletion_timestamp or pod.ready:
        return False
    if partial(pod) and pod.status.phase == "Running":
        return False
    stuck = any(
        one.state.waiting and one.state.waiting.reason not in SETTLING
        for one in (*pod.status.init_container_statuses, *pod.status.container_statuses)
    )
    return stuck or not view.starting(pod)


def restarted(view: View, status: ContainerStatus) -> bool:
    """Say whether a container ended in the window, or is in a crash loop now."""
    waiting, ended = status.state.waiting, status.last_state.terminated
    if waiting and waiting.reason == LOOPING:
        return True
    return status.restart_count > 0 and ended is not None and view.in_window(ended.finished_at)


def _pod(view: View, pod: Pod) -> Iterator[Fact]:
    here, meta = identity(pod), pod.metadata
    node, age = node_of(pod), view.age(meta.creation_timestamp)
    yield view.observe(
        "pod.phase",
        here,
        query=kubectl_get("pod", meta.namespace, meta.name),
        at=meta.creation_timestamp,
        phase=pod.status.phase,
        reason=pod.status.reason or None,
        node=node,
        age_seconds=age,
    )
    if not_serving(view, pod):
        yield view.observe(
            "pod.unready",
            here,
            query=kubectl_describe("pod", meta.namespace, meta.name),
            at=_unready_since(pod),
            phase=pod.status.phase,
            reason=_reason(pod),
            node=node,
            age_seconds=age,
        )
    yield from _evicted(view, pod)
    yield from _drained(view, pod)


def _reason(pod: Pod) -> str | None:
    """Return the most telling reason: of a waiting container, else of the pod, else of its Ready condition."""
    waiting = [one.state.waiting.reason for one in pod.status.container_statuses if one.state.waiting]
    ready = pod.condition("Ready")
    return next(filter(None, (*waiting, pod.status.reason, ready.reason if ready else "")), None)


def _unready_since(pod: Pod) -> datetime | None:
    ready = pod.condition("Ready")
    return (ready.last_transition_time if ready else None) or pod.metadata.creation_timestamp


def _evicted(view: View, pod: Pod) -> Iterator[Fact]:
    """Yield an eviction in the window; evicted pods stay listed long after."""
    if pod.status.reason != "Evicted":
        return
    target = pod.condition("DisruptionTarget")
    events = [one.last for one in view.events.get(identity(pod), ()) if one.reason == "Evicted"]
    at = (target.last_transition_time if target else None) or max(filter(None, events), default=None)
    at = at or pod.status.start_time or pod.metadata.creation_timestamp
    if not view.in_window(at):
        return
    match = _RESOURCE.search(pod.status.message)
    named = match and (match["low"] or match["condition"] or "")
    yield view.observe(
        "pod.evicted",
        identity(pod),
        query=kubectl_describe("pod", pod.metadata.namespace, pod.metadata.name),
        at=at,
        resource=(_PRESSURE.get(named.lower(), named) if named else "ephemeral-storage") if match else "",
        by="pod-limit" if match and match["local"] else "node",
        message=pod.status.message,
        node=node_of(pod),
    )


def _drained(view: View, pod: Pod) -> Iterator[Fact]:
    """Yield that somebody asked the Eviction API in the window to take a pod away; it goes within its grace period."""
    target = pod.condition("DisruptionTarget")
    if target and target.reason == "EvictionByEvictionAPI" and view.in_window(target.last_transition_time):
        yield view.observe(
            "pod.drained",
            identity(pod),
            query=kubectl_describe("pod", pod.metadata.namespace, pod.metadata.name),
            at=target.last_transition_time,
            workload=view.owner(pod),
            node=node_of(pod),
        )


def _container(view: View, pod: Pod, status: ContainerStatus) -> Iterator[Fact]:
    init = status in pod.status.init_container_statuses
    describe = kubectl_describe("pod", pod.metadata.namespace, pod.metadata.name)
    waiting = status.state.waiting
    if waiting and not (waiting.reason in SETTLING and view.starting(pod)):
        yield view.observe(
            "container.waiting",
            identity(pod),
            query=describe,
            at=_unready_since(pod),
            container=status.name,
            init=init,
            reason=waiting.reason,
            message=waiting.message or None,
            node=node_of(pod),
        )
    for ended, current in ((status.state.terminated, True), (status.last_state.terminated, False)):
        if ended and _matters(view, status, ended, current=current):
            yield _terminated(view, pod, status, ended, current=current, init=init)
    if restarted(view, status):
        last = status.last_state.terminated
        yield view.observe(
            "container.restarted",
            identity(pod),
            query=describe,
            at=last.finished_at if last else None,
            container=status.name,
            count=status.restart_count,
            node=node_of(pod),
        )


def _matters(view: View, status: ContainerStatus, ended: Terminated, *, current: bool) -> bool:
    """Say whether an end belongs to the incident: in its window, or part of a crash loop; a success that stays does not."""
    if current and ended.exit_code == 0 and ended.reason in {"Completed", ""}:
        return False
    waiting = status.state.waiting
    looping = not current and waiting is not None and waiting.reason == LOOPING
    return looping or ended.finished_at is None or view.in_window(ended.finished_at)


def _terminated(view: View, pod: Pod, status: ContainerStatus, ended: Terminated, *, current: bool, init: bool) -> Fact:
    spent = (ended.finished_at - ended.started_at) if ended.finished_at and ended.started_at else None
    return view.observe(
        "container.terminated",
        identity(pod),
        query=kubectl_describe("pod", pod.metadata.namespace, pod.metadata.name),
        at=ended.finished_at,
        container=status.name,
        init=init,
        reason=ended.reason,
        exit_code=ended.exit_code,
        how=how_it_ended(ended),
        message=ended.message or None,
        current=current,
        ran_seconds=max(spent.total_seconds(), 0.0) if spent is not None else None,
        node=node_of(pod),
    )


def how_it_ended(ended: Terminated) -> str:
    """Return ``done``, ``error``, ``command``, ``signal``, ``memory`` or ``unknown`` (the kubelet lost track of it).

    A shell gives 126 and 127 for a command that it cannot run, a runtime 128, and 128 + n stands for
    signal n (kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure).

    >>> [how_it_ended(Terminated(exit_code=code)) for code in (0, 1, 127, 137, 255)]
    ['done', 'error', 'command', 'signal', 'error']
    """
    if ended.reason == "OOMKilled":
        return "memory"
    if ended.reason in LOST:
        return "unknown"
    if ended.exit_code == 0 and not ended.signal:
        return "done"
    if ended.exit_code in COMMAND_CODES or ended.reason in NOT_STARTED:
        return "command"
    return "signal" if ended.signal or FIRST_SIGNAL <= ended.exit_code <= LAST_SIGNAL else "error"


def _limits(view: View, pod: Pod, container: Container) -> Iterator[Fact]:
    resources = container.resources
    for resource in ("cpu", "memory", "ephemeral-storage"):
        limit, request = (amount(amounts, resource) or None for amounts in (resources.limits, resources.requests))
        if limit is None and request is None:
            continue
        cores = resource == "cpu"
        yield view.observe(
            "container.limit",
            identity(pod),
            query=kubectl_get("pod", pod.metadata.namespace, pod.metadata.name),
            container=container.name,
            resource=resource,
            limit_cores=limit if cores else None,
            request_cores=request if cores else None,
            limit_bytes=None if cores else limit,
            request_bytes=None if cores else request,
        )


def _running(view: View, pod: Pod) -> Iterator[Fact]:
    for status in pod.status.container_statuses:
        if status.state.running:
            yield view.observe(
                "container.running",
                identity(pod),
                query=kubectl_describe("pod", pod.metadata.namespace, pod.metadata.name),
                at=status.state.running.started_at,
                container=status.name,
                ready=status.ready,
                for_seconds=view.age(status.state.running.started_at),
            )
