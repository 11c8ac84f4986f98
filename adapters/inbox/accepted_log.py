"""The log of accepted events on SQL: beside the store, in one commit for many."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.store.database import Database, insert_first, insert_new, inserted
from adapters.store.tables import PlainText, UtcTime, metadata
from domain.intake import REMEMBERED_S
from ports.incoming.accepted_log import AcceptedEvent, Recorded

_FORGET_AT_ONCE = 500
_KEY_BYTES = 32

accepted_events = sa.Table(
    "accepted_events",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Column("content_type", PlainText, nullable=False),
    sa.Column("reading", PlainText, nullable=False),
    sa.Column("meaning", sa.Text, nullable=False),
    sa.Column("done_at", UtcTime),
)
_OPEN = accepted_events.c.done_at.is_(None)
sa.Index("accepted_events_open", accepted_events.c.received_at, sqlite_where=_OPEN, postgresql_where=_OPEN)
sa.Index("accepted_events_done", accepted_events.c.done_at)

pen_bodies = sa.Table(  # those too large for the broker
    "pen_bodies",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
)

sa.Index("pen_bodies_at", pen_bodies.c.at)

pen_lanes = sa.Table("pen_lanes", metadata, sa.Column("lane", sa.Text, primary_key=True))

pen_keys = sa.Table(  # one row
    "pen_keys",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),  # hex
)


class SqlAcceptedLog:
    """`AcceptedLog` on the store; done events are forgotten after `remembered_s` seconds."""

    def __init__(self, database: Database, *, remembered_s: float = REMEMBERED_S) -> None:
        self._database = database
        self._remembered = timedelta(seconds=remembered_s)

    def known(self, case_ids: Sequence[str]) -> dict[str, AcceptedEvent]:
        """Return what is remembered of these."""
        with self._database.reading() as connection:
            rows = connection.execute(_KNOWN, {"ids": list(case_ids)})
            return {row.case_id: _event(row) for row in rows}

    def record(self, events: Sequence[AcceptedEvent]) -> dict[str, Recorded]:
        """Remember events; return for each case what stands: of two with one id the first."""
        first = {event.case_id: event for event in reversed(events)}
        # In one order everywhere: two gateways that wait for each other's rows would be a deadlock.
        rows = [_row(first[case_id]) for case_id in sorted(first)]

        def work(connection: Connection) -> dict[str, Recorded]:
            new = inserted(connection, accepted_events, rows)
            standing = {case_id: Recorded(first[case_id].digest, new=True) for case_id in new}
            if others := [case_id for case_id in first if case_id not in standing]:
                known = connection.execute(_KNOWN, {"ids": others})
                standing |= {row.case_id: Recorded(row.digest, new=False) for row in known}
            return standing

        return self._database.writing(work)

    def finish(self, meanings: Mapping[str, str], at: datetime) -> None:
        """Remember that cases are done and what they say, and forget some of those that are done for long enough."""
        table, case_ids = accepted_events, list(meanings)
        done = [{"of": case_id, "said": said, "now": at} for case_id, said in meanings.items()]
        old = sa.select(table.c.case_id).where(table.c.done_at < at - self._remembered).limit(_FORGET_AT_ONCE)

        def work(connection: Connection) -> None:
            if done:
                connection.execute(_FINISH, done)
                connection.execute(sa.delete(pen_bodies).where(pen_bodies.c.case_id.in_(case_ids)))
            connection.execute(sa.delete(pen_bodies).where(pen_bodies.c.at < at - self._remembered, _NOT_OPEN))
            connection.execute(sa.delete(table).where(table.c.case_id.in_(old)))

        self._database.writing(work)

    def ids(self, after: str, limit: int) -> list[str]:
        """Return case ids in order, after the given one."""
        column = accepted_events.c.case_id
        with self._database.reading() as connection:
            return list(
                connection.execute(sa.select(column).where(column > after).order_by(column).limit(limit)).scalars()
            )

    def done(self, after: str, limit: int) -> list[AcceptedEvent]:
        """Return what is done and remembered, in order of id, after the given one."""
        table = accepted_events
        query = sa.select(table).where(table.c.done_at.is_not(None), table.c.case_id > after)
        with self._database.reading() as connection:
            return [_event(row) for row in connection.execute(query.order_by(table.c.case_id).limit(limit))]

    def forget(self, case_ids: Sequence[str]) -> None:
        """Forget what is not done: another pen remembers it now."""
        these = sa.and_(accepted_events.c.case_id.in_(case_ids), _OPEN)
        bodies = pen_bodies.c.case_id.in_(case_ids)

        def work(connection: Connection) -> None:
            connection.execute(sa.delete(accepted_events).where(these))
            connection.execute(sa.delete(pen_bodies).where(bodies))

        self._database.writing(work)

    def total(self) -> int:
        """Count what is remembered."""
        with self._database.reading() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(accepted_events)).scalar_one())

    def waiting(self) -> tuple[int, datetime | None]:
        """Count those that are not done, and return when the oldest of them came."""
        oldest = sa.func.min(accepted_events.c.received_at)
        with self._database.reading() as connection:
            count, since = connection.execute(sa.select(sa.func.count(), oldest).where(_OPEN)).one()
            return int(count), since

    def lanes(self) -> list[str]:
        """Return the lanes in use, by their names."""
        with self._database.reading() as connection:
            return list(connection.execute(sa.select(pen_lanes.c.lane).order_by(pen_lanes.c.lane)).scalars())

    def add_lane(self, lane: str) -> None:
        """Remember a lane, so that whoever lets work in looks into it."""
        self._database.writing(lambda connection: insert_new(connection, pen_lanes, [{"lane": lane}]))

    def key(self) -> bytes:
        """Return the installation's own key for what it puts into a broker, made at the first call."""
        offered = {"name": "envelope", "key": secrets.token_hex(_KEY_BYTES)}

        def work(connection: Connection) -> str:
            insert_first(connection, pen_keys, offered)
            return str(connection.execute(sa.select(pen_keys.c.key)).scalar_one())

        return bytes.fromhex(self._database.writing(work))

    def keep_body(self, case_id: str, digest: str, body: bytes, at: datetime) -> None:
        """Keep a body that is too large for the broker, until its case is done."""
        row = {"case_id": case_id, "digest": digest, "body": body, "at": at}
        self._database.writing(lambda connection: insert_new(connection, pen_bodies, [row]))

    def body(self, case_id: str, digest: str) -> bytes | None:
        """Return such a body, None if it is not there."""
        these = sa.and_(pen_bodies.c.case_id == case_id, pen_bodies.c.digest == digest)
        with self._database.reading() as connection:
            return connection.execute(sa.select(pen_bodies.c.body).where(these)).scalar_one_or_none()


_KNOWN = sa.select(accepted_events).where(accepted_events.c.case_id.in_(sa.bindparam("ids", expanding=True)))
_FINISH = (
    sa.update(accepted_events)
    .where(accepted_events.c.case_id == sa.bindparam("of"), _OPEN)
    .values(done_at=sa.bindparam("now"), meaning=sa.bindparam("said"))
)
_NOT_OPEN = pen_bodies.c.case_id.not_in(sa.select(accepted_events.c.case_id).where(_OPEN))


def _row(event: AcceptedEvent) -> dict[str, object]:
    return {
        "case_id": event.case_id,
        "digest": event.digest,
        "received_at": event.received_at,
        "content_type": event.content_type,
        "reading": event.reading,
        "meaning": event.meaning,
        "done_at": event.done_at,
    }


# Any: SQLAlchemy's rows have the attributes of their columns.
def _event(row: sa.Row) -> AcceptedEvent:  # type: ignore[type-arg]
    return AcceptedEvent(
        case_id=row.case_id,
        digest=row.digest,
        received_at=row.received_at,
        content_type=row.content_type,
        reading=row.reading,
        meaning=row.meaning,
        done_at=row.done_at,
    )
