"""The tables; ``versions`` holds the steps that lead to them."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text, UniqueConstraint

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
    Column("queue", String(40), nullable=False, server_default=""),  # whose workers investigate it
    Index("incident_by_creation", "created_at", "id"),
    Index("incident_by_update", "updated_at", "id"),
    Index("incident_by_status", "status", "created_at"),
    Index("incident_by_cause", "cause", "component"),
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
    Column("cause", Text, nullable=False, server_default=""),  # these two are those of ``said``
    Column("component", Text, nullable=False, server_default=""),
    Index("feedback_by_incident", "incident"),
    Index("feedback_by_cause", "cause"),
)
# What is to be told of an incident, to whom: once for each thing there is to say. Without ``due_at`` it is over: told, or
# given up (then ``error`` says why).
delivery = Table(
    "delivery",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("incident", String(40), nullable=False),
    Column("target", Text, nullable=False),
    Column("said", String(32), nullable=False),
    Column("created_at", String(27), nullable=False),
    Column("due_at", String(27)),
    Column("attempts", Integer, nullable=False),
    Column("error", Text, nullable=False),
    UniqueConstraint("incident", "target", "said"),
    Index("delivery_by_due", "due_at"),
)
# What is kept of an API key: enough to know it again. Several of one name may be valid: that is how keys are rotated.
api_key = Table(
    "api_key",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("namespaces", Text, nullable=False),
    Column("created_at", String(27), nullable=False),
    Column("expires_at", String(27)),
    Column("revoked_at", String(27)),
    Index("api_key_by_name", "name"),
)
# Documents for incidents; ``namespace`` (comma-separated; none: everybody) is who may see them.
runbook = Table(
    "runbook",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("media_type", String(40), nullable=False),
    Column("namespace", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("author", Text, nullable=False),
    Column("created_at", String(27), nullable=False),
    Column("updated_at", String(27), nullable=False),
    Column("text", Text, nullable=False),
    Column("notes", Text, nullable=False, server_default="[]"),  # as JSON
    Index("runbook_by_name", "name", "id"),
)
# What runbooks mean, once for all replicas: texts are found by the SHA-256 of their UTF-8, in hexadecimal.
runbook_vector = Table(
    "runbook_vector",
    metadata,
    Column("model", Text, primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("text", Text, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("seen_at", String(27), nullable=False),  # when a replica last wanted it, to the day
)
