"""What pods name that does not exist: Secrets, ConfigMaps, their keys, pull secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sre_orchestrator.core.models import Fact, Struct
from sre_orchestrator.plugins.agents.reading import kubectl_get
from sre_orchestrator.plugins.agents.similar import similar
from sre_orchestrator.plugins.agents.startup.view import Said, Unstarted, View, begun, pod_id, said, unstarted
from sre_orchestrator.plugins.objects.config import ConfigMap
from sre_orchestrator.plugins.objects.pods import Container, KeyRef, NamedSource, Pod

MOUNT = "FailedMount"
PULL = "imagePullSecrets"
Keys = Mapping[str, frozenset[str]]
PUBLISHED = frozenset(
    {"kube-root-ca.crt", "openshift-service-ca.crt"}
)  # controllers make these; recordings leave them out
_OBJECT = re.compile(r"\b(?P<kind>secret|configmap) \"(?P<name>[^\"]+)\" not found", re.IGNORECASE)
_KEY = re.compile(r"find key (?P<key>\S+) in (?P<kind>secret|configmap) (?:\S+/)?(?P<name>[^\s,\"]+)", re.IGNORECASE)


class Named(Struct, frozen=True, kw_only=True):
    """A reference of a pod: to an object, or to one key of it."""

    target_kind: str
    name: str
    key: str = ""
    via: str
    container: str = ""
    optional: bool = False


def unresolved(view: View) -> Iterator[Fact]:
    """Yield the references of unready pods that lead nowhere.

    The lists of objects decide; where they could not be read, or lack what a pod that is Ready
    was given, what the kubelet says does.
    """
    known = {place: _known(view, place) for place in {pod.metadata.namespace for pod in view.unready}}
    for pod in view.unready:
        read = known[pod.metadata.namespace]
        for named in dict.fromkeys(references(pod)):
            there = read[named.target_kind]
            if there is not None and not _leads(named, there) and named.name not in PUBLISHED:
                yield _fact(view, pod, named, there)
        for named in dict.fromkeys(_told(view, pod)):
            if read[named.target_kind] is None:
                yield _fact(view, pod, named, {})


def references(pod: Pod) -> Iterator[Named]:
    """Yield every Secret and ConfigMap that a pod names."""
    for pull in pod.spec.image_pull_secrets:
        yield Named(target_kind="secret", name=pull.name, via=PULL)
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        yield from _of_container(container)
    for volume in pod.spec.volumes:
        parts = volume.projected.sources if volume.projected else ()
        for secret in filter(None, (volume.secret, *(part.secret for part in parts))):
            yield from _of_volume("secret", secret)
        for config_map in filter(None, (volume.config_map, *(part.config_map for part in parts))):
            yield from _of_volume("configmap", config_map)


def _of_container(container: Container) -> Iterator[Named]:
    for env in container.env:
        source = env.value_from
        if source and source.secret_key_ref:
            yield _of_key("secret", source.secret_key_ref, "env", container)
        if source and source.config_map_key_ref:
            yield _of_key("configmap", source.config_map_key_ref, "env", container)
    for whole in container.env_from:
        if whole.secret_ref:
            yield _of_key("secret", whole.secret_ref, "envFrom", container)
        if whole.config_map_ref:
            yield _of_key("configmap", whole.config_map_ref, "envFrom", container)


def _of_key(kind: str, ref: KeyRef, via: str, container: Container) -> Named:
    return Named(target_kind=kind, name=ref.name, key=ref.key, via=via, container=container.name, optional=ref.optional)


def _of_volume(kind: str, source: NamedSource) -> Iterator[Named]:
    name = source.secret_name or source.name
    yield Named(target_kind=kind, name=name, via="volume", optional=source.optional)
    for item in source.items:
        yield Named(target_kind=kind, name=name, key=item.key, via="volume", optional=source.optional)


def _known(view: View, place: str) -> dict[str, Keys | None]:
    """Return the names and keys of each kind in a namespace, ``None`` for a kind that was not read completely."""
    secrets = {one.metadata.name: one.keys for one in view.secrets.items if one.metadata.namespace == place}
    maps = {one.metadata.name: _names(one) for one in view.config_maps.items if one.metadata.namespace == place}
    given = [
        (named.target_kind, named.name)
        for pod in view.pods
        if pod.metadata.namespace == place and pod.ready
        for named in references(pod)
        if not named.optional and named.via != PULL and named.name not in PUBLISHED
    ]
    return {
        kind: names if {place, "*"} & complete and all(name in names for one, name in given if one == kind) else None
        for kind, names, complete in (
            ("secret", secrets, view.secrets.complete_in),
            ("configmap", maps, view.config_maps.complete_in),
        )
    }


def _names(config_map: ConfigMap) -> frozenset[str]:
    return frozenset((*config_map.data, *config_map.binary_data))


def _leads(named: Named, known: Keys) -> bool:
    """Say whether a reference leads somewhere; a key of an absent object is not reported beside the object itself."""
    if named.name not in known:
        return named.via == "volume" and bool(named.key)
    return not named.key or named.key in known[named.name]


def _told(view: View, pod: Pod) -> Iterator[Named]:
    """Yield what the kubelet says is absent."""
    texts = [(what.text, one.container.name) for one in unstarted(pod) for what in _of_container_alone(view, pod, one)]
    texts += [(event.text, "") for event in view.about(pod) if event.reason == MOUNT]
    for text, container in texts:
        via = "env" if container else "volume"
        for pattern in (_OBJECT, _KEY):
            for match in pattern.finditer(text):
                yield Named(
                    target_kind=match["kind"].lower(),
                    name=match["name"],
                    key=match.groupdict().get("key") or "",
                    via=via,
                    container=container,
                )


def _of_container_alone(view: View, pod: Pod, one: Unstarted) -> Iterator[Said]:
    """Yield what is said about a container, without what a lone container shares with its pod's volumes."""
    return (what for what in said(view, pod, one) if what.reason != MOUNT)


def _fact(view: View, pod: Pod, named: Named, known: Keys) -> Fact:
    absent_key = named.key if named.name in known or not known else ""
    return view.observe(
        "reference.unresolved",
        pod_id(pod),
        query=kubectl_get(named.target_kind, pod.metadata.namespace, named.name),
        at=begun(pod),
        target_kind=named.target_kind,
        name=named.name,
        key=absent_key or None,
        via=named.via,
        container=named.container or None,
        optional=named.optional,
        nearest=similar(absent_key, known.get(named.name, ())) or similar(named.name, known) or None,
    )
