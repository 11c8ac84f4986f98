"""Cases without an ending: which there are, and how one begins again whose workflow is gone."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.store.database import Database
from adapters.store.tables import approvals, cases
from domain.case import CaseInput, CaseState
from domain.money.approval import Standing
from ports.rescue import OpenCase

_AT_ONCE = 500


class SqlOpenCases:
    """`OpenCases` on SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_cases(self) -> list[OpenCase]:
        """Return the cases without an ending, those that came first before the others."""
        wanted = sa.select(cases.c.case_id, cases.c.replay).where(cases.c.closed_at.is_(None))
        with self._database.reading() as connection:
            rows = connection.execute(wanted.order_by(cases.c.received_at, cases.c.case_id)).all()
        return [OpenCase(case_id=row.case_id, replay=row.replay) for row in rows]

    def lacking(self, case_ids: Sequence[str]) -> list[str]:
        """Return those of the cases that the store does not have."""
        known: set[str] = set()
        with self._database.reading() as connection:
            for start in range(0, len(case_ids), _AT_ONCE):
                some = case_ids[start : start + _AT_ONCE]
                known.update(connection.execute(sa.select(cases.c.case_id).where(cases.c.case_id.in_(some))).scalars())
        return [case_id for case_id in case_ids if case_id not in known]

    def begin_again(self, found: OpenCase, why: str, now: datetime) -> CaseInput | None:
        """Give an open case its next run and return the input of that; None where it ended or began again meanwhile.

        What waited for a person's approval does not any more: the next run asks anew, under a number of its own.
        """

        def work(connection: Connection) -> CaseInput | None:
            self._database.lock(connection, f"case:{found.case_id}")
            row = connection.execute(
                sa.select(cases.c.input, cases.c.replay, cases.c.closed_at).where(cases.c.case_id == found.case_id)
            ).one_or_none()
            if row is None or row.closed_at is not None or row.replay != found.replay:
                return None
            case = CaseInput.model_validate_json(row.input).model_copy(update={"replay": row.replay + 1})
            connection.execute(
                sa.update(cases)
                .where(cases.c.case_id == found.case_id)
                .values(replay=case.replay, input=case.model_dump_json(), state=CaseState.RUNNING)
            )
            _end_waits(connection, found.case_id, why, now)
            return case

        return self._database.writing(work)

    def end_waits(self, case_id: str, why: str, now: datetime) -> None:
        """Note that what waits for a person's approval of a case does not any more. Repeatable."""

        def work(connection: Connection) -> None:
            self._database.lock(connection, f"case:{case_id}")
            _end_waits(connection, case_id, why, now)

        self._database.writing(work)


def _end_waits(connection: Connection, case_id: str, why: str, now: datetime) -> None:
    connection.execute(
        sa.update(approvals)
        .where(approvals.c.case_id == case_id, approvals.c.standing == Standing.PENDING)
        .values(standing=Standing.CANCELLED, reason=why, decided_at=now)
    )
