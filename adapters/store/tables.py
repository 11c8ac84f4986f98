"""The tables, the same on SQLite and PostgreSQL. Money is BIGINT in minor units; times are UTC.

`migrations/` brings a database here step by step; a test compares both.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

HEAD_REVISION = "0021"
"""The newest migration; a database that is there needs no work at start."""

metadata = sa.MetaData()


class UtcTime(TypeDecorator[datetime]):
    """A time with zone: `timestamptz` on PostgreSQL, fixed-width ISO text in UTC on SQLite, which sorts."""

    impl = sa.String(32)
    cache_ok = True

    # Any: SQLAlchemy's own signature.
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.DateTime(timezone=True))
        return dialect.type_descriptor(sa.String(32))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        """Write a time; one without zone is refused, because nobody could say what it means."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"time {value!r} has no time zone: expected an aware datetime")
        utc = value.astimezone(UTC)
        return utc if dialect.name == "postgresql" else utc.isoformat(timespec="microseconds")

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Read a time back in UTC."""
        if value is None:
            return None
        return value.astimezone(UTC) if isinstance(value, datetime) else datetime.fromisoformat(value)


class PlainText(TypeDecorator[str]):
    """Text from outside: NUL, which PostgreSQL refuses, and lone surrogates, which have no UTF-8, become U+FFFD."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Write a text."""
        if value is None:
            return None
        if "\0" in value:
            value = value.replace("\0", "�")
        if value.isascii():
            return value
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # only INTEGER counts up by itself on SQLite

