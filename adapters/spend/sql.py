"""Spending on SQL: what a call may cost is held in all its budgets in one transaction, under their locks."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row, RowMapping

from adapters.spend.report import SpendReport
from adapters.spend.statements import ACCOUNTS, CAP, LAST_ASKED, OPEN, SENT, SO_FAR, STANDINGS, WHOSE
from adapters.spend.tables import model_calls, spend_accounts, spend_holds
from adapters.spend.telling import word_on_budget, word_on_runaway
from adapters.spend.writing import Posting, write_end, write_held
from adapters.store.database import Database, insert_new
from adapters.store.words import add_word
from domain.spend.budgets import Budget, Spender, SpendRules, Unit, budgets_of
from domain.spend.calls import KEPT, LEASE, CallState, Movement, give_up, settle
from domain.spend.runaway import CaseSoFar, why_stopped
from domain.spend.thrift import is_short
from domain.spend.windows import day_of
from ports.models.spend import BudgetWindow, CallRefusal, CallSpent, CallToMake

SWEEP_EVERY_S = 30.0
SWEEP_WHEN_FULL_S = 1.0
_SWEPT_AT_ONCE = 500
_OPEN = (CallState.HELD, CallState.SENT)

Key = tuple[str, str, str]  # of an account: scope, unit, window
Clock = Callable[[Connection, datetime | None], datetime]  # `Database.clock`


class SqlSpend:
    """`SpendStore` on SQL; opened on first use, since a free model is asked while the store is away.

    `report` shows people what it is about, and changes it for them.
    """

    def __init__(self, opened: Callable[[], Database]) -> None:
        self.report = SpendReport(opened)
        self._opened = opened
        self._swept_at = float("-inf")

    def reserve(self, call: CallToMake, rules: SpendRules, *, sending: bool = False) -> CallRefusal | None:
        """Hold what a call may cost in all its budgets at once; return why that cannot be, None if it is held.

        `sending`: it is sent as soon as this returns, and noted as sent in the same transaction.
        """
        self._sweep(SWEEP_EVERY_S)
        refused = self._reserve(call, rules, sending)
        if refused is not None and refused.until is not None and self._sweep(SWEEP_WHEN_FULL_S):
            return self._reserve(call, rules, sending)  # what dead workers held may have been let go
        return refused

    def is_short(self, case_id: str, kind: str, budgets: Sequence[Budget]) -> bool:
        """Return whether a budget that a case's call of this kind comes under has come to its warning."""
        database = self._opened()
        with database.reading() as connection:
            whose = connection.execute(WHOSE, {"of_case": case_id}).one()
            now = database.clock(connection, whose.now)
            wanted = _wanted(budgets, case_id, whose.tenant, kind, now)[1]
            found = _accounts(connection, STANDINGS, wanted)
        return any(is_short(a.used + a.held, a.cap, wanted[key].warn_at) for key, a in found.items())

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
            rows = connection.execute(OPEN, {"of_call": call_id}).mappings().all()
            if not rows or settle(rows[0]["state"], 0, 0) is None:
                return
            state = CallState(rows[0]["state"])
            values = spent.model_dump(exclude={"model"}) | ({"model": spent.model} if spent.model else {})
            values |= {"corrected": state is CallState.UNKNOWN, "state": CallState.DONE}
            values["ended_at"] = database.clock(connection, rows[0]["now"])
            moves = _moves(rows, lambda row: settle(state, row["reserved"], actual[row["unit"]]))
            write_end(connection, call_id, values, moves)

        database.writing(work)

    def give_up(self, call_id: str) -> None:
        """Note that nobody will hear of a call: charged in full if it was sent, let go otherwise."""
        database = self._opened()
        database.writing(lambda connection: _give_up(connection, call_id, database.clock))

    def sweep(self) -> int:
        """Charge, or let go, calls whose lease ran out; forget what is old. Return how many leases had run out."""
        database = self._opened()
        c = model_calls.c
        with database.reading() as connection:
            now = database.clock(connection)
            late = sa.select(c.call_id).where(c.state.in_(_OPEN), c.lease_until < now).order_by(c.call_id)
            found = connection.execute(late.limit(_SWEPT_AT_ONCE)).scalars().all()
        for call_id in found:  # each by itself: with locks on the accounts of another it could wait in a ring
            database.writing(partial(_give_up, call_id=call_id, clock=database.clock, before=now))
        database.writing(partial(_forget, now=now))
        return len(found)

    def _reserve(self, call: CallToMake, rules: SpendRules, sending: bool) -> CallRefusal | None:
        database, state = self._opened(), CallState.SENT if sending else CallState.HELD

        def work(connection: Connection) -> CallRefusal | list[dict[str, Any]] | None:  # Any: values of columns
            return _reserve(connection, call, rules, database.clock, state)

        found = database.writing(work)
        while isinstance(found, list):
            # The first of a day. In a transaction of their own: with locks on others they could wait in a ring.
            database.writing(partial(insert_new, table=spend_accounts, rows=found))
            found = database.writing(work)
        return found

    def _sweep(self, every_s: float) -> int:
        if time.monotonic() - self._swept_at < every_s:
            return 0
        self._swept_at = time.monotonic()
        return self.sweep()


