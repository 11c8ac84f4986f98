"""What every store promises of money that is short: who comes under a budget that has come to its warning, and when."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from adapters.spend.sql import SqlSpend
from adapters.store import Store
from domain.model_call import Tier
from domain.spend.budgets import Budget, SpendRules, Unit
from domain.spend.runaway import RunawayRules
from ports.models.spend import CallSpent, CallToMake

CASE = "case/shop/1"


def budget(scope: str = "all", cap: int = 1000, unit: Unit = Unit.TOKENS, **more: object) -> Budget:
    currency = "USD" if unit is Unit.MICROS else ""
    return Budget.model_validate({"scope": scope, "cap": cap, "unit": unit, "currency": currency, **more})


def rules(*budgets: Budget, **runaway: int) -> SpendRules:
    return SpendRules(budgets=list(budgets), runaway=RunawayRules.model_validate(runaway))


def call(name: str, **fields: object) -> CallToMake:
    """A call of 100 tokens and 50 micros at most."""
    given = {"case_id": CASE, "kind": "router", "step": "route", "tier": Tier.SMALL, "model": "m", "question": name}
    most = {"tokens_in": 60, "tokens_out": 40, "cost_micros": 50}
    return CallToMake.model_validate({"call_id": name, **given, **most, **fields})


SPENT = CallSpent(tokens_in=20, tokens_out=10, tokens_cached=5, tokens_reasoning=2, cost_micros=7, finish_reason="stop")


class ShortContract:
    """Money that is short, and what tests of spending need."""

    @pytest.fixture
    def spend(self, store: Store) -> SqlSpend:
        return SqlSpend(lambda: store.database)

    @pytest.fixture
    def late(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
        """Let the database's clock go ahead of the time; in the evening it begins earlier: it stays the same day."""
        clock = store.database.clock
        ahead = timedelta(hours=-6) if datetime.now(UTC).hour >= 20 else timedelta(0)
        monkeypatch.setattr(store.database, "clock", lambda connection, *told: clock(connection, *told) + ahead)

        def later(by: timedelta) -> None:
            nonlocal ahead
            ahead += by

        return later

    def test_money_is_short_from_the_warning_on_by_the_cap_in_force_and_until_the_day_is_over(
        self, spend: SqlSpend, late: Callable[[timedelta], None]
    ) -> None:
        few = [budget(cap=250, warn_at=0.8)]
        assert not spend.is_short(CASE, "router", few), "nobody asked yet"
        spend.reserve(call("a"), rules(*few))
        assert not spend.is_short(CASE, "router", few)
        spend.reserve(call("b"), rules(*few))
        assert spend.is_short(CASE, "router", few), "what is held may be used"
        assert not spend.is_short(CASE, "router", []), "it is no budget any more"
        assert not spend.is_short(CASE, "router", [budget(cap=1000)]), "the blueprint raised it"
        spend.report.set_cap(few[0], 1000, "dana")
        assert not spend.is_short(CASE, "router", few), "a person raised it"
        spend.report.set_cap(few[0], 210, "dana")
        assert spend.is_short(CASE, "router", few)
        late(timedelta(days=1))
        assert not spend.is_short(CASE, "router", few)

    def test_what_was_given_back_is_there_again(self, spend: SqlSpend) -> None:
        few = rules(budget(cap=100))
        spend.reserve(call("a"), few, sending=True)
        assert spend.is_short(CASE, "router", few.budgets)
        spend.settle("a", SPENT)
        assert not spend.is_short(CASE, "router", few.budgets)

    def test_money_is_short_for_those_alone_who_come_under_the_budget(self, store: Store, spend: SqlSpend) -> None:
        with store.database.engine.begin() as connection:
            taken = connection.execute(sa.text("SELECT case_id, tenant FROM cases LIMIT 1")).first()
        name, tenant = taken if taken is not None else (CASE, "default")
        mine, others = f"tenant:{tenant}", "tenant:another"
        for scope, unit, kind in ((mine, Unit.MICROS, "router"), ("kind:billing", Unit.TOKENS, "billing")):
            few = [budget(scope, 50 if unit is Unit.MICROS else 100, unit), budget(others), budget()]
            assert spend.reserve(call(scope, case_id=name, kind=kind), rules(*few)) is None
            assert spend.is_short(name, kind, few)
            assert not spend.is_short(name, "sales", [budget("kind:billing", 100), budget(others)])
        assert not spend.is_short("", "router", [budget("case:*", 100), budget("source:*", 100)])
