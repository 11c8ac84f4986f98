"""Customers, orders and charges say where they are from and when they were seen there: the store may hold copies."""

import sqlalchemy as sa
from alembic import op

from adapters.store.tables import UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns; of what is there already nobody knows."""
    for table in ("customers", "orders", "charges"):
        op.add_column(table, sa.Column("source", sa.Text))
        op.add_column(table, sa.Column("seen_at", UtcTime))
