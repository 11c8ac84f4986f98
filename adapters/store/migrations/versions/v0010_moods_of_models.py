"""How models behave, and which cases wait because of it."""

import sqlalchemy as sa
from alembic import op

from adapters.store.tables import PlainText, UtcTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "model_moods",
        sa.Column("model", PlainText, primary_key=True),
        sa.Column("mood", PlainText, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
    op.create_table(
        "model_waits",
        sa.Column("model", PlainText, primary_key=True),
        sa.Column("case_id", PlainText, primary_key=True),
        sa.Column("since", UtcTime, nullable=False),
    )
