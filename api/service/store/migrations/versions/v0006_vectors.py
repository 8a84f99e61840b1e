"""What runbooks mean to a model that embeds, for all replicas."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "runbook_vector",
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.Column("seen_at", sa.String(27), nullable=False),
    )


def downgrade() -> None:
    """Drop the table; replicas embed again."""
    op.drop_table("runbook_vector")
