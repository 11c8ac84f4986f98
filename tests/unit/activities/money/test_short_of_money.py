"""While money is short a step begins at the cheaper tier that its blueprint allows, and what that one cannot answer its
own tier does.
"""

import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from activities.models.route import RouteActivities, RouteRequest, RouteResult
from adapters.models.guards.budget import BudgetedModel
from adapters.models.guards.tiers_within_budgets import TiersWithinBudgets
from adapters.models.guards.watching import Watch, WatchedModel
from adapters.moods.memory import MoodsInMemory
from adapters.spend.sql import SqlSpend
from adapters.spend.tables import model_calls, spend_accounts, spend_holds
from adapters.store import Store, open_store
from domain.errors import OverBudgetError, TransientError, UnsupportedTaskError
from domain.model_call import ModelReply, Price, Tier
from domain.model_steps import BatchRules, DenserWhen, ModelStep
from domain.routing import BILLING, SALES, Unroutable
from domain.spend.budgets import Budget, SpendRules
from domain.turns import Priority
from tests.contracts.store_samples import case_input
from tests.unit.activities.test_models_cascade import REFUSED, FakeModel, reply, to, with_rules

PRICE = Price(model="m", input=1.0, output=1.0)
USED = 110  # tokens of each reply


class Shop:
    """Both tiers, within a budget on a real store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.spend = SqlSpend(lambda: store.database)
        self.budgets = [Budget.model_validate({"scope": "all", "cap": 1_000_000, "unit": "tokens"})]

    def warns_early(self) -> None:
        """Warn from 100 tokens on, which is less than a call uses."""
        self.budgets = [self.budgets[0].model_copy(update={"warn_at": 0.0001})]

    async def route(self, small: FakeModel, large: FakeModel, *reasons: DenserWhen, **more: object) -> RouteResult:
        rules, moods = SpendRules(budgets=self.budgets), MoodsInMemory()
        models = {
            tier: WatchedModel(BudgetedModel(m, self.spend, rules, lambda: PRICE, tier), Watch(tier, moods))
            for tier, m in ((Tier.SMALL, small), (Tier.LARGE, large))
        }
        given = {"tier": Tier.LARGE, "denser_when": reasons, "cheaper_when_short": Tier.SMALL, **more}
        asking = RouteActivities(TiersWithinBudgets(models, self.spend, rules), with_rules(ModelStep.ROUTE, **given))
        return await asking.route_case(RouteRequest(case=case_input()))

    def raised_to(self, cap: int) -> None:
        """A person sets the cap of today."""
        self.spend.report.set_cap(self.budgets[0], cap, "dana")

    def tiers(self) -> list[str]:
        with self.store.database.reading() as connection:
            return list(connection.execute(sa.select(model_calls.c.tier).order_by(model_calls.c.at)).scalars())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('spend')}/store.db")
    yield opened
    opened.close()


@pytest.fixture
def shop(store: Store) -> Shop:
    with store.database.engine.begin() as connection:
        for table in (model_calls, spend_holds, spend_accounts):
            connection.execute(sa.delete(table))
    return Shop(store)


async def spent(shop: Shop) -> None:
    """Make the first call, which the step's own tier answers."""
    await shop.route(FakeModel(), FakeModel(to(SALES)))
    [window] = shop.spend.report.windows([])
    assert (window.used, window.held) == (USED, 0)


async def test_before_the_warning_the_steps_own_tier_is_asked(shop: Shop) -> None:
    await spent(shop)
    small, large = FakeModel(), FakeModel(to(SALES))
    result = await shop.route(small, large)
    assert (result.route.category, small.asked, shop.tiers()) == (SALES, [], [Tier.LARGE, Tier.LARGE])
    assert result.answered_by is not None
    assert (result.answered_by.money_short, result.answered_by.remark) == (False, "")


async def test_from_the_warning_on_the_cheaper_tier_is_asked_and_stands_on_record(shop: Shop) -> None:
    shop.budgets = [shop.budgets[0].model_copy(update={"warn_at": 0.0001})]  # 100 tokens
    await spent(shop)
    small, large = FakeModel(to(BILLING)), FakeModel()
    result = await shop.route(small, large)
    assert (result.route.category, large.asked, shop.tiers()) == (BILLING, [], [Tier.LARGE, Tier.SMALL])
    assert [request.tier for request in small.asked] == [Tier.SMALL]
    assert result.answered_by is not None
    assert result.answered_by.remark == "route: answered by m of the tier small (a budget is nearly used up)"
    shop.raised_to(100_000_000)
    await shop.route(FakeModel(), FakeModel(to(SALES)))
    assert shop.tiers()[-1] == Tier.LARGE, "a person raised it: money is not short any more"


