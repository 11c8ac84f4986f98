"""The tables of spending; one metadata with all others."""

import sqlalchemy as sa

from adapters.store.tables import PlainText, UtcTime, metadata

model_calls = sa.Table(  # one row for each attempt of a call
    "model_calls",
    metadata,
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("asked_by", PlainText, nullable=False),  # the specialist's step; empty: the router
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("kind", PlainText, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("tier", sa.Text, nullable=False),
    sa.Column("model", PlainText, nullable=False),
    sa.Column("question", sa.Text, nullable=False),  # digest of what the model is shown
    sa.Column("state", sa.Text, nullable=False),  # domain/spend/calls.py
    sa.Column("reserved_tokens", sa.BigInteger, nullable=False),
    sa.Column("reserved_micros", sa.BigInteger, nullable=False),
    sa.Column("tokens_in", sa.BigInteger, nullable=False),  # from here on what is charged: 0 until the call has ended
    sa.Column("tokens_cached", sa.BigInteger, nullable=False),
    sa.Column("tokens_reasoning", sa.BigInteger, nullable=False),
    sa.Column("tokens_out", sa.BigInteger, nullable=False),
    sa.Column("cost_micros", sa.BigInteger, nullable=False),
    sa.Column("estimated", sa.Boolean, nullable=False),
    sa.Column("corrected", sa.Boolean, nullable=False),  # its answer came after it was charged in full
    sa.Column("finish_reason", PlainText, nullable=False),
    sa.Column("provider_request_id", PlainText, nullable=False),
    sa.Column("waited_s", sa.Double, nullable=False),  # for its slot, seconds
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("sent_at", UtcTime),
    sa.Column("ended_at", UtcTime),
    sa.Column("lease_until", UtcTime, nullable=False),
    sa.Index("model_calls_of_case", "case_id", "at"),
    sa.Index("model_calls_by_lease", "state", "lease_until"),
    sa.Index("model_calls_by_time", "at"),
)

spend_accounts = sa.Table(  # a budget in one of its days
    "spend_accounts",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("unit", sa.Text, primary_key=True),
    sa.Column("window", sa.Text, primary_key=True),
    sa.Column("cap", sa.BigInteger, nullable=False),
    sa.Column("cap_by", PlainText, nullable=False),  # a person who set it for this day; empty: the blueprint
    sa.Column("used", sa.BigInteger, nullable=False),
    sa.Column("held", sa.BigInteger, nullable=False),
    sa.Column("ends_at", UtcTime, nullable=False),
    sa.Index("spend_accounts_by_end", "ends_at"),
)

spend_holds = sa.Table(  # what a call holds in an account, and what it was charged in the end
    "spend_holds",
    metadata,
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("unit", sa.Text, primary_key=True),
    sa.Column("window", sa.Text, nullable=False),
    sa.Column("reserved", sa.BigInteger, nullable=False),
    sa.Column("charged", sa.BigInteger),  # NULL while it is held
    sa.Index("spend_holds_of_account", "scope", "unit", "window"),
)

spend_changes = sa.Table(  # what people changed: caps, and cases that may go on
    "spend_changes",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("about", PlainText, nullable=False),
    sa.Column("change", PlainText, nullable=False),
    sa.Column("by", PlainText, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Index("spend_changes_about", "about", "at"),
)
