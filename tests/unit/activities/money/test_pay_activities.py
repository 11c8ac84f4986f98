"""Money is paid once, or not at all."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from activities.actions.pay import (
    RAIL_TIMEOUT_S,
    SEND_WITHIN_S,
    SETTLE_AFTER_S,
    PayActivities,
    SettleRequest,
)
from adapters.store import Store
from adapters.store.tables import effects
from domain.errors import (
    ConfigurationError,
    EffectsStoppedError,
    RefusedError,
    ToldToWaitError,
    TransientError,
)
from domain.money.amount import Money
from domain.money.effect import LedgerState
from tests.contracts.store_samples import (
    NOW,
    action,
    approval_request,
    approval_result,
    big_action,
)
from tests.fakes.rail import FakeRail
from tests.unit.activities.store_parts import BILLING, KEY, Clock, StandingRail, nobody_cancels, request, waited, within
from workflows import options


def _intend_under(store: Store, key: str) -> None:
    """Write a second intention beside the case's refund, as a kind of action with a key of its own would have it."""
    columns = [column for column in effects.c if column is not effects.c.key]
    copied = sa.select(sa.literal(key), *columns).where(effects.c.key == KEY)
    store.database.writing(lambda c: c.execute(sa.insert(effects).from_select([effects.c.key, *columns], copied)))


