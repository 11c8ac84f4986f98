"""Cases that were given up on: kept until a person replays or discards them."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from adapters.store.database import Database, insert_first
from adapters.store.tables import PlainText, UtcTime, cases, dead_letters, metadata
from adapters.store.words import tell_of_letter
from domain.dead_letters.choosing import Cursor, LetterCount, LetterFilter
from domain.dead_letters.editing import LetterEdit
from domain.dead_letters.replaying import why_not_replayed
from domain.deadletter import DeadLetter, DeadLetterRecord, DeadLetterStatus, next_replay
from domain.errors import ImpossibleError

IDS_AT_ONCE = 500  # below the number of parameters that either database takes

letter_edits = sa.Table(  # what a case came with stays in `cases`
    "letter_edits",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("dead_letter_id", sa.Text, nullable=False),
    sa.Column("content_type", PlainText, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("reading", PlainText, nullable=False),  # by which names it is read, as the holding pen keeps it
    sa.Column("by", PlainText, nullable=False),
    sa.Column("reason", PlainText, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
)


class SqlDeadLetters:
    """`DeadLetterStore` on SQL, and what the commands need."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def bury(self, letter: DeadLetter) -> None:
        """Store a dead letter and have people told of it; the same id again changes nothing."""
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
            of_case = sa.select(cases.c.tenant).where(cases.c.case_id == letter.case_id)
            tenant = connection.execute(of_case).scalar()
            if insert_first(connection, dead_letters, {**row, "tenant": tenant}):
                self._database.lock(connection, f"told:{letter.kind}")
                tell_of_letter(connection, letter)

        self._database.writing(work)

    def list_letters(
        self, chosen: LetterFilter | None = None, *, after: Cursor | None = None, limit: int = 100
    ) -> list[DeadLetterRecord]:
        """Return dead letters, oldest first, from the place `after`; without a choice the open ones."""
        wanted = sa.select(dead_letters).where(*where_chosen(chosen or LetterFilter()))
        if after is not None:
            place = sa.tuple_(dead_letters.c.at, dead_letters.c.dead_letter_id)
            at = sa.literal(after.at, dead_letters.c.at.type)
            wanted = wanted.where(place > sa.tuple_(at, sa.literal(after.dead_letter_id)))
        wanted = wanted.order_by(dead_letters.c.at, dead_letters.c.dead_letter_id).limit(limit)
        with self._database.reading() as connection:
            return [_record(row) for row in connection.execute(wanted).mappings()]

    def count(self, chosen: LetterFilter) -> list[LetterCount]:
        """Count dead letters by reason and source."""
        columns = (dead_letters.c.kind, dead_letters.c.source)
        wanted = sa.select(*columns, sa.func.count()).where(*where_chosen(chosen)).group_by(*columns).order_by(*columns)
        with self._database.reading() as connection:
            return [LetterCount(row[0], row[1], row[2]) for row in connection.execute(wanted)]

    def now(self) -> datetime:
        """Return the time by the clock that all who use this store share."""
        with self._database.reading() as connection:
            return self._database.clock(connection)

    def show(self, dead_letter_id: str) -> DeadLetterRecord:
        """Return a dead letter. Raises KeyError if it is unknown."""
        with self._database.reading() as connection:
            return _one(connection, dead_letter_id)

    def mark_replayed(self, dead_letter_id: str, by: str, now: datetime, run: str = "") -> DeadLetterRecord:
        """Record that the case was started again, in a run of many where `run` names one; `replays` counts up.

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
                raise ValueError(why_not_replayed(standing))
            connection.execute(
                sa.update(dead_letters)
                .where(dead_letters.c.dead_letter_id == dead_letter_id)
                .values(
                    status=DeadLetterStatus.REPLAYED,
                    replays=dead_letters.c.replays + 1,
                    changed_by=by,
                    changed_at=now,
                    run=run or dead_letters.c.run,
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
            standing = require_not_begun(connection, dead_letter_id, "there is nothing left to discard")
            if standing.status is DeadLetterStatus.OPEN:
                connection.execute(
                    sa.update(dead_letters)
                    .where(dead_letters.c.dead_letter_id == dead_letter_id)
                    .values(status=DeadLetterStatus.DISCARDED, reason=reason, changed_by=by, changed_at=now)
                )
            return _one(connection, dead_letter_id)

        return self._database.writing(work)

    # --- edits ------------------------------------------------------------------------------------------------

    def edits(self, case_id: str) -> list[LetterEdit]:
        """Return the edits of a case's input, the first one first."""
        wanted = sa.select(letter_edits).where(letter_edits.c.case_id == case_id).order_by(letter_edits.c.number)
        with self._database.reading() as connection:
            return [LetterEdit.model_validate(dict(row)) for row in connection.execute(wanted).mappings()]

    def edit(self, edit: LetterEdit) -> None:
        """Keep an edit of the input of an open letter, if nobody was faster with one of the same number.

        Raises:
            KeyError: the dead letter is unknown.
            ImpossibleError: it is not open, its replay has begun, or somebody else edited it meanwhile.
        """

        def work(connection: Connection) -> None:
            self._database.lock(connection, f"case:{edit.case_id}", f"dead:{edit.dead_letter_id}")
            try:
                standing = require_not_begun(
                    connection, edit.dead_letter_id, "what it came with cannot change any more"
                )
            except ValueError as error:
                raise ImpossibleError(str(error)) from None
            if standing.status is not DeadLetterStatus.OPEN:
                raise ImpossibleError(
                    f"dead letter {edit.dead_letter_id!r} is {standing.status}: only open ones change"
                )
            newest = (
                sa.select(letter_edits.c.number, letter_edits.c.by, letter_edits.c.at)
                .where(letter_edits.c.case_id == edit.case_id)
                .order_by(letter_edits.c.number.desc())
                .limit(1)
            )
            before = connection.execute(newest).one_or_none()
            if (before.number if before else 0) != edit.number - 1:
                by = f"{before.by} edited it at {before.at:%H:%M:%S} UTC" if before else "its edits are gone"
                raise ImpossibleError(
                    f"{edit.dead_letter_id}: {by}, while you did; nothing of yours was kept: `headgate dlq show` it, "
                    "and edit what it is now"
                )
            connection.execute(sa.insert(letter_edits), edit.model_dump())

        self._database.writing(work)


