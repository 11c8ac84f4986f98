"""Effects by key, each once, and the books: checks and writes are one transaction."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from adapters.store import approvals as approval_rows
from adapters.store.database import Database, insert_first
from adapters.store.effects import effect_record
from adapters.store.guards import EFFECTS_STOPPED, KINDS, why_on
from adapters.store.tables import cases, effects, entries, forbidden_cases, settlements
from adapters.store.words import add_word
from domain.audit.facts import RailEntry
from domain.authority.on_record import why_a_person
from domain.case import CaseInput
from domain.errors import EffectsStoppedError, RefusedError
from domain.money.action import Action, Terms, read_action
from domain.money.approval import ApprovalDecision, ApprovalRequest, ApprovalResult
from domain.money.effect import RECONCILED, LedgerState, Settling, next_look
from domain.words_to_people import word_on_books_behind
from ports.ledger import LedgerRow


class SqlLedger:
    """`Ledger` on SQL."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._clock = clock

    # --- effects -----------------------------------------------------------------------------------------------------

    def intend(
        self,
        action: Action,
        *,
        step: str,
        approval_id: str | None,
        terms: Terms,
        now: datetime,
    ) -> LedgerRow:
        """Write down the intention before the rail is called, checking in the same transaction that it may be.

        See `ports.store.Ledger.intend` for what is checked. An intention that was abandoned is checked and
        written anew.

        Raises:
            RefusedError: a check failed, or the key stands there with another action.
            EffectsStoppedError: the kill switch is on.
            TransientError: the store cannot be reached.
        """

        def work(connection: Connection) -> LedgerRow:
            self._database.lock(connection, f"case:{action.case_id}")
            standing = _row_of(connection, action.key)
            if standing is not None and standing.settling is Settling.FAILED:
                raise RefusedError(f"{action.key!r} was paid and failed at the provider: a person pays it another way")
            if standing is not None and standing.state is LedgerState.EXECUTED:
                return _same(standing, action)
            _require_allowed(connection, action)
            if standing is not None and standing.state is LedgerState.INTENDED:
                return _same(standing, action)
            _require_well_formed(action, step)
            rules = KINDS.get(action.kind)
            if rules is None:
                raise RefusedError(f"{action.key!r}: the ledger has no guard for actions of kind {action.kind!r}")
            case = _case_of(connection, action)
            if approval_id is not None:
                approval_rows.require_approved(connection, action, approval_id, case)
            else:
                _require_nobody_has_to_look(action, case)
            concerned = rules.guard(
                self._database, connection, action, terms, case=case, approved=approval_id is not None, now=now
            )
            # Values of every column type, hence object.
            values: dict[str, object] = {
                "case_id": action.case_id,
                "step": step,
                "kind": action.kind,
                "tenant": case.tenant,
                "customer_id": concerned.customer_id,
                "order_id": concerned.order_id,
                "charge_id": concerned.charge_id,
                "amount_minor": action.money.minor,
                "currency": action.money.currency,
                "payee": action.payee,
                "digest": action.digest(),
                "action": action.model_dump_json(),
                "approval_id": approval_id,
                "state": LedgerState.INTENDED,
                "provider_ref": None,
                "why": None,
                "intended_at": now,
                "executed_at": None,
            }
            if standing is None:
                connection.execute(sa.insert(effects).values(key=action.key, **values))
            else:
                connection.execute(sa.update(effects).where(effects.c.key == action.key).values(**values))
            row = _known(_row_of(connection, action.key), action.key)
            return row.model_copy(update={"is_new": standing is None})

        return self._database.writing(work)

    def execute(self, key: str, provider_ref: str, now: datetime, *, pending: bool = False) -> LedgerRow:
        """Record that the rail did it, with the two entries that balance; repeatable.

        An abandoned effect is booked too: if the provider says that money moved, it did. One that is `pending` there is
        booked as well, and asked about again.

        Raises:
            KeyError: no such effect was intended.
            TransientError: the store cannot be reached.
        """

        def work(connection: Connection) -> LedgerRow:
            row = _locked_row(self._database, connection, key)
            if row.state is LedgerState.EXECUTED:
                return row
            connection.execute(
                sa.update(effects)
                .where(effects.c.key == key)
                .values(state=LedgerState.EXECUTED, provider_ref=provider_ref, executed_at=now, why=None)
            )
            if pending:
                first = {"effect_key": key, "state": Settling.PENDING, "since": now, "looks": 0}
                connection.execute(sa.insert(settlements).values(**first, look_at=next_look(0, now)))
            book(connection, row.effect.kind, key, row.effect.amount_minor, row.effect.currency, now)
            return _known(_row_of(connection, key), key)

        return self._database.writing(work)

    def find(self, key: str) -> LedgerRow | None:
        """Return an effect by its key."""
        with self._database.reading() as connection:
            return _row_of(connection, key)

    def unknown(self, payments: Sequence[RailEntry], now: datetime) -> list[str]:
        """Return the keys of payments that the provider made and that the ledger has never heard of; people are told
        once for each that is the first of them.
        """
        keys = [payment.key for payment in payments]
        with self._database.reading() as connection:
            known = set(connection.execute(sa.select(effects.c.key).where(effects.c.key.in_(keys))).scalars())
        missing = [key for key in keys if key not in known]
        if missing:
            word = word_on_books_behind(missing[0], len(missing), now)
            self._database.writing(lambda connection: add_word(connection, word))
        return missing

    def in_doubt(self, case_id: str) -> list[LedgerRow]:
        """Return the case's effects that were intended and neither executed nor abandoned."""
        open_ones = _rows().where(effects.c.case_id == case_id, effects.c.state == LedgerState.INTENDED)
        with self._database.reading() as connection:
            return [_ledger_row(row) for row in connection.execute(open_ones.order_by(effects.c.key)).mappings()]

    def effects_of(self, case_id: str) -> list[LedgerRow]:
        """Return all effects of a case, oldest first."""
        wanted = _rows().where(effects.c.case_id == case_id).order_by(effects.c.intended_at, effects.c.key)
        with self._database.reading() as connection:
            return [_ledger_row(row) for row in connection.execute(wanted).mappings()]

    def abandon(self, key: str, why: str, now: datetime, *, seen: datetime) -> None:
        """Take back the intention of the time `seen`, which the rail refused for good. The approval is free again.

        An executed one stays, and so does one that was written since: who asks for it has looked at an older one.
        """

        def work(connection: Connection) -> None:
            row = _locked_row(self._database, connection, key)
            if row.state is not LedgerState.INTENDED or row.at != seen:
                return
            connection.execute(
                sa.update(effects)
                .where(effects.c.key == key)
                .values(state=LedgerState.ABANDONED, why=f"{why[:480]} ({now:%Y-%m-%d %H:%M:%S})", approval_id=None)
            )

        self._database.writing(work)

    # --- authority ---------------------------------------------------------------------------------------------------

    def announce(self, request: ApprovalRequest, now: datetime) -> None:
        """Record that an approval was asked for, with the word to the approvers; again, or once decided, nothing."""
        self._database.writing(lambda connection: approval_rows.announce(self._database, connection, request, now))

    def record_approval(
        self, request: ApprovalRequest, result: ApprovalResult, decision: ApprovalDecision | None = None
    ) -> ApprovalResult:
        """Record a decision (or expiry), with the signed one on the trail; the first stands, and is returned."""

        def work(connection: Connection) -> ApprovalResult:
            self._database.lock(connection, f"case:{request.action.case_id}")
            return approval_rows.record(self._database, connection, request, result, decision, self._clock())

        return self._database.writing(work)

    def forbid(self, case_id: str, why: str, now: datetime) -> None:
        """Let no further effect happen for a case (it was cancelled)."""

        def work(connection: Connection) -> None:
            self._database.lock(connection, f"case:{case_id}")
            insert_first(connection, forbidden_cases, {"case_id": case_id, "why": why, "at": now})

        self._database.writing(work)


