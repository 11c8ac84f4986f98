"""Spending on SQL: what a call may cost is held in all its budgets in one transaction, never checked and then added."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from adapters.spend.report import SpendReport
from adapters.spend.tables import model_calls, spend_accounts, spend_changes, spend_holds
from adapters.spend.telling import word_on_budget, word_on_runaway
from adapters.store.database import Database, insert_first
from adapters.store.tables import cases
from adapters.store.words import add_word
from domain.spend.budgets import Budget, Spender, SpendRules, Unit, budgets_of
from domain.spend.calls import CallState, Movement, give_up, settle
from domain.spend.runaway import CaseSoFar, why_stopped
from domain.spend.windows import day_of
from ports.spend import BudgetWindow, CallRefusal, CallSpent, CallToMake

LEASE = timedelta(minutes=5)
"""A call of which nothing was heard for so long is charged in full; an answer that comes later corrects it."""
SWEEP_EVERY_S = 30.0
SWEEP_WHEN_FULL_S = 1.0
KEPT = timedelta(days=90)
"""So long budgets are kept after their day, and calls two days longer: what the audit compares is there or not there
together."""
_SWEPT_AT_ONCE = 500
_OPEN = (CallState.HELD, CallState.SENT)
_STORY_OF = 3


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
            now = database.clock(connection)
            refusal = _runs_in_a_circle(connection, call, rules, now)
            if refusal is not None:
                return refusal
            spender = Spender(call.case_id, _tenant(connection, call.case_id), call.kind, _source(call.case_id))
            full = _hold_all(connection, call, budgets_of(rules.budgets, spender), now)
            if full is None:
                connection.execute(sa.insert(model_calls), _row(call, spender, now))
                return None
            add_word(connection, word_on_budget(full, now, full=True))
            left = f"{full.cap - full.used - full.held:,} of {full.cap:,} {full.unit} left on {full.window}"
            why = f"the budget of {full.scope} is used up: {left}"
            return CallRefusal(reason=f"budget {full.scope} {full.unit}", why=why, until=full.ends_at)

        refused = database.writing(work)
        if refused is not None and refused.until is not None and self._sweep(SWEEP_WHEN_FULL_S):
            return database.writing(work)  # what dead workers held may have been let go
        return refused

    def sent(self, call_id: str) -> bool:
        """Note that a call is about to be sent; return False where it is not held any more: then it must not be."""
        database = self._opened()

        def work(connection: Connection) -> bool:
            now = database.clock(connection)
            held = sa.and_(model_calls.c.call_id == call_id, model_calls.c.state == CallState.HELD)
            change = sa.update(model_calls).where(held)
            change = change.values(state=CallState.SENT, sent_at=now, lease_until=now + LEASE)
            return connection.execute(change.returning(model_calls.c.call_id)).first() is not None

        return database.writing(work)

    def settle(self, call_id: str, spent: CallSpent) -> None:
        """Charge what a call used; the second time nothing changes, after its lease it is corrected."""
        actual = {Unit.TOKENS: spent.tokens_in + spent.tokens_out, Unit.MICROS: spent.cost_micros}
        database = self._opened()

        def work(connection: Connection) -> None:
            row = _locked(connection, call_id)
            if row is None or settle(row["state"], 0, 0) is None:
                return
            values = spent.model_dump(exclude={"model"}) | ({"model": spent.model} if spent.model else {})
            values["corrected"] = row["state"] == CallState.UNKNOWN
            moved = [
                (hold, settle(row["state"], hold["reserved"], actual[hold["unit"]]))
                for hold in _holds(connection, call_id)
            ]
            _move(connection, moved)
            _end(connection, call_id, CallState.DONE, database.clock(connection), values)

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


def _runs_in_a_circle(connection: Connection, call: CallToMake, rules: SpendRules, now: datetime) -> CallRefusal | None:
    if not call.case_id:  # a measurement
        return None
    let_go = sa.select(sa.func.count(), sa.func.max(spend_changes.c.at)).where(spend_changes.c.about == call.case_id)
    released, since = connection.execute(let_go).one()
    c = model_calls.c
    charged = sa.or_(c.state == CallState.SENT, c.tokens_in + c.tokens_out > 0)
    of_case = [c.case_id == call.case_id, charged, *([c.at > since] if since is not None else [])]
    calls, tokens = connection.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(c.tokens_in + c.tokens_out), 0)).where(*of_case)
    ).one()
    same = sa.select(sa.func.count(c.asked_by.distinct())).where(
        *of_case, c.question == call.question, c.asked_by.not_in(["", call.asked_by])
    )
    so_far = CaseSoFar(calls, int(tokens), connection.execute(same).scalar_one() if calls else 0)
    why = why_stopped(rules.runaway, so_far, call.step)
    if why is None:
        return None
    last = sa.select(c.step, c.model, c.question, c.at).where(*of_case).order_by(c.at.desc()).limit(_STORY_OF)
    asked = [f"{row.step} at {row.at:%H:%M:%S} ({row.model}, {row.question[:8]})" for row in connection.execute(last)]
    add_word(connection, word_on_runaway(call.case_id, why, ", ".join(asked), released, now))
    return CallRefusal(reason="runaway", why=why)


def _tenant(connection: Connection, case_id: str) -> str:
    found = connection.execute(sa.select(cases.c.tenant).where(cases.c.case_id == case_id)).scalar_one_or_none()
    return found or "default"


def _source(case_id: str) -> str:
    return case_id.split("/")[1] if case_id.count("/") >= 2 else ""


def _hold_all(connection: Connection, call: CallToMake, budgets: list[Budget], now: datetime) -> BudgetWindow | None:
    """Hold the call in all budgets, in their order; return the first that is full, and then hold it in none."""
    held: list[dict[str, object]] = []
    warned: list[BudgetWindow] = []
    for budget in budgets:
        amount = call.tokens_in + call.tokens_out if budget.unit is Unit.TOKENS else call.cost_micros
        account, fits = _hold(connection, budget, amount, now)
        if not fits:
            for hold in held:  # in this transaction still, so nobody ever saw them
                _add(connection, hold, used=0, held=-int(str(hold["reserved"])))
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
    c = spend_accounts.c
    key = {"scope": budget.scope, "unit": budget.unit, "window": day.name}
    this = sa.and_(*(c[name] == value for name, value in key.items()))
    cap = sa.case((c.cap_by == "", budget.cap), else_=c.cap)
    fitting = sa.update(spend_accounts).where(this, c.used + c.held + amount <= cap)
    change = fitting.values(held=c.held + amount, cap=cap).returning(*c)
    row = connection.execute(change).mappings().first()
    if row is None:
        fresh = {**key, "cap": budget.cap, "cap_by": "", "used": 0, "held": 0, "ends_at": day.ends}
        insert_first(connection, spend_accounts, fresh)  # another may have been faster
        row = connection.execute(change).mappings().first()
    if row is not None:
        return BudgetWindow.model_validate(row), True
    connection.execute(sa.update(spend_accounts).where(this).values(cap=cap))
    found = connection.execute(sa.select(spend_accounts).where(this)).mappings().one()
    return BudgetWindow.model_validate(found), False


def _row(call: CallToMake, spender: Spender, now: datetime) -> dict[str, object]:
    nothing = ("tokens_in", "tokens_cached", "tokens_reasoning", "tokens_out", "cost_micros")
    same = ("call_id", "case_id", "asked_by", "kind", "step", "tier", "model", "question")
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


def _locked(connection: Connection, call_id: str) -> RowMapping | None:
    """Return a call; nobody else changes it before this transaction ends."""
    found = sa.select(model_calls).where(model_calls.c.call_id == call_id).with_for_update()
    return connection.execute(found).mappings().first()


def _holds(connection: Connection, call_id: str) -> list[RowMapping]:
    """Return what a call holds, in the order in which everybody locks accounts."""
    c = spend_holds.c
    found = sa.select(spend_holds).where(c.call_id == call_id).order_by(c.scope, c.unit)
    rows = list(connection.execute(found).mappings())
    return sorted(rows, key=lambda row: (row["scope"], row["unit"]))  # not as the database sorts text


def _move(connection: Connection, moved: list[tuple[RowMapping, Movement | None]]) -> None:
    for hold, movement in moved:
        if movement is None:
            continue
        _add(connection, hold, used=movement.used, held=-movement.held)
        one = sa.and_(*(spend_holds.c[name] == hold[name] for name in ("call_id", "scope", "unit")))
        connection.execute(sa.update(spend_holds).where(one).values(charged=movement.charged))


def _add(connection: Connection, key: "RowMapping | dict[str, object]", *, used: int, held: int) -> None:
    c = spend_accounts.c
    this = sa.and_(*(c[name] == key[name] for name in ("scope", "unit", "window")))
    connection.execute(sa.update(spend_accounts).where(this).values(used=c.used + used, held=c.held + held))


def _end(connection: Connection, call_id: str, state: CallState, now: datetime, values: dict[str, object]) -> None:
    ended = sa.update(model_calls).where(model_calls.c.call_id == call_id)
    connection.execute(ended.values(state=state, ended_at=now, **values))


def _give_up(connection: Connection, call_id: str, now: datetime, *, before: datetime | None = None) -> None:
    """Charge a call in full, or let it go where it was never sent; only one whose lease ended `before`."""
    row = _locked(connection, call_id)
    ending = give_up(CallState(row["state"]), 0) if row is not None else None
    if row is None or ending is None or (before is not None and row["lease_until"] >= before):
        return
    moved = [(hold, give_up(CallState(row["state"]), hold["reserved"])) for hold in _holds(connection, call_id)]
    _move(connection, moved)
    charged: dict[str, object] = {}
    if ending.state is CallState.UNKNOWN:  # whole on the side of the input: nobody knows how it was divided
        charged = {"tokens_in": row["reserved_tokens"], "cost_micros": row["reserved_micros"], "estimated": True}
    _end(connection, call_id, ending.state, now, charged)


def _forget(connection: Connection, now: datetime) -> None:
    old = now - KEPT
    calls = sa.select(model_calls.c.call_id).where(model_calls.c.at < old - timedelta(days=2)).limit(_SWEPT_AT_ONCE)
    found = connection.execute(calls).scalars().all()
    connection.execute(sa.delete(spend_accounts).where(spend_accounts.c.ends_at < old))
    if found:
        connection.execute(sa.delete(spend_holds).where(spend_holds.c.call_id.in_(found)))
        connection.execute(sa.delete(model_calls).where(model_calls.c.call_id.in_(found)))
