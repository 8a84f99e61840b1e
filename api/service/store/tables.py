"""The tables; ``versions`` holds the steps that lead to them."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text

metadata = MetaData()

# Times are UTC as text of one width (2030-05-01T12:00:00.000000Z): they sort, and mean the same in every database.
incident = Table(
    "incident",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("status", String(10), nullable=False),
    Column("origin", String(10), nullable=False),
    Column("reporter", Text, nullable=False),
    Column("reported", LargeBinary, nullable=False),
    Column("description", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("created_at", String(27), nullable=False),
    Column("updated_at", String(27), nullable=False),
    Column("resolved_at", String(27)),
    Column("seen", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("merged_into", String(40), nullable=False),
    Column("verdict", String(12)),
    Column("cause", Text, nullable=False),
    Column("component", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("error", Text, nullable=False),
    Column("fingerprint", Text, unique=True),  # while the incident is open: one open incident a fingerprint
    Column("idempotency_key", Text, unique=True),
    Index("incident_by_creation", "created_at", "id"),
    Index("incident_by_update", "updated_at", "id"),
    Index("incident_by_status", "status", "created_at"),
)
investigation = Table(
    "investigation",
    metadata,
    Column("incident", String(40), primary_key=True),
    Column("report", LargeBinary, nullable=False),
    Column("bundle", LargeBinary, nullable=False),
)
happened = Table(
    "happened",
    metadata,
    Column("incident", String(40), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", String(27), nullable=False),
    Column("what", String(10), nullable=False),
    Column("text", Text, nullable=False),
)
feedback = Table(
    "feedback",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("incident", String(40), nullable=False),
    Column("at", String(27), nullable=False),
    Column("caller", Text, nullable=False),
    Column("said", LargeBinary, nullable=False),
    Index("feedback_by_incident", "incident"),
)