def book(
    connection: Connection, kind: str, key: str, amount_minor: int | None, currency: str | None, now: datetime
) -> None:
    """Write the two entries of an executed effect, on the accounts of its kind."""
    rules = KINDS[kind]
    for account, side in ((rules.debit, "debit"), (rules.credit, "credit")):
        connection.execute(
            sa.insert(entries).values(
                posting=key,
                effect_key=key,
                account=account,
                side=side,
                amount_minor=amount_minor,
                currency=currency,
                at=now,
            )
        )


def _require_allowed(connection: Connection, action: Action) -> None:
    if (why := why_on(connection, EFFECTS_STOPPED)) is not None:
        raise EffectsStoppedError(f"effects are stopped by the kill switch ({why}): {action.key!r} was not begun")
    forbidden = connection.execute(
        sa.select(forbidden_cases.c.why).where(forbidden_cases.c.case_id == action.case_id)
    ).scalar_one_or_none()
    if forbidden is not None:
        raise RefusedError(f"no effect may happen for {action.case_id!r} any more: {forbidden}")
    ended = connection.execute(sa.select(cases.c.closed_at).where(cases.c.case_id == action.case_id)).scalar()
    if ended is not None:
        raise RefusedError(f"{action.case_id!r} ended at {ended:%Y-%m-%d %H:%M:%S}: {action.key!r} was not begun")


