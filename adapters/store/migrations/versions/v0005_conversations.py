"""Conversations: letters have Message-IDs, cases the signs by which an answer is known, approvals their order."""

import sqlalchemy as sa
from alembic import op

from adapters.store.tables import PlainText

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; what is there already has no signs, so that answers to it are cases of their own as before."""
    for name in ("message_id", "thread_id"):
        op.add_column("cases", sa.Column(name, PlainText))
    for name in ("mark", "passed_to"):
        op.add_column("cases", sa.Column(name, sa.Text))
    op.create_index("cases_by_message", "cases", ["message_id"])
    op.create_index("cases_by_thread", "cases", ["thread_id"])
    op.create_index("cases_by_mark", "cases", ["mark"])
    op.add_column("replies", sa.Column("message_id", sa.Text))
    op.add_column("replies", sa.Column("in_reply_to", PlainText))
    op.create_index("replies_by_message", "replies", ["message_id"], unique=True)
    op.add_column("approvals", sa.Column("order_id", sa.Text))
    op.create_index("approvals_by_order", "approvals", ["tenant", "order_id", "standing"])
