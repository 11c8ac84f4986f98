"""Which articles answered, and which questions none did."""

import sqlalchemy as sa
from alembic import op

from adapters.store.tables import PlainText, UtcTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what letters are and quote, and the table of questions; older letters stay without."""
    op.add_column("replies", sa.Column("kind", sa.Text))
    op.add_column("replies", sa.Column("article", PlainText))
    op.create_index("replies_by_kind", "replies", ["kind", "queued_at"])
    op.create_table(
        "unanswered_questions",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("category", PlainText, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
    op.create_index("unanswered_questions_by_time", "unanswered_questions", ["at"])
