"""What the kubelet and others said about present objects: failed probes, killed containers, other warnings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sre_orchestrator.core.identity import kind_of, name_of, namespace_of
from sre_orchestrator.core.models import Fact, Struct
from sre_orchestrator.plugins.agents.kubernetes.pods import not_serving, restarted
from sre_orchestrator.plugins.agents.kubernetes.probe_messages import Kill, ProbeAnswer, read_killing, read_unhealthy
from sre_orchestrator.plugins.agents.kubernetes.probes import Declared, declared
from sre_orchestrator.plugins.agents.kubernetes.view import View, identity
from sre_orchestrator.plugins.agents.reading import kubectl_events
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.pods import ContainerStatus, Pod

SERVER_ERROR = 500
STILL = timedelta(seconds=60)
# Reasons that other fact kinds word better, here or in other agents.
WORDED_ELSEWHERE = frozenset(
    [
        "Unhealthy",
        "BackOff",
        "Killing",
        "FailedScheduling",
        "FailedCreate",
        "Failed",
        "FailedMount",
        "FailedAttachVolume",
        "FailedCreatePodSandBox",
        "FailedCreatePodContainer",
        "InspectFailed",
        "ErrImageNeverPull",
        "ProvisioningFailed",
        "FailedBinding",
        "Evicted",
        "FailedGetResourceMetric",
        "FailedComputeMetricsReplicas",
        "FailedGetScale",
    ]
)


class Seen(Struct, frozen=True, kw_only=True):
    """An Unhealthy event with what it says and the probe that it is about."""

    event: Event
    answer: ProbeAnswer
    probe: Declared


def pod_event_facts(view: View) -> Iterator[Fact]:
    """Yield failed probes, kills and back-offs of present pods, as far as they belong to the incident."""
    for pod in view.pods:
        events = [one for one in view.events.get(identity(pod), ()) if one.last is None or one.last >= view.scope.since]
        if events:
            yield from _unhealthy(view, pod, events)
            yield from _killed(view, pod, events)


def event_facts(view: View) -> Iterator[Fact]:
    """Yield the other Warning events of the window about present objects."""
    for here, events in view.events.items():
        for event in events:
            if event.type == "Warning" and event.reason not in WORDED_ELSEWHERE and view.in_window(event.last):
                yield view.observe(
                    "event",
                    here,
                    query=_query(here),
                    at=event.first,
                    reason=event.reason,
                    type=event.type,
                    message=event.text,
                    count=event.times,
                    reporter=event.reporter or None,
                )


def _unhealthy(view: View, pod: Pod, events: Sequence[Event]) -> Iterator[Fact]:
    seen = [
        Seen(event=event, answer=answer, probe=probe)
        for event in events
        if event.reason == "Unhealthy"
        and (answer := read_unhealthy(event.text))
        and (probe := _probe_of(pod, event, answer))
    ]
    kills = {(_container_of(event, pod, kill), kill.by) for event in events if (kill := _kill(event))}
    for one in seen:
        if (one.probe.container.name, one.answer.probe) in kills or _still_matters(view, pod, one):
            yield _failed(view, pod, one, latest=_is_latest(one, seen))


def _failed(view: View, pod: Pod, one: Seen, *, latest: bool) -> Fact:
    answer = one.answer
    # A mesh's agent answers 500 for every failure of the probe that it makes in the kubelet's place.
    hidden = one.probe.rewritten and answer.status_code >= SERVER_ERROR
    return view.observe(
        "probe.failed",
        identity(pod),
        query=_query(identity(pod)),
        at=one.event.first,
        container=one.probe.container.name,
        probe=answer.probe,
        failure="other" if hidden else answer.failure,
        status_code=answer.status_code or None,
        port=(one.probe.port if one.probe.rewritten else answer.port) or None,
        count=one.event.times,
        latest=latest,
        message=one.event.text,
    )


def _probe_of(pod: Pod, event: Event, answer: ProbeAnswer) -> Declared | None:
    """Return the probe that an event is about: its container by field path, else by port, else the only one."""
    candidates = [one for one in declared(pod) if one.name == answer.probe]
    path = event.about.field_path
    for fits in (
        lambda one: path and path.endswith(f"{{{one.container.name}}}"),
        lambda one: answer.port and one.port == answer.port,
    ):
        found = [one for one in candidates if fits(one)]
        if found:
            return found[0]
    return candidates[0] if candidates else None


def _still_matters(view: View, pod: Pod, one: Seen) -> bool:
    """Say whether a failed probe shows now, ended the container, or took a started container out of service.

    Failures while a container starts are how probes work, and one that is over was one.
    """
    status = _status(pod, one.probe.container.name)
    if status is None:
        return False
    if one.answer.probe == "readiness" and not status.ready and (not_serving(view, pod) or restarted(view, status)):
        return True
    last = one.event.last or view.scope.until
    lately = last > view.scope.until - STILL
    if one.answer.probe != "readiness" and (restarted(view, status) or not status.ready):
        return restarted(view, status) or lately
    running = status.state.running
    begun = running.started_at if running else None
    up = begun is not None and last > begun + timedelta(seconds=one.probe.grace_seconds)
    return up and (lately or one.event.times >= one.probe.probe.failure_threshold)


def _status(pod: Pod, container: str) -> ContainerStatus | None:
    statuses = (*pod.status.container_statuses, *pod.status.init_container_statuses)
    return next((one for one in statuses if one.name == container), None)


def _is_latest(one: Seen, seen: Sequence[Seen]) -> bool:
    """Say whether no other failure of the same probe was seen later."""

    def when(each: Seen) -> datetime | None:
        return each.event.last

    same = [each for each in seen if each.probe.container is one.probe.container and each.probe.name == one.probe.name]
    times = [at for each in same if (at := when(each))]
    return not times or when(one) == max(times)


def _killed(view: View, pod: Pod, events: Sequence[Event]) -> Iterator[Fact]:
    for event in events:
        kill = _kill(event)
        if kill:
            yield view.observe(
                "container.killed",
                identity(pod),
                query=_query(identity(pod)),
                at=event.first,
                container=_container_of(event, pod, kill),
                by=kill.by,
                count=event.times,
            )


def _kill(event: Event) -> Kill | None:
    """Return who ended a container, when the event says that the kubelet did."""
    if event.reason == "Killing":
        return read_killing(event.text)
    return read_killing(event.reason) if event.reason in {"FailedPostStartHook", "FailedPreStopHook"} else None


def _container_of(event: Event, pod: Pod, kill: Kill) -> str | None:
    """Return the container that an event is about: as its text or field path names it, else the only one."""
    if kill.container:
        return kill.container
    path = event.about.field_path
    if "{" in path:
        return path.partition("{")[2].rstrip("}")
    names = [one.name for one in (*pod.spec.containers, *pod.spec.init_containers)]
    words = event.text.split()
    return next((name for name in names if name in words), names[0] if len(names) == 1 else None)


def _query(component: str) -> str:
    return kubectl_events(kind_of(component), namespace_of(component), name_of(component))
