"""Every change of a switch is kept: the audit asks what happened while effects were stopped, not only since when."""

import sqlalchemy as sa
from alembic import op

from adapters.store.tables import PlainText, UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Turn the table of switches into one of their changes."""
    op.create_table(
        "switch_changes",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("is_on", sa.Boolean, nullable=False),
        sa.Column("changed_by", PlainText, nullable=False),
        sa.Column("reason", PlainText, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
    op.create_index("ix_switch_changes_name", "switch_changes", ["name", "id"])
    op.execute(
        "INSERT INTO switch_changes (name, is_on, changed_by, reason, at) "
        "SELECT name, is_on, changed_by, reason, at FROM switches"
    )
    op.drop_table("switches")
