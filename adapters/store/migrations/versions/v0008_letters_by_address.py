"""Letters are found by the address that they went to: no address gets too many of them."""

import sqlalchemy as sa
from alembic import op

from adapters.store.tables import PlainText

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the address as it is compared, and fill it in for what is there."""
    op.add_column("replies", sa.Column("recipient_key", PlainText))
    op.execute("UPDATE replies SET recipient_key = lower(recipient)")
    op.create_index("replies_by_recipient", "replies", ["recipient_key", "queued_at"])
