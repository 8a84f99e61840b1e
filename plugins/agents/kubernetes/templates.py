"""What differs between two pod templates, in words that rules can compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.objects.pods import Container, PodSpec, Volume
from sre_orchestrator.plugins.objects.quantity import parse_quantity

SHOWN = 200


class Change(Struct, frozen=True, kw_only=True):
    """One difference between two pod templates; an absent side is empty."""

    container: str = ""
    what: str
    item: str = ""
    before: str = ""
    after: str = ""


def changes(before: PodSpec, after: PodSpec) -> Iterator[Change]:
    """Yield the differences of two pod templates, container by container."""
    old = {one.name: one for one in (*before.init_containers, *before.containers)}
    new = {one.name: one for one in (*after.init_containers, *after.containers)}
    for name in sorted(old.keys() | new.keys()):
        if name in old and name in new:
            yield from _container(old[name], new[name])
        else:
            yield Change(
                container=name,
                what="container",
                item=name,
                before=old[name].image if name in old else "",
                after=new[name].image if name in new else "",
            )
    pairs = {
        "volume": (_by_name(before.volumes), _by_name(after.volumes)),
        "account": ({"": before.service_account_name}, {"": after.service_account_name}),
        "selector": (before.node_selector, after.node_selector),
        "affinity": ({"": _text(before.affinity)}, {"": _text(after.affinity)}),
        "tolerations": ({"": _text(before.tolerations)}, {"": _text(after.tolerations)}),
    }
    for what, (left, right) in pairs.items():
        yield from _differing("", what, left, right)


def _container(before: Container, after: Container) -> Iterator[Change]:
    for what, read in _READ.items():
        yield from _differing(after.name, what, read(before), read(after))


def _differing(container: str, what: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for item in sorted(before.keys() | after.keys()):
        left, right = before.get(item, ""), after.get(item, "")
        if left != right:
            yield Change(container=container, what=what, item=item, before=left[:SHOWN], after=right[:SHOWN])


def _environment(container: Container) -> Mapping[str, str]:
    """Return the variables with their values or where these come from."""
    found = {one.name: one.value or _text(one.value_from) for one in container.env}
    sources = [one.config_map_ref or one.secret_ref for one in container.env_from]
    found |= {f"envFrom {one.name}": one.name for one in sources if one}
    return found


def _resources(container: Container) -> Mapping[str, str]:
    sides = (("limit", container.resources.limits), ("request", container.resources.requests))
    return {f"{resource} {side}": str(value) for side, amounts in sides for resource, value in amounts.items()}


def _probes(container: Container) -> Mapping[str, str]:
    probes = {
        "liveness": container.liveness_probe,
        "readiness": container.readiness_probe,
        "startup": container.startup_probe,
    }
    return {name: _text(probe) for name, probe in probes.items() if probe}


def _by_name(volumes: Sequence[Volume]) -> Mapping[str, str]:
    return {one.name: _text(one) for one in volumes}


def _text(value: object) -> str:
    return "" if value is None else msgspec.json.encode(value).decode()


def direction(change: Change) -> Literal["up", "down"] | None:
    """Return whether a resource went up or down, where both sides are quantities."""
    if change.what != "resources":
        return None
    try:
        left, right = parse_quantity(change.before), parse_quantity(change.after)
    except ValueError:
        return None
    return "up" if right > left else "down"


_READ: Mapping[str, Callable[[Container], Mapping[str, str]]] = {
    "image": lambda one: {"": one.image},
    "env": _environment,
    "command": lambda one: {"": " ".join((*one.command, *one.args))},
    "resources": _resources,
    "probe": _probes,
    "port": lambda one: {"": " ".join(str(port.container_port) for port in one.ports)},
    "volume": lambda one: {mount.name: mount.mount_path for mount in one.volume_mounts},
}
