"""First tables: cases, system of record, ledger, approvals, dead letters."""

import sqlalchemy as sa
from alembic import op

from adapters.store.migrations.append_only import protect_effects, protect_entries
from adapters.store.tables import PlainText, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _cases()
    _records()
    _crm()
    _ledger()
    _people()
    protect_entries()
    protect_effects()


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("input", sa.Text, nullable=False),
        sa.Column("vault", PlainText, nullable=False),
        sa.Column("sender_email", PlainText),
        sa.Column("sender_name", PlainText),
        sa.Column("content_type", PlainText, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("tokens_in", sa.BigInteger, nullable=False),
        sa.Column("tokens_out", sa.BigInteger, nullable=False),
        sa.Column("chars_in", sa.BigInteger, nullable=False),
        sa.Column("chars_out", sa.BigInteger, nullable=False),
        sa.Column("replay", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("category", sa.Text),
        sa.Column("finding", PlainText),
        sa.Column("human", sa.Boolean, nullable=False),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("cost_micros", sa.BigInteger, nullable=False),
        sa.Column("dead_letter_id", sa.Text),
        sa.Column("received_at", UtcTime, nullable=False),
        sa.Column("closed_at", UtcTime),
    )
    op.create_index("cases_by_state", "cases", ["state", "received_at"])
    op.create_table(
        "outbox",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("replay", sa.Integer, nullable=False),
        sa.Column("outcome", PlainText, nullable=False),
        sa.UniqueConstraint("case_id", "replay", name="outbox_once"),
    )
    op.create_table(
        "journal",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("replay", sa.Integer, primary_key=True),
        sa.Column("outcome", PlainText, nullable=False),
        sa.Column("written_at", UtcTime, nullable=False),
    )
    op.create_table(
        "replies",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False, index=True),
        sa.Column("recipient", PlainText),
        sa.Column("subject", PlainText, nullable=False),
        sa.Column("text", PlainText, nullable=False),
        sa.Column("queued_at", UtcTime, nullable=False),
    )


def _records() -> None:
    op.create_table(
        "customers",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("email", PlainText),
        sa.Column("email_key", PlainText),
        sa.Column("name", PlainText, nullable=False),
        sa.Column("lang", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text),
        sa.UniqueConstraint("tenant", "email_key", name="customers_email_once"),
    )
    op.create_table(
        "orders",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("order_id", sa.Text, primary_key=True),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("placed_at", UtcTime, nullable=False),
        sa.Column("delivered_at", UtcTime),
        sa.Column("promised_at", UtcTime),
        sa.Column("total_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "customer_id"], ["customers.tenant", "customers.customer_id"], name="orders_customer"
        ),
        sa.CheckConstraint("total_minor >= 0", name="orders_total"),
    )
    op.create_index("orders_by_customer", "orders", ["tenant", "customer_id", "placed_at"])
    op.create_table(
        "charges",
        sa.Column("charge_id", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("captured_at", UtcTime, nullable=False),
        sa.Column("payee", sa.Text, nullable=False),
        sa.Column("refunded_minor", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["tenant", "order_id"], ["orders.tenant", "orders.order_id"], name="charges_order"),
        sa.CheckConstraint(
            "amount_minor >= 0 AND refunded_minor >= 0 AND refunded_minor <= amount_minor", name="charges_amounts"
        ),
    )
    op.create_index("charges_by_order", "charges", ["tenant", "order_id"])


def _crm() -> None:
    op.create_table(
        "crm_accounts",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("account_id", sa.Text, primary_key=True),
        sa.Column("name", PlainText, nullable=False),
        sa.Column("name_key", PlainText, nullable=False),
        sa.Column("domain", PlainText),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("industry", sa.Text, nullable=False),
        sa.Column("employees", sa.Integer, nullable=False),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("owner", sa.Text),
    )
    op.create_index("crm_by_domain", "crm_accounts", ["tenant", "domain"])
    op.create_index("crm_by_name", "crm_accounts", ["tenant", "name_key"])
    op.create_table(
        "territories",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("country", sa.Text, primary_key=True),
        sa.Column("min_employees", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("team", sa.Text, nullable=False),
    )
    op.create_table(
        "leads",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("score", sa.Integer, nullable=False),
        sa.Column("facts", PlainText, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )


def _ledger() -> None:
    op.create_table(
        "effects",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False, index=True),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text),
        sa.Column("order_id", sa.Text),
        sa.Column("charge_id", sa.Text, index=True),
        sa.Column("amount_minor", sa.BigInteger),
        sa.Column("currency", sa.String(3)),
        sa.Column("payee", sa.Text),
        sa.Column("digest", sa.Text),
        sa.Column("action", PlainText),
        sa.Column("approval_id", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("provider_ref", sa.Text),
        sa.Column("why", PlainText),
        sa.Column("intended_at", UtcTime, nullable=False),
        sa.Column("executed_at", UtcTime),
        sa.UniqueConstraint("approval_id", name="effects_approval_once"),
        sa.CheckConstraint("state IN ('intended', 'executed', 'abandoned')", name="effects_state"),
    )
    op.create_index("effects_by_customer", "effects", ["tenant", "customer_id", "intended_at"])
    op.create_table(
        "entries",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("posting", sa.Text, nullable=False),
        sa.Column(
            "effect_key", sa.Text, sa.ForeignKey("effects.key", name="entries_effect"), nullable=False, index=True
        ),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("side", sa.String(6), nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.UniqueConstraint("posting", "account", "side", name="entries_once"),
        sa.CheckConstraint("side IN ('debit', 'credit')", name="entries_side"),
        sa.CheckConstraint("amount_minor > 0", name="entries_amount"),
    )


def _people() -> None:
    op.create_table(
        "approvals",
        sa.Column("approval_id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False, index=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("standing", sa.Text, nullable=False, index=True),
        sa.Column("decided_by", PlainText),
        sa.Column("reason", PlainText),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("request", PlainText, nullable=False),
        sa.Column("requested_at", UtcTime, nullable=False),
        sa.Column("expires_at", UtcTime, nullable=False),
        sa.Column("decided_at", UtcTime),
        sa.Column("alerted_at", UtcTime),
    )
    op.create_table(
        "dead_letters",
        sa.Column("dead_letter_id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False, index=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("letter", PlainText, nullable=False),
        sa.Column("status", sa.Text, nullable=False, index=True),
        sa.Column("replays", sa.Integer, nullable=False),
        sa.Column("changed_by", PlainText),
        sa.Column("reason", PlainText),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("changed_at", UtcTime),
        sa.Column("alerted_at", UtcTime),
    )
    op.create_table(
        "switches",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("is_on", sa.Boolean, nullable=False),
        sa.Column("changed_by", PlainText, nullable=False),
        sa.Column("reason", PlainText, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
    op.create_table(
        "forbidden_cases",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("why", PlainText, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
