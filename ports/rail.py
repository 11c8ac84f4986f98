"""A payment provider."""

from typing import Protocol

from pydantic import BaseModel

from domain.money.approval import Action


class RailReceipt(BaseModel):
    """The provider's word that the money moved; `reference` is the provider's own id."""

    key: str
    reference: str
    amount_minor: int
    currency: str
    payee: str


class RefundRail(Protocol):
    """A payment provider."""

    async def refund(self, action: Action) -> RailReceipt:
        """Pay the money back, once per `action.key`; the same key again returns the first receipt.

        Raises:
            TransientError, ToldToWaitError: try again with the same key.
            RefusedError: the provider will never do it.
        """
        ...

    async def find(self, key: str, *, charge_id: str | None = None) -> RailReceipt | None:
        """Ask by our reference whether it was done (providers forget keys); the charge makes the search short."""
        ...
