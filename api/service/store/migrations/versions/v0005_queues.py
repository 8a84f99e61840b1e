"""Whose workers investigate an incident, where the services of several clusters share a database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what is there belongs to the queue without a name."""
    op.add_column("incident", sa.Column("queue", sa.String(40), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("incident", "queue")
