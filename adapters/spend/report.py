"""Spending as people see and change it: budgets of today, sums of calls, caps for a day, cases that may go on."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.spend.tables import model_calls, spend_accounts, spend_changes, spend_holds
from adapters.store.database import Database, insert_first
from domain.audit.model_log import RecordedCall
from domain.spend.budgets import Budget
from domain.spend.calls import LEASE, CallState
from domain.spend.windows import day_of
from ports.models.spend import BudgetWindow, SpendSum

_USED = ("tokens_in", "tokens_out", "cost_micros", "tokens_cached", "tokens_reasoning", "waited_s")


class SpendReport:
    """What `headgate budget` shows and changes."""

    def __init__(self, opened: Callable[[], Database]) -> None:
        self._opened = opened

    def windows(self, budgets: Sequence[Budget]) -> list[BudgetWindow]:
        """Return the budgets in their days of now: those that calls were charged to, and those that are still whole."""
        database = self._opened()
        with database.reading() as connection:
            now = database.clock(connection)
            current = sa.select(spend_accounts).where(spend_accounts.c.ends_at > now)
            found = [BudgetWindow.model_validate(row) for row in connection.execute(current).mappings()]
        known = {(account.scope, account.unit, account.window) for account in found}
        for budget in budgets:
            day = day_of(now, budget.zone)
            if not budget.scope.endswith("*") and (budget.scope, budget.unit, day.name) not in known:
                found.append(_whole(budget, now))
        return sorted(found, key=lambda account: (account.scope, account.unit, account.window))

    def sums(self, days: int) -> list[SpendSum]:
        """Return what calls used in these last days, by day (UTC), tenant, step and model."""
        database = self._opened()
        c = model_calls.c
        with database.reading() as connection:
            day = sa.func.substr(c.at, 1, 10)
            if not database.is_sqlite:
                day = sa.func.to_char(sa.func.timezone("UTC", c.at), "YYYY-MM-DD")
            names = (day.label("day"), c.tenant, c.step, c.model)
            used = [sa.func.sum(c[name]).label(name) for name in _USED]
            used.append(sa.func.sum(sa.cast(c.estimated, sa.Integer)).label("estimated"))
            midnight = database.clock(connection).replace(hour=0, minute=0, second=0, microsecond=0)
            wanted = sa.select(*names, sa.func.count().label("calls"), *used)
            wanted = wanted.where(c.at >= midnight - timedelta(days=days - 1)).group_by(*names).order_by(*names)
            rows = connection.execute(wanted).mappings().all()
        return [SpendSum.model_validate(row) for row in rows]

    def set_cap(self, budget: Budget, cap: int, by: str) -> BudgetWindow:
        """Set the cap of a budget, whose scope names one, for its day of now; it is recorded by whom."""
        database = self._opened()

        def work(connection: Connection) -> BudgetWindow:
            now = database.clock(connection)
            whole = _whole(budget, now)
            key = {"scope": whole.scope, "unit": whole.unit, "window": whole.window}
            insert_first(connection, spend_accounts, whole.model_dump())
            this = sa.and_(*(spend_accounts.c[name] == value for name, value in key.items()))
            before = connection.execute(sa.select(spend_accounts.c.cap).where(this).with_for_update()).scalar_one()
            connection.execute(sa.update(spend_accounts).where(this).values(cap=cap, cap_by=by))
            about = f"{whole.scope} {whole.unit} {whole.window}"
            _record(connection, about, f"cap {before} -> {cap}", by, now)
            return BudgetWindow.model_validate(
                connection.execute(sa.select(spend_accounts).where(this)).mappings().one()
            )

        return database.writing(work)

    def let_go(self, case_id: str, by: str) -> None:
        """Let a case ask on: what it asked before counts no more against it."""
        database = self._opened()
        database.writing(lambda c: _record(c, case_id, "let go on", by, database.clock(c)))

    def calls_since(self, since: datetime) -> list[RecordedCall]:
        """Return all calls that were not over at a time, as a model server could know of them."""
        c = model_calls.c
        wanted = sa.select(*(c[name] for name in RecordedCall._fields)).where(c.at >= since - LEASE).order_by(c.at)
        with self._opened().reading() as connection:
            return [RecordedCall(*row)._replace(state=CallState(row.state)) for row in connection.execute(wanted)]

    def differences(self) -> list[str]:
        """Return the budgets whose sums are not those of the calls that were charged to them: there are none."""
        a, h = spend_accounts.c, spend_holds.c
        held = sa.case((h.charged.is_(None), h.reserved), else_=0)
        sums = (
            sa.select(
                a.scope,
                a.unit,
                a.window,
                a.used,
                a.held,
                sa.func.coalesce(sa.func.sum(h.charged), 0).label("charged"),
                sa.func.coalesce(sa.func.sum(held), 0).label("reserved"),
            )
            .join_from(
                spend_accounts,
                spend_holds,
                sa.and_(a.scope == h.scope, a.unit == h.unit, a.window == h.window),
                isouter=True,
            )
            .group_by(a.scope, a.unit, a.window, a.used, a.held)
        )
        with self._opened().reading() as connection:
            rows = connection.execute(sums).all()
        return [
            f"{row.scope} {row.unit} {row.window}: used {row.used} and held {row.held}, but its calls say "
            f"{row.charged} and {row.reserved}"
            for row in rows
            if (row.used, row.held) != (row.charged, row.reserved)
        ]


def _whole(budget: Budget, now: datetime) -> BudgetWindow:
    day = day_of(now, budget.zone)
    return BudgetWindow(
        scope=budget.scope, unit=budget.unit, window=day.name, cap=budget.cap, used=0, held=0, ends_at=day.ends
    )


def _record(connection: Connection, about: str, change: str, by: str, now: datetime) -> None:
    connection.execute(sa.insert(spend_changes).values(about=about, change=change, by=by, at=now))
