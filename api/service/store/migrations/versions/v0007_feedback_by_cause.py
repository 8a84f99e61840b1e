"""Of which hypothesis something was said, so that it is found by its cause."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

FEEDBACK = sa.table(
    "feedback", sa.column("number"), sa.column("said"), sa.column("cause", sa.Text), sa.column("component", sa.Text)
)


class Named(msgspec.Struct):
    """What names a hypothesis."""

    cause: str = ""
    component: str = ""


def upgrade() -> None:
    """Add the columns, and fill them with what was said before."""
    for name in ("cause", "component"):
        op.add_column("feedback", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.create_index("feedback_by_cause", "feedback", ["cause"])
    connection = op.get_bind()
    for number, said in connection.execute(sa.select(FEEDBACK.c.number, FEEDBACK.c.said)).all():
        named = msgspec.structs.asdict(msgspec.json.decode(said, type=Named))
        connection.execute(sa.update(FEEDBACK).where(FEEDBACK.c.number == number).values(**named))


def downgrade() -> None:
    """Drop the columns."""
    op.drop_index("feedback_by_cause", "feedback")
    for name in ("cause", "component"):
        op.drop_column("feedback", name)
