"""The tables of models' moods; one metadata with all others."""

import sqlalchemy as sa

from adapters.store.tables import PlainText, UtcTime, metadata

model_moods = sa.Table(
    "model_moods",
    metadata,
    sa.Column("model", PlainText, primary_key=True),
    sa.Column("mood", PlainText, nullable=False),  # ModelMood as JSON
    sa.Column("at", UtcTime, nullable=False),
)

model_waits = sa.Table(  # cases that wait because of a model
    "model_waits",
    metadata,
    sa.Column("model", PlainText, primary_key=True),
    sa.Column("case_id", PlainText, primary_key=True),
    sa.Column("since", UtcTime, nullable=False),
)
