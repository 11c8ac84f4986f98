"""Charges say whether the customer's bank was asked to take them back; of those that are there nobody said so."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("charges", sa.Column("disputed", sa.Boolean, nullable=False, server_default=sa.false()))
