"""Lists incidents page by page: a cursor is the place of the last one, so that what arrives meanwhile moves nothing."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, case, func, literal, or_, select

from sre_orchestrator.api.service.models import IncidentRecord, Page, Query
from sre_orchestrator.api.service.store.rows import record_of, time_text
from sre_orchestrator.api.service.store.tables import incident
from sre_orchestrator.core.errors import InputError

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
        at, name = _place(query.cursor)
        chosen = chosen.where(
            or_(key < at, and_(key == at, incident.c.id < name))
            if falls
            else or_(key > at, and_(key == at, incident.c.id > name))
        )
    order = (key.desc(), incident.c.id.desc()) if falls else (key, incident.c.id)
    rows = connection.execute(chosen.order_by(*order).limit(query.limit + 1)).mappings().all()
    items = tuple(record_of(row) for row in rows[: query.limit])
    return Page(items=items, next_cursor=_cursor(items[-1], column) if len(rows) > query.limit else "")


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
        found.append(_within(query.namespaces))
    if query.since:
        found.append(incident.c.created_at >= time_text(query.since))
    if query.until:
        found.append(incident.c.created_at < time_text(query.until))
    if query.text:
        found.append(incident.c.description.icontains(query.text, autoescape=True))
    return found


def _within(namespaces: tuple[str, ...]) -> ColumnElement[bool]:
    """Say in SQL that an incident names at least one namespace, and none but these: together they fill its text."""
    text = literal(",") + func.replace(incident.c.namespace, " ", "") + ","
    parts = (
        case((text.contains(f",{one},", autoescape=True), len(one) + 1), else_=0) for one in dict.fromkeys(namespaces)
    )
    return and_(incident.c.namespace != "", sum(parts, literal(1)) == func.length(text))


def _cursor(last: IncidentRecord, column: str) -> str:
    at: datetime = getattr(last, column)
    return base64.urlsafe_b64encode(msgspec.json.encode((time_text(at), last.id))).decode().rstrip("=")


def _place(cursor: str) -> tuple[str, str]:
    try:
        return msgspec.json.decode(
            base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=tuple[_Place, _Place]
        )
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise InputError(f"cursor {cursor[:40]!r}: is none of ours; begin without one") from error
