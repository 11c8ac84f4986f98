"""The action activities over the real store: paid once, refused where they must, told once, closed once."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from temporalio.testing import ActivityEnvironment

from activities.actions.alert import AlertActivities, AlertRequest
from activities.actions.approve import ApproveActivities, RecordDecisionRequest
from activities.actions.bury import BuryActivities
from activities.actions.close import CloseActivities, CloseRequest, ForbidRequest, reply_key
from activities.actions.find import FindAccountRequest, FindActivities
from activities.actions.lead import LeadActivities, RecordLeadRequest
from activities.actions.pay import (
    RAIL_TIMEOUT_S,
    SEND_WITHIN_S,
    SETTLE_AFTER_S,
    PayActivities,
    RefundRequest,
    SettleRequest,
)
from activities.journal.drain import DrainRequest, JournalActivities
from adapters.chat.webhook import WebhookSupervisor
from adapters.store import Store, open_store
from domain.case import CaseOutcome
from domain.deadletter import DeadLetter
from domain.errors import (
    ConfigurationError,
    EffectsStoppedError,
    FailureKind,
    RefusedError,
    ToldToWaitError,
    TransientError,
)
from domain.letters import DraftedReply
from domain.money.action import Action
from domain.money.amount import Money
from domain.money.approval import Standing
from domain.money.effect import LedgerState
from domain.money.refund import RefundTerms
from domain.sales import Interest, LeadFacts
from ports.rail import RailReceipt
from tests.contracts.store_samples import (
    NOW,
    action,
    approval_request,
    approval_result,
    big_action,
    case_input,
    outcome,
    seed_samples,
    stored_case,
)
from tests.fakes.people import FakeSupervisor
from tests.fakes.rail import FakeRail
from workflows import options

KEY = "case/shop/e1/refund"


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    seed_samples(opened, tmp_path)
    opened.cases.admit([stored_case("e1"), stored_case("e2")])
    yield opened
    opened.close()


@pytest.fixture
def rail() -> FakeRail:
    return FakeRail()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pay(store: Store, rail: FakeRail, clock: Clock) -> PayActivities:
    return PayActivities(store.ledger, {"refund": rail}, clock)


def within(workflow_type: str) -> ActivityEnvironment:
    env = ActivityEnvironment()
    env.info = replace(env.info, workflow_type=workflow_type)
    return env


BILLING = "BillingWorkflow"


def waited(seconds: float) -> ActivityEnvironment:
    """Within an attempt that began so long after its activity was scheduled."""
    env = within("CaseWorkflow")
    env.info = replace(env.info, started_time=env.info.scheduled_time + timedelta(seconds=seconds))
    return env


class StandingRail(FakeRail):
    """Pays only once it may go on."""

    def __init__(self, rail: FakeRail) -> None:
        super().__init__()
        self.entries = rail.entries
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    async def pay(self, action: Action) -> RailReceipt:
        self.reached.set()
        await self.go_on.wait()
        return await super().pay(action)


def request(name: str = "e1", **changes: object) -> RefundRequest:
    values: dict[str, object] = {"action": action(name), "step": "refund", "terms": {"limit_minor": 500_000}, **changes}
    return RefundRequest.model_validate(values)


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
        store.ledger.intend(
            action("e1", key="case/shop/e1/other", money=Money(minor=1, currency="USD")),
            step="other",
            approval_id=None,
            terms=RefundTerms(),
            now=NOW,
        )
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
        pay = PayActivities(store.ledger, {"refund": standing}, clock)
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
        late = PayActivities(store.ledger, {"refund": rail}, clock, stopwatch=lambda: next(times))
        with pytest.raises(TransientError, match="not sent"):
            await within(BILLING).run(late.refund, request())
        assert rail.calls == []

    async def test_a_call_that_drips_on_ends_in_time(
        self, store: Store, rail: FakeRail, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("activities.actions.pay.RAIL_TIMEOUT_S", 0.05)
        pay = PayActivities(store.ledger, {"refund": StandingRail(rail)}, clock)
        with pytest.raises(TransientError, match="no answer within"):
            await within(BILLING).run(pay.refund, request())
        assert [row.effect.key for row in store.ledger.in_doubt("case/shop/e1")] == [KEY]

    def test_an_attempt_ends_before_the_server_gives_it_up(self) -> None:
        assert options.ACTION_TIMEOUT.total_seconds() > SEND_WITHIN_S + RAIL_TIMEOUT_S


class TestRecordsAndLeads:
    async def test_only_billing_reads_accounts_and_only_sales_records_leads(self, store: Store, clock: Clock) -> None:
        find = FindActivities(store.records, store.cases, clock)
        lead = LeadActivities(store.crm, store.cases, clock)
        with pytest.raises(RefusedError):
            within("SalesWorkflow").run(find.find_account, FindAccountRequest(case=case_input()))
        with pytest.raises(RefusedError):
            within(BILLING).run(lead.record_lead, RecordLeadRequest(case=case_input(), facts=LeadFacts()))

    async def test_the_sender_comes_from_the_store_not_from_the_request(self, store: Store, clock: Clock) -> None:
        find = FindActivities(store.records, store.cases, clock)
        told = FindAccountRequest(
            case=case_input().model_copy(update={"text": "I am bob@example.com"}), order_id="ORD-1"
        )
        account = within(BILLING).run(find.find_account, told)
        assert account.customer is not None
        assert account.customer.customer_id == "C-1"
        assert account.order is not None

    async def test_a_lead_goes_to_its_territory_once(self, store: Store, clock: Clock) -> None:
        lead = LeadActivities(store.crm, store.cases, clock)
        facts = LeadFacts(interest=Interest.QUOTE, seats=50)
        first = within("SalesWorkflow").run(lead.record_lead, RecordLeadRequest(case=case_input(), facts=facts))
        again = within("SalesWorkflow").run(lead.record_lead, RecordLeadRequest(case=case_input(), facts=facts))
        assert first == again
        assert (first.owner, first.team, first.account_name_known) == ("Uwe", "DACH large", True)
        assert first.effect.key == "case/shop/e1/lead"

    async def test_a_lead_that_fits_no_territory_is_unassigned_not_lost(self, store: Store, clock: Clock) -> None:
        store.cases.admit([stored_case("x", sender_email="x@nowhere.example")])
        lead = LeadActivities(store.crm, store.cases, clock)
        told = RecordLeadRequest(case=case_input("x"), facts=LeadFacts(country="BR"))
        assert within("SalesWorkflow").run(lead.record_lead, told).owner == "unassigned"


class TestEndings:
    async def test_personal_data_is_put_back_only_in_the_reply(self, store: Store, clock: Clock) -> None:
        close = CloseActivities(store.cases, store.ledger, clock)
        letter = DraftedReply(subject="Re", text="Dear [NAME_1], [EMAIL_9] stays")
        for _ in range(2):
            result = ActivityEnvironment().run(close.close_case, CloseRequest(outcome=outcome(), letter=letter))
            assert result.reply_key == "case/shop/e1/reply"
        counts = store.reports.counts()
        assert (counts.replies, counts.outbox, counts.by_state) == (1, 1, {"done": 1, "running": 1})

    async def test_the_clock_closes_where_the_workflow_did_not_say_when(self, store: Store, clock: Clock) -> None:
        close = CloseActivities(store.cases, store.ledger, clock)
        silent: CaseOutcome = outcome().model_copy(update={"closed_at": None})
        assert ActivityEnvironment().run(close.close_case, CloseRequest(outcome=silent)).reply_key is None
        assert store.reports.case("case/shop/e1").closed_at == NOW

    def test_each_replay_replies_under_its_own_key(self) -> None:
        assert reply_key("case/shop/e1", 1) != reply_key("case/shop/e1", 0)

    async def test_after_forbidding_nothing_is_paid(self, store: Store, pay: PayActivities, clock: Clock) -> None:
        close = CloseActivities(store.cases, store.ledger, clock)
        ActivityEnvironment().run(close.forbid_effects, ForbidRequest(case_id="case/shop/e1", why="cancelled"))
        with pytest.raises(RefusedError, match="cancelled"):
            await within(BILLING).run(pay.refund, request())

    async def test_draining_writes_all_and_ends_when_its_time_is_up(self, store: Store) -> None:
        for name in ("e1", "e2"):
            store.cases.close(outcome(name), None)
        env = ActivityEnvironment()
        beats: list[object] = []
        env.on_heartbeat = lambda *details: beats.append(details[0])
        result = await env.run(
            JournalActivities(store.cases).drain_outcomes, DrainRequest(batch=1, idle_s=0.01, max_s=0.05)
        )
        assert result.written == 2
        assert beats[:2] == [1, 2]

    async def test_draining_ends_at_once_when_the_worker_shuts_down(self, store: Store) -> None:
        env = ActivityEnvironment()
        running = asyncio.ensure_future(
            env.run(JournalActivities(store.cases).drain_outcomes, DrainRequest(idle_s=30, max_s=60))
        )
        await asyncio.sleep(0.05)
        env.worker_shutdown()
        assert (await asyncio.wait_for(running, 5)).written == 0

    async def test_draining_can_be_cancelled(self, store: Store) -> None:
        env = ActivityEnvironment()
        running = asyncio.ensure_future(
            env.run(JournalActivities(store.cases).drain_outcomes, DrainRequest(idle_s=30, max_s=60))
        )
        await asyncio.sleep(0.05)
        env.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(running, 5)


class TestPeople:
    async def test_an_approval_is_announced_once_and_holds_no_more_than_the_brief(
        self, store: Store, clock: Clock
    ) -> None:
        supervisor = FakeSupervisor()
        approve = ApproveActivities(store.ledger, supervisor, clock)
        for _ in range(3):
            await ActivityEnvironment().run(approve.announce_approval, approval_request(big_action()))
        assert len(supervisor.alerts) == 1
        [on_record] = store.audit.read([]).approvals
        assert on_record.standing == Standing.PENDING

    @pytest.mark.parametrize("by", ["mallory", "", "C-1"])
    async def test_a_decision_by_somebody_not_entitled_is_never_recorded(
        self, store: Store, clock: Clock, by: str
    ) -> None:
        approve = ApproveActivities(store.ledger, FakeSupervisor(), clock)
        asked = approval_request(big_action())
        told = RecordDecisionRequest(request=asked, result=approval_result(asked, by=by))
        with pytest.raises(RefusedError):
            ActivityEnvironment().run(approve.record_decision, told)
        assert store.audit.read([]).approvals == []

    async def test_the_first_of_two_opposite_decisions_is_given_back(self, store: Store, clock: Clock) -> None:
        approve = ApproveActivities(store.ledger, FakeSupervisor(), clock)
        asked = approval_request(big_action())
        for standing in (Standing.REJECTED, Standing.APPROVED):
            told = RecordDecisionRequest(request=asked, result=approval_result(asked, standing))
            assert ActivityEnvironment().run(approve.record_decision, told).standing is Standing.REJECTED

    async def test_a_dead_letter_alerts_once(self, store: Store, clock: Clock) -> None:
        supervisor = FakeSupervisor()
        bury = BuryActivities(store.dead_letters, supervisor, clock)
        letter = DeadLetter(
            dead_letter_id="case/shop/e1/dead/1",
            case_id="case/shop/e1",
            source="shop",
            step="route",
            kind=FailureKind.TRANSIENT,
            last_error="x",
            payload_ref="store:cases/case/shop/e1",
            blueprint_version="main@1",
            at=NOW,
        )
        for _ in range(3):
            await ActivityEnvironment().run(bury.bury, letter)
        assert [data["alert_id"] for _, _, data in supervisor.alerts] == ["case/shop/e1/dead/1"]

    @pytest.mark.parametrize("trouble", ["status", "refused", "timeout", "url"])
    async def test_trouble_in_telling_is_never_raised(self, trouble: str) -> None:
        def answer(told: httpx.Request) -> httpx.Response:
            if trouble == "refused":
                raise httpx.ConnectError("refused", request=told)
            if trouble == "timeout":
                raise httpx.ReadTimeout("slow", request=told)
            return httpx.Response(500)

        url = "not a url" if trouble == "url" else "https://hooks.example/secret"
        supervisor = WebhookSupervisor(url, transport=None if trouble == "url" else httpx.MockTransport(answer))
        await supervisor.alert("subject", "text", {"case_id": "case/shop/e1"})

    async def test_the_webhook_gets_the_alert(self, store: Store) -> None:
        got: list[httpx.Request] = []

        def answer(told: httpx.Request) -> httpx.Response:
            got.append(told)
            return httpx.Response(204)

        supervisor = WebhookSupervisor("https://hooks.example/x", transport=httpx.MockTransport(answer))
        told = AlertRequest(case_id="case/shop/e1", subject="reminder", text="waits")
        await ActivityEnvironment().run(AlertActivities(supervisor).alert_person, told)
        body = json.loads(got[0].content)
        assert (body["subject"], body["text"], body["data"]) == ("reminder", "waits", {"case_id": "case/shop/e1"})
