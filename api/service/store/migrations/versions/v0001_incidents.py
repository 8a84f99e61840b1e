"""The first schema: incidents, investigations, what happened, feedback."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.String(27)
ID = sa.String(40)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "incident",
        sa.Column("id", ID, primary_key=True),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("origin", sa.String(10), nullable=False),
        sa.Column("reporter", sa.Text, nullable=False),
        sa.Column("reported", sa.LargeBinary, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("resolved_at", TIME),
        sa.Column("seen", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("merged_into", ID, nullable=False),
        sa.Column("verdict", sa.String(12)),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("component", sa.Text, nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, unique=True),
        sa.Column("idempotency_key", sa.Text, unique=True),
    )
    op.create_index("incident_by_creation", "incident", ["created_at", "id"])
    op.create_index("incident_by_update", "incident", ["updated_at", "id"])
    op.create_index("incident_by_status", "incident", ["status", "created_at"])
    op.create_table(
        "investigation",
        sa.Column("incident", ID, primary_key=True),
        sa.Column("report", sa.LargeBinary, nullable=False),
        sa.Column("bundle", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "happened",
        sa.Column("incident", ID, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", TIME, nullable=False),
        sa.Column("what", sa.String(10), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_table(
        "feedback",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("incident", ID, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("said", sa.LargeBinary, nullable=False),
    )
    op.create_index("feedback_by_incident", "feedback", ["incident"])


def downgrade() -> None:
    """Drop the tables, with all incidents."""
    for name in ("feedback", "happened", "investigation", "incident"):
        op.drop_table(name)