# --- reserving -----------------------------------------------------------------------------------------------


def _reserve(
    connection: Connection, call: CallToMake, rules: SpendRules, clock: Clock, state: CallState
) -> CallRefusal | list[dict[str, Any]] | None:  # Any: values of columns
    """Hold a call; return why not, or the accounts that have to be made first."""
    asking = {"of_case": call.case_id, "question": call.question, "asked_by": call.asked_by}
    so_far = connection.execute(SO_FAR, asking).one()
    now = clock(connection, so_far.now)
    refusal = _runs_in_a_circle(connection, call, so_far, rules, now)
    if refusal is not None:
        return refusal
    spender, wanted = _wanted(rules.budgets, call.case_id, so_far.tenant, call.kind, now)
    accounts = _accounts(connection, ACCOUNTS, wanted)
    if len(accounts) < len(wanted):
        return [_fresh(wanted[key], now) for key in sorted(wanted.keys() - accounts.keys())]
    amounts = {Unit.TOKENS: call.tokens_in + call.tokens_out, Unit.MICROS: call.cost_micros}
    taken = {key: account.used + account.held + amounts[account.unit] for key, account in accounts.items()}
    full = next((accounts[key] for key in wanted if taken[key] > accounts[key].cap), None)
    if full is not None:
        return _refused(connection, full, amounts[full.unit], accounts, now)
    moves = [Posting(*key, held=amounts[account.unit], cap=account.cap) for key, account in accounts.items()]
    write_held(connection, _row(call, spender, now, state), moves)
    for key, account in accounts.items():
        if is_short(taken[key], account.cap, wanted[key].warn_at):
            with_this = account.model_copy(update={"held": account.held + amounts[account.unit]})
            add_word(connection, word_on_budget(with_this, now))
    return None


def _wanted(
    budgets: Sequence[Budget], case_id: str, tenant: str | None, kind: str, now: datetime
) -> tuple[Spender, dict[Key, Budget]]:
    """Return who spends, and the budgets that it comes under."""
    spender = Spender(case_id, tenant or "default", kind, _source(case_id))
    return spender, {_key(budget, now): budget for budget in budgets_of(budgets, spender)}


def _key(budget: Budget, now: datetime) -> Key:
    return budget.scope, budget.unit, day_of(now, budget.zone).name


def _fresh(budget: Budget, now: datetime) -> dict[str, Any]:  # Any: values of columns
    day = day_of(now, budget.zone)
    key = {"scope": budget.scope, "unit": budget.unit, "window": day.name}
    return {**key, "cap": budget.cap, "cap_by": "", "used": 0, "held": 0, "ends_at": day.ends}


