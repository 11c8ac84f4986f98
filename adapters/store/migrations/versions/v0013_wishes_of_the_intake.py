"""The store knows what people last wished of the intake."""

import sqlalchemy as sa
from alembic import op

from adapters.store.tables import PlainText, UtcTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "intake_wishes",
        sa.Column("inbox", PlainText, primary_key=True),
        sa.Column("wish", PlainText, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