class TestRefund:
    @pytest.mark.parametrize("workflow_type", ["SalesWorkflow", "TechnicalSupportWorkflow", "CaseWorkflow", ""])
    async def test_only_billing_pays(self, pay: PayActivities, rail: FakeRail, workflow_type: str) -> None:
        with pytest.raises(RefusedError, match="not granted"):
            await within(workflow_type).run(pay.refund, request())
        assert rail.calls == []

    async def test_what_the_ledger_refuses_never_reaches_the_rail(
        self, pay: PayActivities, store: Store, rail: FakeRail
    ) -> None:
        with pytest.raises(RefusedError, match="needs an approval"):
            await within(BILLING).run(pay.refund, request(action=big_action()))
        store.switches.set_effects(stopped=True, by="maria", reason="odd", now=NOW)
        with pytest.raises(EffectsStoppedError):
            await within(BILLING).run(pay.refund, request())
        assert rail.calls == []

    async def test_nothing_is_begun_for_a_case_that_is_being_cancelled(
        self, store: Store, rail: FakeRail, clock: Clock
    ) -> None:
        """Its workflow may not have heard of it yet; what may have been paid before is told all the same."""
        cancelling: set[str] = set()

        async def asked(case_id: str) -> bool:
            return case_id in cancelling

        pay = PayActivities(store.ledger, {"refund": rail}, clock, withdrawn=asked)
        rail.lost = [TransientError("lost")]
        with pytest.raises(TransientError):
            await within(BILLING).run(pay.refund, request())
        cancelling.add(action().case_id)
        assert (await within(BILLING).run(pay.refund, request())).provider_ref == "fake_1"
        rail.calls.clear()
        assert (await within(BILLING).run(pay.refund, request())).provider_ref == "fake_1", "it is on record"
        cancelling.add(action("e2").case_id)
        with pytest.raises(RefusedError, match="is being cancelled"):
            await within(BILLING).run(pay.refund, request(action=action("e2")))
        assert rail.calls == []

    async def test_a_lost_answer_is_paid_once_and_booked_on_the_retry(
        self, pay: PayActivities, store: Store, rail: FakeRail
    ) -> None:
        rail.lost = [TransientError("lost")]
        with pytest.raises(TransientError):
            await within(BILLING).run(pay.refund, request())
        effect = await within(BILLING).run(pay.refund, request())
        assert (len(rail.entries), effect.provider_ref) == (1, rail.entries[0].reference)
        assert len(store.reports.ledger_export().entries) == 2

    async def test_an_executed_effect_is_not_sent_again(self, pay: PayActivities, rail: FakeRail) -> None:
        first = await within(BILLING).run(pay.refund, request())
        assert await within(BILLING).run(pay.refund, request()) == first
        assert len(rail.calls) == 1

    @pytest.mark.parametrize("skew", [timedelta(0), timedelta(days=-1), timedelta(hours=25), timedelta(days=30)])
    async def test_a_retry_asks_first_whatever_the_clocks_say(
        self, pay: PayActivities, rail: FakeRail, clock: Clock, skew: timedelta
    ) -> None:
        """The provider may have forgotten the key, and the other worker's clock may have been wrong."""
        rail.lost = [TransientError("lost")]
        with pytest.raises(TransientError):
            await within(BILLING).run(pay.refund, request())
        clock.now += skew
        await within(BILLING).run(pay.refund, request())
        assert len(rail.calls) == 1

    async def test_a_refusal_of_the_rail_takes_the_intention_back(
        self, pay: PayActivities, store: Store, rail: FakeRail
    ) -> None:
        rail.failures = [RefusedError("account closed")]
        with pytest.raises(RefusedError, match="account closed"):
            await within(BILLING).run(pay.refund, request())
        row = store.ledger.find(KEY)
        assert row is not None
        assert row.state is LedgerState.ABANDONED
        assert (await within(BILLING).run(pay.refund, request())).provider_ref == "fake_1"

    async def test_refunded_already_by_ourselves_is_no_refusal(
        self, pay: PayActivities, store: Store, rail: FakeRail
    ) -> None:
        rail.lost = [TransientError("lost")]
        with pytest.raises(TransientError):
            await within(BILLING).run(pay.refund, request())
        rail.failures = [RefusedError("charge_already_refunded")]
        effect = await within(BILLING).run(pay.refund, request())
        assert effect.provider_ref == "fake_1"

    async def test_paid_then_cancelled_is_told_as_paid(self, pay: PayActivities, store: Store, rail: FakeRail) -> None:
        rail.lost = [TransientError("lost")]
        with pytest.raises(TransientError):
            await within(BILLING).run(pay.refund, request())
        store.ledger.forbid("case/shop/e1", "cancelled", NOW)
        assert (await within(BILLING).run(pay.refund, request())).provider_ref == "fake_1"
        assert len(store.reports.ledger_export().entries) == 2

    async def test_a_replay_under_a_newer_policy_sends_the_first_bytes_again(
        self, pay: PayActivities, rail: FakeRail
    ) -> None:
        rail.failures = [TransientError("away")]
        with pytest.raises(TransientError):
            await within(BILLING).run(pay.refund, request())
        await within(BILLING).run(pay.refund, request(action=action(policy_version="main@2")))
        assert [call.policy_version for call in rail.calls] == ["main@1", "main@1"]

    async def test_an_approved_refund_is_paid_once(self, pay: PayActivities, store: Store, rail: FakeRail) -> None:
        asked = approval_request(big_action())
        store.ledger.record_approval(asked, approval_result(asked))
        effect = await within(BILLING).run(pay.refund, request(action=big_action(), approval_id=asked.approval_id))
        assert (effect.approval_id, rail.entries[0].amount_minor) == (asked.approval_id, 600_000)

    async def test_a_receipt_for_other_money_is_never_booked(
        self, pay: PayActivities, store: Store, rail: FakeRail
    ) -> None:
        rail.failures = [TransientError("503")]
        with pytest.raises(TransientError):
            await within(BILLING).run(pay.refund, request())
        await rail.pay(action(money=Money(minor=500, currency="USD"), payee="card:other"))
        with pytest.raises(ConfigurationError, match="nothing was booked"):
            await within(BILLING).run(pay.refund, request())
        assert store.reports.ledger_export().entries == []

    async def test_settling_books_no_receipt_for_other_money(
        self, pay: PayActivities, store: Store, rail: FakeRail
    ) -> None:
        rail.failures = [TransientError("503")]
        with pytest.raises(TransientError):
            await within(BILLING).run(pay.refund, request())
        await rail.pay(action(money=Money(minor=2_000, currency="USD")))
        settle = SettleRequest(case_id="case/shop/e1", why="given up", take_back=False)
        with pytest.raises(ConfigurationError, match="nothing was booked"):
            await waited(0).run(pay.settle_effects, settle)
        assert store.reports.ledger_export().entries == []

    async def test_many_at_once_pay_once(self, pay: PayActivities, rail: FakeRail) -> None:
        await asyncio.gather(*(within(BILLING).run(pay.refund, request()) for _ in range(8)))
        assert len(rail.entries) == 1

    async def test_settling_books_what_was_done_and_takes_back_the_rest(
        self, pay: PayActivities, store: Store, rail: FakeRail
    ) -> None:
        rail.lost = [TransientError("lost")]
        with pytest.raises(TransientError):
            await within(BILLING).run(pay.refund, request())
        _intend_under(store, "case/shop/e1/other")
        settle = SettleRequest(case_id="case/shop/e1", why="cancelled")
        settled = await waited(SETTLE_AFTER_S).run(pay.settle_effects, settle)
        assert [effect.key for effect in settled.effects] == [KEY]
        other = store.ledger.find("case/shop/e1/other")
        assert other is not None
        assert other.state is LedgerState.ABANDONED

    async def test_a_case_that_is_given_up_keeps_its_open_payment_for_the_replay(
        self, pay: PayActivities, store: Store, rail: FakeRail
    ) -> None:
        """Nothing is taken back, so nothing has to be waited for, and no other ticket gets the same money."""
        rail.failures = [TransientError("503")]
        with pytest.raises(TransientError):
            await within(BILLING).run(pay.refund, request())
        settle = SettleRequest(case_id="case/shop/e1", why="given up", take_back=False)
        assert (await waited(0).run(pay.settle_effects, settle)).effects == []
        [open_one] = store.ledger.in_doubt("case/shop/e1")
        assert open_one.effect.key == KEY
        await rail.pay(action())
        assert [e.key for e in (await waited(0).run(pay.settle_effects, settle)).effects] == [KEY]
        assert store.ledger.in_doubt("case/shop/e1") == []

    async def test_settling_takes_nothing_back_while_a_payment_may_be_under_way(
        self, store: Store, rail: FakeRail, clock: Clock
    ) -> None:
        """The server gave up a worker that stands still: when it goes on, it must not pay what was taken back."""
        standing = StandingRail(rail)
        pay = PayActivities(store.ledger, {"refund": standing}, clock, withdrawn=nobody_cancels)
        payment = asyncio.ensure_future(within(BILLING).run(pay.refund, request()))
        await standing.reached.wait()
        store.ledger.forbid("case/shop/e1", "cancelled", NOW)
        settle = SettleRequest(case_id="case/shop/e1", why="cancelled")
        with pytest.raises(ToldToWaitError) as told:
            await waited(SETTLE_AFTER_S - 1).run(pay.settle_effects, settle)
        assert told.value.wait_seconds == 1
        standing.go_on.set()
        paid = await payment
        assert (await waited(SETTLE_AFTER_S).run(pay.settle_effects, settle)).effects == [paid]

    async def test_a_worker_that_stood_still_since_the_check_sends_nothing(
        self, store: Store, rail: FakeRail, clock: Clock
    ) -> None:
        times = iter([100.0, 100.0 + SEND_WITHIN_S + 0.1])
        late = PayActivities(
            store.ledger, {"refund": rail}, clock, stopwatch=lambda: next(times), withdrawn=nobody_cancels
        )
        with pytest.raises(TransientError, match="not sent"):
            await within(BILLING).run(late.refund, request())
        assert rail.calls == []

    async def test_a_call_that_drips_on_ends_in_time(
        self, store: Store, rail: FakeRail, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("activities.actions.pay.RAIL_TIMEOUT_S", 0.05)
        pay = PayActivities(store.ledger, {"refund": StandingRail(rail)}, clock, withdrawn=nobody_cancels)
        with pytest.raises(TransientError, match="no answer within"):
            await within(BILLING).run(pay.refund, request())
        assert [row.effect.key for row in store.ledger.in_doubt("case/shop/e1")] == [KEY]

    def test_an_attempt_ends_before_the_server_gives_it_up(self) -> None:
        assert options.ACTION_TIMEOUT.total_seconds() > SEND_WITHIN_S + RAIL_TIMEOUT_S
