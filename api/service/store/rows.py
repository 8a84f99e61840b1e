"""Rows and what they stand for."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from sqlalchemy import RowMapping

from sre_orchestrator.api.service.models import IncidentRecord


def time_text(at: datetime) -> str:
    """Return a time as it is stored: UTC, always of the same width."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def storable(text: str) -> str:
    """Return text as every database keeps it: PostgreSQL keeps no NUL."""
    return text.replace("\0", "")


def record_of(row: RowMapping) -> IncidentRecord:
    """Return the incident of a row."""
    values = {name: row[name] for name in IncidentRecord.__struct_fields__}
    return msgspec.convert({**values, "reported": msgspec.json.decode(row["reported"])}, IncidentRecord)
