"""Answers that were reused, and what they saved."""

import sqlalchemy as sa
from alembic import op

from adapters.store.tables import PlainText, UtcTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "reused_answers",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("asked_by", PlainText, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("lang", PlainText, nullable=False),
        sa.Column("answer", PlainText, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("cosine", sa.Double, nullable=False),
        sa.Column("margin", sa.Double, nullable=False),
        sa.Column("agree", sa.Integer, nullable=False),
        sa.Column("confirmed", sa.Boolean),
        sa.Column("saved_tokens", sa.BigInteger, nullable=False),
        sa.Column("saved_micros", sa.BigInteger, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
    op.create_index("reused_answers_by_time", "reused_answers", ["at"])
