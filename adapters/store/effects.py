"""What Headgate itself paid back, or is about to, and what became of it: what only our own ledger knows.

Statements are built once: building one takes SQLAlchemy ten times as long as SQLite takes to answer it.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from adapters.store.approvals import of_requester
from adapters.store.database import Database
from adapters.store.tables import approvals, cases, effects, entries, settlements, words
from adapters.store.words import add_word
from domain.case import CaseInput, EffectRecord
from domain.conversations.before_people import may_take_back, names_order
from domain.money.amount import Money
from domain.money.approval import ApprovalRequest
from domain.money.effect import OVERDUE, LedgerState, PendingEffect, Settlement, Settling, next_look
from domain.money.lookup import Facts
from domain.money.records import Account, Customer, OpenRequest, OwnEffect, PaidBack
from domain.money.refund_action import RefundAction
from domain.words_to_people import word_on_failed_refund, word_on_overdue_refund

_FAILED = sa.select(settlements.c.effect_key).where(settlements.c.state == Settling.FAILED)
MOVED = sa.and_(effects.c.state.in_((LedgerState.INTENDED, LedgerState.EXECUTED)), effects.c.key.not_in(_FAILED))
"""Money that is being moved counts as moved, and what came back from the provider does not."""
_OF_OTHERS = effects.c.case_id != sa.bindparam("except_case", type_=sa.Text)
_SUM = sa.cast(sa.func.coalesce(sa.func.sum(effects.c.amount_minor), 0), sa.BigInteger)

_BY_CHARGE = (
    sa.select(effects.c.charge_id, _SUM.label("minor"))
    .where(effects.c.charge_id.in_(sa.bindparam("charge_ids", expanding=True)), MOVED, _OF_OTHERS)
    .group_by(effects.c.charge_id)
)
_PAID_BACK = (
    sa.select(
        effects.c.charge_id, effects.c.amount_minor, effects.c.currency, effects.c.executed_at, settlements.c.state
    )
    .outerjoin(settlements, settlements.c.effect_key == effects.c.key)
    .where(effects.c.charge_id.in_(sa.bindparam("charge_ids", expanding=True)), MOVED, _OF_OTHERS)
    .order_by(effects.c.intended_at, effects.c.key)
)
_OF_ORDER = (
    sa.select(effects.c.key)
    .where(
        effects.c.tenant == sa.bindparam("tenant"),
        effects.c.order_id == sa.bindparam("order_id"),
        effects.c.charge_id.is_not(None),
        MOVED,
    )
    .limit(1)
)
_SINCE = sa.select(_SUM).where(
    effects.c.tenant == sa.bindparam("tenant"),
    effects.c.customer_id == sa.bindparam("customer_id"),
    effects.c.currency == sa.bindparam("currency"),
    effects.c.intended_at >= sa.bindparam("since"),
    MOVED,
    _OF_OTHERS,
)
_OWN_EFFECT = (
    sa.select(effects, settlements.c.state.label("settling"))
    .outerjoin(settlements, settlements.c.effect_key == effects.c.key)
    .where(
        effects.c.case_id == sa.bindparam("case_id"), effects.c.kind == "refund", effects.c.state == "executed", MOVED
    )
    .order_by(effects.c.executed_at)
    .limit(1)
)

_OPEN_REQUESTS = (
    sa.select(approvals.c.request)
    .where(
        approvals.c.tenant == sa.bindparam("tenant"),
        approvals.c.standing == "pending",
        approvals.c.request.like(sa.bindparam("of_customer", type_=sa.Text), escape="!"),
        approvals.c.expires_at > sa.bindparam("now"),
        approvals.c.case_id != sa.bindparam("except_case", type_=sa.Text),
    )
    .order_by(approvals.c.requested_at, approvals.c.approval_id)
)


_own_case = cases.alias()
_OPEN_OF_SENDER = (
    sa.select(cases.c.case_id, cases.c.replay, cases.c.input)
    .join(
        _own_case,
        sa.and_(_own_case.c.tenant == cases.c.tenant, _own_case.c.sender_email == cases.c.sender_email),
    )
    .where(
        _own_case.c.case_id == sa.bindparam("case_id"),
        cases.c.case_id != _own_case.c.case_id,
        cases.c.received_at <= _own_case.c.received_at,
        cases.c.closed_at.is_(None),
    )
    .order_by(cases.c.received_at.desc())
    .limit(50)
)
_ARRIVALS = sa.select(words.c.text).where(words.c.word_id.in_(sa.bindparam("word_ids", expanding=True)))
_LANES = 5  # waits for a person, of which a case seldom has two


def with_own_part(connection: Connection, facts: Facts, *, case_id: str | None, now: datetime) -> Account:
    """Return what the records say together with what Headgate paid back.

    Refunds that `case_id` itself made are left out of what was refunded, so that a replayed case decides as it did
    before; they come as `own_effect`.
    """
    if facts.customer is None:
        return Account()
    order, today = facts.order, 0
    paid_back: list[PaidBack] = []
    waiting = _open_requests(connection, facts.customer, now=now, except_case=case_id)
    if order is not None:
        paid_back = _paid_back(connection, [c.charge_id for c in order.charges], except_case=case_id)
        by_headgate: Counter[str] = Counter()
        for paid in paid_back:
            by_headgate[paid.charge_id] += paid.money.minor
        charges = [
            c.model_copy(update={"refunded_minor": c.refunded_minor + by_headgate[c.charge_id]}) for c in order.charges
        ]
        order = order.model_copy(update={"charges": charges})
        customer = {"tenant": facts.customer.tenant, "customer_id": facts.customer.customer_id}
        today = refunded_since_midnight(connection, customer, order.currency, now=now, except_case=case_id)
    return Account(
        customer=facts.customer,
        order=order,
        order_matched=facts.order_matched,
        order_of_somebody_else=facts.order_of_somebody_else,
        candidate_orders=facts.candidate_orders,
        refunded_today_minor=today,
        paid_back=paid_back,
        open_elsewhere=next((w.case_id for w in waiting if order is not None and w.order_id == order.order_id), None),
        open_requests=waiting,
        before_people=_before_people(connection, case_id, order.order_id) if case_id and order is not None else [],
        own_effect=_own_effect(connection, case_id) if case_id else None,
    )


def _before_people(connection: Connection, case_id: str, order_id: str) -> list[str]:
    """Return the sender's older cases on an order to which people were called as they may take a wish back."""
    found = []
    for row in connection.execute(_OPEN_OF_SENDER, {"case_id": case_id}):
        if names_order(CaseInput.model_validate_json(row.input), order_id):
            ids = [f"{row.case_id}/lane/{row.replay}.{lane}/0" for lane in range(1, _LANES + 1)]
            if any(may_take_back(told) for told in connection.execute(_ARRIVALS, {"word_ids": ids}).scalars()):
                found.append(row.case_id)
    return found


