"""The table of reused answers; one metadata with all others."""

import sqlalchemy as sa

from adapters.store.tables import PlainText, UtcTime, metadata

reused_answers = sa.Table(
    "reused_answers",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("asked_by", PlainText, primary_key=True),  # the specialist's step
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("lang", PlainText, nullable=False),
    sa.Column("answer", PlainText, nullable=False),  # article@version
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("cosine", sa.Double, nullable=False),
    sa.Column("margin", sa.Double, nullable=False),
    sa.Column("agree", sa.Integer, nullable=False),
    sa.Column("confirmed", sa.Boolean),  # by a model that was asked all the same; NULL: none was
    sa.Column("saved_tokens", sa.BigInteger, nullable=False),
    sa.Column("saved_micros", sa.BigInteger, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Index("reused_answers_by_time", "at"),
)
