"""Images that could not be pulled, compared with the images that other pods run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.reading import kubectl_describe, kubectl_get
from sre_orchestrator.plugins.agents.similar import similar
from sre_orchestrator.plugins.agents.startup.images import DOCKER_HUB, Image, may_not_exist, parse_image, pull_failure
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
from sre_orchestrator.plugins.objects.config import Secret
from sre_orchestrator.plugins.objects.pods import Pod

PULLING = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
NOT_YET = frozenset({"", "ContainerCreating", "PodInitializing"})
PULL_TYPES = frozenset({"kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"})
SAME_TAG = 0.6


@dataclass(frozen=True, kw_only=True)
class Running:
    """An image that a container of a pod runs."""

    owner: str
    image: Image
    secrets: frozenset[str]


def pulls(view: View) -> Iterator[Fact]:
    """Yield each failed pull and the pull secrets of its pod."""
    running = list(_running(view.pods))
    for pod in view.unready:
        failed = [fact for one in unstarted(pod) for fact in _failed(view, pod, one, running)]
        yield from failed
        if failed:
            yield _secrets(view, pod, running)


def _failed(view: View, pod: Pod, one: Unstarted, running: Sequence[Running]) -> Iterator[Fact]:
    told = [what for what in said(view, pod, one) if _about_pull(what)]
    waiting = one.status.state.waiting if one.status else None
    if not told or (waiting and waiting.reason not in PULLING | NOT_YET):
        return
    failure, text = _telling(told, one.container.image)
    image = parse_image(one.container.image)
    others = [other.image for other in running if other.owner != _owner(pod)]
    nearest, differs = _nearest(view, pod, one, others)
    yield view.observe(
        "image.pull_failed",
        pod_id(pod),
        query=kubectl_describe("pod", pod.metadata.namespace, pod.metadata.name),
        at=min((what.first for what in told if what.first), default=begun(pod)),
        container=one.container.name,
        image=one.container.image,
        registry=image.registry,
        failure=failure,
        ambiguous=failure == "denied" and may_not_exist(text),
        same_registry=sum(other.registry == image.registry for other in others),
        same_path=sum((other.registry, other.path) == (image.registry, image.path) for other in others),
        nearest=nearest or None,
        differs=differs or None,
        message=shortened(text),
        node=node_id(pod),
        count=max(what.count for what in told) or None,
    )


def _telling(told: Sequence[Said], reference: str) -> tuple[str, str]:
    """Return the failure that the first telling status or event words, and its text; what the image is called says nothing."""
    image = parse_image(reference)
    for what in told:
        words = what.text.replace(reference, "IMAGE").replace(f"{image.path}/{image.name}", "IMAGE")
        failure = pull_failure(f"{what.reason} {words}")
        if failure != "other":
            return failure, what.text
    return "other", max((what.text for what in told), key=len)


def _about_pull(what: Said) -> bool:
    """Say whether a status or event tells of a failed pull (``BackOff`` is also said of crashing containers)."""
    if what.reason in PULLING:
        return True
    pulling = "pull" in what.text.lower() or "image" in what.text.lower()
    return what.reason in {"Failed", "BackOff", "InspectFailed", "ErrImageNeverPull"} and pulling


def _nearest(view: View, pod: Pod, one: Unstarted, others: Sequence[Image]) -> tuple[str, str]:
    """Return what other pods, or this workload before, use instead of a part of the reference, and which part."""
    image = parse_image(one.container.image)
    before = _before(view, pod, one.container.name)
    known = [*others, *before]
    elsewhere = [other.registry for other in known if other.registry != image.registry]
    if registry := similar(image.registry, [other.registry for other in known] if elsewhere else []):
        return registry, "registry"
    if path := similar(image.path, [other.path for other in known if other.registry == image.registry]):
        return path, "path"
    names = {one.container.name, pod.metadata.labels.get("app", ""), *(other.name for other in before)}
    names |= {pod.metadata.labels.get("app.kubernetes.io/name", ""), _owner(pod)}
    if name := similar(image.name, names):
        return name, "name"
    tags = [other.tag for other in known if (other.registry, other.path) == (image.registry, image.path)]
    tag = similar(image.tag, tags, SAME_TAG)
    return (tag, "tag") if tag else ("", "")


def _before(view: View, pod: Pod, container: str) -> list[Image]:
    """Return the images of the same container in the other revisions of the pod's Deployment."""
    mine = next((owner.name for owner in pod.metadata.owner_references if owner.kind == "ReplicaSet"), "")
    own = [one for one in view.replica_sets if one.metadata.namespace == pod.metadata.namespace]
    owners = {
        owner.uid or owner.name for one in own if one.metadata.name == mine for owner in one.metadata.owner_references
    }
    return [
        parse_image(inside.image)
        for one in own
        if one.metadata.name != mine and owners & {owner.uid or owner.name for owner in one.metadata.owner_references}
        for inside in one.spec.template.spec.containers
        if inside.name == container
    ]


