"""What the ledger checks before it writes an intention, in its own transaction: the kill switch, and a guard by kind.

A new kind of action is one guard and one row in `KINDS`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.engine import Connection, RowMapping

from adapters.store.database import RECORDS_LOCK, Database
from adapters.store.effects import MOVED, refunded_since_midnight
from adapters.store.tables import cases, charges, customers, effects, orders, switch_changes
from domain.authority.on_record import is_of_sender, stricter
from domain.case import CaseInput
from domain.errors import RecordsMovedError, RefusedError
from domain.money.action import Action, Terms
from domain.money.amount import format_minor
from domain.money.refund_action import RefundAction, RefundTerms, refund_key
from ports.rail import only_refund

EFFECTS_STOPPED = "effects_stopped"


class SwitchState(BaseModel):
    """Whether effects are stopped, and who said so, why and when."""

    stopped: bool = False
    changed_by: str = ""
    reason: str = ""
    at: datetime | None = None


class SqlSwitches:
    """Reads and sets the kill switch. Every intention reads its last change, so it works at once for all processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def effects(self) -> SwitchState:
        """Return where the kill switch stands."""
        with self._database.reading() as connection:
            row = _last(connection, EFFECTS_STOPPED)
        if row is None:
            return SwitchState()
        return SwitchState(stopped=row.is_on, changed_by=row.changed_by, reason=row.reason, at=row.at)

    def set_effects(self, *, stopped: bool, by: str, reason: str, now: datetime) -> SwitchState:
        """Stop all new effects, or let them happen again; who, when and why of every change is kept.

        Raises:
            ValueError: it does not say who or why.
        """
        if not by.strip() or not reason.strip():
            raise ValueError(f"by {by!r}, reason {reason!r}: the kill switch needs a name and a reason")

        def work(connection: Connection) -> None:
            last = _last(connection, EFFECTS_STOPPED)
            # Setting it again to what it is changes nothing: the audit asks since when effects were stopped.
            if last is None or last.is_on is not stopped:
                values = {"name": EFFECTS_STOPPED, "is_on": stopped, "changed_by": by, "reason": reason, "at": now}
                connection.execute(sa.insert(switch_changes), values)

        self._database.writing(work)
        return self.effects()


def why_on(connection: Connection, name: str) -> str | None:
    """Return who turned a switch on and why; None where it is off, or was never set."""
    row = _last(connection, name)
    return f"by {row.changed_by}: {row.reason}" if row is not None and row.is_on else None


def _last(connection: Connection, name: str) -> sa.Row[Any] | None:  # Any: a row of all columns
    last = sa.select(switch_changes).where(switch_changes.c.name == name).order_by(switch_changes.c.id.desc()).limit(1)
    return connection.execute(last).one_or_none()


@dataclass(frozen=True, slots=True)
class Concerned:
    """Whom and what an effect concerns, as far as its kind has it."""

    customer_id: str | None = None
    order_id: str | None = None
    charge_id: str | None = None


class Guard(Protocol):
    """Checks an action of its kind."""

    def __call__(
        self,
        database: Database,
        connection: Connection,
        action: Action,
        terms: Terms,
        *,
        case: CaseInput,
        approved: bool,
        now: datetime,
    ) -> Concerned:
        """Return whom it concerns. `case` is the one on record; `terms` come from whoever pays, and may only make its
        policy stricter. Raises RefusedError if it may not be.
        """
        ...


def guard_refund(
    database: Database,
    connection: Connection,
    action: Action,
    terms: Terms,
    *,
    case: CaseInput,
    approved: bool,
    now: datetime,
) -> Concerned:
    """Check a refund: charge and payee as the records have them, and all that goes back within charge, limit and cap.

    Limit and cap are those of the policy that the case was admitted with.

    Raises:
        RecordsMovedError: owner, dispute, refunds of the charge, what is left of it, limit or cap are not what was
            decided on.
        RefusedError: another check failed, or this is no refund.
    """
    refund = only_refund(action)
    if not isinstance(terms, RefundTerms):
        raise RefusedError(f"{action.key!r} came with the terms of another kind of action: {type(terms).__name__}")
    if refund.key != refund_key(refund.case_id):
        raise RefusedError(
            f"{refund.key!r} is no key of a refund: {refund.case_id!r} pays one, as {refund_key(refund.case_id)!r}"
        )
    # Before the charge is read: whoever changes records waits, or is waited for.
    database.lock(connection, RECORDS_LOCK, shared=True)
    database.lock(connection, f"charge:{refund.charge_id}")
    charge = _charge_of(connection, refund, case.tenant)
    terms = stricter(terms, case.policy.refund, refund.money.currency)
    database.lock(connection, f"customer:{case.tenant}/{charge['customer_id']}")
    back_minor = _back_before(connection, refund, charge)
    _require_same_customer(refund, charge, terms.customer_id)
    _require_provider_says_so(refund, back_minor, terms.at_provider_minor)
    _require_as_seen(refund, back_minor, terms.seen_back_minor)
    _require_within_charge(refund, charge, back_minor)
    if not approved:
        _require_of_sender(connection, refund, charge, case)
        _require_below_limit(refund, back_minor, terms.limit_minor)
        _require_within_daily_cap(connection, refund, charge, terms.daily_cap_minor, now=now)
    return Concerned(customer_id=charge["customer_id"], order_id=refund.order_id, charge_id=refund.charge_id)


