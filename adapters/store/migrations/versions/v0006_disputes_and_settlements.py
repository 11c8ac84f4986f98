"""Charges say whether the customer's bank was asked to take them back, and pending refunds what became of them.

Of what is there already nobody said so: no charge is disputed, no refund pending.
"""

import sqlalchemy as sa
from alembic import op

from adapters.store.tables import PlainText, UtcTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the table."""
    op.add_column("charges", sa.Column("disputed", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "settlements",
        sa.Column("effect_key", sa.Text, sa.ForeignKey("effects.key", name="settlements_effect"), primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("since", UtcTime, nullable=False),
        sa.Column("looks", sa.Integer, nullable=False),
        sa.Column("look_at", UtcTime, nullable=False),
        sa.Column("why", PlainText),
        sa.Column("ended_at", UtcTime),
        sa.CheckConstraint("state IN ('pending', 'settled', 'failed')", name="settlements_state"),
    )
    op.create_index("settlements_due", "settlements", ["state", "look_at"])
