"""The action activities over the real store: paid once, refused where they must, told once, closed once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.actions.alert import AlertActivities, AlertRequest
from activities.actions.approve import ApproveActivities, CheckDecisionRequest, RecordDecisionRequest
from activities.actions.bury import BuryActivities
from activities.actions.close import CloseActivities, CloseRequest, EndingRequest, ForbidRequest, reply_key
from activities.actions.find import FindAccountRequest, FindActivities
from activities.actions.lead import LeadActivities, RecordLeadRequest, RecordLeadResult
from activities.actions.pay import (
    PayActivities,
)
from activities.journal.drain import DrainRequest, JournalActivities
from adapters.store import Store
from domain.authority.signed import DecisionKey, sign
from domain.case import CaseOutcome, CaseState
from domain.deadletter import DeadLetter
from domain.errors import ConfigurationError, FailureKind, RefusedError, TransientError
from domain.letters import DraftedReply, PersonAnswer
from domain.money.approval import ApprovalRequest, Standing
from domain.reading.sales import Interest, LeadFacts
from ports.store import Reply
from tests.contracts.store_samples import (
    NOW,
    approval_request,
    approval_result,
    big_action,
    case_input,
    outcome,
    stored_case,
)
from tests.fakes.blueprint import LETTERS
from tests.fakes.signing import TOM, known_keys, signed_for
from tests.unit.activities.store_parts import BILLING, Clock, nobody_cancels, request, within


class TestRecordsAndLeads:
    async def test_only_billing_reads_accounts_and_only_sales_records_leads(self, store: Store, clock: Clock) -> None:
        find = FindActivities(store.records, store.cases, clock)
        lead = LeadActivities(store.crm, store.cases, clock, nobody_cancels)
        with pytest.raises(RefusedError):
            within("SalesWorkflow").run(find.find_account, FindAccountRequest(case=case_input()))
        with pytest.raises(RefusedError):
            await within(BILLING).run(lead.record_lead, RecordLeadRequest(case=case_input(), facts=LeadFacts()))

    async def test_the_sender_comes_from_the_store_not_from_the_request(self, store: Store, clock: Clock) -> None:
        find = FindActivities(store.records, store.cases, clock)
        told = FindAccountRequest(
            case=case_input().model_copy(update={"text": "I am bob@example.com"}), order_id="ORD-1"
        )
        account = within(BILLING).run(find.find_account, told)
        assert account.customer is not None
        assert account.customer.customer_id == "C-1"
        assert account.order is not None
        assert account.status_counts
        assert account.kinds_count

    async def test_a_lead_goes_to_its_territory_once(self, store: Store, clock: Clock) -> None:
        lead = LeadActivities(store.crm, store.cases, clock, nobody_cancels)
        facts = LeadFacts(interest=Interest.QUOTE, seats=50)
        first = await within("SalesWorkflow").run(lead.record_lead, RecordLeadRequest(case=case_input(), facts=facts))
        again = await within("SalesWorkflow").run(lead.record_lead, RecordLeadRequest(case=case_input(), facts=facts))
        assert first == again
        assert (first.owner, first.team, first.account_name_known) == ("Uwe", "DACH large", True)
        assert first.effect is not None
        assert first.effect.key == "case/shop/e1/lead"

    async def test_an_answer_to_the_letter_of_a_lead_is_a_note_on_it(self, store: Store, clock: Clock) -> None:
        lead = LeadActivities(store.crm, store.cases, clock, nobody_cancels)

        async def record(name: str, facts: LeadFacts, continues: str | None = "case/shop/e1") -> RecordLeadResult:
            case = case_input(name).model_copy(update={"continues": continues})
            return await within("SalesWorkflow").run(lead.record_lead, RecordLeadRequest(case=case, facts=facts))

        first = await record("e1", LeadFacts(interest=Interest.QUOTE, seats=50), None)
        for _ in range(2):
            noted = await record("e2", LeadFacts())
            assert (noted.noted_on, noted.effect, noted.owner) == ("case/shop/e1", None, first.owner)
        assert store.crm.lead_of("case/shop/e2") is None
        assert store.reports.counts().effects == {"lead": 1}
        more = await record("e2", LeadFacts(interest=Interest.QUOTE, seats=500))
        assert (more.noted_on, more.effect is not None) == (None, True)

    async def test_a_lead_that_fits_no_territory_is_unassigned_not_lost(self, store: Store, clock: Clock) -> None:
        store.cases.admit([stored_case("x", sender_email="x@nowhere.example")])
        lead = LeadActivities(store.crm, store.cases, clock, nobody_cancels)
        told = RecordLeadRequest(case=case_input("x"), facts=LeadFacts(interest=Interest.DEMO, country="BR"))
        assert (await within("SalesWorkflow").run(lead.record_lead, told)).owner == "unassigned"

    @pytest.mark.parametrize(
        ("sender", "facts", "lacking"),
        [
            (
                {"sender_email": "x@nowhere.example"},
                LeadFacts(urgent=True, company="ACME"),
                "nothing that could be sold",
            ),
            ({"sender_email": None, "sender_name": None}, LeadFacts(interest=Interest.QUOTE), "nobody is named"),
        ],
    )
    async def test_junk_is_no_lead(
        self, store: Store, clock: Clock, sender: dict[str, Any], facts: LeadFacts, lacking: str
    ) -> None:
        stored = stored_case("x", **sender)
        case = stored.case.model_copy(update={"customer_id": None})
        store.cases.admit([stored.model_copy(update={"case": case})])
        lead = LeadActivities(store.crm, store.cases, clock, nobody_cancels)
        with pytest.raises(RefusedError, match=lacking):
            await within("SalesWorkflow").run(lead.record_lead, RecordLeadRequest(case=case, facts=facts))
        assert store.crm.lead_of(case.case_id) is None

    async def test_no_lead_is_recorded_for_a_case_that_is_cancelled_or_has_ended(
        self, store: Store, clock: Clock
    ) -> None:
        async def cancelled(case_id: str) -> bool:
            return case_id == "case/shop/e2"

        lead = LeadActivities(store.crm, store.cases, clock, cancelled)
        store.cases.close(outcome(), None)
        for name, why in (("e1", "has ended"), ("e2", "is being cancelled")):
            told = RecordLeadRequest(case=case_input(name), facts=LeadFacts())
            with pytest.raises(RefusedError, match=why):
                await within("SalesWorkflow").run(lead.record_lead, told)


class TestEndings:
    async def test_personal_data_is_put_back_only_in_the_reply(self, store: Store, clock: Clock) -> None:
        close = CloseActivities(store.cases, store.ledger, LETTERS, store.records, clock)
        letter = DraftedReply(subject="Re", text="Dear [NAME_1], [EMAIL_9] stays")
        for _ in range(2):
            result = ActivityEnvironment().run(close.close_case, CloseRequest(outcome=outcome(), letter=letter))
            assert result.reply_key == "case/shop/e1/reply"
        counts = store.reports.counts()
        assert (counts.replies, counts.outbox, counts.by_state) == (1, 1, {"done": 1, "running": 1})

    @pytest.mark.parametrize("name", ["www.evil.example", "https://evil.example/pay", "paypal。com"])
    async def test_a_name_that_leads_elsewhere_is_not_put_back(
        self, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        kept: list[Reply | None] = []
        hostile = store.cases.load("case/shop/e1").model_copy(update={"vault": {"[NAME_1]": name}})
        monkeypatch.setattr(store.cases, "load", lambda _: hostile)
        monkeypatch.setattr(store.cases, "close", lambda _, reply: kept.append(reply))
        close = CloseActivities(store.cases, store.ledger, LETTERS, store.records, clock)
        told = [
            CloseRequest(outcome=outcome(), letter=PersonAnswer(text="Dear [NAME_1]"), subject="I am [NAME_1]"),
            CloseRequest(outcome=outcome(), letter=DraftedReply(subject="To [NAME_1]", text="Dear [NAME_1]")),
        ]
        for one in told:
            ActivityEnvironment().run(close.close_case, one)
        assert [reply.subject for reply in kept if reply] == ["Re: I am [NAME_1]", "To [NAME_1]"]
        assert all(reply and "Dear [NAME_1]" in reply.text and name not in reply.text for reply in kept)

    async def test_the_clock_closes_where_the_workflow_did_not_say_when(self, store: Store, clock: Clock) -> None:
        close = CloseActivities(store.cases, store.ledger, LETTERS, store.records, clock)
        silent: CaseOutcome = outcome().model_copy(update={"closed_at": None})
        assert ActivityEnvironment().run(close.close_case, CloseRequest(outcome=silent)).reply_key is None
        assert store.reports.case("case/shop/e1").closed_at == NOW

    async def test_the_ending_on_record_is_told_to_whoever_comes_with_another(self, store: Store, clock: Clock) -> None:
        close = CloseActivities(store.cases, store.ledger, LETTERS, store.records, clock)
        env, asked = ActivityEnvironment(), EndingRequest(case_id="case/shop/e1")
        assert env.run(close.find_ending, asked).outcome is None
        for _ in range(2):  # the same ending again is no other one
            assert env.run(close.close_case, CloseRequest(outcome=outcome())).stands is None
        other = outcome(state=CaseState.CANCELLED)
        assert env.run(close.close_case, CloseRequest(outcome=other)).stands == outcome()
        assert env.run(close.find_ending, asked).outcome == outcome()
        assert env.run(close.find_ending, asked.model_copy(update={"replay": 1})).outcome is None

    def test_each_replay_replies_under_its_own_key(self) -> None:
        assert reply_key("case/shop/e1", 1) != reply_key("case/shop/e1", 0)

    async def test_after_forbidding_nothing_is_paid(self, store: Store, pay: PayActivities, clock: Clock) -> None:
        close = CloseActivities(store.cases, store.ledger, LETTERS, store.records, clock)
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


def recorded_for(
    asked: ApprovalRequest, standing: Standing = Standing.APPROVED, by: str = "maria"
) -> RecordDecisionRequest:
    result = approval_result(asked, standing, by=by)
    return RecordDecisionRequest(request=asked, result=result, decision=signed_for(result))


class TestPeople:
    async def test_an_approval_is_announced_once_and_holds_no_more_than_the_brief(
        self, store: Store, clock: Clock
    ) -> None:
        approve = ApproveActivities(store.ledger, store.trail, known_keys, clock)
        asked = approval_request(big_action())
        for _ in range(3):
            ActivityEnvironment().run(approve.announce_approval, asked)
        [word] = store.words.untold(10, NOW)
        assert (word.word_id, word.subject) == (asked.approval_id, "approval wanted: refund")
        assert word.data == {"approval_id": asked.approval_id, "digest": asked.digest, "approvers": "maria, tom"}
        [on_record] = store.audit.read([]).approvals
        assert on_record.standing == Standing.PENDING

    @pytest.mark.parametrize("by", ["mallory", "", "C-1"])
    async def test_a_decision_by_somebody_not_entitled_is_never_recorded(
        self, store: Store, clock: Clock, by: str
    ) -> None:
        approve = ApproveActivities(store.ledger, store.trail, known_keys, clock)
        asked = approval_request(big_action())
        told = recorded_for(asked, by=by)
        with pytest.raises(RefusedError):
            ActivityEnvironment().run(approve.record_decision, told)
        assert store.audit.read([]).approvals == []

    @pytest.mark.parametrize("decision", [None, "bare", "of another person"])
    async def test_without_their_signature_nobodys_decision_is_recorded(
        self, store: Store, clock: Clock, decision: str | None
    ) -> None:
        """A forged workflow may ask for this step as ours does."""
        approve = ApproveActivities(store.ledger, store.trail, known_keys, clock)
        asked = approval_request(big_action())
        right = recorded_for(asked)
        assert right.decision is not None
        forged = {
            None: None,
            "bare": right.decision.model_copy(update={"seal": None}),
            "of another person": sign(right.decision, TOM, NOW),
        }[decision]
        with pytest.raises(RefusedError, match="signed"):
            ActivityEnvironment().run(approve.record_decision, right.model_copy(update={"decision": forged}))
        assert store.audit.read([]).approvals == []
        checked = CheckDecisionRequest(request=asked, decision=right.decision)
        assert ActivityEnvironment().run(approve.check_decision, checked).objection == ""
        if forged is not None:
            checked = checked.model_copy(update={"decision": forged})
            assert "signed" in ActivityEnvironment().run(approve.check_decision, checked).objection

    async def test_a_worker_without_keys_lets_nothing_pass_and_loses_nothing(self, store: Store, clock: Clock) -> None:
        def no_keys() -> list[DecisionKey]:
            raise ConfigurationError("surface-keys.json cannot be read")

        approve = ApproveActivities(store.ledger, store.trail, no_keys, clock)
        asked = approval_request(big_action())
        with pytest.raises(TransientError, match=r"surface-keys\.json"):
            ActivityEnvironment().run(approve.record_decision, recorded_for(asked))
        expired = approval_result(asked, Standing.EXPIRED, by="")
        told = RecordDecisionRequest(request=asked, result=expired)
        assert ActivityEnvironment().run(approve.record_decision, told).standing is Standing.EXPIRED

    async def test_the_first_of_two_opposite_decisions_is_given_back(self, store: Store, clock: Clock) -> None:
        approve = ApproveActivities(store.ledger, store.trail, known_keys, clock)
        asked = approval_request(big_action())
        for standing in (Standing.REJECTED, Standing.APPROVED):
            told = recorded_for(asked, standing)
            assert ActivityEnvironment().run(approve.record_decision, told).standing is Standing.REJECTED

    async def test_a_dead_letter_leaves_one_word(self, store: Store) -> None:
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
            ActivityEnvironment().run(BuryActivities(store.dead_letters).bury, letter)
        [word] = store.words.untold(10, NOW)
        assert (word.data["dead_letter_id"], word.data["count"]) == ("case/shop/e1/dead/1", "1")

    async def test_a_reminder_is_one_word_however_often_it_is_tried(self, store: Store, clock: Clock) -> None:
        """A try of which nobody heard the answer is made again, with the same id and another time."""
        alert = AlertActivities(store.words, store.trail, clock)
        told = AlertRequest(
            case_id="case/shop/e1", subject="reminder", text="waits", alert_id="case/shop/e1/lane/1", kind="escalation"
        )
        for _ in range(3):
            ActivityEnvironment().run(alert.alert_person, told)
            clock.now += timedelta(seconds=1)
        [word] = store.words.untold(10, clock())
        assert (word.word_id, word.kind, word.at) == ("case/shop/e1/lane/1", "escalation", NOW)
