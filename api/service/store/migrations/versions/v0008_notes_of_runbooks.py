"""What could not be taken from a runbook that was uploaded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of what is there nothing is known."""
    op.add_column("runbook", sa.Column("notes", sa.Text, nullable=False, server_default="[]"))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("runbook", "notes")
