"""The outbox of words to people: kept until they are told, and after that so that none is told again."""

import json
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.store.database import Database, insert_first
from adapters.store.tables import words
from domain.words_to_people import WordToPeople
from ports.reports import WordCounts


class SqlWords:
    """`WordStore` on SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, word: WordToPeople) -> None:
        """Keep a word until it is told; the same id again changes nothing, told or not."""
        self._database.writing(lambda connection: add_word(connection, word))

    def untold(self, limit: int, now: datetime) -> list[WordToPeople]:
        """Return words to tell now: first those that were refused the fewest times, of these the oldest."""
        wanted = (
            sa.select(*(words.c[name] for name in WordToPeople.model_fields))
            .where(words.c.told_at.is_(None), sa.or_(words.c.again_at.is_(None), words.c.again_at <= now))
            .order_by(words.c.refusals, words.c.at, words.c.word_id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            rows = connection.execute(wanted).mappings().all()
        return [WordToPeople.model_validate({**row, "data": json.loads(row["data"])}) for row in rows]

    def told(self, word_ids: Sequence[str], now: datetime) -> None:
        """Record that people were told."""
        change = sa.update(words).where(words.c.word_id.in_(word_ids), words.c.told_at.is_(None))
        self._database.writing(
            lambda connection: connection.execute(change.values(told_at=now, tries=words.c.tries + 1))
        )

    def failed(self, word_ids: Sequence[str], why: str, *, again_at: datetime | None = None) -> None:
        """Record a try in vain and why; `again_at` puts these words off, as refused for themselves."""
        change = (
            sa.update(words)
            .where(words.c.word_id.in_(word_ids), words.c.told_at.is_(None))
            .values(tries=words.c.tries + 1, last_error=why)
        )
        if again_at is not None:
            change = change.values(refusals=words.c.refusals + 1, again_at=again_at)
        self._database.writing(lambda connection: connection.execute(change))


def add_word(connection: Connection, word: WordToPeople) -> None:
    """Keep a word in the transaction of what it speaks of."""
    insert_first(connection, words, {**word.model_dump(), "data": json.dumps(word.data), "tries": 0})


def count_words(connection: Connection) -> WordCounts:
    """Count what was told and what waits."""
    waits = words.c.told_at.is_(None)
    told, waiting, oldest = connection.execute(
        sa.select(
            sa.func.count(words.c.told_at),
            sa.func.count().filter(waits),
            sa.type_coerce(sa.func.min(words.c.at).filter(waits), words.c.at.type),
        ).select_from(words)
    ).one()
    last_error = connection.execute(
        sa.select(words.c.last_error)
        .where(waits, words.c.last_error.is_not(None))
        .order_by(words.c.tries.desc())
        .limit(1)
    ).scalar_one_or_none()
    return WordCounts(told=told, waiting=waiting, oldest_waiting_at=oldest, last_error=last_error or "")
