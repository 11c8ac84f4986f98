"""Cases are found by their sender: one that takes a wish back stops the next one."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index("cases_by_sender", "cases", ["tenant", "sender_email", "received_at"])
