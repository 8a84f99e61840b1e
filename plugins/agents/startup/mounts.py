"""Volumes that could not be attached or mounted, and what the containers of unready pods mount."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.reading import kubectl_events, kubectl_get
from sre_orchestrator.plugins.agents.startup.view import View, begun, node_id, pod_id, shortened, unstarted
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.pods import Container, Pod, Volume

REASONS = frozenset({"FailedMount", "FailedAttachVolume", "FailedMapVolume", "VolumeResizeFailed"})
_FAILURES = tuple(
    (failure, re.compile(pattern, re.IGNORECASE))
    for failure, pattern in (
        (
            "multi-attach",
            r"multi-attach|exclusively attached|(?:already|currently) attached to|already (?:in )?used? by",
        ),
        ("key-not-found", r"references non-existent (?:secret|config) keys?"),
        ("not-found", r"\b(?:secret|configmap|persistentvolumeclaim|persistentvolume) \"[^\"]*\" not found"),
        (
            "wrong-type",
            r"hostPath type check failed|not a directory|is not a (?:file|socket|device|block)|is a directory",
        ),
        ("read-only", r"read-only file ?system|write.protected"),
        (
            "permission",
            r"permission denied|access denied|operation not permitted|EACCES|mount error\(13\)|not authorized|forbidden",
        ),
        ("already-mounted", r"already mounted|mount point busy|target is busy|device is busy"),
        (
            "driver",
            r"not found in the list of registered CSI drivers|no volume plugin matched|wrong fs type|unknown filesystem"
            r"|executable file not found|need a /sbin/mount|no csi driver",
        ),
        ("path-missing", r"no such file or directory|does not exist"),
        ("transient", r"failed to sync (?:secret|configmap) cache|not registered"),
        ("timeout", r"timed out|deadline exceeded|timeout"),
    )
)
_TARGET = re.compile(
    r"\b(?:secret|configmap|persistentvolumeclaim|persistentvolume) \"(?P<name>[^\"]+)\" not found", re.I
)
_KEY = re.compile(r"references non-existent (?:secret|config) keys?: (?P<key>[^\s,\"]+)", re.IGNORECASE)
_VOLUME = re.compile(r"for volume \"(?P<volume>[^\"]+)\"|unmounted volumes=\[(?P<several>[^\]]*)\]", re.IGNORECASE)


def mount_failure(text: str) -> str:
    """Return what kept a volume from being mounted.

    >>> mount_failure('MountVolume.SetUp failed for volume "tls" : secret "cart-tls" not found')
    'not-found'
    """
    return next((failure for failure, pattern in _FAILURES if pattern.search(text)), "other")


def mounts(view: View) -> Iterator[Fact]:
    """Yield the failed mounts of pods that still wait for them.

    That the kubelet's cache was not yet filled, or that it timed out waiting beside a volume
    whose failure is known, says nothing of its own.
    """
    for pod in view.unready:
        if not any(True for _ in unstarted(pod)):
            continue
        failed: dict[tuple[str, str], Event] = {}
        for event in view.about(pod):
            failure = mount_failure(event.text) if event.reason in REASONS else "transient"
            if failure != "transient":
                failed.setdefault((failure, _volume(pod, event)), event)
        telling = {key: event for key, event in failed.items() if key[0] != "timeout"}
        for (failure, volume), event in (telling or failed).items():
            yield _failed(view, pod, event, failure, volume)


def mounted(view: View) -> Iterator[Fact]:
    """Yield what containers mount, and who they run as; of pods that are Ready only what keeps data."""
    waits = {pod_id(pod) for pod in view.unready}
    for pod in view.pods:
        volumes = {one.name: one for one in pod.spec.volumes if pod_id(pod) in waits or _keeps_data(one)}
        for container in (*pod.spec.init_containers, *pod.spec.containers):
            yield from _mounted(view, pod, container, volumes)


def _keeps_data(volume: Volume) -> bool:
    return bool(volume.persistent_volume_claim or volume.host_path)


def _failed(view: View, pod: Pod, event: Event, failure: str, volume: str) -> Fact:
    target, key = _TARGET.search(event.text), _KEY.search(event.text)
    return view.observe(
        "mount.failed",
        pod_id(pod),
        query=kubectl_events("pod", pod.metadata.namespace, pod.metadata.name),
        at=event.first,
        volume=volume or None,
        failure=failure,
        target=target["name"] if target else key["key"].rstrip(".") if key else None,
        message=shortened(event.text),
        node=node_id(pod),
    )


def _volume(pod: Pod, event: Event) -> str:
    """Return the volume that an event names, as the pod calls it where its text names a persistent volume."""
    match = _VOLUME.search(event.text)
    named = (match["volume"] or match["several"].split(" ")[0]) if match else ""
    claims = [one.name for one in pod.spec.volumes if one.persistent_volume_claim]
    known = any(one.name == named for one in pod.spec.volumes)
    return claims[0] if named and not known and len(claims) == 1 else named


def _mounted(view: View, pod: Pod, container: Container, volumes: dict[str, Volume]) -> Iterator[Fact]:
    own, shared = container.security_context, pod.spec.security_context
    for mount in container.volume_mounts:
        volume = volumes.get(mount.name)
        if volume is None or volume.projected:
            continue
        source, target, read_only = _source(volume, pod.metadata.namespace)
        user = own.run_as_user if own and own.run_as_user is not None else shared.run_as_user if shared else None
        yield view.observe(
            "volume.mounted",
            pod_id(pod),
            query=kubectl_get("pod", pod.metadata.namespace, pod.metadata.name),
            at=begun(pod),
            container=container.name,
            volume=mount.name,
            source=source,
            target=target,
            path=mount.mount_path,
            read_only=mount.read_only or read_only,
            run_as_user=user,
            fs_group=shared.fs_group if shared else None,
        )


def _source(volume: Volume, namespace: str) -> tuple[str, str | None, bool]:
    """Return what a volume comes from, the component behind it, and whether it can only be read."""
    if volume.persistent_volume_claim:
        claim = volume.persistent_volume_claim
        return "claim", component_id("persistentvolumeclaim", namespace, claim.claim_name), claim.read_only
    if volume.config_map:
        return "config-map", component_id("configmap", namespace, volume.config_map.name), True
    if volume.secret:
        return "secret", component_id("secret", namespace, volume.secret.secret_name), True
    if volume.host_path:
        return "host-path", None, False
    return "other", None, False
