"""A limiter of one provider, model and key, shared by all who ask it."""

from dataclasses import dataclass
from typing import Protocol

from domain.pacing.limits import Booked, SaidLimits


@dataclass(frozen=True, slots=True)
class Slot:
    """A booking: what came of it, the lease that it holds (empty: none), and whether this process alone knows of it."""

    booked: Booked
    tokens: int
    lease: str = ""
    alone: bool = False


class Limiter(Protocol):
    """Books calls. No method raises: where nothing can be asked, each process keeps to its own share."""

    async def book(self, tokens: int) -> Slot:
        """Book a slot for a call of so many tokens at most; `booked.stands` says whether there is one."""
        ...

    async def confirm(self, slot: Slot) -> bool:
        """Return whether a slot whose time has come may be used; False: it is gone, book again."""
        ...

    async def renew(self, slot: Slot) -> None:
        """Hold the lease on; a call that takes long does it every `RENEW_S`."""
        ...

    async def settle(self, slot: Slot, used: int | None, said: SaidLimits | None = None) -> None:
        """End a call: hand back what it did not use, seen by the tokens that it used; 0: nobody was asked; None:
        that is not known, all that was booked counts as used.
        """
        ...

    async def refused(self, slot: Slot, wait_s: float, said: SaidLimits | None = None) -> None:
        """End a call that was told to wait so long (0: no time was named), and fall for everyone: to the limits that
        the refusal told, where it told any that are lower.
        """
        ...


LEASE_S = 30.0  # a call whose process died counts as under way for so long
RENEW_S = 10.0
