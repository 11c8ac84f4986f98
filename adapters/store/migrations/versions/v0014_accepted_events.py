"""The store remembers accepted events, for pens that stand on a broker."""

import sqlalchemy as sa
from alembic import op

from adapters.store.tables import PlainText, UtcTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "accepted_events",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("received_at", UtcTime, nullable=False),
        sa.Column("content_type", PlainText, nullable=False),
        sa.Column("reading", PlainText, nullable=False),
        sa.Column("meaning", sa.Text, nullable=False),
        sa.Column("done_at", UtcTime),
    )
    still_open = sa.text("done_at IS NULL")
    op.create_index(
        "accepted_events_open",
        "accepted_events",
        ["received_at"],
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    op.create_index("accepted_events_done", "accepted_events", ["done_at"])
    op.create_table(
        "pen_bodies",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
    op.create_index("pen_bodies_at", "pen_bodies", ["at"])
    op.create_table("pen_lanes", sa.Column("lane", sa.Text, primary_key=True))
    op.create_table(
        "pen_keys",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
    )
