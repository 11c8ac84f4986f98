"""Effects by key, each once, and the books: checks and writes are one transaction."""

from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from adapters.store import approvals as approval_rows
from adapters.store.database import RECORDS_LOCK, Database
from adapters.store.effects import effect_record, refunded_since_midnight
from adapters.store.rows import insert_first
from adapters.store.switches import EFFECTS_STOPPED, why_on
from adapters.store.tables import cases, charges, effects, entries, forbidden_cases, orders
from domain.errors import EffectsStoppedError, RefusedError
from domain.money.amount import format_minor
from domain.money.approval import Action, ApprovalRequest, ApprovalResult
from domain.money.effect import LedgerState
from ports.ledger import LedgerRow

DEBIT_ACCOUNT = "refunds"
"""What refunds cost."""
CREDIT_ACCOUNT = "provider_balance"
"""What lies with the payment provider, from which refunds are paid."""


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
        limit_minor: int | None,
        now: datetime,
        daily_cap_minor: int | None = None,
        seen_back_minor: int | None = None,
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
            if standing is not None and standing.state is LedgerState.EXECUTED:
                return _same(standing, action)
            _require_allowed(connection, action)
            if standing is not None and standing.state is LedgerState.INTENDED:
                return _same(standing, action)
            # Before the charge is read: whoever changes records waits, or is waited for.
            self._database.lock(connection, RECORDS_LOCK, shared=True)
            self._database.lock(connection, f"charge:{action.charge_id}")
            charge = _charge_of(connection, action)
            self._database.lock(connection, f"customer:{charge['tenant']}/{charge['customer_id']}")
            back_minor = _back_before(connection, action, charge)
            if seen_back_minor is not None and back_minor != seen_back_minor:
                seen, now_back = (format_minor(m, action.money.currency) for m in (seen_back_minor, back_minor))
                raise RefusedError(
                    f"{action.key!r} was decided when {seen} of charge {action.charge_id!r} were paid back; now it is "
                    f"{now_back}: it has to be decided again"
                )
            _require_within_charge(action, charge, back_minor)
            if approval_id is not None:
                approval_rows.require_approved(connection, action, approval_id)
            else:
                _require_below_limit(action, back_minor, limit_minor)
                _require_within_daily_cap(connection, action, charge, daily_cap_minor, now=now)
            # Values of every column type, hence object.
            values: dict[str, object] = {
                "case_id": action.case_id,
                "step": step,
                "kind": action.kind,
                "tenant": charge["tenant"],
                "customer_id": charge["customer_id"],
                "order_id": action.order_id,
                "charge_id": action.charge_id,
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

    def execute(self, key: str, provider_ref: str, now: datetime) -> LedgerRow:
        """Record that the rail did it, with the two entries that balance; repeatable.

        An abandoned effect is booked too: if the provider says that money moved, it did.

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
            for account, side in ((DEBIT_ACCOUNT, "debit"), (CREDIT_ACCOUNT, "credit")):
                connection.execute(
                    sa.insert(entries).values(
                        posting=key,
                        effect_key=key,
                        account=account,
                        side=side,
                        amount_minor=row.effect.amount_minor,
                        currency=row.effect.currency,
                        at=now,
                    )
                )
            return _known(_row_of(connection, key), key)

        return self._database.writing(work)

    def find(self, key: str) -> LedgerRow | None:
        """Return an effect by its key."""
        with self._database.reading() as connection:
            return _row_of(connection, key)

    def in_doubt(self, case_id: str) -> list[LedgerRow]:
        """Return the case's effects that were intended and neither executed nor abandoned."""
        open_ones = sa.select(effects).where(effects.c.case_id == case_id, effects.c.state == LedgerState.INTENDED)
        with self._database.reading() as connection:
            return [_ledger_row(row) for row in connection.execute(open_ones.order_by(effects.c.key)).mappings()]

    def effects_of(self, case_id: str) -> list[LedgerRow]:
        """Return all effects of a case, oldest first."""
        wanted = sa.select(effects).where(effects.c.case_id == case_id).order_by(effects.c.intended_at, effects.c.key)
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

    def announce(self, request: ApprovalRequest, now: datetime) -> bool:
        """Record that an approval was asked for; return whether people still have to be told (see `announced`)."""
        return self._database.writing(lambda connection: approval_rows.announce(connection, request, now))

    def announced(self, approval_id: str, now: datetime) -> None:
        """Record that people were told."""
        self._database.writing(lambda connection: approval_rows.announced(connection, approval_id, now))

    def record_approval(self, request: ApprovalRequest, result: ApprovalResult) -> ApprovalResult:
        """Record a decision (or expiry); the first stands, and is returned."""

        def work(connection: Connection) -> ApprovalResult:
            self._database.lock(connection, f"case:{request.action.case_id}")
            return approval_rows.record(connection, request, result, self._clock())

        return self._database.writing(work)

    def forbid(self, case_id: str, why: str, now: datetime) -> None:
        """Let no further effect happen for a case (it was cancelled)."""

        def work(connection: Connection) -> None:
            self._database.lock(connection, f"case:{case_id}")
            insert_first(connection, forbidden_cases, {"case_id": case_id, "why": why, "at": now})

        self._database.writing(work)


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


def _charge_of(connection: Connection, action: Action) -> RowMapping:
    """Return the charge with its customer, if it is what the action says."""
    if action.money.minor <= 0:
        raise RefusedError(f"{action.key!r} would pay {action.money}: expected more than nothing")
    if not action.key.startswith(f"{action.case_id}/"):
        raise RefusedError(f"key {action.key!r} does not belong to {action.case_id!r}: expected the case id and a step")
    tenant = connection.execute(sa.select(cases.c.tenant).where(cases.c.case_id == action.case_id)).scalar_one_or_none()
    if tenant is None:
        raise RefusedError(f"case {action.case_id!r} was never admitted: an effect needs a cause")
    charge = (
        connection.execute(
            sa.select(charges, orders.c.customer_id)
            .join(orders, sa.and_(orders.c.tenant == charges.c.tenant, orders.c.order_id == charges.c.order_id))
            .where(charges.c.charge_id == action.charge_id, charges.c.tenant == tenant)
        )
        .mappings()
        .one_or_none()
    )
    if charge is None or charge["order_id"] != action.order_id:
        raise RefusedError(
            f"charge {action.charge_id!r} of order {action.order_id!r} is not in the records of {tenant!r}"
        )
    if charge["payee"] != action.payee:
        raise RefusedError(
            f"charge {action.charge_id!r} was not paid from {action.payee!r}: money goes back where it came from"
        )
    if charge["currency"] != action.money.currency:
        raise RefusedError(f"charge {action.charge_id!r} is in {charge['currency']}, not in {action.money.currency}")
    return charge


def _back_before(connection: Connection, action: Action, charge: RowMapping) -> int:
    """Return what went back of the charge by others, or is about to, minor units."""
    moved = connection.execute(
        sa.select(sa.func.coalesce(sa.func.sum(effects.c.amount_minor), 0)).where(
            effects.c.charge_id == action.charge_id,
            effects.c.key != action.key,
            effects.c.state.in_((LedgerState.INTENDED, LedgerState.EXECUTED)),
        )
    ).scalar_one()
    return int(charge["refunded_minor"]) + int(moved)


def _require_within_charge(action: Action, charge: RowMapping, back_minor: int) -> None:
    left = charge["amount_minor"] - back_minor
    if action.money.minor > left:
        raise RefusedError(
            f"{action.key!r} would pay {action.money}, but only {format_minor(left, action.money.currency)} "
            f"of charge {action.charge_id!r} is left"
        )


def _require_below_limit(action: Action, back_minor: int, limit_minor: int | None) -> None:
    currency = action.money.currency
    if limit_minor is not None and back_minor + action.money.minor >= limit_minor:
        before = f" after {format_minor(back_minor, currency)} of the same charge" if back_minor else ""
        raise RefusedError(
            f"{action.key!r} would pay {action.money}{before}, at or above the limit of "
            f"{format_minor(limit_minor, currency)}: it needs an approval on record"
        )


def _require_within_daily_cap(
    connection: Connection, action: Action, charge: RowMapping, daily_cap_minor: int | None, *, now: datetime
) -> None:
    if daily_cap_minor is None:
        return
    currency = action.money.currency
    customer = {"tenant": charge["tenant"], "customer_id": charge["customer_id"]}
    today = refunded_since_midnight(connection, customer, currency, now=now, except_case=action.case_id)
    if today + action.money.minor > daily_cap_minor:
        raise RefusedError(
            f"{action.key!r} would bring the customer's refunds of today to "
            f"{format_minor(today + action.money.minor, currency)}, above the cap of "
            f"{format_minor(daily_cap_minor, currency)}: it needs an approval on record"
        )


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


def _row_of(connection: Connection, key: str) -> LedgerRow | None:
    row = connection.execute(sa.select(effects).where(effects.c.key == key)).mappings().one_or_none()
    return None if row is None else _ledger_row(row)


def _known(row: LedgerRow | None, key: str) -> LedgerRow:
    if row is None:
        raise KeyError(f"effect {key!r} was never intended")
    return row


def _ledger_row(row: RowMapping) -> LedgerRow:
    return LedgerRow(
        effect=effect_record(row),
        state=LedgerState(row["state"]),
        at=row["intended_at"],
        action=Action.model_validate_json(row["action"]) if row["action"] else None,
    )
