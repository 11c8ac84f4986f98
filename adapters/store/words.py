"""The outbox of words to people: kept until they are told, and after that so that none is told again."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.store.database import Database, insert_first
from adapters.store.tables import words
from domain.dead_letters.telling import HOUR, counted_in, hour_of, joined, rest_of, word_id, word_on_letters
from domain.deadletter import DeadLetter
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

    def told(self, word_ids: Sequence[str], now: datetime, counts: Mapping[str, int] | None = None) -> None:
        """Record that people were told.

        Of words that count dead letters `counts` says how many the message spoke of: what came since is told later.
        """
        change = sa.update(words).where(words.c.word_id.in_(word_ids), words.c.told_at.is_(None))
        counted = {name: count for name, count in (counts or {}).items() if name in word_ids}

        def work(connection: Connection) -> None:
            self._database.lock(connection, *(f"told:{name.split('/')[1]}" for name in counted))
            told_now = connection.execute(
                change.values(told_at=now, tries=words.c.tries + 1).returning(words.c.word_id)
            ).scalars()
            for name, count in ((name, counted[name]) for name in sorted(told_now) if name in counted):
                _add_rest(connection, name, count)

        self._database.writing(work)

    def failed(
        self, word_ids: Sequence[str], why: str, *, again_at: datetime | None = None, refused: bool = False
    ) -> None:
        """Record a try in vain and why; `again_at` puts them off, `refused` counts a refusal."""
        change = (
            sa.update(words)
            .where(words.c.word_id.in_(word_ids), words.c.told_at.is_(None))
            .values(tries=words.c.tries + 1, last_error=why)
        )
        if again_at is not None:
            change = change.values(again_at=again_at)
        if refused:
            change = change.values(refusals=words.c.refusals + 1)
        self._database.writing(lambda connection: connection.execute(change))


def add_word(connection: Connection, word: WordToPeople, *, again_at: datetime | None = None) -> None:
    """Keep a word in the transaction of what it speaks of; `again_at`: it is not told before."""
    row = {**word.model_dump(), "data": json.dumps(word.data), "tries": 0, "again_at": again_at}
    insert_first(connection, words, row)


def tell_of_letter(connection: Connection, letter: DeadLetter) -> None:
    """Count a dead letter in the word on its kind that is next to be told, in the transaction that buries it.

    The caller holds the lock of the kind.
    """
    hour = hour_of(letter.at)
    while True:
        told_at, word = _word(connection, word_id(letter.kind, hour))
        if word is None or told_at is None:
            break
        hour += HOUR
    count, first_at = (0, letter.at) if word is None else counted_in(word)
    new = word_on_letters(letter, hour=hour, count=count + 1, first_at=first_at)
    if word is None:
        add_word(connection, new, again_at=hour if hour > letter.at else None)
    else:
        _change(connection, new)


def _add_rest(connection: Connection, name: str, told: int) -> None:
    """Have people told of letters that came while a word was on its way, in the first word after it that waits or is
    yet to be made.
    """
    _, word = _word(connection, name)
    hours = 1
    while word is not None and (rest := rest_of(word, told, hours)) is not None:
        told_at, waiting = _word(connection, rest.word_id)
        if waiting is None:
            add_word(connection, rest, again_at=rest.at)
            return
        if told_at is None:
            _change(connection, joined(waiting, rest))
            return
        hours += 1


def _change(connection: Connection, word: WordToPeople) -> None:
    values = {**word.model_dump(include={"subject", "text", "case_id"}), "data": json.dumps(word.data)}
    connection.execute(sa.update(words).where(words.c.word_id == word.word_id).values(**values))


def _word(connection: Connection, name: str) -> tuple[datetime | None, WordToPeople | None]:
    """Return when a word was told, and the word; None where there is none."""
    row = connection.execute(sa.select(words).where(words.c.word_id == name)).mappings().one_or_none()
    if row is None:
        return None, None
    fields = {field: row[field] for field in WordToPeople.model_fields}
    return row["told_at"], WordToPeople.model_validate({**fields, "data": json.loads(row["data"])})


def count_words(connection: Connection) -> WordCounts:
    """Count what was told and what waits; what is not due before the next hour does not wait."""
    waits = sa.and_(words.c.told_at.is_(None), words.c.at <= datetime.now(UTC))
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
