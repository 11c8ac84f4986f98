"""Whether a message belongs to a case of its customer that waits for an approval, and whether it says anything new."""

from pydantic import BaseModel, Field

from domain.money.claim import Claim, Origin
from domain.money.records import Account, OpenRequest
from domain.money.refund import Ask, Inform, Refund, RefundDecision, Rule

# A person has to read these, and they may be about what waits although they name no order.
_PERHAPS_ABOUT_IT = frozenset({Rule.NOT_WANTED_NOW, Rule.DISPUTE_TOLD, Rule.CLAIM_UNREAD})


class PutTo(BaseModel):
    """The cases that a message is put to: those that wait for an approval about what it speaks of.

    Attributes:
        cases: the first one first.
        order_id: of the first one.
        repeats: it asks for the very same order, charge and sum for the same reason; everything else is news, over
            which nothing may be paid before somebody has read it.
        alone: it is about nothing else, so that it needs no case of its own.
    """

    cases: list[str] = Field(min_length=1)
    order_id: str
    repeats: bool = False
    alone: bool = True


def put_to(decision: RefundDecision, claim: Claim, account: Account) -> PutTo | None:
    """Return which waiting cases of the customer a message has to reach, None if it is a matter of its own.

    A question is none of them, nor is what the customer is asked about first.
    """
    if isinstance(decision, Inform | Ask):
        return None
    named = _orders(claim, account)
    about = [asked for asked in account.open_requests if _key(asked.order_id) in named]
    if not named and decision.rule in _PERHAPS_ABOUT_IT:
        about = account.open_requests
    if not about:
        return _of_an_earlier_version(account)
    if isinstance(decision, Refund):
        same = next((asked for asked in about if _is_same(asked, decision, claim)), None)
        if same is not None:
            return PutTo(cases=[same.case_id], order_id=same.order_id, repeats=True)
    cases = list(dict.fromkeys(asked.case_id for asked in about))
    return PutTo(cases=cases, order_id=about[0].order_id, alone=named <= {_key(asked.order_id) for asked in about})


def _orders(claim: Claim, account: Account) -> set[str]:
    """Return all orders that a message speaks of; the claim's own by the number that the records have."""
    own = account.order.order_id if account.order is not None else claim.order_id
    named = {_key(order) for order in claim.orders} - {_key(claim.order_id or "")}
    return named | ({_key(own)} if own else set())


def _key(order_id: str) -> str:
    return "".join(c for c in order_id.casefold() if c.isalnum())


def _is_same(asked: OpenRequest, refund: Refund, claim: Claim) -> bool:
    """Return whether the same is asked for once more; a number that the message does not hold says nothing sure."""
    return (
        (asked.order_id, asked.charge_id, asked.money) == (refund.order_id, refund.charge_id, refund.money)
        and asked.reason == claim.reason
        and claim.order_origin is not Origin.GUESSED
    )


def _of_an_earlier_version(account: Account) -> PutTo | None:
    """Return the case that was found where only its id was told."""
    if account.open_elsewhere is None or account.order is None or account.open_requests:
        return None
    return PutTo(cases=[account.open_elsewhere], order_id=account.order.order_id)
