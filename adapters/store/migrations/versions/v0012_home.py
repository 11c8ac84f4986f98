"""The store knows in which data dir its installation lives."""

import sqlalchemy as sa
from alembic import op

from adapters.store.tables import PlainText, UtcTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "homes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("path", PlainText, nullable=False),
        sa.Column("inode", PlainText, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