@dataclass(frozen=True, slots=True)
class KindRules:
    """How the ledger treats a kind of action: its guard, and the accounts that its two entries are booked on."""

    guard: Guard
    debit: str
    credit: str


KINDS: dict[str, KindRules] = {
    # What refunds cost, and what lies with the payment provider, from which they are paid.
    "refund": KindRules(guard_refund, debit="refunds", credit="provider_balance"),
}


def _charge_of(connection: Connection, action: RefundAction, tenant: str) -> RowMapping:
    """Return the charge with its customer, if it is what the action says."""
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
    if charge["disputed"]:  # whoever pays now pays twice: the bank takes it back as well
        raise RecordsMovedError(f"charge {action.charge_id!r} is disputed now: {action.key!r} has to be decided again")
    if charge["currency"] != action.money.currency:
        raise RefusedError(f"charge {action.charge_id!r} is in {charge['currency']}, not in {action.money.currency}")
    return charge


def _require_same_customer(action: RefundAction, charge: RowMapping, customer_id: str | None) -> None:
    """Refuse where the order went to somebody else while a person decided: claim, letter and cap are of the first."""
    if customer_id is not None and charge["customer_id"] != customer_id:
        owner = charge["customer_id"]
        raise RecordsMovedError(
            f"order {action.order_id!r} belongs to {owner!r} now: {action.key!r} has to be decided again"
        )


def _require_of_sender(connection: Connection, action: RefundAction, charge: RowMapping, case: CaseInput) -> None:
    """Refuse where the order is not of whoever sent the message on record: only a person may pay that."""
    owner = sa.and_(customers.c.tenant == case.tenant, customers.c.customer_id == charge["customer_id"])
    owner_email_key = connection.execute(sa.select(customers.c.email_key).where(owner)).scalar()
    sender_email = connection.execute(sa.select(cases.c.sender_email).where(cases.c.case_id == case.case_id)).scalar()
    if not is_of_sender(
        customer_id=case.customer_id,
        sender_email=sender_email,
        owner_id=charge["customer_id"],
        owner_email_key=owner_email_key,
    ):
        raise RecordsMovedError(
            f"order {action.order_id!r} is not of whoever sent {action.case_id!r}: it has to be decided again"
        )


def _back_before(connection: Connection, action: RefundAction, charge: RowMapping) -> int:
    """Return what went back of the charge by others, or is about to, minor units."""
    moved = connection.execute(
        sa.select(sa.func.coalesce(sa.func.sum(effects.c.amount_minor), 0)).where(
            effects.c.charge_id == action.charge_id,
            effects.c.key != action.key,
            MOVED,
        )
    ).scalar_one()
    return int(charge["refunded_minor"]) + int(moved)


def _require_as_seen(action: RefundAction, back_minor: int, seen_back_minor: int | None) -> None:
    if seen_back_minor is not None and back_minor != seen_back_minor:
        seen, now_back = (format_minor(m, action.money.currency) for m in (seen_back_minor, back_minor))
        raise RecordsMovedError(
            f"{action.key!r} was decided when {seen} of charge {action.charge_id!r} were paid back; now it is "
            f"{now_back}: it has to be decided again"
        )


def _require_provider_says_so(action: RefundAction, back_minor: int, at_provider_minor: int | None) -> None:
    """Refuse where the provider paid back more than ledger and records know: they are older than its log, or somebody
    refunds past Headgate.
    """
    if at_provider_minor is not None and at_provider_minor > back_minor:
        theirs, ours = (format_minor(m, action.money.currency) for m in (at_provider_minor, back_minor))
        raise RecordsMovedError(
            f"the payment provider has paid {theirs} of charge {action.charge_id!r} back, ledger and records know of "
            f"{ours}: {action.key!r} has to be decided again once they say the same"
        )


def _require_within_charge(action: RefundAction, charge: RowMapping, back_minor: int) -> None:
    left = charge["amount_minor"] - back_minor
    if action.money.minor > left:
        raise RecordsMovedError(
            f"{action.key!r} would pay {action.money}, but only {format_minor(left, action.money.currency)} "
            f"of charge {action.charge_id!r} is left"
        )


def _require_below_limit(action: RefundAction, back_minor: int, limit_minor: int | None) -> None:
    currency = action.money.currency
    if limit_minor is not None and back_minor + action.money.minor >= limit_minor:
        before = f" after {format_minor(back_minor, currency)} of the same charge" if back_minor else ""
        raise RecordsMovedError(
            f"{action.key!r} would pay {action.money}{before}, at or above the limit of "
            f"{format_minor(limit_minor, currency)}: it needs an approval on record"
        )


def _require_within_daily_cap(
    connection: Connection, action: RefundAction, charge: RowMapping, daily_cap_minor: int | None, *, now: datetime
) -> None:
    if daily_cap_minor is None:
        return
    currency = action.money.currency
    customer = {"tenant": charge["tenant"], "customer_id": charge["customer_id"]}
    today = refunded_since_midnight(connection, customer, currency, now=now, except_case=action.case_id)
    if today + action.money.minor > daily_cap_minor:
        raise RecordsMovedError(
            f"{action.key!r} would bring the customer's refunds of today to "
            f"{format_minor(today + action.money.minor, currency)}, above the cap of "
            f"{format_minor(daily_cap_minor, currency)}: it needs an approval on record"
        )