def _secrets(view: View, pod: Pod, running: Sequence[Running]) -> Fact:
    names = [ref.name for ref in pod.spec.image_pull_secrets if ref.name]
    namespace = pod.metadata.namespace
    missing = [name for name in names if _is_missing(view, pod, name, running)]
    mistaken = [name for name in names if _is_mistaken(view, pod, name)]
    asked = {_source(parse_image(one.container.image)) for one in unstarted(pod)}
    peers = {name for one in running if _source(one.image) in asked for name in one.secrets} - set(names)
    return view.observe(
        "pull_secret",
        pod_id(pod),
        query=kubectl_get("pod", namespace, pod.metadata.name),
        at=begun(pod),
        declared=len(names),
        missing=len(missing),
        mistaken=len(mistaken),
        names=" ".join(missing or mistaken or names),
        peers_name=" ".join(sorted(peers)) or None,
    )


def _source(image: Image) -> str:
    """Return what one pull secret is for: a registry, of the shared Docker Hub one path."""
    return f"{image.registry}/{image.path}" if image.registry == DOCKER_HUB else image.registry


def _is_missing(view: View, pod: Pod, name: str, running: Sequence[Running]) -> bool:
    """Say whether a named pull secret is absent: the kubelet says so, or the list lacks it and no running pod names it."""
    if any(event.reason == "FailedToRetrieveImagePullSecret" and name in event.text for event in view.about(pod)):
        return True
    listed = bool({pod.metadata.namespace, "*"} & view.secrets.complete_in)
    return listed and _secret(view, pod, name) is None and not any(name in one.secrets for one in running)


def _is_mistaken(view: View, pod: Pod, name: str) -> bool:
    """Say whether a named secret exists and is not of a type that the kubelet takes for pulls."""
    found = _secret(view, pod, name)
    return found is not None and bool(found.type) and found.type not in PULL_TYPES


def _secret(view: View, pod: Pod, name: str) -> Secret | None:
    place = (pod.metadata.namespace, name)
    return next((one for one in view.secrets.items if (one.metadata.namespace, one.metadata.name) == place), None)


def _running(pods: Sequence[Pod]) -> Iterator[Running]:
    for pod in pods:
        up = {one.name for one in pod.status.container_statuses if one.state.running}
        secrets = frozenset(ref.name for ref in pod.spec.image_pull_secrets)
        for inside in pod.spec.containers:
            if inside.name in up:
                yield Running(owner=_owner(pod), image=parse_image(inside.image), secrets=secrets)


def _owner(pod: Pod) -> str:
    """Return what stands for the pod's workload: its owner's name without the template's hash."""
    owner = next((one.name for one in pod.metadata.owner_references if one.controller), pod.metadata.name)
    return owner.removesuffix(f"-{pod.metadata.labels.get('pod-template-hash', '')}")