def _accounts(
    connection: Connection,
    statement: sa.Select[Any],
    wanted: dict[Key, Budget],  # Any: columns of several types
) -> dict[Key, BudgetWindow]:
    """Return the accounts of budgets with the caps in force; by `ACCOUNTS` for this transaction alone to change."""
    if not wanted:
        return {}
    accounts = {}
    for row in connection.execute(statement, {"keys": list(wanted)}).mappings():
        key = (row["scope"], row["unit"], row["window"])
        accounts[key] = BudgetWindow.model_validate({**row, "cap": row["cap"] if row["cap_by"] else wanted[key].cap})
    return accounts


def _refused(
    connection: Connection, full: BudgetWindow, needs: int, accounts: dict[Key, BudgetWindow], now: datetime
) -> CallRefusal:
    caps = [{"of_scope": key[0], "of_unit": key[1], "of_window": key[2], "rule": a.cap} for key, a in accounts.items()]
    connection.execute(CAP, caps)
    add_word(connection, word_on_budget(full, now, needs=needs))
    left = f"{full.cap - full.used - full.held:,} of {full.cap:,} {full.unit} left on {full.window}"
    how = "is used up" if needs <= full.cap else "bears not even one call"
    why = f"the budget of {full.scope} {how}: the next one may take {needs:,}, {left}"
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


def _row(call: CallToMake, spender: Spender, now: datetime, state: CallState) -> dict[str, object]:
    nothing = ("tokens_in", "tokens_cached", "tokens_reasoning", "tokens_out", "cost_micros")
    same = ("call_id", "case_id", "asked_by", "kind", "step", "tier", "model", "question", "waited_s")
    return {
        **{name: getattr(call, name) for name in same},
        **dict.fromkeys(nothing, 0),
        "tenant": spender.tenant,
        "source": spender.source,
        "state": state,
        "reserved_tokens": call.tokens_in + call.tokens_out,
        "reserved_micros": call.cost_micros,
        "estimated": False,
        "corrected": False,
        "finish_reason": "",
        "provider_request_id": "",
        "at": now,
        "sent_at": now if state is CallState.SENT else None,
        "lease_until": now + LEASE,
    }


# --- ending --------------------------------------------------------------------------------------------------


def _moves(rows: Sequence[RowMapping], change: Callable[[RowMapping], Movement | None]) -> list[Posting]:
    """Return what a change moves in each account that a call is held in."""
    held = ((row, change(row)) for row in rows if row["scope"] is not None)
    return [
        Posting(row["scope"], row["unit"], row["window"], used=move.used, held=-move.held, charged=move.charged)
        for row, move in held
        if move is not None
    ]


def _give_up(connection: Connection, call_id: str, clock: Clock, *, before: datetime | None = None) -> None:
    """Charge a call in full, or let it go where it was never sent; only one whose lease ended `before`."""
    rows = connection.execute(OPEN, {"of_call": call_id}).mappings().all()
    if not rows or (before is not None and rows[0]["lease_until"] >= before):
        return
    state = CallState(rows[0]["state"])
    ending = give_up(state, 0)
    if ending is None:
        return
    values: dict[str, object] = {"state": ending.state, "ended_at": clock(connection, rows[0]["now"])}
    if ending.state is CallState.UNKNOWN:  # whole on the side of the input: nobody knows how it was divided
        charged = {"tokens_in": rows[0]["reserved_tokens"], "cost_micros": rows[0]["reserved_micros"]}
        values |= charged | {"estimated": True}
    write_end(connection, call_id, values, _moves(rows, lambda row: give_up(state, row["reserved"])))


def _forget(connection: Connection, now: datetime) -> None:
    old = now - KEPT
    calls = sa.select(model_calls.c.call_id).where(model_calls.c.at < old - timedelta(days=2)).limit(_SWEPT_AT_ONCE)
    found = connection.execute(calls).scalars().all()
    connection.execute(sa.delete(spend_accounts).where(spend_accounts.c.ends_at < old))
    if found:
        connection.execute(sa.delete(spend_holds).where(spend_holds.c.call_id.in_(found)))
        connection.execute(sa.delete(model_calls).where(model_calls.c.call_id.in_(found)))
