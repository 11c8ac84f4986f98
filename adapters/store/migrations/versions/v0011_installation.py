"""The store knows its installation, and which blueprints were accepted in it."""

import sqlalchemy as sa
from alembic import op

from adapters.store.tables import PlainText, UtcTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the two tables."""
    op.create_table(
        "installations",
        sa.Column("instance_id", sa.Text, primary_key=True),
        sa.Column("made_at", UtcTime, nullable=False),
    )
    op.create_table(
        "accepted_blueprints",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("money_digest", sa.Text, nullable=False),
        sa.Column("rules", PlainText, nullable=False),
        sa.Column("accepted_by", PlainText, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
