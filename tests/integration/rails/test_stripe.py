"""Payment rails keep one contract: Stripe (against a server that speaks Stripe), the embedded provider, the fake."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl

import httpx
import pytest
from starlette.responses import Response

from adapters.rails.embedded import EmbeddedRail, RailFaults
from adapters.rails.stripe import StripeRail
from domain.errors import ConfigurationError, RefusedError, ToldToWaitError, TransientError
from domain.money.action import Action
from domain.money.amount import Money
from domain.money.refund_action import RefundAction
from ports.rail import Rail, WentBack
from tests.fakes.rail import FakeRail
from tests.integration.rails.stripe_speaker import StripeSpeaker, stripe_error


@pytest.fixture(params=["stripe", "embedded", "fake"])
def rail(request: pytest.FixtureRequest, tmp_path: Path) -> Rail:
    if request.param == "stripe":
        found: Rail = request.getfixturevalue("stripe")
        return found
    return EmbeddedRail(tmp_path / "rail.db") if request.param == "embedded" else FakeRail()


def action(name: str = "e1", minor: int = 500, charge: str = "ch_1") -> Action:
    return RefundAction(
        key=f"case/shop/{name}/refund",
        case_id=f"case/shop/{name}",
        kind="refund",
        order_id="ORD-1",
        charge_id=charge,
        payee="card:visa-1",
        money=Money(minor=minor, currency="USD"),
        policy_version="main@1",
    )


class TestEveryRail:
    async def test_the_same_key_again_pays_nothing_and_brings_the_first_receipt(self, rail: Rail) -> None:
        first = await rail.pay(action())
        assert await rail.pay(action()) == first
        assert (first.key, first.amount_minor, first.currency, first.payee) == (action().key, 500, "USD", "card:visa-1")
        assert len(await rail.log()) == 1  # type: ignore[attr-defined]  # all three keep a log

    async def test_the_same_key_with_another_amount_is_refused(self, rail: Rail) -> None:
        await rail.pay(action())
        with pytest.raises(RefusedError):
            await rail.pay(action(minor=501))

    async def test_what_was_done_is_found_by_key_with_and_without_the_charge(self, rail: Rail) -> None:
        receipt = await rail.pay(action())
        await rail.pay(action("e2"))
        assert await rail.find(action().key) == receipt
        assert await rail.find(action().key, action()) == receipt
        assert await rail.find("case/shop/never/refund") is None

    async def test_what_went_back_of_a_charge_is_told_apart_from_the_own_payment(self, rail: Rail) -> None:
        assert await rail.went_back(action()) == WentBack()
        await rail.pay(action("e2", 300))
        await rail.pay(action("e3", 200))
        await rail.pay(action("e4", 900, charge="ch_2"))
        assert await rail.went_back(action()) == WentBack(others_minor=500)
        receipt = await rail.pay(action())
        assert await rail.went_back(action()) == WentBack(others_minor=500, own=receipt)

    async def test_the_newest_payments_come_newest_first(self, rail: Rail) -> None:
        for name in ("e1", "e2", "e3"):
            await rail.pay(action(name))
        assert [e.key for e in await rail.newest(2)] == [action(name).key for name in ("e3", "e2")]
        assert await rail.newest(100) == (await rail.log())[::-1]  # type: ignore[attr-defined]  # all three keep a log

    async def test_calls_at_once_with_one_key_pay_once(self, rail: Rail) -> None:
        receipts = await asyncio.gather(*(rail.pay(action()) for _ in range(8)))
        assert len({receipt.reference for receipt in receipts}) == 1

    async def test_the_log_says_what_was_paid_on_whose_behalf(self, rail: Rail) -> None:
        receipt = await rail.pay(action())
        entry = (await rail.log())[0]  # type: ignore[attr-defined]
        assert (entry.key, entry.reference, entry.charge_id) == (action().key, receipt.reference, "ch_1")
        assert (entry.amount_minor, entry.currency, entry.payee) == (500, "USD", "card:visa-1")
        assert entry.digest == action().digest()


class TestEmbeddedFaults:
    async def test_a_payment_whose_answer_was_lost_is_there_and_is_not_made_again(self, tmp_path: Path) -> None:
        rail = EmbeddedRail(tmp_path / "rail.db")
        EmbeddedRail(tmp_path / "rail.db").set_faults(RailFaults(lose_answers=2))
        for _ in range(2):
            with pytest.raises(TransientError, match="lost"):
                await rail.pay(action())
        await rail.pay(action())
        assert len(await rail.log()) == 1

    async def test_a_provider_that_is_away_paid_nothing(self, tmp_path: Path) -> None:
        rail = EmbeddedRail(tmp_path / "rail.db")
        rail.set_faults(RailFaults(unavailable=1))
        with pytest.raises(TransientError, match="not available"):
            await rail.pay(action())
        assert await rail.log() == []
        await rail.pay(action())

    async def test_the_same_key_for_another_payee_or_charge_is_refused(self, tmp_path: Path) -> None:
        rail = EmbeddedRail(tmp_path / "rail.db")
        await rail.pay(action())
        for changes in ({"payee": "card:thief"}, {"charge_id": "ch_2"}, {"order_id": "ORD-2"}):
            with pytest.raises(RefusedError):
                await rail.pay(action().model_copy(update=changes))

    async def test_a_file_that_cannot_be_used_is_told_as_transient(self, tmp_path: Path) -> None:
        (tmp_path / "rail.db").mkdir()
        with pytest.raises(TransientError):
            EmbeddedRail(tmp_path / "rail.db")


class TestStripe:
    async def test_the_request_is_what_stripe_documents(self, stripe: StripeRail, speaker: StripeSpeaker) -> None:
        await stripe.pay(action())
        body, headers = speaker.requests[0]
        form = dict(parse_qsl(body))
        assert (form["charge"], form["amount"]) == ("ch_1", "500")
        assert (form["metadata[headgate_key]"], headers["idempotency-key"]) == (action().key, action().key)
        await stripe.pay(action("e2", charge="pi_7"))
        assert dict(parse_qsl(speaker.requests[1][0]))["payment_intent"] == "pi_7"

    async def test_of_a_charge_that_stripe_does_not_have_nothing_was_paid(
        self, stripe: StripeRail, speaker: StripeSpeaker
    ) -> None:
        speaker.answers = [lambda: stripe_error(404, "invalid_request_error", "resource_missing")]
        assert await stripe.find("case/shop/e1/refund", action(charge="ch_of_another_account")) is None

    async def test_a_question_that_stripe_refuses_leaves_open_whether_it_was_paid(
        self, stripe: StripeRail, speaker: StripeSpeaker
    ) -> None:
        speaker.answers = [lambda: stripe_error(400, "invalid_request_error", "parameter_unknown")]
        with pytest.raises(TransientError, match="stays open"):
            await stripe.find("case/shop/e1/refund", action())

    @pytest.mark.parametrize(
        ("currency", "minor", "sent"),
        [
            ("USD", 500, "500"), ("JPY", 500, "500"), ("XPF", 500, "500"), ("KWD", 5_120, "5120"),
            ("ISK", 500, "50000"), ("UGX", 500, "50000"), ("MGA", 50_000, "500"),
        ],
    )  # fmt: skip
    async def test_amounts_are_in_the_units_that_stripe_counts_in(
        self, stripe: StripeRail, speaker: StripeSpeaker, currency: str, minor: int, sent: str
    ) -> None:
        speaker.currency = currency.lower()
        money = Money(minor=minor, currency=currency)
        receipt = await stripe.pay(action().model_copy(update={"money": money}))
        assert dict(parse_qsl(speaker.requests[0][0]))["amount"] == sent
        assert (receipt.amount_minor, receipt.currency) == (minor, currency)
        assert await stripe.find(action().key) == receipt
        assert [(entry.amount_minor, entry.currency) for entry in await stripe.log()] == [(minor, currency)]

    @pytest.mark.parametrize(("currency", "minor"), [("KWD", 5_124), ("BHD", 1), ("MGA", 50_020)])
    async def test_an_amount_that_stripe_cannot_pay_is_refused_before_it_is_sent(
        self, stripe: StripeRail, speaker: StripeSpeaker, currency: str, minor: int
    ) -> None:
        money = Money(minor=minor, currency=currency)
        with pytest.raises(RefusedError, match=f"{currency}: .* multiples of"):
            await stripe.pay(action().model_copy(update={"money": money}))
        assert speaker.requests == []

    @pytest.mark.parametrize(
        ("status", "kind", "code", "raised"),
        [
            (400, "invalid_request_error", "charge_already_refunded", RefusedError),
            (400, "invalid_request_error", "amount_too_large", RefusedError),
            (400, "invalid_request_error", "charge_disputed", RefusedError),
            (400, "idempotency_error", "", RefusedError),
            (402, "card_error", "card_declined", RefusedError),
            (404, "invalid_request_error", "resource_missing", RefusedError),
            (401, "invalid_request_error", "", ConfigurationError),
            (403, "invalid_request_error", "", ConfigurationError),
            (408, "api_error", "", TransientError),
            (409, "idempotency_error", "idempotency_key_in_use", TransientError),
            (500, "api_error", "", TransientError),
            (503, "api_error", "", TransientError),
        ],
    )
    async def test_what_each_answer_means(
        self, stripe: StripeRail, speaker: StripeSpeaker, status: int, kind: str, code: str, raised: type[Exception]
    ) -> None:
        speaker.answers.append(lambda: stripe_error(status, kind, code))
        with pytest.raises(raised, match=str(status)) as told:
            await stripe.pay(action())
        assert told.type is raised, "Temporal is told the name of the class"
        assert speaker.refunds == []

    async def test_a_disputed_charge_is_told_as_such(self, stripe: StripeRail, speaker: StripeSpeaker) -> None:
        """By the name of the code alone nobody would look for a dispute."""
        speaker.answers.append(lambda: stripe_error(400, "invalid_request_error", "charge_disputed"))
        with pytest.raises(RefusedError, match="look at the dispute first"):
            await stripe.pay(action())

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [("7", 7.0), ("0", 0.0), (None, 20.0), ("soon", 20.0), ("90000", 6 * 3600.0), ("999999999", 20.0)],
    )
    async def test_a_429_is_waited_for_as_long_as_it_says(
        self, stripe: StripeRail, speaker: StripeSpeaker, header: str | None, seconds: float
    ) -> None:
        speaker.answers.append(
            lambda: stripe_error(429, "rate_limit_error", "", {"retry-after": header} if header else {})
        )
        with pytest.raises(ToldToWaitError) as told:
            await stripe.pay(action())
        assert told.value.wait_seconds == seconds

    async def test_stripe_may_say_itself_that_a_refusal_is_to_be_tried_again(
        self, stripe: StripeRail, speaker: StripeSpeaker
    ) -> None:
        speaker.answers.append(lambda: stripe_error(400, "x", "", {"stripe-should-retry": "true"}))
        with pytest.raises(TransientError):
            await stripe.pay(action())

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b"<html>", b'{"id": 1}', b'{"status": "succeeded"}', b'{"id": "re_1", "status": "odd"}']
    )
    async def test_an_answer_that_is_no_receipt_never_says_that_nothing_was_paid(
        self, stripe: StripeRail, speaker: StripeSpeaker, body: bytes
    ) -> None:
        speaker.answers.append(lambda: Response(body, media_type="application/json"))
        with pytest.raises(TransientError):
            await stripe.pay(action())

    async def test_an_answer_that_was_cut_off_is_tried_again_with_the_same_key(
        self, stripe: StripeRail, speaker: StripeSpeaker
    ) -> None:
        speaker.lost_answers = 1
        with pytest.raises(TransientError, match="cut off"):
            await stripe.pay(action())
        await stripe.pay(action())
        assert len(speaker.refunds) == 1

    async def test_a_refund_that_failed_at_the_bank_is_no_payment(
        self, stripe: StripeRail, speaker: StripeSpeaker
    ) -> None:
        speaker.status_of_new = "failed"
        with pytest.raises(RefusedError, match="lost_or_stolen_card"):
            await stripe.pay(action())
        assert await stripe.find(action().key) is None
        assert await stripe.log() == []

    async def test_after_stripe_forgot_the_key_the_refund_is_still_found_pages_back(
        self, stripe: StripeRail, speaker: StripeSpeaker
    ) -> None:
        receipt = await stripe.pay(action())
        speaker.keys.clear()
        for n in range(120):
            await stripe.pay(action(f"later{n}", charge="ch_2"))
        assert await stripe.find(action().key) == receipt
        assert len(await stripe.log()) == 121

    async def test_a_server_that_is_away_is_told_as_transient(self) -> None:
        async with httpx.AsyncClient() as client:
            with pytest.raises(TransientError, match="ConnectError"):
                await StripeRail("sk_test_1", client, "http://127.0.0.1:1").pay(action())

    async def test_no_key_of_stripe_stands_in_anystripe_error(self, stripe_url: str, speaker: StripeSpeaker) -> None:
        async with httpx.AsyncClient() as client:
            with pytest.raises(ConfigurationError) as told:
                await StripeRail("sk_live_secret", client, stripe_url).pay(action())
        assert "sk_live_secret" not in json.dumps([str(told.value), repr(told.value)])
        with pytest.raises(ConfigurationError, match="HEADGATE_STRIPE_API_KEY"):
            StripeRail("", httpx.AsyncClient())

    async def test_entries_of_the_log_carry_their_time(self, stripe: StripeRail) -> None:
        await stripe.pay(action())
        assert datetime.now(UTC) - (await stripe.log())[0].at < timedelta(hours=1)


class TestWhatStripeSaysWentBack:
    async def test_refunds_of_others_count_and_those_that_failed_do_not(
        self, stripe: StripeRail, speaker: StripeSpeaker
    ) -> None:
        """Whoever pressed a button in Stripe's own pages has no key of ours."""
        for status in ("succeeded", "pending", "requires_action", "failed", "canceled"):
            by_hand = {"id": f"re_{status}", "amount": 100, "currency": "usd", "charge": "ch_1", "payment_intent": None}
            speaker.refunds.append({**by_hand, "created": 1, "status": status, "metadata": {}})
        assert await stripe.went_back(action()) == WentBack(others_minor=300)
        assert await stripe.newest(100) == []

    async def test_a_charge_that_stripe_does_not_have_was_not_paid_back(
        self, stripe: StripeRail, speaker: StripeSpeaker
    ) -> None:
        speaker.answers = [lambda: stripe_error(404, "invalid_request_error", "resource_missing")]
        assert await stripe.went_back(action()) == WentBack()

    @pytest.mark.parametrize("status", [400, 402, 500, 503])
    async def test_what_stripe_cannot_say_stays_open(
        self, stripe: StripeRail, speaker: StripeSpeaker, status: int
    ) -> None:
        speaker.answers = [lambda: stripe_error(status, "api_error")]
        with pytest.raises(TransientError):
            await stripe.went_back(action())

    async def test_a_pending_one_is_said_to_be_so(self, stripe: StripeRail, speaker: StripeSpeaker) -> None:
        speaker.status_of_new = "pending"
        await stripe.pay(action())
        assert [entry.pending for entry in await stripe.newest(1)] == [True]
