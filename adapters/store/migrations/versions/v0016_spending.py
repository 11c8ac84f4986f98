"""What each model call used, and the budgets that it was charged to."""

import sqlalchemy as sa
from alembic import op

from adapters.store.tables import PlainText, UtcTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "model_calls",
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("asked_by", PlainText, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("kind", PlainText, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("model", PlainText, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reserved_tokens", sa.BigInteger, nullable=False),
        sa.Column("reserved_micros", sa.BigInteger, nullable=False),
        sa.Column("tokens_in", sa.BigInteger, nullable=False),
        sa.Column("tokens_cached", sa.BigInteger, nullable=False),
        sa.Column("tokens_reasoning", sa.BigInteger, nullable=False),
        sa.Column("tokens_out", sa.BigInteger, nullable=False),
        sa.Column("cost_micros", sa.BigInteger, nullable=False),
        sa.Column("estimated", sa.Boolean, nullable=False),
        sa.Column("corrected", sa.Boolean, nullable=False),
        sa.Column("finish_reason", PlainText, nullable=False),
        sa.Column("provider_request_id", PlainText, nullable=False),
        sa.Column("waited_s", sa.Double, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("sent_at", UtcTime),
        sa.Column("ended_at", UtcTime),
        sa.Column("lease_until", UtcTime, nullable=False),
        sa.Index("model_calls_of_case", "case_id", "at"),
        sa.Index("model_calls_by_lease", "state", "lease_until"),
        sa.Index("model_calls_by_time", "at"),
    )
    op.create_table(
        "spend_accounts",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("unit", sa.Text, primary_key=True),
        sa.Column("window", sa.Text, primary_key=True),
        sa.Column("cap", sa.BigInteger, nullable=False),
        sa.Column("cap_by", PlainText, nullable=False),
        sa.Column("used", sa.BigInteger, nullable=False),
        sa.Column("held", sa.BigInteger, nullable=False),
        sa.Column("ends_at", UtcTime, nullable=False),
        sa.Index("spend_accounts_by_end", "ends_at"),
    )
    op.create_table(
        "spend_holds",
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("unit", sa.Text, primary_key=True),
        sa.Column("window", sa.Text, nullable=False),
        sa.Column("reserved", sa.BigInteger, nullable=False),
        sa.Column("charged", sa.BigInteger),
        sa.Index("spend_holds_of_account", "scope", "unit", "window"),
    )
    op.create_table(
        "spend_changes",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("about", PlainText, nullable=False),
        sa.Column("change", PlainText, nullable=False),
        sa.Column("by", PlainText, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Index("spend_changes_about", "about", "at"),
    )
