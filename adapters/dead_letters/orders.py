"""What people want replayed, kept before its run begins: a run works by this record alone."""

from collections.abc import Collection

import sqlalchemy as sa

from adapters.store.database import Database, insert_first
from adapters.store.dead_letters import where_chosen
from adapters.store.tables import PlainText, UtcTime, cases, dead_letters, metadata
from domain.dead_letters.choosing import LetterFilter
from domain.dead_letters.replaying import ReplayOrder, ReplayProgress
from domain.deadletter import DeadLetterStatus

replay_orders = sa.Table(
    "replay_orders",
    metadata,
    sa.Column("replay_id", sa.Text, primary_key=True),
    sa.Column("order", PlainText, nullable=False),  # ReplayOrder as JSON
    sa.Column("at", UtcTime, nullable=False),
    sa.Index("replay_orders_by_time", "at"),
)


class SqlReplayOrders:
    """`ReplayOrders` on SQL, and what the commands need."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def place(self, order: ReplayOrder) -> None:
        """Keep an order; the same id again changes nothing."""
        row = {"replay_id": order.replay_id, "order": order.model_dump_json(), "at": order.at}
        self._database.writing(lambda connection: insert_first(connection, replay_orders, row))

    def order(self, replay_id: str) -> ReplayOrder:
        """Return an order. Raises KeyError if there is none."""
        wanted = sa.select(replay_orders.c.order).where(replay_orders.c.replay_id == replay_id)
        with self._database.reading() as connection:
            found = connection.execute(wanted).scalar_one_or_none()
        if found is None:
            raise KeyError(f"no order to replay has the id {replay_id!r}: see `headgate dlq replays`")
        return ReplayOrder.model_validate_json(found)

    def newest(self, limit: int = 20) -> list[ReplayOrder]:
        """Return the newest orders, the newest first."""
        wanted = sa.select(replay_orders.c.order).order_by(replay_orders.c.at.desc()).limit(limit)
        with self._database.reading() as connection:
            return [ReplayOrder.model_validate_json(found) for found in connection.execute(wanted).scalars()]

    def begun(self, replay_id: str) -> int:
        """Return how many letters a run has begun."""
        wanted = sa.select(sa.func.count()).where(dead_letters.c.run == replay_id)
        with self._database.reading() as connection:
            return connection.execute(wanted).scalar_one()

    def begun_of(self, replay_id: str, case_ids: Collection[str]) -> set[str]:
        """Return those of some cases, a few hundred at most, that a run has begun."""
        table = dead_letters.c
        wanted = sa.select(table.case_id).where(table.run == replay_id, table.case_id.in_(case_ids))
        with self._database.reading() as connection:
            return set(connection.execute(wanted).scalars())

    def progress(self, order: ReplayOrder) -> ReplayProgress:
        """Return how far a run has come, and what its cases came to so far."""
        states = (
            sa.select(cases.c.state, sa.func.count())
            .join(dead_letters, dead_letters.c.case_id == cases.c.case_id)
            .where(dead_letters.c.run == order.replay_id)
            .group_by(cases.c.state)
            .order_by(cases.c.state)
        )
        chosen: LetterFilter = order.chosen.model_copy(update={"statuses": [DeadLetterStatus.OPEN]})
        left = sa.select(sa.func.count()).select_from(dead_letters).where(*where_chosen(chosen))
        with self._database.reading() as connection:
            found = {row[0]: row[1] for row in connection.execute(states)}
            return ReplayProgress(begun=sum(found.values()), left=connection.execute(left).scalar_one(), cases=found)