def count_edits(connection: Connection, case_id: str) -> int:
    """Count the edits of a case's input."""
    of_case = sa.select(sa.func.count()).where(letter_edits.c.case_id == case_id)
    return connection.execute(of_case).scalar_one()


def require_not_discarded(database: Database, connection: Connection, dead_letter_id: str) -> None:
    """Check that a dead letter, if there is one, may be replayed. Raises ValueError if it was discarded."""
    database.lock(connection, f"dead:{dead_letter_id}")
    wanted = sa.select(dead_letters.c.status).where(dead_letters.c.dead_letter_id == dead_letter_id)
    if connection.execute(wanted).scalar() == DeadLetterStatus.DISCARDED:
        raise ValueError(f"dead letter {dead_letter_id!r} was discarded: it cannot be replayed")


def require_not_begun(connection: Connection, dead_letter_id: str, so: str) -> DeadLetterRecord:
    """Return a dead letter, whose lock the caller holds.

    Raises:
        KeyError: it is unknown.
        ValueError: its replay has begun; `so` says what follows.
    """
    standing = _one(connection, dead_letter_id)
    begun = connection.execute(sa.select(cases.c.replay).where(cases.c.case_id == standing.letter.case_id)).scalar()
    if standing.status is DeadLetterStatus.REPLAYED or (begun or 0) >= next_replay(dead_letter_id):
        raise ValueError(f"dead letter {dead_letter_id!r} was replayed: {so}")
    return standing


def count_open(connection: Connection) -> dict[str, int]:
    """Count open dead letters by reason."""
    wanted = sa.select(dead_letters.c.kind, sa.func.count()).where(dead_letters.c.status == DeadLetterStatus.OPEN)
    found = connection.execute(wanted.group_by(dead_letters.c.kind).order_by(dead_letters.c.kind))
    return {row[0]: row[1] for row in found}


def where_chosen(chosen: LetterFilter) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that a choice makes."""
    table = dead_letters.c
    lists: list[tuple[sa.Column[str], Sequence[str]]] = [
        (table.kind, chosen.kinds), (table.source, chosen.sources), (table.tenant, chosen.tenants),
        (table.step, chosen.steps), (table.status, chosen.statuses),
    ]  # fmt: skip
    where: list[sa.ColumnElement[bool]] = [column.in_(values) for column, values in lists if values]
    if chosen.ids:
        parts = [chosen.ids[start : start + IDS_AT_ONCE] for start in range(0, len(chosen.ids), IDS_AT_ONCE)]
        where.append(sa.or_(*(table.dead_letter_id.in_(part) for part in parts)))
    if chosen.case_id is not None:
        where.append(table.case_id == chosen.case_id)
    if chosen.since is not None:
        where.append(table.at >= chosen.since)
    if chosen.until is not None:
        where.append(table.at < chosen.until)
    return where


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
        tenant=row["tenant"] or "",
        run=row["run"] or "",
    )
