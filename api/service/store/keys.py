"""Keeps API keys (``api.service.security.keys.Keys``)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Engine, RowMapping, insert, or_, select, update

from sre_orchestrator.api.service.ports import KeyRecord
from sre_orchestrator.api.service.store.rows import time_text
from sre_orchestrator.api.service.store.tables import api_key


class KeyTable:
    """API keys in a database; every method is a transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._read = engine.execution_options(isolation_level="AUTOCOMMIT")

    def add(self, record: KeyRecord, digest: bytes) -> None:
        """Keep what a key is known by."""
        row = {
            "id": record.id,
            "name": record.name,
            "digest": digest,
            "scopes": ",".join(record.scopes),
            "namespaces": ",".join(record.namespaces),
            "created_at": time_text(record.created_at),
            "expires_at": time_text(record.expires_at) if record.expires_at else None,
        }
        with self._engine.begin() as connection:
            connection.execute(insert(api_key).values(**row))

    def find(self, key_id: str) -> tuple[KeyRecord, bytes] | None:
        """Return a key and its digest, whether it may be used or not."""
        with self._read.connect() as connection:
            row = connection.execute(select(api_key).where(api_key.c.id == key_id)).mappings().first()
        return (_record(row), row["digest"]) if row else None

    def list(self) -> Sequence[KeyRecord]:
        """Return all keys, by name and then the oldest first."""
        ordered = select(api_key).order_by(api_key.c.name, api_key.c.created_at, api_key.c.id)
        with self._read.connect() as connection:
            return [_record(row) for row in connection.execute(ordered).mappings()]

    def revoke(self, which: str, now: datetime) -> Sequence[KeyRecord]:
        """Revoke the key of that id, or every key of that name; return those that were not revoked before."""
        valid = or_(api_key.c.id == which, api_key.c.name == which) & api_key.c.revoked_at.is_(None)
        revoked = update(api_key).where(valid).values(revoked_at=time_text(now)).returning(api_key)
        with self._engine.begin() as connection:
            return [_record(row) for row in connection.execute(revoked).mappings()]


def _record(row: RowMapping) -> KeyRecord:
    values = {name: row[name] for name in KeyRecord.__struct_fields__}
    lists = {name: [one for one in values[name].split(",") if one] for name in ("scopes", "namespaces")}
    return msgspec.convert({**values, **lists}, KeyRecord)
