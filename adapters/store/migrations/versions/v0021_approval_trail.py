"""The trail of approvals."""

import sqlalchemy as sa
from alembic import op

from adapters.store.migrations.append_only import protect_trail

revision = "0021"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the trail, to which the database itself lets nobody but add; older approvals are not on it."""
    op.create_table(
        "approval_trail",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("event_id", sa.Text, nullable=False, unique=True),
        sa.Column("approval_id", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_index("ix_approval_trail_approval_id", "approval_trail", ["approval_id"])
    op.create_index("ix_approval_trail_case_id", "approval_trail", ["case_id"])
    op.add_column("approvals", sa.Column("on_trail", sa.Boolean, nullable=False, server_default=sa.false()))
    protect_trail()
