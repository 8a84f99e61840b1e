"""Lists incidents page by page: a cursor is the place of the last one, so that what arrives meanwhile moves nothing."""

from __future__ import annotations

from typing import Annotated

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, and_, case, func, literal, or_, select

from sre_orchestrator.api.service.models import Page, Query
from sre_orchestrator.api.service.store.cursors import cursor_at, place_of
from sre_orchestrator.api.service.store.rows import record_of, time_text
from sre_orchestrator.api.service.store.tables import incident

_Place = Annotated[str, msgspec.Meta(max_length=40, pattern="^[0-9A-Za-z:.-]+$")]


def listed(connection: Connection, query: Query) -> Page:
    """Return a page of incidents.

    Raises:
        InputError: the cursor is none of ours.

    """
    column, falls = query.sort.removeprefix("-"), query.sort.startswith("-")
    key = incident.c[column]
    chosen = select(incident).where(*_conditions(query))
    if query.cursor:
        at, name = place_of(query.cursor, _Place)
        chosen = chosen.where(
            or_(key < at, and_(key == at, incident.c.id < name))
            if falls
            else or_(key > at, and_(key == at, incident.c.id > name))
        )
    order = (key.desc(), incident.c.id.desc()) if falls else (key, incident.c.id)
    rows = connection.execute(chosen.order_by(*order).limit(query.limit + 1)).mappings().all()
    items = tuple(record_of(row) for row in rows[: query.limit])
    cursor = cursor_at(time_text(getattr(items[-1], column)), items[-1].id) if len(rows) > query.limit else ""
    return Page(items=items, next_cursor=cursor)


def _conditions(query: Query) -> list[ColumnElement[bool]]:
    equal = {
        "status": query.status,
        "verdict": query.verdict,
        "cause": query.cause,
        "component": query.component,
        "origin": query.origin,
        "namespace": query.namespace,
    }
    found = [incident.c[name] == value for name, value in equal.items() if value]
    if query.namespaces:
        found.append(within(incident.c.namespace, query.namespaces))
    if query.since:
        found.append(incident.c.created_at >= time_text(query.since))
    if query.until:
        found.append(incident.c.created_at < time_text(query.until))
    if query.text:
        found.append(incident.c.description.icontains(query.text, autoescape=True))
    return found


def within(column: Column[str], namespaces: tuple[str, ...]) -> ColumnElement[bool]:
    """Say in SQL that ``column`` names at least one namespace, and none but these: together they fill its text."""
    text = literal(",") + func.replace(column, " ", "") + ","
    parts = (
        case((text.contains(f",{one},", autoescape=True), len(one) + 1), else_=0) for one in dict.fromkeys(namespaces)
    )
    return and_(column != "", sum(parts, literal(1)) == func.length(text))
