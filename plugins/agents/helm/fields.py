"""The fields of an object that a release sets and people change by hand, in words that rules can compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.objects.config import ConfigMap
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import Service
from sre_orchestrator.plugins.objects.pods import Container, PodSpec
from sre_orchestrator.plugins.objects.quantity import parse_quantity
from sre_orchestrator.plugins.objects.workloads import CronJob, Workload

SHOWN = 200


class Place(Struct, frozen=True, kw_only=True):
    """Where a value is: which field, of which container, which item of it (variable, resource, port, key)."""

    field: str
    container: str = ""
    item: str = ""


class Difference(Struct, frozen=True, kw_only=True):
    """A value on two sides; ``None`` where a side has none."""

    place: Place
    before: str | None = None
    after: str | None = None


def changes(before: Object, after: Object) -> Iterator[Difference]:
    """Yield what differs, whichever side says it."""
    left, right = fields_of(before), fields_of(after)
    yield from _differing(left, right, [*left, *(place for place in right if place not in left)])


def drift(released: Object, live: Object) -> Iterator[Difference]:
    """Yield what is not as released; what only the live object has, defaults and mutations add, and it is left out."""
    left = fields_of(released)
    yield from _differing(left, fields_of(live), list(left))


def fields_of(item: Object) -> Mapping[Place, str]:
    """Return the values that ``item`` sets."""
    return dict(_fields(item))


def _fields(item: Object) -> Iterator[tuple[Place, str]]:
    if isinstance(item, Workload):
        if item.spec.replicas is not None:
            yield Place(field="replicas"), str(item.spec.replicas)
        yield from _template(item.spec.template.spec)
    elif isinstance(item, CronJob):
        yield from _template(item.spec.job_template.spec.template.spec)
    elif isinstance(item, Service):
        for key, value in item.spec.selector.items():
            yield Place(field="selector", item=key), value
        for port in item.spec.ports:
            yield Place(field="port", item=port.name or str(port.port)), f"{port.port} → {port.target}/{port.protocol}"
    elif isinstance(item, ConfigMap):
        for key, text in item.data.items():
            yield Place(field="data", item=key), text.rstrip()


def _template(spec: PodSpec) -> Iterator[tuple[Place, str]]:
    for container in (*spec.init_containers, *spec.containers):
        for field, item, value in _container(container):
            yield Place(field=field, container=container.name, item=item), value


def _container(one: Container) -> Iterator[tuple[str, str, str]]:
    yield "image", "", one.image
    for variable in one.env:
        yield "env", variable.name, variable.value or _text(variable.value_from)
    if one.command or one.args:
        yield "command", "", " ".join((*one.command, *one.args))
    for side, amounts in (("limit", one.resources.limits), ("request", one.resources.requests)):
        for resource, amount in amounts.items():
            yield "resources", f"{resource} {side}", str(amount)
    for port in one.ports:
        yield "port", port.name or str(port.container_port), f"{port.container_port}/{port.protocol}"


def _differing(left: Mapping[Place, str], right: Mapping[Place, str], places: Sequence[Place]) -> Iterator[Difference]:
    gone = {one.container for one in places if one.field == "image" and (one in left) != (one in right)}
    for place in places:
        if place.field != "image" and place.container in gone:
            continue  # the container itself came or went
        before, after = left.get(place), right.get(place)
        if before != after and not (before and after and _same(place.field, before, after)):
            yield Difference(place=place, **_shown(before, after))


def _same(field: str, before: str, after: str) -> bool:
    """Say whether two texts mean the same: quantities, and a tag that was resolved to its digest."""
    if field == "image":
        return after.startswith(f"{before}@sha256:")
    if field != "resources":
        return False
    try:
        return parse_quantity(before) == parse_quantity(after)
    except ValueError:
        return False


def _shown(before: str | None, after: str | None) -> dict[str, str | None]:
    """Return both sides cut to what is shown; of long texts the first line that differs."""
    if before is None or after is None or "\n" not in before + after:
        return {"before": _cut(before), "after": _cut(after)}
    left, right = before.splitlines(), after.splitlines()
    at = next((place for place, (one, other) in enumerate(zip(left, right, strict=False)) if one != other), None)
    if at is None:
        at = min(len(left), len(right))
    return {"before": _cut("".join(left[at : at + 1])), "after": _cut("".join(right[at : at + 1]))}


def _cut(text: str | None) -> str | None:
    return None if text is None else text[:SHOWN]


def _text(value: object) -> str:
    return "" if value is None else msgspec.json.encode(value).decode()
