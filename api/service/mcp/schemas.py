"""JSON Schemas of what tools ask and answer, in the form that the protocol wants: an object at the top."""

from __future__ import annotations

from typing import Any

import msgspec

from sre_orchestrator.core.models import Struct


def schema_of(kind: type[Struct]) -> dict[str, Any]:
    """Return the schema of a struct."""
    (reference,), parts = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    name = reference["$ref"].rpartition("/")[2]
    top = {"$schema": "https://json-schema.org/draft/2020-12/schema", **parts[name]}
    rest = {other: part for other, part in parts.items() if other != name or _mentions(parts, reference["$ref"])}
    return {**top, "$defs": rest} if rest else top


def _mentions(parts: dict[str, Any], reference: str) -> bool:
    return f'"{reference}"' in msgspec.json.encode(parts).decode()
