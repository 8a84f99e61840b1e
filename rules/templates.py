"""Texts with placeholders: ``{name.attribute}`` and ``{name.attribute|filter}``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from sre_orchestrator.core.models import Scalar
from sre_orchestrator.rules.operators import Value

PLACEHOLDER = re.compile(r"\{(?P<name>\w+)\.(?P<attribute>\w+)(?:\|(?P<filter>\w+))?\}")
_STEP = 1024
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def as_bytes(value: Value) -> str:
    """Word a number of bytes.

    >>> as_bytes(134217728), as_bytes(1536)
    ('128 MiB', '1.5 KiB')
    """
    if not isinstance(value, int | float):
        return str(value)
    size = float(value)
    units = ["B", "KiB", "MiB", "GiB", "TiB"]
    while abs(size) >= _STEP and len(units) > 1:
        size /= _STEP
        units.pop(0)
    return f"{size:.4g} {units[0]}" if size % 1 else f"{int(size)} {units[0]}"


def as_duration(value: Value) -> str:
    """Word a number of seconds.

    >>> as_duration(45), as_duration(90), as_duration(7200)
    ('45 s', '1.5 min', '2 h')
    """
    if not isinstance(value, int | float):
        return str(value)
    seconds = float(value)
    for limit, size, unit in ((_MINUTE, 1, "s"), (_HOUR, _MINUTE, "min"), (_DAY, _HOUR, "h")):
        if abs(seconds) < limit:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / _DAY:.3g} d"


def as_percent(value: Value) -> str:
    """Word a ratio.

    >>> as_percent(0.425)
    '42.5 %'
    """
    if not isinstance(value, int | float):
        return str(value)
    return f"{float(value) * 100:.3g} %"


FILTERS: Mapping[str, Callable[[Value], str]] = {"bytes": as_bytes, "duration": as_duration, "percent": as_percent}


class Slot(NamedTuple):
    """A placeholder."""

    name: str
    attribute: str
    filter: str = ""


@lru_cache(maxsize=8192)
def parts(template: str) -> tuple[str | Slot, ...]:
    """Return a template as literal texts and placeholders, in order.

    >>> parts("{pod.name} uses {pod.bytes|bytes}")
    (Slot(name='pod', attribute='name', filter=''), ' uses ', Slot(name='pod', attribute='bytes', filter='bytes'))
    """
    found: list[str | Slot] = []
    end = 0
    for match in PLACEHOLDER.finditer(template):
        found += [template[end : match.start()], Slot(match["name"], match["attribute"], match["filter"] or "")]
        end = match.end()
    return tuple(one for one in (*found, template[end:]) if one)


@lru_cache(maxsize=8192)
def slots(template: str) -> tuple[Slot, ...]:
    """Return the placeholders of a template."""
    return tuple(part for part in parts(template) if isinstance(part, Slot))


def render(template: str, values: Callable[[str, str], Value]) -> str:
    """Fill the placeholders of ``template``; ``values(name, attribute)`` gives each value."""
    return "".join([part if isinstance(part, str) else _filled(part, values) for part in parts(template)])


def typed(template: Scalar, values: Callable[[str, str], Value]) -> Scalar | None:
    """Return the value itself where the template is one bare placeholder, else the rendered text."""
    if not isinstance(template, str):
        return template
    split = parts(template)
    if len(split) == 1 and isinstance(split[0], Slot) and not split[0].filter:
        value = values(split[0].name, split[0].attribute)
        return value if isinstance(value, str | int | float | bool) else None
    return render(template, values)


def _filled(slot: Slot, values: Callable[[str, str], Value]) -> str:
    value = values(slot.name, slot.attribute)
    if value is None:
        return "?"
    if slot.filter:
        return FILTERS[slot.filter](value)
    return f"{value:g}" if isinstance(value, float) else str(value)
