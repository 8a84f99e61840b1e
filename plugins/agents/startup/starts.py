"""Sandboxes that could not be created, containers that could not be started, init containers that hold a pod up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.reading import kubectl_describe, kubectl_events
from sre_orchestrator.plugins.agents.startup.view import (
    Said,
    Unstarted,
    View,
    begun,
    node_id,
    pod_id,
    said,
    shortened,
    unstarted,
)
from sre_orchestrator.plugins.objects.addresses import addresses_in, service_of
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.pods import Container, Pod

SANDBOX_REASONS = frozenset({"FailedCreatePodSandBox", "FailedCreatePodContainer", "NetworkNotReady", "FailedSync"})
START_REASONS = frozenset(
    {"CreateContainerError", "CreateContainerConfigError", "RunContainerError", "StartError", "ContainerCannotRun"}
)
_MEMORY = r"OOM.?killed|out of memory|cannot allocate memory|memory limit (?:\d+ )?too low|\boom\b"


def _table(*rows: tuple[str, str]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((failure, re.compile(pattern, re.IGNORECASE)) for failure, pattern in rows)


_SANDBOX = _table(
    (
        "addresses-exhausted",
        r"no IP addresses available|failed to allocate for range|no available IP|failed to assign an IP address"
        r"|InsufficientFreeAddresses|no free addresses|no more (?:IPs|addresses)|(?:ip|address) pools? (?:is |are )?(?:exhausted|full)"
        r"|range is full|unable to allocate IP|out of (?:IP )?addresses",
    ),
    ("out-of-memory", _MEMORY),
    ("image", r"sandbox image|pause image|failed to (?:get|pull).{0,40}pause"),
    (
        "cni",
        r"\bcni\b|plugin type=|network ?plugin|set ?up (?:pod )?network|network (?:is )?not ready|network for (?:pod )?sandbox"
        r"|subnet\.env|calico|cilium|flannel|weave|multus|\bovn",
    ),
    (
        "runtime",
        r"\.sock\b|transport is closing|code = Unavailable|code = DeadlineExceeded|deadline exceeded|runtime handler"
        r"|no runtime for|OCI runtime|\bshim\b|\brunc\b|failed to reserve sandbox name|connection refused",
    ),
)
_START = _table(
    ("root-refused", r"runAsNonRoot|will run as root|non-numeric user"),
    ("config", r"\b(?:secret|configmap)s? \"[^\"]*\" not found|couldn't find key|invalid environment"),
    ("out-of-memory", _MEMORY),
    ("exec-format", r"exec format error"),
    (
        "mount-permission",
        r"(?:error mounting|to rootfs|subPath|volume|mkdir|mount source path)[^\n]*"
        r"(?:permission denied|operation not permitted|read-only file ?system)",
    ),
    ("mount", r"error mounting|subPath|mount a directory onto a file|no such volume|mount source path"),
    (
        "command-not-found",
        r"executable file not found|command not found|executable: no such file"
        r"|(?:\bexec\b|\bstat\b|starting container process)[^\n]*no such file or directory",
    ),
    ("permission", r"\bexec\b[^\n]*(?:permission denied|operation not permitted|is a directory)"),
)


def sandboxes(view: View) -> Iterator[Fact]:
    """Yield why sandboxes of pods that do not run yet could not be created, one fact a failure."""
    for pod in view.unready:
        if any(status.state.running for status in pod.status.container_statuses):
            continue
        failed: dict[str, list[Event]] = {}
        for event in view.about(pod):
            failure = sandbox_failure(event)
            if failure:
                failed.setdefault(failure, []).append(event)
        for failure, events in failed.items():
            yield view.observe(
                "sandbox.failed",
                pod_id(pod),
                query=kubectl_events("pod", pod.metadata.namespace, pod.metadata.name),
                at=min((event.first for event in events if event.first), default=begun(pod)),
                failure=failure,
                message=shortened(events[0].text),
                node=node_id(pod),
                count=sum(event.times for event in events),
            )


def sandbox_failure(event: Event) -> str:
    """Return why a sandbox could not be created, or ``""`` when the event says nothing of sandboxes."""
    if event.reason not in SANDBOX_REASONS or (event.reason == "FailedSync" and "sandbox" not in event.text.lower()):
        return ""
    return _first(_SANDBOX, event.text)


def start_failure(text: str) -> str:
    """Return why a container could not be created or started.

    >>> start_failure('exec: "serve": executable file not found in $PATH')
    'command-not-found'
    """
    return _first(_START, text)


def _first(table: tuple[tuple[str, re.Pattern[str]], ...], text: str) -> str:
    return next((failure for failure, pattern in table if pattern.search(text)), "other")


def starts(view: View) -> Iterator[Fact]:
    """Yield the containers of unready pods that could not be created or started, one fact a container."""
    for pod in view.unready:
        for one in unstarted(pod):
            told = [what for what in said(view, pod, one) if _about_start(what)]
            if told and _is_current(one):
                yield _start(view, pod, one, told)


def _about_start(what: Said) -> bool:
    """Say whether a status or event tells that a container could not be started.

    A shell that does not find its command ends with 127, one that may not run it with 126.
    """
    failed = what.reason == "Failed" and re.search(
        r"failed to (?:create|start|generate)|OCI runtime|runAsNonRoot|not found|find key", what.text
    )
    pull = "pull" in what.text.lower()
    return what.reason in START_REASONS or bool(failed and not pull)


def _is_current(one: Unstarted) -> bool:
    """Say whether the present or last state of a container is that it could not start."""
    if one.status is None:
        return True
    reasons = [
        part.reason
        for state in (one.status.state, one.status.last_state)
        for part in (state.waiting, state.terminated)
        if part
    ]
    return not reasons or bool(START_REASONS & set(reasons)) or reasons == ["ContainerCreating"]


def _start(view: View, pod: Pod, one: Unstarted, told: list[Said]) -> Fact:
    telling = next((what for what in told if start_failure(what.text) != "other"), None)
    longest = telling or max(told, key=lambda what: len(what.text))
    return view.observe(
        "container.start_failed",
        pod_id(pod),
        query=kubectl_describe("pod", pod.metadata.namespace, pod.metadata.name),
        at=min((what.first for what in told if what.first), default=begun(pod)),
        container=one.container.name,
        init=one.init,
        failure=start_failure(longest.text),
        message=shortened(longest.text),
        node=node_id(pod),
    )


def inits(view: View) -> Iterator[Fact]:
    """Yield the init containers of unready pods that still run, with the service that their command names."""
    for pod in view.unready:
        for container in pod.spec.init_containers:
            status = next((one for one in pod.status.init_container_statuses if one.name == container.name), None)
            running = status.state.running if status else None
            if running and container.restart_policy != "Always":
                yield _init(view, pod, container, running.started_at)


def _init(view: View, pod: Pod, container: Container, since: datetime | None) -> Fact:
    return view.observe(
        "init.running",
        pod_id(pod),
        query=kubectl_describe("pod", pod.metadata.namespace, pod.metadata.name),
        at=since,
        container=container.name,
        for_seconds=round((view.scope.until - since).total_seconds()) if since else None,
        waits_for=_waits_for(container, pod.metadata.namespace),
        job=_job(container, pod.metadata.namespace),
        node=node_id(pod),
    )


# kubectl wait … job/NAME, kubectl get job NAME, and the arguments of groundnuty/k8s-wait-for.
_JOB = re.compile(r"\b(?:jobs?(?:\.batch)?|job-wr|job-we)[/ ]+(?P<name>[a-z0-9][a-z0-9.-]*)")
_TOOL = re.compile(
    r"\b(?:nc|nslookup|ping|dig|host|getent hosts|pg_isready|mysqladmin|redis-cli|curl|wget|telnet)\b(?P<rest>[^;|&\n]*)"
)


def _waits_for(container: Container, namespace: str) -> str | None:
    """Return the service that an init container's command or variables name, if they name one only."""
    texts = [*container.command, *container.args, *(env.value for env in container.env)]
    hosts = [address.host for text in texts for address in addresses_in(text)]
    for text in texts:
        for match in _TOOL.finditer(text):
            hosts += [
                word for word in match["rest"].split() if re.fullmatch(r"[a-z][a-z0-9-]*(?:\.[a-z0-9.-]+)?", word)
            ]
    services = {place for host in hosts if (place := service_of(host, namespace))}
    return component_id("service", *services.pop()) if len(services) == 1 else None


def _job(container: Container, namespace: str) -> str | None:
    """Return the Job that an init container's command names, if it names one only."""
    found = {match["name"] for match in _JOB.finditer(" ".join((*container.command, *container.args)))}
    return component_id("job", namespace, found.pop()) if len(found) == 1 else None
