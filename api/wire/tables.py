"""Tables: what ``kubectl get`` prints, made by the server as the API does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from sre_orchestrator.api.wire.ages import age
from sre_orchestrator.api.wire.columns import COLUMNS, Cell, Printed
from sre_orchestrator.api.wire.resources import Json, Resource
from sre_orchestrator.api.wire.store import Stored

META = "meta.k8s.io/v1"
NAME = Printed(name="Name", cell=lambda item, _: item["metadata"]["name"], format="name")
AGE = Printed(name="Age", cell=lambda item, now: age(item["metadata"].get("creationTimestamp"), now))


def table(resource: Resource, items: Iterable[Stored], metadata: Json, *, now: datetime, include: str) -> Json:
    """Return the table of ``items``; ``include`` says what is beside the cells: None, Metadata or Object."""
    printed = _columns(resource)
    beside = _beside(resource, include)
    rows = []
    for item in items:
        decoded = item.json()
        rows.append({"cells": [_safe(one.cell, decoded, now) for one in printed], "object": beside(decoded)})
    return {
        "kind": "Table",
        "apiVersion": META,
        "metadata": metadata,
        "columnDefinitions": [
            {"name": one.name, "type": one.type, "format": one.format, "description": "", "priority": one.priority}
            for one in printed
        ],
        "rows": rows,
    }


def _columns(resource: Resource) -> tuple[Printed, ...]:
    if resource.columns:
        custom = (
            Printed(name=one.name, cell=_at(one.path, one.type), priority=one.priority) for one in resource.columns
        )
        return (NAME, *custom) if resource.columns[-1].name == AGE.name else (NAME, *custom, AGE)
    known = COLUMNS.get(resource.qualified)
    if known is None:
        return (NAME, AGE)
    if any(one.name == NAME.name and one.priority for one in known):  # events begin with when, and end with their name
        return known
    narrow = [one for one in known if not one.priority]
    name = () if narrow and narrow[0].name == NAME.name else (NAME,)
    return (*name, *narrow, AGE, *(one for one in known if one.priority))


def _beside(resource: Resource, include: str) -> Callable[[Json], Json | None]:
    if include == "None":
        return lambda _: None
    if include == "Object":
        head = {"kind": resource.kind, "apiVersion": resource.api_version(resource.versions[0])}
        return lambda item: head | item
    return lambda item: {"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": item["metadata"]}


def _safe(cell: Cell, item: Json, now: datetime) -> object:
    """Return a cell; objects of strangers need not have the form that their kind has."""
    try:
        return cell(item, now)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return "<unknown>"


def _at(path: str, kind: str) -> Cell:
    """Return the cell of a simple JSONPath such as ``.status.phase``; what it does not understand is empty."""
    steps = path.strip("{}").lstrip(".").split(".")

    def cell(item: Json, now: datetime) -> object:
        node: object = item
        for step in steps:
            node = node.get(step) if isinstance(node, dict) else None
        return (
            age(node, now) if kind == "date" else "" if node is None else node if isinstance(node, int) else str(node)
        )

    return cell