def _require_well_formed(action: Action, step: str) -> None:
    if step == RECONCILED:  # the audit asks less of what was booked from the provider's log
        raise RefusedError(f"{action.key!r} calls itself {step!r}: that is what is booked from the provider's log")
    if action.money.minor <= 0:
        raise RefusedError(f"{action.key!r} would pay {action.money}: expected more than nothing")
    if not action.key.startswith(f"{action.case_id}/"):
        raise RefusedError(f"key {action.key!r} does not belong to {action.case_id!r}: expected the case id and a step")


def _case_of(connection: Connection, action: Action) -> CaseInput:
    """Return the case as it was admitted, with the policy of that time: what whoever pays says of it does not count."""
    row = connection.execute(
        sa.select(cases.c.tenant, cases.c.input).where(cases.c.case_id == action.case_id)
    ).one_or_none()
    if row is None:
        raise RefusedError(f"case {action.case_id!r} was never admitted: an effect needs a cause")
    case = CaseInput.model_validate_json(row.input)
    if (case.case_id, case.tenant) != (action.case_id, row.tenant):
        raise RefusedError(f"the input on record of {action.case_id!r} is that of another case or tenant")
    return case


def _require_nobody_has_to_look(action: Action, case: CaseInput) -> None:
    why = why_a_person(case)
    if why is not None:
        raise RefusedError(f"{action.key!r} needs an approval on record: {why}")


def _same(standing: LedgerRow, action: Action) -> LedgerRow:
    if standing.action is None or not standing.action.same_money(action):
        was = standing.action.money if standing.action else "no money"
        raise RefusedError(
            f"key {action.key!r} stands in the ledger with another action ({was}, {standing.state}): "
            f"{action.money} cannot be paid under it"
        )
    return standing


def _locked_row(database: Database, connection: Connection, key: str) -> LedgerRow:
    case_id = connection.execute(sa.select(effects.c.case_id).where(effects.c.key == key)).scalar_one_or_none()
    if case_id is None:
        raise KeyError(f"effect {key!r} was never intended")
    database.lock(connection, f"case:{case_id}")
    return _known(_row_of(connection, key), key)


def _rows() -> sa.Select[Any]:  # Any: columns of every type
    return sa.select(effects, settlements.c.state.label("settling")).outerjoin(
        settlements, settlements.c.effect_key == effects.c.key
    )


def _row_of(connection: Connection, key: str) -> LedgerRow | None:
    row = connection.execute(_rows().where(effects.c.key == key)).mappings().one_or_none()
    return None if row is None else _ledger_row(row)


def _known(row: LedgerRow | None, key: str) -> LedgerRow:
    if row is None:
        raise KeyError(f"effect {key!r} was never intended")
    return row


def _ledger_row(row: RowMapping) -> LedgerRow:
    return LedgerRow(
        effect=effect_record(row).model_copy(update={"pending": row["settling"] == Settling.PENDING}),
        state=LedgerState(row["state"]),
        settling=Settling(row["settling"]) if row["settling"] else None,
        at=row["intended_at"],
        action=read_action(row["action"]) if row["action"] else None,
    )
