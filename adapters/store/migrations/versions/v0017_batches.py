"""Questions that wait for a batch, and the batches that were sent."""

import sqlalchemy as sa
from alembic import op

from adapters.store.tables import PlainText, UtcTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "model_batches",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("model", PlainText, nullable=False),
        sa.Column("number", PlainText, nullable=False),
        sa.Column("sent_at", UtcTime, nullable=False),
        sa.Column("ended_at", UtcTime),
    )
    op.create_table(
        "batch_questions",
        sa.Column("item_id", sa.Text, primary_key=True),
        sa.Column("question", sa.Text, nullable=False, unique=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("model", PlainText, nullable=False),
        sa.Column("request", PlainText, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("since", UtcTime, nullable=False),
        sa.Column("batch_key", sa.Text),
        sa.Column("live", sa.Boolean, nullable=False),
        sa.Column("end", sa.Text),
        sa.Column("reply", PlainText, nullable=False),
        sa.Column("why", PlainText, nullable=False),
    )
    op.create_index("batch_questions_of_batch", "batch_questions", ["batch_key"])
    op.create_index("batch_questions_by_time", "batch_questions", ["since"])
