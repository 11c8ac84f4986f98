"""Refunds that Stripe calls pending: what it says of them later, and what is never guessed."""

from collections.abc import Callable

import pytest
from starlette.responses import JSONResponse, Response

from adapters.rails.stripe import StripeRail
from domain.errors import ConfigurationError, RefusedError, ToldToWaitError, TransientError
from domain.money.effect import Settling
from ports.rail import SlowRail
from tests.integration.rails.stripe_speaker import StripeSpeaker, stripe_error
from tests.integration.rails.test_stripe import action


def test_stripe_is_asked_about_pending_refunds(stripe: StripeRail) -> None:
    assert isinstance(stripe, SlowRail)


@pytest.mark.parametrize("status", ["pending", "requires_action"])
async def test_a_refund_that_is_pending_is_not_said_to_be_paid_for_good(
    stripe: StripeRail, speaker: StripeSpeaker, status: str
) -> None:
    speaker.status_of_new = status
    receipt = await stripe.pay(action())
    found = await stripe.find(action().key)
    assert found is not None
    assert (receipt.pending, found.pending) == (True, True)
    assert (await stripe.fate(receipt.reference)).settling is Settling.PENDING
    speaker.refunds[0]["status"] = "succeeded"
    assert (await stripe.fate(receipt.reference)).settling is Settling.SETTLED
    found = await stripe.find(action().key)
    assert found is not None
    assert found.pending is False


@pytest.mark.parametrize(
    ("status", "reason", "why"),
    [("failed", "expired_or_canceled_card", "expired_or_canceled_card"), ("canceled", None, "canceled")],
)
async def test_a_refund_that_failed_later_says_why(
    stripe: StripeRail, speaker: StripeSpeaker, status: str, reason: str | None, why: str
) -> None:
    speaker.status_of_new = "pending"
    receipt = await stripe.pay(action())
    speaker.refunds[0] |= {"status": status, "failure_reason": reason}
    fate = await stripe.fate(receipt.reference)
    assert (fate.settling, fate.why) == (Settling.FAILED, why)
    assert await stripe.find(action().key) is None
    assert await stripe.log() == []


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (lambda: stripe_error(500, "api_error"), TransientError),
        (lambda: stripe_error(429, "rate_limit_error"), ToldToWaitError),
        (lambda: stripe_error(401, "invalid_request_error"), ConfigurationError),
        (lambda: JSONResponse({"id": "re_1", "status": "odd"}), TransientError),
        (lambda: JSONResponse({"id": "re_1"}), TransientError),
    ],
)
async def test_what_became_of_a_refund_is_never_guessed(
    stripe: StripeRail, speaker: StripeSpeaker, answer: Callable[[], Response], raised: type[Exception]
) -> None:
    speaker.answers.append(answer)
    with pytest.raises(raised):
        await stripe.fate("re_1")


async def test_a_refund_that_stripe_does_not_know_is_no_failed_one(stripe: StripeRail) -> None:
    with pytest.raises(RefusedError) as told:
        await stripe.fate("re_1/../../charges")
    assert told.type is RefusedError
