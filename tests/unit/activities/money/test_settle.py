"""Refunds that are pending: they are asked about until the provider says what became of them."""

from datetime import timedelta

import pytest

from activities.actions.pay import PayActivities, SettleRequest
from activities.actions.settle import LookRequest, LookResult, SettlingActivities
from adapters.store import Store
from domain.errors import ConfigurationError, RefusedError, ToldToWaitError, TransientError
from domain.money.effect import OVERDUE, Settling
from ports.rail import Fate
from tests.fakes.rail import FakeRail
from tests.unit.activities.store_parts import BILLING, KEY, Clock, request, within

PENDING = Fate(settling=Settling.PENDING)
FAILED = Fate(settling=Settling.FAILED, why="expired_or_canceled_card")


@pytest.fixture
def settling(store: Store, rail: FakeRail, clock: Clock) -> SettlingActivities:
    return SettlingActivities(store.settling, {"refund": rail}, clock)


async def paid(pay: PayActivities, rail: FakeRail, *, fate: Fate | Exception, name: str = "e1") -> None:
    rail.fates[f"fake_{len(rail.entries) + 1}"] = fate
    effect = await within(BILLING).run(pay.refund, request(name))
    assert effect.pending


async def look(settling: SettlingActivities, clock: Clock, *, limit: int = 20) -> LookResult:
    clock.now += timedelta(days=2)
    return await within("SettlingWorkflow").run(settling.look_at_pending, LookRequest(limit=limit))


@pytest.mark.parametrize(
    "fate",
    [PENDING, TransientError("503"), ToldToWaitError("429", 9.0), RefusedError("404"), ConfigurationError("401")],
)
async def test_what_the_provider_does_not_say_stays_pending_and_is_told_once_it_is_overdue(
    pay: PayActivities, rail: FakeRail, store: Store, settling: SettlingActivities, clock: Clock, fate: Fate | Exception
) -> None:
    await paid(pay, rail, fate=fate)
    assert await look(settling, clock) == LookResult()
    assert store.words.untold(10, clock.now) == []
    clock.now += OVERDUE
    assert await look(settling, clock) == LookResult()
    assert [word.kind for word in store.words.untold(10, clock.now)] == ["refund_overdue"]


async def test_one_that_cannot_be_asked_about_holds_up_no_other(
    pay: PayActivities, rail: FakeRail, store: Store, settling: SettlingActivities, clock: Clock
) -> None:
    await paid(pay, rail, fate=TransientError("503"))
    await paid(pay, rail, fate=Fate(settling=Settling.SETTLED), name="e2")
    assert await look(settling, clock) == LookResult(settled=1)


async def test_what_failed_is_told_and_no_more_a_payment(
    pay: PayActivities, rail: FakeRail, store: Store, settling: SettlingActivities, clock: Clock
) -> None:
    await paid(pay, rail, fate=FAILED)
    assert await look(settling, clock) == LookResult(failed=1)
    assert [word.kind for word in store.words.untold(10, clock.now)] == ["refund_failed"]
    assert await look(settling, clock) == LookResult()
    with pytest.raises(RefusedError, match="failed at the provider"):  # a replay must not say that it was paid
        await within(BILLING).run(pay.refund, request())
    settled = await within("CaseWorkflow").run(pay.settle_effects, SettleRequest(case_id="case/shop/e1", why="replay"))
    assert settled.effects == []


async def test_a_repeated_payment_says_that_it_is_still_pending(
    pay: PayActivities, rail: FakeRail, store: Store, clock: Clock
) -> None:
    await paid(pay, rail, fate=PENDING)
    again = await within(BILLING).run(pay.refund, request())
    assert (again.pending, again.key, len(rail.entries)) == (True, KEY, 1)


async def test_a_provider_without_pending_payments_is_not_asked(
    pay: PayActivities, rail: FakeRail, store: Store, clock: Clock
) -> None:
    await paid(pay, rail, fate=FAILED)
    assert await look(SettlingActivities(store.settling, {"refund": object()}, clock), clock) == LookResult()
    assert await look(SettlingActivities(store.settling, {}, clock), clock) == LookResult()


async def test_many_are_asked_about_in_turns(
    pay: PayActivities, rail: FakeRail, store: Store, settling: SettlingActivities, clock: Clock
) -> None:
    for name in ("e1", "e2"):
        await paid(pay, rail, fate=Fate(settling=Settling.SETTLED), name=name)
    assert await look(settling, clock, limit=1) == LookResult(settled=1, more=True)
    assert await look(settling, clock, limit=2) == LookResult(settled=1)