cases = sa.Table(
    "cases",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("input", sa.Text, nullable=False),  # CaseInput as JSON
    sa.Column("vault", PlainText, nullable=False),  # token -> personal data, JSON
    sa.Column("sender_email", PlainText),
    sa.Column("sender_name", PlainText),
    sa.Column("content_type", PlainText, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("tokens_in", sa.BigInteger, nullable=False),
    sa.Column("tokens_out", sa.BigInteger, nullable=False),
    sa.Column("chars_in", sa.BigInteger, nullable=False),
    sa.Column("chars_out", sa.BigInteger, nullable=False),
    sa.Column("replay", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # running until an ending is recorded
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
    sa.Column("message_id", PlainText),  # of the e-mail that it came as
    sa.Column("thread_id", PlainText),  # the sending system's own name for the conversation
    sa.Column("mark", sa.Text),  # by which an answer to one of its letters is known
    sa.Column("passed_to", sa.Text),  # the older case that took the message over
    sa.Index("cases_by_state", "state", "received_at"),
    sa.Index("cases_by_message", "message_id"),
    sa.Index("cases_by_thread", "thread_id"),
    sa.Index("cases_by_mark", "mark"),
    sa.Index("cases_by_sender", "tenant", "sender_email", "received_at"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("replay", sa.Integer, nullable=False),
    sa.Column("outcome", PlainText, nullable=False),
    sa.UniqueConstraint("case_id", "replay", name="outbox_once"),
)

journal = sa.Table(
    "journal",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("replay", sa.Integer, primary_key=True),
    sa.Column("outcome", PlainText, nullable=False),
    sa.Column("written_at", UtcTime, nullable=False),
)

replies = sa.Table(
    "replies",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False, index=True),
    sa.Column("recipient", PlainText),
    sa.Column("subject", PlainText, nullable=False),
    sa.Column("text", PlainText, nullable=False),
    sa.Column("queued_at", UtcTime, nullable=False),
    sa.Column("message_id", sa.Text),
    sa.Column("in_reply_to", PlainText),  # the e-mail that it answers
    sa.Column("recipient_key", PlainText),  # folded: addresses are compared without case
    sa.Column("kind", sa.Text),  # of the letter; NULL of those that are older than this column, as of the next
    sa.Column("article", PlainText),  # that it quotes: id@version
    sa.Index("replies_by_message", "message_id", unique=True),
    sa.Index("replies_by_kind", "kind", "queued_at"),
    sa.Index("replies_by_recipient", "recipient_key", "queued_at"),
)


def _seen() -> tuple[sa.Column[Any], ...]:  # Any: columns of two types
    """Where a record is from (`import`, `samples`, `sql`, `http`), and when it was last seen there."""
    return sa.Column("source", sa.Text), sa.Column("seen_at", UtcTime)


customers = sa.Table(
    "customers",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("customer_id", sa.Text, primary_key=True),
    sa.Column("email", PlainText),
    sa.Column("email_key", PlainText),  # folded: addresses are compared without case
    sa.Column("name", PlainText, nullable=False),
    sa.Column("lang", sa.Text, nullable=False),
    sa.Column("account_id", sa.Text),
    *_seen(),
    sa.UniqueConstraint("tenant", "email_key", name="customers_email_once"),
)

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("placed_at", UtcTime, nullable=False),
    sa.Column("delivered_at", UtcTime),
    sa.Column("promised_at", UtcTime),
    sa.Column("total_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    *_seen(),
    sa.ForeignKeyConstraint(
        ["tenant", "customer_id"], ["customers.tenant", "customers.customer_id"], name="orders_customer"
    ),
    sa.CheckConstraint("total_minor >= 0", name="orders_total"),
    sa.Index("orders_by_customer", "tenant", "customer_id", "placed_at"),
)

charges = sa.Table(
    "charges",
    metadata,
    sa.Column("charge_id", sa.Text, primary_key=True),  # the payment provider's own id: one of a kind over all tenants
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("captured_at", UtcTime, nullable=False),
    sa.Column("payee", sa.Text, nullable=False),
    sa.Column("refunded_minor", sa.BigInteger, nullable=False),  # paid back outside Headgate
    sa.Column("disputed", sa.Boolean, nullable=False, server_default=sa.false()),
    *_seen(),
    sa.ForeignKeyConstraint(["tenant", "order_id"], ["orders.tenant", "orders.order_id"], name="charges_order"),
    sa.CheckConstraint(
        "amount_minor >= 0 AND refunded_minor >= 0 AND refunded_minor <= amount_minor", name="charges_amounts"
    ),
    sa.Index("charges_by_order", "tenant", "order_id"),
)

order_lines = sa.Table(
    "order_lines",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),  # from 1
    sa.Column("name", PlainText, nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),  # of the whole line, in the order's currency
    sa.Column("kind", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(["tenant", "order_id"], ["orders.tenant", "orders.order_id"], name="order_lines_order"),
    sa.CheckConstraint("quantity >= 1 AND amount_minor >= 0", name="order_lines_amounts"),
)

crm_accounts = sa.Table(
    "crm_accounts",
    metadata,
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
    sa.Index("crm_by_domain", "tenant", "domain"),
    sa.Index("crm_by_name", "tenant", "name_key"),
)

territories = sa.Table(
    "territories",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("country", sa.Text, primary_key=True),
    sa.Column("min_employees", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("team", sa.Text, nullable=False),
)

leads = sa.Table(
    "leads",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("account_id", sa.Text),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("team", sa.Text, nullable=False),
    sa.Column("score", sa.Integer, nullable=False),
    sa.Column("facts", PlainText, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
)

effects = sa.Table(
    "effects",
    metadata,
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
    sa.Column("action", PlainText),  # the whole action as JSON: a retry sends these bytes
    sa.Column("approval_id", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("provider_ref", sa.Text),
    sa.Column("why", PlainText),
    sa.Column("intended_at", UtcTime, nullable=False),
    sa.Column("executed_at", UtcTime),
    sa.UniqueConstraint("approval_id", name="effects_approval_once"),
    sa.CheckConstraint("state IN ('intended', 'executed', 'abandoned')", name="effects_state"),
    sa.Index("effects_by_customer", "tenant", "customer_id", "intended_at"),
)

settlements = sa.Table(  # of executed effects that the provider called pending: what became of them
    "settlements",
    metadata,
    sa.Column("effect_key", sa.Text, sa.ForeignKey("effects.key", name="settlements_effect"), primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("since", UtcTime, nullable=False),
    sa.Column("looks", sa.Integer, nullable=False),
    sa.Column("look_at", UtcTime, nullable=False),
    sa.Column("why", PlainText),
    sa.Column("ended_at", UtcTime),
    sa.CheckConstraint("state IN ('pending', 'settled', 'failed')", name="settlements_state"),
    sa.Index("settlements_due", "state", "look_at"),
)

entries = sa.Table(
    "entries",
    metadata,
    sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
    sa.Column("posting", sa.Text, nullable=False),  # the effect's key; a correction brings its own
    sa.Column("effect_key", sa.Text, sa.ForeignKey("effects.key", name="entries_effect"), nullable=False, index=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("side", sa.String(6), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.UniqueConstraint("posting", "account", "side", name="entries_once"),
    sa.CheckConstraint("side IN ('debit', 'credit')", name="entries_side"),
    sa.CheckConstraint("amount_minor > 0", name="entries_amount"),
)

approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("approval_id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False, index=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("standing", sa.Text, nullable=False, index=True),
    sa.Column("decided_by", PlainText),
    sa.Column("reason", PlainText),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("request", PlainText, nullable=False),  # ApprovalRequest as JSON: action, brief, approvers, requester
    sa.Column("requested_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Column("decided_at", UtcTime),
    sa.Column("order_id", sa.Text),  # of an action that has one
    sa.Column("on_trail", sa.Boolean, nullable=False, server_default=sa.false()),  # false: older than the trail
    sa.Index("approvals_by_order", "tenant", "order_id", "standing"),
)

dead_letters = sa.Table(
    "dead_letters",
    metadata,
    sa.Column("dead_letter_id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False, index=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("letter", PlainText, nullable=False),  # DeadLetter as JSON
    sa.Column("status", sa.Text, nullable=False, index=True),
    sa.Column("replays", sa.Integer, nullable=False),
    sa.Column("changed_by", PlainText),
    sa.Column("reason", PlainText),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("changed_at", UtcTime),
    sa.Column("tenant", sa.Text),
    sa.Column("run", sa.Text, index=True),  # of many that were replayed: `replay/…`
    sa.Index("dead_letters_in_order", "status", "at", "dead_letter_id"),
)

words = sa.Table(  # the outbox of words to people; those told stay, so that none is told again
    "words",
    metadata,
    sa.Column("word_id", PlainText, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("case_id", PlainText, nullable=False),
    sa.Column("subject", PlainText, nullable=False),
    sa.Column("text", PlainText, nullable=False),
    sa.Column("data", PlainText, nullable=False),  # JSON
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("told_at", UtcTime),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("refusals", sa.Integer, nullable=False),  # of the tries, those that failed because of the word
    sa.Column("again_at", UtcTime),  # it was refused: not before this
    sa.Column("last_error", PlainText),
    sa.Index("words_untold", "told_at", "refusals", "at"),
)

switch_changes = sa.Table(  # the last one of a name is how it stands
    "switch_changes",
    metadata,
    sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("is_on", sa.Boolean, nullable=False),
    sa.Column("changed_by", PlainText, nullable=False),
    sa.Column("reason", PlainText, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Index("ix_switch_changes_name", "name", "id"),
)

forbidden_cases = sa.Table(
    "forbidden_cases",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("why", PlainText, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
)
