"""Closed lists of one incident: the schema of an answer, held to the short names of what may be answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import msgspec

from sre_orchestrator.core.models import Struct

Schema = Mapping[str, object]


def held_to(answer: type[Struct], lists: Mapping[str, Sequence[str]]) -> Schema:
    """Return the JSON Schema of ``answer`` in which each property that ``lists`` names is one of its values.

    Where the property is an array, each of its items is.
    """
    schema = msgspec.json.schema(answer)
    for part in cast("dict[str, dict[str, object]]", schema["$defs"]).values():
        for name, property_ in cast("dict[str, dict[str, object]]", part.get("properties", {})).items():
            if name in lists:
                _hold(property_, list(lists[name]))
    return schema


def _hold(property_: dict[str, object], values: list[str]) -> None:
    if property_.get("type") == "array":
        property_["items"] = {"enum": values}
    else:
        property_.clear()
        property_["enum"] = values