@pytest.mark.parametrize("more", [{"cheaper_when_short": None}, {"tier": Tier.SMALL}])
async def test_where_the_blueprint_allows_none_the_tier_stays_until_the_budget_is_used_up(
    shop: Shop, more: dict[str, object]
) -> None:
    shop.warns_early()
    await spent(shop)
    models = {Tier.SMALL: FakeModel(to(SALES)), Tier.LARGE: FakeModel(to(SALES))}
    await shop.route(models[Tier.SMALL], models[Tier.LARGE], **more)
    assert shop.tiers()[-1] == more.get("tier", Tier.LARGE)
    shop.raised_to(USED)
    with pytest.raises(OverBudgetError):
        await shop.route(FakeModel(), FakeModel(), **more)


async def test_at_high_stakes_nothing_is_saved(shop: Shop) -> None:
    shop.warns_early()
    await spent(shop)
    await shop.route(FakeModel(), FakeModel(to(SALES)), DenserWhen.HIGH_STAKES)
    assert shop.tiers()[-1] == Tier.LARGE


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([REFUSED], DenserWhen.ABSTAINED),
        ([UnsupportedTaskError("422")], DenserWhen.ABSTAINED),
        ([reply("nonsense"), reply(json.dumps({"route": "Nobody"}))], DenserWhen.UNFIT),
    ],
)
async def test_what_the_cheaper_one_cannot_answer_the_steps_own_does_whatever_the_rules_say(
    shop: Shop, answers: list[ModelReply | Exception], reason: DenserWhen
) -> None:
    shop.warns_early()
    await spent(shop)
    result = await shop.route(FakeModel(*answers), FakeModel(to(SALES)))
    assert (result.route.category, shop.tiers()[1:]) == (SALES, [Tier.SMALL] * len(answers) + [Tier.LARGE])
    assert result.answered_by is not None
    assert (result.answered_by.tier, result.answered_by.stepped_up) == (Tier.LARGE, reason)


async def test_a_doubt_that_the_rules_do_not_name_leads_nowhere_and_one_that_they_name_to_the_steps_own_tier(
    shop: Shop,
) -> None:
    shop.warns_early()
    await spent(shop)
    unsure = {"min_confidence": 0.9}
    result = await shop.route(FakeModel(to(BILLING, 0.1)), FakeModel(), **unsure)
    assert result.route.category == BILLING
    result = await shop.route(FakeModel(to(BILLING, 0.1)), FakeModel(to(SALES)), DenserWhen.LOW_CONFIDENCE, **unsure)
    assert (result.route.category, shop.tiers()[-2:]) == (SALES, [Tier.SMALL, Tier.LARGE])


async def test_there_is_no_step_above_the_steps_own_tier(shop: Shop) -> None:
    shop.warns_early()
    await spent(shop)
    large = FakeModel(REFUSED, REFUSED)
    result = await shop.route(FakeModel(REFUSED), large)
    assert (result.route.unroutable, len(large.asked)) == (Unroutable.ABSTAINED, 2)


async def test_what_waits_for_a_batch_keeps_its_tier_or_it_would_be_paid_twice(shop: Shop) -> None:
    shop.warns_early()
    await spent(shop)
    rules = {"tier": Tier.LARGE, "cheaper_when_short": Tier.SMALL}
    for steps, priority, tier in (
        ([ModelStep.ROUTE], "may_wait", Tier.LARGE),
        ([ModelStep.ROUTE], "normal", Tier.SMALL),
        ([], "may_wait", Tier.SMALL),
    ):
        blueprint = with_rules(ModelStep.ROUTE, **rules).model_copy(update={"batch": BatchRules(steps=tuple(steps))})
        models = {Tier.SMALL: FakeModel(to(SALES)), Tier.LARGE: FakeModel(to(SALES))}
        asking = RouteActivities(TiersWithinBudgets(models, shop.spend, SpendRules(budgets=shop.budgets)), blueprint)
        case = case_input().model_copy(update={"priority": Priority(priority)})
        assert case.may_wait == (priority == "may_wait")
        await asking.route_case(RouteRequest(case=case))
        assert len(models[tier].asked) == 1


async def test_an_outage_of_the_cheaper_one_is_the_ladders_matter(shop: Shop) -> None:
    shop.warns_early()
    await spent(shop)
    large = FakeModel()
    with pytest.raises(TransientError, match="away"):
        await shop.route(FakeModel(TransientError("away")), large)
    assert large.asked == []


async def test_without_the_store_nobody_knows_and_the_steps_own_tier_stays(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> bool:
        raise TransientError("the store is away")

    shop.warns_early()
    await spent(shop)
    monkeypatch.setattr(shop.spend, "is_short", away)
    await shop.route(FakeModel(), FakeModel(to(SALES)))
    assert shop.tiers()[-1] == Tier.LARGE
