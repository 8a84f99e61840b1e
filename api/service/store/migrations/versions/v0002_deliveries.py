"""Deliveries: what is to be told of finished incidents, and to whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TIME = sa.String(27)
ID = sa.String(40)


def upgrade() -> None:
    """Make the table; find open incidents of a cause."""
    op.create_table(
        "delivery",
        sa.Column("id", ID, primary_key=True),
        sa.Column("incident", ID, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("said", sa.String(32), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("due_at", TIME),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.UniqueConstraint("incident", "target", "said"),
    )
    op.create_index("delivery_by_due", "delivery", ["due_at"])
    op.create_index("incident_by_cause", "incident", ["cause", "component"])


def downgrade() -> None:
    """Drop the table, with what is still to be told."""
    op.drop_index("incident_by_cause", "incident")
    op.drop_table("delivery")
