"""Orders have lines: what an item cost can be computed. Orders that are there already have none."""

import sqlalchemy as sa
from alembic import op

from adapters.store.tables import PlainText

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "order_lines",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("order_id", sa.Text, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", PlainText, nullable=False),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["tenant", "order_id"], ["orders.tenant", "orders.order_id"], name="order_lines_order"),
        sa.CheckConstraint("quantity >= 1 AND amount_minor >= 0", name="order_lines_amounts"),
    )
