"""Cases that were given up on: kept until a person replays or discards them."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from adapters.store.database import Database, insert_first
from adapters.store.tables import cases, dead_letters
from adapters.store.words import add_word
from domain.deadletter import DeadLetter, DeadLetterRecord, DeadLetterStatus, next_replay
from domain.words_to_people import word_on_dead_letter


class SqlDeadLetters:
    """`DeadLetterStore` on SQL, and what the commands need."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def bury(self, letter: DeadLetter) -> None:
        """Store a dead letter and the word to people on it; the same id again changes nothing."""
        row = {
            "dead_letter_id": letter.dead_letter_id,
            "case_id": letter.case_id,
            "source": letter.source,
            "step": letter.step,
            "kind": letter.kind,
            "letter": letter.model_dump_json(),
            "status": DeadLetterStatus.OPEN,
            "replays": 0,
            "at": letter.at,
        }

        def work(connection: Connection) -> None:
            if insert_first(connection, dead_letters, row):
                add_word(connection, word_on_dead_letter(letter))

        self._database.writing(work)

    def list_letters(
        self, *, status: DeadLetterStatus | None = DeadLetterStatus.OPEN, limit: int = 100
    ) -> list[DeadLetterRecord]:
        """Return dead letters, oldest first; `status` None means all."""
        wanted = sa.select(dead_letters).order_by(dead_letters.c.at, dead_letters.c.dead_letter_id).limit(limit)
        if status is not None:
            wanted = wanted.where(dead_letters.c.status == status)
        with self._database.reading() as connection:
            return [_record(row) for row in connection.execute(wanted).mappings()]

    def show(self, dead_letter_id: str) -> DeadLetterRecord:
        """Return a dead letter. Raises KeyError if it is unknown."""
        with self._database.reading() as connection:
            return _one(connection, dead_letter_id)

    def mark_replayed(self, dead_letter_id: str, by: str, now: datetime) -> DeadLetterRecord:
        """Record that the case was started again; `replays` counts up.

        Raises:
            KeyError: the dead letter is unknown.
            ValueError: it was discarded, or it does not say who replays it.
        """
        if not by.strip():
            raise ValueError(f"by {by!r}: whoever replays a dead letter gives a name")

        def work(connection: Connection) -> DeadLetterRecord:
            self._database.lock(connection, f"dead:{dead_letter_id}")
            standing = _one(connection, dead_letter_id)
            if standing.status is DeadLetterStatus.DISCARDED:
                raise ValueError(
                    f"dead letter {dead_letter_id!r} was discarded by {standing.changed_by!r}: it cannot be replayed"
                )
            connection.execute(
                sa.update(dead_letters)
                .where(dead_letters.c.dead_letter_id == dead_letter_id)
                .values(
                    status=DeadLetterStatus.REPLAYED,
                    replays=dead_letters.c.replays + 1,
                    changed_by=by,
                    changed_at=now,
                )
            )
            return _one(connection, dead_letter_id)

        return self._database.writing(work)

    def discard(self, dead_letter_id: str, *, reason: str, by: str, now: datetime) -> DeadLetterRecord:
        """Give a dead letter up for good; it stays on record with who and why. Repeatable; the first reason stands.

        Raises:
            KeyError: the dead letter is unknown.
            ValueError: it was or is being replayed, or it does not say who or why.
        """
        if not reason.strip() or not by.strip():
            raise ValueError(f"reason {reason!r}, by {by!r}: discarding a dead letter needs both")

        def work(connection: Connection) -> DeadLetterRecord:
            self._database.lock(connection, f"dead:{dead_letter_id}")
            standing = _one(connection, dead_letter_id)
            begun = connection.execute(
                sa.select(cases.c.replay).where(cases.c.case_id == standing.letter.case_id)
            ).scalar()
            if standing.status is DeadLetterStatus.REPLAYED or (begun or 0) >= next_replay(dead_letter_id):
                raise ValueError(f"dead letter {dead_letter_id!r} was replayed: there is nothing left to discard")
            if standing.status is DeadLetterStatus.OPEN:
                connection.execute(
                    sa.update(dead_letters)
                    .where(dead_letters.c.dead_letter_id == dead_letter_id)
                    .values(status=DeadLetterStatus.DISCARDED, reason=reason, changed_by=by, changed_at=now)
                )
            return _one(connection, dead_letter_id)

        return self._database.writing(work)


def _one(connection: Connection, dead_letter_id: str) -> DeadLetterRecord:
    wanted = sa.select(dead_letters).where(dead_letters.c.dead_letter_id == dead_letter_id)
    row = connection.execute(wanted).mappings().one_or_none()
    if row is None:
        raise KeyError(f"dead letter {dead_letter_id!r} is unknown: see `headgate dlq list`")
    return _record(row)


def _record(row: RowMapping) -> DeadLetterRecord:
    return DeadLetterRecord(
        letter=DeadLetter.model_validate_json(row["letter"]),
        status=DeadLetterStatus(row["status"]),
        replays=row["replays"],
        changed_by=row["changed_by"] or "",
        reason=row["reason"] or "",
        changed_at=row["changed_at"],
    )
