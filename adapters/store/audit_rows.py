"""What the audit reads from the store: every effect, entry, approval, dead letter and ending, in one snapshot."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.engine import Connection, RowMapping

from adapters.store.database import Database
from adapters.store.guards import EFFECTS_STOPPED
from adapters.store.tables import (
    approvals,
    cases,
    charges,
    dead_letters,
    effects,
    entries,
    forbidden_cases,
    journal,
    outbox,
    settlements,
    switch_changes,
    words,
)
from domain.audit.facts import (
    ApprovalFact,
    CaseFact,
    ChargeFact,
    DeadLetterFact,
    EffectFact,
    EntryFact,
    LimitsByKind,
    StopFact,
    StoreFacts,
    WordFact,
)
from domain.deadletter import DeadLetter
from domain.money.approval import ApprovalRequest
from domain.money.effect import Settling

_FAILED = sa.select(settlements.c.effect_key, settlements.c.why).where(settlements.c.state == Settling.FAILED)
CHARGES_AT_ONCE = 500  # below the number of parameters that either database takes


class SqlAuditReader:
    """Reads facts; changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, charge_ids: Iterable[str]) -> StoreFacts:
        """Return all facts, and of the charges those named. Raises TransientError if the store cannot be reached."""
        with self._database.reading() as connection:
            if not self._database.is_sqlite:  # on SQLite a transaction is a snapshot anyway
                connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            return StoreFacts(
                effects=[EffectFact.model_validate(dict(r)) for r in _rows(connection, EffectFact, effects)],
                failed={row.effect_key: row.why or "" for row in connection.execute(_FAILED)},
                entries=[EntryFact.model_validate(dict(r)) for r in _rows(connection, EntryFact, entries)],
                approvals=[_approval(r) for r in connection.execute(sa.select(approvals)).mappings()],
                dead_letters=[_dead_letter(r) for r in connection.execute(sa.select(dead_letters)).mappings()],
                cases=list(_cases(connection)),
                charges=list(_charges(connection, sorted(set(charge_ids)))),
                forbidden={r.case_id: r.at for r in connection.execute(sa.select(forbidden_cases))},
                stops=list(_stops(connection)),
                untold=list(_untold(connection)),
            )


def _rows(connection: Connection, fact: type[BaseModel], table: sa.Table) -> Iterator[RowMapping]:
    yield from connection.execute(sa.select(*(table.c[name] for name in fact.model_fields))).mappings()


def _cases(connection: Connection) -> Iterator[CaseFact]:
    handed_over = {
        (row.case_id, row.replay)
        for table in (outbox, journal)
        for row in connection.execute(sa.select(table.c.case_id, table.c.replay))
    }
    wanted = sa.select(
        cases.c.case_id, cases.c.state, cases.c.replay, cases.c.received_at, cases.c.closed_at, cases.c.input
    )
    for row in connection.execute(wanted):
        policy: dict[str, Any] = json.loads(row.input).get("policy") or {}  # Any: JSON of CasePolicy
        yield CaseFact(
            case_id=row.case_id,
            state=row.state,
            replay=row.replay,
            received_at=row.received_at,
            closed_at=row.closed_at,
            limit_minor=_by_kind(policy, "approval_limit_minor"),
            daily_cap_minor=_by_kind(policy, "daily_cap_minor"),
            human_deadline_s=(policy.get("human") or {}).get("deadline_s") or 0.0,
            customer_wait_s=(policy.get("conversation") or {}).get("wait_s") or 0.0,
            handed_over=(row.case_id, row.replay) in handed_over,
        )


def _by_kind(policy: dict[str, Any], name: str) -> LimitsByKind:
    """Return one figure of each part of a policy that has it; the parts are named after the kinds of action."""
    return {kind: part[name] for kind, part in policy.items() if isinstance(part, dict) and part.get(name)}


def _charges(connection: Connection, charge_ids: list[str]) -> Iterator[ChargeFact]:
    for start in range(0, len(charge_ids), CHARGES_AT_ONCE):
        some = charge_ids[start : start + CHARGES_AT_ONCE]
        wanted = sa.select(charges).where(charges.c.charge_id.in_(some))
        for row in connection.execute(wanted).mappings():
            yield ChargeFact.model_validate({name: row[name] for name in ChargeFact.model_fields})


def _approval(row: RowMapping) -> ApprovalFact:
    request = ApprovalRequest.model_validate_json(row["request"])
    return ApprovalFact(
        approval_id=row["approval_id"],
        case_id=row["case_id"],
        key=request.action.key,
        digest=row["digest"],
        standing=row["standing"],
        by=row["decided_by"] or "",
        requester=request.requester,
        approvers=request.approvers,
        amount_minor=row["amount_minor"],
        expires_at=row["expires_at"],
        decided_at=row["decided_at"],
    )


def _dead_letter(row: RowMapping) -> DeadLetterFact:
    letter = DeadLetter.model_validate_json(row["letter"])
    return DeadLetterFact(
        dead_letter_id=row["dead_letter_id"],
        case_id=row["case_id"],
        source=row["source"],
        kind=row["kind"],
        step=row["step"],
        last_error=letter.last_error,
        payload_ref=letter.payload_ref,
        attempts=len(letter.attempts),
        status=row["status"],
    )


def _untold(connection: Connection) -> Iterator[WordFact]:
    wanted = sa.select(*(words.c[name] for name in WordFact.model_fields)).where(words.c.told_at.is_(None))
    for row in connection.execute(wanted.order_by(words.c.at)).mappings():
        yield WordFact.model_validate({**row, "last_error": row["last_error"] or ""})


def _stops(connection: Connection) -> Iterator[StopFact]:
    since: datetime | None = None
    changes = sa.select(switch_changes).where(switch_changes.c.name == EFFECTS_STOPPED).order_by(switch_changes.c.id)
    for row in connection.execute(changes):
        if row.is_on:
            since = row.at
        elif since is not None:
            yield StopFact(since=since, until=row.at)
            since = None
    if since is not None:
        yield StopFact(since=since)
