"""The tables of batches; one metadata with all others."""

import sqlalchemy as sa

from adapters.store.tables import PlainText, UtcTime, metadata

model_batches = sa.Table(
    "model_batches",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("model", PlainText, nullable=False),
    sa.Column("number", PlainText, nullable=False),  # at the provider; empty: nobody knows whether it came there
    sa.Column("sent_at", UtcTime, nullable=False),
    sa.Column("ended_at", UtcTime),
)

batch_questions = sa.Table(
    "batch_questions",
    metadata,
    sa.Column("item_id", sa.Text, primary_key=True),  # of its row in model_calls, and at the provider
    sa.Column("question", sa.Text, nullable=False, unique=True),  # digest: who asks which model what
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("model", PlainText, nullable=False),
    sa.Column("request", PlainText, nullable=False),  # JSON; empty once it has ended
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("since", UtcTime, nullable=False),
    sa.Column("batch_key", sa.Text),  # NULL: not sent yet
    sa.Column("live", sa.Boolean, nullable=False),  # its step asks live: what comes is paid, and not used
    sa.Column("end", sa.Text),  # domain/batches/owed.py; NULL: not ended
    sa.Column("reply", PlainText, nullable=False),  # JSON; empty unless it was answered in time
    sa.Column("why", PlainText, nullable=False),
    sa.Index("batch_questions_of_batch", "batch_key"),
    sa.Index("batch_questions_by_time", "since"),
)
