"""Moods of models: a row for each model, read, changed and written in one transaction, and one for each that waits."""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.moods.tables import model_moods, model_waits
from adapters.store.database import Database, insert_first, upsert
from adapters.store.words import add_word
from domain.moods.mood import ModelMood
from domain.moods.words import telling
from ports.models.moods import KnownMood


class SqlMoods:
    """`MoodStore` on SQL; opened on first use, since a model can be asked while the store is away."""

    def __init__(self, opened: Callable[[], Database]) -> None:
        self._opened = opened

    def known(self, model: str) -> KnownMood:
        """Return what is known of a model; nothing ails one that was never heard of."""
        with self._opened().reading() as connection:
            mood = _mood(connection, model)
            # Nobody counts in good times: this is read before calls.
            return KnownMood(mood=mood, waiting=0 if mood.answers else _count(connection, model))

    def change(
        self, model: str, change: Callable[[ModelMood], ModelMood], now: datetime, *, waits: str | None = None
    ) -> KnownMood:
        """Change a mood, in one transaction with the words that people are told of it."""
        database = self._opened()

        def work(connection: Connection) -> KnownMood:
            database.lock(connection, f"model:{model}")
            before = _mood(connection, model)
            after = change(before)
            if waits and not after.answers:
                insert_first(connection, model_waits, {"model": model, "case_id": waits, "since": now})
            waiting = _count(connection, model)
            after, words = telling(after, waiting, now)
            for word in words:
                add_word(connection, word)
            if after != before:
                upsert(connection, model_moods, [{"model": model, "mood": after.model_dump_json(), "at": now}])
            if after.answers and waiting:
                connection.execute(sa.delete(model_waits).where(model_waits.c.model == model))
                waiting = 0
            return KnownMood(mood=after, waiting=waiting)

        return database.writing(work)

    def all_known(self) -> list[KnownMood]:
        """Return all moods, by the models' names."""
        with self._opened().reading() as connection:
            names = connection.execute(sa.select(model_moods.c.model).order_by(model_moods.c.model)).scalars().all()
            return [KnownMood(mood=_mood(connection, name), waiting=_count(connection, name)) for name in names]

    def waiting(self, model: str, limit: int) -> list[str]:
        """Return cases that wait because of a model, the oldest first."""
        wanted = sa.select(model_waits.c.case_id).where(model_waits.c.model == model)
        with self._opened().reading() as connection:
            found = connection.execute(wanted.order_by(model_waits.c.since, model_waits.c.case_id).limit(limit))
            return list(found.scalars())


def _mood(connection: Connection, model: str) -> ModelMood:
    row = connection.execute(sa.select(model_moods.c.mood).where(model_moods.c.model == model)).scalar_one_or_none()
    return ModelMood(model=model) if row is None else ModelMood.model_validate_json(row)


def _count(connection: Connection, model: str) -> int:
    counted = sa.select(sa.func.count()).select_from(model_waits).where(model_waits.c.model == model)
    return int(connection.execute(counted).scalar_one())