def _paid_back(connection: Connection, charge_ids: Sequence[str], *, except_case: str | None) -> list[PaidBack]:
    if not charge_ids:
        return []
    values = {"charge_ids": list(charge_ids), "except_case": except_case or ""}
    return [
        PaidBack(
            charge_id=row.charge_id,
            money=Money(minor=row.amount_minor, currency=row.currency),
            at=row.executed_at,
            pending=row.state == Settling.PENDING,
        )
        for row in connection.execute(_PAID_BACK, values)
    ]


def moved_by_charge(connection: Connection, charge_ids: Sequence[str]) -> dict[str, int]:
    """Return what Headgate paid back of each charge, or is about to, minor units; those without are left out."""
    if not charge_ids:
        return {}
    values = {"charge_ids": list(charge_ids), "except_case": ""}
    return {row.charge_id: int(row.minor) for row in connection.execute(_BY_CHARGE, values)}


def has_moved_of_order(connection: Connection, tenant: str, order_id: str) -> bool:
    """Return whether Headgate paid money of this order back, or is about to."""
    return connection.execute(_OF_ORDER, {"tenant": tenant, "order_id": order_id}).first() is not None


def refunded_since_midnight(
    connection: Connection, customer: dict[str, str], currency: str, *, now: datetime, except_case: str | None
) -> int:
    """Return what a customer (`tenant`, `customer_id`) was refunded since midnight UTC in a currency, minor units."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    values = {**customer, "currency": currency, "since": midnight, "except_case": except_case or ""}
    return int(connection.execute(_SINCE, values).scalar_one())


def _open_requests(
    connection: Connection, customer: Customer, *, now: datetime, except_case: str | None
) -> list[OpenRequest]:
    """Return what other cases of this customer wait for people to approve, the oldest first."""
    values = {
        "tenant": customer.tenant,
        "of_customer": of_requester(customer.customer_id),
        "now": now,
        "except_case": except_case or "",
    }
    found = [ApprovalRequest.model_validate_json(row.request) for row in connection.execute(_OPEN_REQUESTS, values)]
    return [
        OpenRequest(
            case_id=request.action.case_id,
            order_id=request.action.order_id,
            charge_id=request.action.charge_id,
            money=request.action.money,
            reason=request.reason,
        )
        for request in found
        if request.requester == customer.customer_id and isinstance(request.action, RefundAction)
    ]


def _own_effect(connection: Connection, case_id: str) -> OwnEffect | None:
    row = connection.execute(_OWN_EFFECT, {"case_id": case_id}).mappings().one_or_none()
    if row is None:
        return None
    return OwnEffect(
        key=row["key"],
        order_id=row["order_id"],
        charge_id=row["charge_id"],
        money=Money(minor=row["amount_minor"], currency=row["currency"]),
        provider_ref=row["provider_ref"] or "",
        pending=row["settling"] == Settling.PENDING,
    )


def effect_record(row: RowMapping) -> EffectRecord:
    """Return an effect as people see it."""
    return EffectRecord(
        key=row["key"],
        kind=row["kind"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        payee=row["payee"],
        approval_id=row["approval_id"],
        provider_ref=row["provider_ref"],
    )


# --- what the provider called pending ---------------------------------------------------------------------------

_PENDING = settlements.c.state == Settling.PENDING


class SqlSettling:
    """`SettlingStore` on SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, limit: int, now: datetime) -> list[PendingEffect]:
        """Return pending effects that are to be asked about now, those that wait longest first."""
        wanted = (
            sa.select(effects, settlements.c.since, settlements.c.looks)
            .join(effects, effects.c.key == settlements.c.effect_key)
            .where(_PENDING, settlements.c.look_at <= now)
            .order_by(settlements.c.look_at, effects.c.key)
            .limit(limit)
        )
        with self._database.reading() as connection:
            rows = connection.execute(wanted).mappings().all()
        return [
            PendingEffect(
                key=row["key"],
                case_id=row["case_id"],
                kind=row["kind"],
                provider_ref=row["provider_ref"],
                money=Money(minor=row["amount_minor"], currency=row["currency"]),
                since=row["since"],
                looks=row["looks"],
            )
            for row in rows
        ]

    def of_case(self, case_id: str) -> list[Settlement]:
        """Return what became of the refunds of a case that were pending, oldest first."""
        wanted = (
            sa.select(settlements, effects.c.key, effects.c.amount_minor, effects.c.currency)
            .join(effects, effects.c.key == settlements.c.effect_key)
            .where(effects.c.case_id == case_id)
            .order_by(settlements.c.since, effects.c.key)
        )
        with self._database.reading() as connection:
            rows = connection.execute(wanted).mappings().all()
        return [
            Settlement(
                key=row["key"],
                money=Money(minor=row["amount_minor"], currency=row["currency"]),
                settling=Settling(row["state"]),
                since=row["since"],
                ended_at=row["ended_at"],
                why=row["why"] or "",
            )
            for row in rows
        ]

    def put_off(self, effect: PendingEffect, now: datetime) -> None:
        """Ask about it again later; people are told once of one that is overdue."""
        later = {"looks": effect.looks + 1, "look_at": next_look(effect.looks + 1, now)}

        def work(connection: Connection) -> None:
            if _change(connection, effect.key, later) and now - effect.since > OVERDUE:
                add_word(connection, word_on_overdue_refund(effect, now))

        self._database.writing(work)

    def settle(self, key: str, now: datetime) -> None:
        """Record that the money arrived; repeatable."""
        values = {"state": Settling.SETTLED, "ended_at": now}
        self._database.writing(lambda connection: _change(connection, key, values))

    def fail(self, effect: PendingEffect, why: str, now: datetime) -> None:
        """Record that it failed: with a correction in the books, and a word to people. Repeatable."""
        values = {"state": Settling.FAILED, "why": why[:500], "ended_at": now}

        def work(connection: Connection) -> None:
            self._database.lock(connection, f"case:{effect.case_id}")
            if _change(connection, effect.key, values):
                _book_back(connection, effect, now)
                add_word(connection, word_on_failed_refund(effect, why, now))

        self._database.writing(work)


def _change(connection: Connection, key: str, values: dict[str, object]) -> bool:
    """Change a settlement that is still pending; return whether it was."""
    change = sa.update(settlements).where(settlements.c.effect_key == key, _PENDING).values(**values)
    return connection.execute(change).rowcount == 1


def _book_back(connection: Connection, effect: PendingEffect, now: datetime) -> None:
    """Book the entries of an effect the other way round, under a posting of their own."""
    booked = connection.execute(sa.select(entries).where(entries.c.posting == effect.key)).mappings().all()
    for entry in booked:
        side = "credit" if entry["side"] == "debit" else "debit"
        back = {name: entry[name] for name in ("effect_key", "account", "amount_minor", "currency")}
        connection.execute(sa.insert(entries).values(posting=f"{effect.key}/failed", side=side, at=now, **back))
