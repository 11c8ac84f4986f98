"""The table of questions that no article answered; one metadata with all others."""

import sqlalchemy as sa

from adapters.store.tables import PlainText, UtcTime, metadata

unanswered_questions = sa.Table(
    "unanswered_questions",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("category", PlainText, nullable=False),  # the case's then; empty: not told
    sa.Column("at", UtcTime, nullable=False),
    sa.Index("unanswered_questions_by_time", "at"),
)
