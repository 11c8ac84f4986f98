"""Reused answers on SQL."""

from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.cache.tables import reused_answers
from adapters.store.database import Database, insert_new
from domain.cache.record import ReusedAnswer, ReuseSum
from domain.spend.calls import KEPT


class SqlReuse:
    """`ReuseRecord` on SQL, opened on first use."""

    def __init__(self, opened: Callable[[], Database]) -> None:
        self._opened = opened

    def write(self, reused: ReusedAnswer) -> None:
        """Put one on record, and forget those that are as old as calls that are forgotten."""
        database = self._opened()

        def work(connection: Connection) -> None:
            now = database.clock(connection)
            insert_new(connection, reused_answers, [reused.model_dump() | {"at": now}])
            connection.execute(sa.delete(reused_answers).where(reused_answers.c.at < now - KEPT))

        database.writing(work)

    def sums(self, days: int) -> list[ReuseSum]:
        """Return what was saved in these last days, by day (UTC), tenant, step and language."""
        database = self._opened()
        c = reused_answers.c
        day = sa.func.substr(c.at, 1, 10)
        if not database.is_sqlite:
            day = sa.func.to_char(sa.func.timezone("UTC", c.at), "YYYY-MM-DD")
        names = (day.label("day"), c.tenant, c.step, c.lang)

        def count(which: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
            return sa.func.sum(sa.case((which, 1), else_=0))

        wanted = sa.select(
            *names,
            count(c.confirmed.is_(None)).label("hits"),
            count(c.confirmed.is_not(None)).label("checked"),
            count(c.confirmed.is_(sa.false())).label("wrong"),
            sa.func.sum(c.saved_tokens).label("saved_tokens"),
            sa.func.sum(c.saved_micros).label("saved_micros"),
        )
        with database.reading() as connection:
            midnight = database.clock(connection).replace(hour=0, minute=0, second=0, microsecond=0)
            wanted = wanted.where(c.at >= midnight - timedelta(days=days - 1)).group_by(*names).order_by(*names)
            return [ReuseSum.model_validate(row) for row in connection.execute(wanted).mappings()]
