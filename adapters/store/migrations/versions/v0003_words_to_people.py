"""Words to people wait in an outbox until they are told, instead of one try and a mark on each row."""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from adapters.store.tables import PlainText, UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Row = dict[str, object]

_LETTERS = sa.text(
    "SELECT dead_letter_id, case_id, step, kind, letter, at FROM dead_letters "
    "WHERE alerted_at IS NULL AND status = 'open'"
).columns(at=UtcTime)
_APPROVALS = sa.text(
    "SELECT approval_id, case_id, digest, request, requested_at AS at FROM approvals "
    "WHERE alerted_at IS NULL AND standing = 'pending'"
).columns(at=UtcTime)


def upgrade() -> None:
    """Make the outbox, put into it what nobody was told of, and drop the marks."""
    words = op.create_table(
        "words",
        sa.Column("word_id", PlainText, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("case_id", PlainText, nullable=False),
        sa.Column("subject", PlainText, nullable=False),
        sa.Column("text", PlainText, nullable=False),
        sa.Column("data", PlainText, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("told_at", UtcTime),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("refusals", sa.Integer, nullable=False),
        sa.Column("again_at", UtcTime),
        sa.Column("last_error", PlainText),
    )
    op.create_index("words_untold", "words", ["told_at", "refusals", "at"])
    untold = [*_untold_letters(), *_untold_approvals()]
    if untold:
        op.bulk_insert(words, untold)
    op.drop_column("dead_letters", "alerted_at")
    op.drop_column("approvals", "alerted_at")


def _untold_letters() -> Iterator[Row]:
    for row in op.get_bind().execute(_LETTERS).all():
        letter = json.loads(row.letter)
        yield _word(
            row.dead_letter_id,
            "dead_letter",
            row,
            subject=f"dead letter: {row.case_id} gave up at {row.step}",
            text=f"{row.kind} after {len(letter['attempts'])} attempts: {letter['last_error'][:300]}",
            data={"dead_letter_id": row.dead_letter_id, "step": row.step, "kind": row.kind},
        )


def _untold_approvals() -> Iterator[Row]:
    for row in op.get_bind().execute(_APPROVALS).all():
        brief = json.loads(row.request)["brief"]
        yield _word(
            row.approval_id,
            "approval",
            row,
            subject=f"approval wanted: {brief['what']}",
            text=f"{brief['why']} For {brief['for_whom']}.",
            data={"approval_id": row.approval_id, "digest": row.digest},
        )


# Any: a row of all columns.
def _word(word_id: str, kind: str, row: sa.Row[Any], *, subject: str, text: str, data: dict[str, str]) -> Row:
    return {
        "word_id": word_id,
        "kind": kind,
        "case_id": row.case_id,
        "subject": subject,
        "text": text,
        "data": json.dumps(data),
        "at": row.at,
        "tries": 0,
        "refusals": 0,
    }
