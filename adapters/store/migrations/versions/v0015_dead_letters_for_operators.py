"""Dead letters know their tenant and the run that replayed them; edits of their input and orders to replay are kept."""

import sqlalchemy as sa
from alembic import op

from adapters.store.tables import PlainText, UtcTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and the columns, and fill in the tenants."""
    op.add_column("dead_letters", sa.Column("tenant", sa.Text))
    op.add_column("dead_letters", sa.Column("run", sa.Text))
    op.execute("UPDATE dead_letters SET tenant = (SELECT tenant FROM cases WHERE cases.case_id = dead_letters.case_id)")
    op.create_index("ix_dead_letters_run", "dead_letters", ["run"])
    op.create_index("dead_letters_in_order", "dead_letters", ["status", "at", "dead_letter_id"])
    op.create_table(
        "letter_edits",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("dead_letter_id", sa.Text, nullable=False),
        sa.Column("content_type", PlainText, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("reading", PlainText, nullable=False),
        sa.Column("by", PlainText, nullable=False),
        sa.Column("reason", PlainText, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
    op.create_table(
        "replay_orders",
        sa.Column("replay_id", sa.Text, primary_key=True),
        sa.Column("order", PlainText, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Index("replay_orders_by_time", "at"),
    )
