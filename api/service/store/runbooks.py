"""Keeps runbooks (``api.service.ports.Runbooks``)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated

import msgspec
from sqlalchemy import Engine, RowMapping, delete, func, insert, literal, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from sre_orchestrator.api.service.models import RunbookPage, RunbookQuery, RunbookRecord, RunbookView
from sre_orchestrator.api.service.store.cursors import cursor_at, place_of
from sre_orchestrator.api.service.store.listing import within
from sre_orchestrator.api.service.store.rows import time_text
from sre_orchestrator.api.service.store.tables import runbook
from sre_orchestrator.core.errors import InputError

_Place = Annotated[str, msgspec.Meta(max_length=253, pattern=r"^[^\x00]*$")]
STORED = [one for one in RunbookView.__struct_fields__ if one != "excerpt"]
LISTED = [runbook.c[one] for one in STORED if one != "text"]


class RunbookTable:
    """Runbooks in a database; every method is a transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._read = engine.execution_options(isolation_level="AUTOCOMMIT")

    def keep(self, given: RunbookView, *, most: int) -> tuple[RunbookView, bool]:
        """Keep a runbook in the place of one of the same id, unless it says the same."""
        try:
            return self._kept(given, most)
        except IntegrityError:  # another replica has just kept it
            return self._kept(given, most)

    def _kept(self, given: RunbookView, most: int) -> tuple[RunbookView, bool]:
        row = {name: getattr(given, name) for name in STORED}
        row |= {name: time_text(getattr(given, name)) for name in ("created_at", "updated_at")}
        row["notes"] = msgspec.json.encode(given.notes).decode()
        here = runbook.c.id == given.id
        with self._engine.begin() as connection:
            known = connection.execute(select(runbook).where(here).with_for_update()).mappings().first()
            if known is None:
                if (connection.scalar(select(func.count()).select_from(runbook)) or 0) >= most:
                    raise InputError(f"{most} runbooks are kept already (service.most_runbooks); remove some first")
                connection.execute(insert(runbook).values(**row))
                return given, True
            if all(known[name] == row[name] for name in ("digest", "title", "media_type", "notes")):
                return _runbook(known), False
            connection.execute(update(runbook).where(here).values(**row | {"created_at": known["created_at"]}))
            return _runbook(connection.execute(select(runbook).where(here)).mappings().one()), False

    def get(self, runbook_id: str) -> RunbookView | None:
        """Return a runbook."""
        with self._read.connect() as connection:
            row = connection.execute(select(runbook).where(runbook.c.id == runbook_id)).mappings().first()
        return _runbook(row) if row else None

    def list(self, query: RunbookQuery) -> RunbookPage:
        """Return a page of runbooks, by name."""
        chosen = select(*LISTED)
        if query.namespaces:
            chosen = chosen.where(or_(runbook.c.namespace == "", within(runbook.c.namespace, query.namespaces)))
        if query.cursor:
            chosen = chosen.where(
                tuple_(runbook.c.name, runbook.c.id) > tuple_(*map(literal, place_of(query.cursor, _Place)))
            )
        ordered = chosen.order_by(runbook.c.name, runbook.c.id).limit(query.limit + 1)
        with self._read.connect() as connection:
            rows = connection.execute(ordered).mappings().all()
        items = tuple(map(_listed, rows[: query.limit]))
        more = len(rows) > query.limit
        return RunbookPage(items=items, next_cursor=cursor_at(items[-1].name, items[-1].id) if more else "")

    def digests(self) -> dict[str, str]:
        """Return the ids of all runbooks with the digests of their texts."""
        with self._read.connect() as connection:
            return {row.id: row.digest for row in connection.execute(select(runbook.c.id, runbook.c.digest))}

    def those(self, ids: Collection[str]) -> Sequence[RunbookRecord]:
        """Return the runbooks of these ids that there are, without their texts."""
        with self._read.connect() as connection:
            rows = connection.execute(select(*LISTED).where(runbook.c.id.in_(ids))).mappings().all()
        return [_listed(row) for row in rows]

    def remove(self, runbook_id: str) -> bool:
        """Remove a runbook; return whether there was one."""
        with self._engine.begin() as connection:
            return connection.execute(delete(runbook).where(runbook.c.id == runbook_id)).rowcount > 0


def _listed(row: RowMapping) -> RunbookRecord:
    return msgspec.convert(_values(row), RunbookRecord)


def _runbook(row: RowMapping) -> RunbookView:
    return msgspec.convert(_values(row), RunbookView)


def _values(row: RowMapping) -> dict[str, object]:
    return {str(name): value for name, value in row.items()} | {"notes": msgspec.json.decode(row["notes"])}
