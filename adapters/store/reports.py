"""What commands and pages read: counts, listings, the ledger as JSON. Nothing here changes anything."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.store.database import Database
from adapters.store.dead_letters import count_open
from adapters.store.effects import MOVED
from adapters.store.tables import approvals, cases, dead_letters, effects, entries, journal, outbox, replies
from adapters.store.words import count_words
from domain.case import CaseInput, CaseOutcome
from ports.reports import (
    CaseCounts,
    Correction,
    ExportedEffect,
    ExportedEntry,
    LedgerExport,
    RecordedCase,
    SentLetter,
    StoredCaseRow,
)


class SqlReports:
    """Read-only questions to the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def counts(self) -> CaseCounts:
        """Count everything, in one snapshot."""
        with self._database.reading() as connection:
            sums = connection.execute(
                sa.select(
                    sa.func.count(),
                    *(
                        sa.func.coalesce(sa.func.sum(column), 0)
                        for column in (
                            cases.c.tokens_in,
                            cases.c.tokens_out,
                            cases.c.chars_in,
                            cases.c.chars_out,
                            cases.c.calls,
                            cases.c.input_tokens,
                            cases.c.output_tokens,
                            cases.c.cost_micros,
                        )
                    ),
                ).select_from(cases)
            ).one()
            executed = sa.and_(effects.c.state == "executed", MOVED)
            return CaseCounts(
                total=sums[0],
                by_state=_grouped(connection, cases.c.state),
                by_category=_grouped(connection, cases.c.category),
                tokens_in=int(sums[1]),
                tokens_out=int(sums[2]),
                chars_in=int(sums[3]),
                chars_out=int(sums[4]),
                model_calls=int(sums[5]),
                model_input_tokens=int(sums[6]),
                model_output_tokens=int(sums[7]),
                cost_micros=int(sums[8]),
                effects=_grouped(connection, effects.c.kind, executed),
                effects_in_doubt=_count(connection, effects, effects.c.state == "intended"),
                refunded_minor=_summed(connection),
                approvals=_grouped(connection, approvals.c.standing),
                dead_letters=_grouped(connection, dead_letters.c.status),
                open_letters=count_open(connection),
                outbox=_count(connection, outbox),
                journal=_count(connection, journal),
                replies=_count(connection, replies, replies.c.recipient.is_not(None)),
                words=count_words(connection),
            )

    def case(self, case_id: str) -> StoredCaseRow:
        """Return a case. Raises KeyError if it is unknown."""
        wanted = sa.select(*_CASE_COLUMNS).where(cases.c.case_id == case_id)
        with self._database.reading() as connection:
            row = connection.execute(wanted).mappings().one_or_none()
        if row is None:
            raise KeyError(f"case {case_id!r} was never admitted to this store")
        return StoredCaseRow.model_validate(dict(row))

    def cases_since(self, since: datetime | None) -> list[RecordedCase]:
        """Return the cases whose message came in since then, the newest first; None: all."""
        wanted = sa.select(*(cases.c[name] for name in RecordedCase.model_fields))
        if since is not None:
            wanted = wanted.where(cases.c.received_at >= since)
        with self._database.reading() as connection:
            rows = connection.execute(wanted.order_by(cases.c.received_at.desc(), cases.c.case_id)).mappings()
            return [RecordedCase.model_validate(dict(row)) for row in rows]

    def letters(self, case_id: str) -> list[SentLetter]:
        """Return the letters of a case, oldest first."""
        wanted = sa.select(*(replies.c[name] for name in SentLetter.model_fields)).where(replies.c.case_id == case_id)
        with self._database.reading() as connection:
            rows = connection.execute(wanted.order_by(replies.c.queued_at, replies.c.key)).mappings()
            return [SentLetter.model_validate(dict(row)) for row in rows]

    def corrections(self, limit: int) -> list[Correction]:
        """Return the ended cases that a person routed, the newest first: as each was cleaned, and to what category."""
        ended = sa.union_all(
            *(sa.select(table.c.case_id, table.c.replay, table.c.outcome) for table in (journal, outbox))
        ).subquery()
        wanted = (
            sa.select(cases.c.input, ended.c.outcome)
            .join(ended, sa.and_(ended.c.case_id == cases.c.case_id, ended.c.replay == cases.c.replay))
            .where(cases.c.human, ended.c.outcome.like('%"routed_to":"%'))
            .order_by(cases.c.closed_at.desc(), cases.c.case_id)
            .limit(limit)
        )
        found = []
        with self._database.reading() as connection:
            for case, outcome in connection.execute(wanted):
                if category := CaseOutcome.model_validate_json(outcome).routed_to:
                    found.append(Correction(case=CaseInput.model_validate_json(case), category=category))
        return found

    def ledger_export(self) -> LedgerExport:
        """Return all executed effects and all entries, in one snapshot, oldest first."""
        wanted = sa.select(effects, effects.c.executed_at.label("at")).where(effects.c.state == "executed")
        with self._database.reading() as connection:
            return LedgerExport(
                effects=[
                    ExportedEffect.model_validate({f: row[f] for f in ExportedEffect.model_fields})
                    for row in connection.execute(wanted.order_by(effects.c.executed_at, effects.c.key)).mappings()
                ],
                entries=[
                    ExportedEntry.model_validate(dict(row))
                    for row in connection.execute(sa.select(entries).order_by(entries.c.id)).mappings()
                ],
            )


_CASE_COLUMNS = [cases.c[name] for name in StoredCaseRow.model_fields]


def _grouped(
    connection: Connection, column: sa.Column[str], where: sa.ColumnElement[bool] | None = None
) -> dict[str, int]:
    wanted = sa.select(column, sa.func.count()).where(column.is_not(None)).group_by(column).order_by(column)
    if where is not None:
        wanted = wanted.where(where)
    return {row[0]: row[1] for row in connection.execute(wanted)}


def _count(connection: Connection, table: sa.Table, where: sa.ColumnElement[bool] | None = None) -> int:
    wanted = sa.select(sa.func.count()).select_from(table)
    return connection.execute(wanted if where is None else wanted.where(where)).scalar_one()


def _summed(connection: Connection) -> dict[str, int]:
    wanted = (
        sa.select(effects.c.currency, sa.func.sum(effects.c.amount_minor))
        .where(effects.c.state == "executed", MOVED, effects.c.currency.is_not(None))
        .group_by(effects.c.currency)
        .order_by(effects.c.currency)
    )
    return {row[0]: int(row[1]) for row in connection.execute(wanted)}
