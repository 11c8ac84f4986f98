"""Spending on SQL: what a call may cost is held in all its budgets in one transaction, never checked and then added."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row, RowMapping

from adapters.spend.report import SpendReport
from adapters.spend.statements import ADD, CHARGE, HOLD, HOLDS, LAST_ASKED, LOCKED, SEE, SENT, SO_FAR
from adapters.spend.tables import model_calls, spend_accounts, spend_holds
from adapters.spend.telling import word_on_budget, word_on_runaway
from adapters.store.database import Database, insert_first
from adapters.store.words import add_word
from domain.spend.budgets import Budget, Spender, SpendRules, Unit, budgets_of
from domain.spend.calls import CallState, Movement, give_up, settle
from domain.spend.runaway import CaseSoFar, why_stopped
from domain.spend.windows import day_of
from ports.models.spend import BudgetWindow, CallRefusal, CallSpent, CallToMake

LEASE = timedelta(minutes=65)
"""A call of which nothing was heard for so long, more than any answer may take, is charged in full; it is held in full
until then, so a budget has no more of it than after."""
SWEEP_EVERY_S = 30.0
SWEEP_WHEN_FULL_S = 1.0
KEPT = timedelta(days=90)
"""So long budgets are kept after their day, and calls two days longer: what the audit compares is there or not there
together."""
_SWEPT_AT_ONCE = 500
_OPEN = (CallState.HELD, CallState.SENT)


class SqlSpend:
    """`SpendStore` on SQL; opened on first use, since a free model is asked while the store is away.

    `report` shows people what it is about, and changes it for them.
    """

    def __init__(self, opened: Callable[[], Database]) -> None:
        self.report = SpendReport(opened)
        self._opened = opened
        self._swept_at = float("-inf")

    def reserve(self, call: CallToMake, rules: SpendRules) -> CallRefusal | None:
        """Hold what a call may cost in all its budgets at once; return why that cannot be, None if it is held."""
        database = self._opened()
        self._sweep(SWEEP_EVERY_S)

        def work(connection: Connection) -> CallRefusal | None:
            return _reserve(connection, call, rules, database.clock(connection))

        refused = database.writing(work)
        if refused is not None and refused.until is not None and self._sweep(SWEEP_WHEN_FULL_S):
            return database.writing(work)  # what dead workers held may have been let go
        return refused

    def sent(self, call_id: str) -> bool:
        """Note that a call is about to be sent; return False where it is not held any more: then it must not be."""
        database = self._opened()

        def work(connection: Connection) -> bool:
            now = database.clock(connection)
            given = {"of_call": call_id, "now": now, "until": now + LEASE}
            return connection.execute(SENT, given).first() is not None

        return database.writing(work)

    def settle(self, call_id: str, spent: CallSpent) -> None:
        """Charge what a call used; the second time nothing changes, after its lease it is corrected."""
        actual = {Unit.TOKENS: spent.tokens_in + spent.tokens_out, Unit.MICROS: spent.cost_micros}
        database = self._opened()

        def work(connection: Connection) -> None:
            row = connection.execute(LOCKED, {"of_call": call_id}).mappings().first()
            if row is None or settle(row["state"], 0, 0) is None:
                return
            values = spent.model_dump(exclude={"model"}) | ({"model": spent.model} if spent.model else {})
            values |= {"corrected": row["state"] == CallState.UNKNOWN, "state": CallState.DONE}
            values["ended_at"] = database.clock(connection)
            _end(connection, row, lambda hold: settle(row["state"], hold["reserved"], actual[hold["unit"]]), values)

        database.writing(work)

    def give_up(self, call_id: str) -> None:
        """Note that nobody will hear of a call: charged in full if it was sent, let go otherwise."""
        database = self._opened()
        database.writing(lambda connection: _give_up(connection, call_id, database.clock(connection)))

    def sweep(self) -> int:
        """Charge, or let go, calls whose lease ran out; forget what is old. Return how many leases had run out."""
        database = self._opened()

        def work(connection: Connection) -> int:
            now = database.clock(connection)
            late = sa.select(model_calls.c.call_id).where(
                model_calls.c.state.in_(_OPEN), model_calls.c.lease_until < now
            )
            found = connection.execute(late.order_by(model_calls.c.call_id).limit(_SWEPT_AT_ONCE)).scalars().all()
            for call_id in found:
                _give_up(connection, call_id, now, before=now)
            _forget(connection, now)
            return len(found)

        return database.writing(work)

    def _sweep(self, every_s: float) -> int:
        if time.monotonic() - self._swept_at < every_s:
            return 0
        self._swept_at = time.monotonic()
        return self.sweep()


# --- reserving -----------------------------------------------------------------------------------------------


def _reserve(connection: Connection, call: CallToMake, rules: SpendRules, now: datetime) -> CallRefusal | None:
    asking = {"of_case": call.case_id, "question": call.question, "asked_by": call.asked_by}
    so_far = connection.execute(SO_FAR, asking).one()
    refusal = _runs_in_a_circle(connection, call, so_far, rules, now)
    if refusal is not None:
        return refusal
    spender = Spender(call.case_id, so_far.tenant or "default", call.kind, _source(call.case_id))
    full = _hold_all(connection, call, budgets_of(rules.budgets, spender), now)
    if full is None:
        connection.execute(sa.insert(model_calls), _row(call, spender, now))
        return None
    add_word(connection, word_on_budget(full, now, full=True))
    left = f"{full.cap - full.used - full.held:,} of {full.cap:,} {full.unit} left on {full.window}"
    why = f"the budget of {full.scope} is used up: {left}"
    return CallRefusal(reason=f"budget {full.scope} {full.unit}", why=why, until=full.ends_at)


def _runs_in_a_circle(
    connection: Connection,
    call: CallToMake,
    so_far: Row[Any],  # Any: columns of several types
    rules: SpendRules,
    now: datetime,
) -> CallRefusal | None:
    if not call.case_id:  # a measurement
        return None
    used = CaseSoFar(so_far.calls, int(so_far.tokens), so_far.same_question)
    why = why_stopped(rules.runaway, used, call.step)
    if why is None:
        return None
    last = connection.execute(LAST_ASKED, {"of_case": call.case_id}).all()
    asked = [f"{row.step} at {row.at:%H:%M:%S} ({row.model}, {row.question[:8]})" for row in last]
    add_word(connection, word_on_runaway(call.case_id, why, ", ".join(asked), so_far.released, now))
    return CallRefusal(reason="runaway", why=why)


def _source(case_id: str) -> str:
    return case_id.split("/")[1] if case_id.count("/") >= 2 else ""


def _hold_all(connection: Connection, call: CallToMake, budgets: list[Budget], now: datetime) -> BudgetWindow | None:
    """Hold the call in all budgets, in their order; return the first that is full, and then hold it in none."""
    held: list[dict[str, Any]] = []  # Any: values of columns
    warned: list[BudgetWindow] = []
    for budget in budgets:
        amount = call.tokens_in + call.tokens_out if budget.unit is Unit.TOKENS else call.cost_micros
        account, fits = _hold(connection, budget, amount, now)
        if not fits:
            if held:  # in this transaction still, so nobody ever saw them
                connection.execute(ADD, [_added(hold, 0, -hold["reserved"]) for hold in held])
            return account
        key = {"scope": account.scope, "unit": account.unit, "window": account.window}
        held.append({"call_id": call.call_id, **key, "reserved": amount})
        if account.used + account.held >= budget.warn_at * account.cap:
            warned.append(account)
    if held:
        connection.execute(sa.insert(spend_holds), held)
    for account in warned:
        add_word(connection, word_on_budget(account, now, full=False))
    return None


def _hold(connection: Connection, budget: Budget, amount: int, now: datetime) -> tuple[BudgetWindow, bool]:
    """Hold an amount in one budget if it fits; return the account, and whether it did."""
    day = day_of(now, budget.zone)
    given = {"of_scope": budget.scope, "of_unit": budget.unit, "of_window": day.name, "rule": budget.cap}
    holding = {**given, "amount": amount}
    row = connection.execute(HOLD, holding).mappings().first()
    if row is None:
        key = {"scope": budget.scope, "unit": budget.unit, "window": day.name}
        fresh = {**key, "cap": budget.cap, "cap_by": "", "used": 0, "held": 0, "ends_at": day.ends}
        insert_first(connection, spend_accounts, fresh)  # another may have been faster
        row = connection.execute(HOLD, holding).mappings().first()
    if row is not None:
        return BudgetWindow.model_validate(row), True
    return BudgetWindow.model_validate(connection.execute(SEE, given).mappings().one()), False


def _row(call: CallToMake, spender: Spender, now: datetime) -> dict[str, object]:
    nothing = ("tokens_in", "tokens_cached", "tokens_reasoning", "tokens_out", "cost_micros")
    same = ("call_id", "case_id", "asked_by", "kind", "step", "tier", "model", "question", "waited_s")
    return {
        **{name: getattr(call, name) for name in same},
        **dict.fromkeys(nothing, 0),
        "tenant": spender.tenant,
        "source": spender.source,
        "state": CallState.HELD,
        "reserved_tokens": call.tokens_in + call.tokens_out,
        "reserved_micros": call.cost_micros,
        "estimated": False,
        "corrected": False,
        "finish_reason": "",
        "provider_request_id": "",
        "at": now,
        "lease_until": now + LEASE,
    }


# --- ending --------------------------------------------------------------------------------------------------


def _end(
    connection: Connection,
    row: RowMapping,
    change: Callable[[RowMapping], Movement | None],
    values: dict[str, object],
) -> None:
    """Move what a call holds in all its accounts, in the order in which everybody locks them, and end it."""
    holds = list(connection.execute(HOLDS, {"of_call": row["call_id"]}).mappings())
    holds.sort(key=lambda hold: (hold["scope"], hold["unit"]))  # not as the database sorts text
    moved = [(hold, move) for hold in holds if (move := change(hold)) is not None]
    if moved:
        connection.execute(ADD, [_added(hold, move.used, -move.held) for hold, move in moved])
        charged = [_of_account(hold) | {"of_call": row["call_id"], "was": move.charged} for hold, move in moved]
        connection.execute(CHARGE, charged)
    connection.execute(sa.update(model_calls).where(model_calls.c.call_id == row["call_id"]).values(**values))


# Any: values of columns.
def _of_account(hold: RowMapping | dict[str, Any]) -> dict[str, Any]:
    return {"of_scope": hold["scope"], "of_unit": hold["unit"]}


def _added(hold: RowMapping | dict[str, Any], used: int, held: int) -> dict[str, Any]:
    return _of_account(hold) | {"of_window": hold["window"], "more_used": used, "more_held": held}


def _give_up(connection: Connection, call_id: str, now: datetime, *, before: datetime | None = None) -> None:
    """Charge a call in full, or let it go where it was never sent; only one whose lease ended `before`."""
    row = connection.execute(LOCKED, {"of_call": call_id}).mappings().first()
    ending = give_up(CallState(row["state"]), 0) if row is not None else None
    if row is None or ending is None or (before is not None and row["lease_until"] >= before):
        return
    values: dict[str, object] = {"state": ending.state, "ended_at": now}
    if ending.state is CallState.UNKNOWN:  # whole on the side of the input: nobody knows how it was divided
        values |= {"tokens_in": row["reserved_tokens"], "cost_micros": row["reserved_micros"], "estimated": True}
    _end(connection, row, lambda hold: give_up(CallState(row["state"]), hold["reserved"]), values)


def _forget(connection: Connection, now: datetime) -> None:
    old = now - KEPT
    calls = sa.select(model_calls.c.call_id).where(model_calls.c.at < old - timedelta(days=2)).limit(_SWEPT_AT_ONCE)
    found = connection.execute(calls).scalars().all()
    connection.execute(sa.delete(spend_accounts).where(spend_accounts.c.ends_at < old))
    if found:
        connection.execute(sa.delete(spend_holds).where(spend_holds.c.call_id.in_(found)))
        connection.execute(sa.delete(model_calls).where(model_calls.c.call_id.in_(found)))
