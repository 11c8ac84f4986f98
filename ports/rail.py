"""A payment provider."""

from typing import Protocol, runtime_checkable

from pydantic import BaseModel

from domain.audit.facts import RailEntry
from domain.errors import RefusedError
from domain.money.action import Action
from domain.money.effect import Settling
from domain.money.refund_action import RefundAction


class RailReceipt(BaseModel):
    """The provider's word that the money moved; `reference` is the provider's own id.

    `pending`: the provider took it on, and it may fail yet.
    """

    key: str
    reference: str
    amount_minor: int
    currency: str
    payee: str
    pending: bool = False


class Fate(BaseModel):
    """What became of a payment that was pending, and the provider's reason where it failed."""

    settling: Settling
    why: str = ""


class WentBack(BaseModel):
    """What the provider says went back of a charge: minor units under other keys than the action's, whoever made those
    payments, and the receipt under the action's own key, if it was paid before.
    """

    others_minor: int = 0
    own: RailReceipt | None = None


class Rail(Protocol):
    """A payment provider, for the kinds of action that it is used for."""

    async def pay(self, action: Action) -> RailReceipt:
        """Do it, once per `action.key`; the same key again returns the first receipt.

        Raises:
            TransientError, ToldToWaitError: try again with the same key.
            RefusedError: the provider will never do it, or not actions of this kind.
        """
        ...

    async def find(self, key: str, action: Action | None = None) -> RailReceipt | None:
        """Ask by our reference whether it was done (providers forget keys); the action makes the search short."""
        ...

    async def went_back(self, action: Action) -> WentBack:
        """Ask what went back of the action's charge, by whatever key: the ledger may be older than the provider's log.

        Raises:
            TransientError, ToldToWaitError: it cannot say now.
        """
        ...

    async def newest(self, limit: int) -> list[RailEntry]:
        """Return our own newest payments, at most so many, the newest first.

        Raises:
            TransientError, ToldToWaitError: it cannot say now.
        """
        ...


@runtime_checkable
class SlowRail(Protocol):
    """A payment provider whose payments may be pending first and fail later."""

    async def fate(self, reference: str) -> Fate:
        """Ask by the provider's own id what became of a payment.

        Raises:
            TransientError, ToldToWaitError: it cannot say now.
            RefusedError: it does not know the payment.
            ConfigurationError: our credentials do not do.
        """
        ...


def only_refund(action: Action) -> RefundAction:
    """Return the action as a refund.

    Raises:
        RefusedError: it is of another kind.
    """
    if not isinstance(action, RefundAction):
        raise RefusedError(f"action {action.key!r} is of kind {action.kind!r}: expected a refund")
    return action
