"""A store that is older than the provider's log pays nothing again."""

import pytest

from activities.actions.pay import IN_STEP_S, PayActivities
from adapters.store import Store
from domain.audit.facts import RailEntry
from domain.errors import RecordsMovedError, ToldToWaitError, TransientError
from domain.money.action import Action
from domain.money.amount import Money
from domain.money.effect import LedgerState
from ports.rail import WentBack
from tests.contracts.store_samples import NOW, action, stored_case
from tests.fakes.rail import FakeRail
from tests.unit.activities.store_parts import BILLING, Clock, nobody_cancels, request, within


class Watch:
    """A stopwatch that is moved by hand, seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


async def lost_by_the_ledger(rail: FakeRail, name: str = "gone", minor: int = 500) -> None:
    """A payment of ours that the provider has, and the store of an hour ago has not."""
    await rail.pay(action(name, money=Money(minor=minor, currency="USD")))
    rail.calls.clear()


class NoNews(FakeRail):
    """A provider whose newest payments are not ours: only the charge itself tells."""

    async def newest(self, limit: int) -> list[RailEntry]:
        return []


@pytest.fixture
def watch() -> Watch:
    return Watch()


def paying(store: Store, rail: FakeRail, clock: Clock, watch: Watch) -> PayActivities:
    return PayActivities(store.ledger, {"refund": rail}, clock, stopwatch=watch, withdrawn=nobody_cancels)


async def test_a_second_ticket_is_not_paid_from_a_restored_store(
    store: Store, rail: FakeRail, clock: Clock, watch: Watch
) -> None:
    await lost_by_the_ledger(rail)
    pay = paying(store, rail, clock, watch)
    for name in ("e1", "e2"):
        with pytest.raises(ToldToWaitError, match=r"`headgate ledger reconcile` books what is missing") as told:
            await within(BILLING).run(pay.refund, request(name))
        assert told.value.wait_seconds == 60
    assert (rail.calls, store.ledger.in_doubt("case/shop/e1")) == ([], [])
    [word] = store.words.untold(10, NOW)
    assert (word.kind, word.data["key"]) == ("books_behind", "case/shop/gone/refund"), "people are told once"


async def test_where_the_newest_do_not_tell_the_charge_does(store: Store, clock: Clock, watch: Watch) -> None:
    rail = NoNews()
    await lost_by_the_ledger(rail)
    with pytest.raises(RecordsMovedError, match=r"paid 5\.00 USD of charge 'CH-1' back, .* know of 0\.00 USD"):
        await within(BILLING).run(paying(store, rail, clock, watch).refund, request())
    assert (rail.calls, store.ledger.find("case/shop/e1/refund")) == ([], None)


async def test_refunds_that_the_records_know_are_no_surprise(store: Store, clock: Clock, watch: Watch) -> None:
    """Of others, by whoever made them: the ledger's own, and what the records say was paid back elsewhere."""
    rail = NoNews()
    pay = paying(store, rail, clock, watch)
    await within(BILLING).run(pay.refund, request("e2"))
    effect = await within(BILLING).run(pay.refund, request("e1"))
    assert effect.provider_ref == "fake_2"


async def test_a_payment_of_the_case_itself_that_the_ledger_forgot_is_booked_not_made(
    store: Store, clock: Clock, watch: Watch
) -> None:
    rail = NoNews()
    await lost_by_the_ledger(rail, "e1")
    effect = await within(BILLING).run(paying(store, rail, clock, watch).refund, request("e1"))
    assert (effect.provider_ref, rail.calls, len(rail.entries)) == ("fake_1", [], 1)
    row = store.ledger.find("case/shop/e1/refund")
    assert row is not None
    assert row.state is LedgerState.EXECUTED


async def test_the_provider_is_asked_for_its_newest_once_a_minute_and_for_the_charge_each_time(
    store: Store, clock: Clock, watch: Watch
) -> None:
    asked: list[str] = []

    class Counting(FakeRail):
        async def newest(self, limit: int) -> list[RailEntry]:
            asked.append("newest")
            return await super().newest(limit)

        async def went_back(self, action: Action) -> WentBack:
            asked.append("charge")
            return await super().went_back(action)

    rail = Counting()
    store.cases.admit([stored_case("e3"), stored_case("e4")])
    pay = paying(store, rail, clock, watch)
    for name in ("e1", "e2"):
        await within(BILLING).run(pay.refund, request(name))
    watch.seconds = IN_STEP_S
    await within(BILLING).run(pay.refund, request("e3"))
    assert asked == ["newest", "charge", "charge", "newest", "charge"]
    await within(BILLING).run(pay.refund, request("e3"))
    assert len(asked) == 5, "what is paid needs no provider"


async def test_a_store_that_is_put_back_under_a_running_worker_is_noticed(
    store: Store, rail: FakeRail, clock: Clock, watch: Watch
) -> None:
    pay = paying(store, rail, clock, watch)
    await within(BILLING).run(pay.refund, request("e2"))
    await lost_by_the_ledger(rail)
    with pytest.raises(RecordsMovedError):
        await within(BILLING).run(pay.refund, request("e1"))
    watch.seconds += IN_STEP_S
    with pytest.raises(ToldToWaitError):
        await within(BILLING).run(pay.refund, request("e1"))
    assert rail.calls == []


async def test_what_is_under_way_elsewhere_is_known(store: Store, rail: FakeRail, clock: Clock, watch: Watch) -> None:
    """A lost answer stands in the ledger as intended: no reason to stop all others."""
    rail.lost = [TransientError("lost")]
    pay = paying(store, rail, clock, watch)
    with pytest.raises(TransientError):
        await within(BILLING).run(pay.refund, request("e1"))
    later = paying(store, rail, clock, watch)
    assert (await within(BILLING).run(later.refund, request("e2"))).provider_ref == "fake_2"
