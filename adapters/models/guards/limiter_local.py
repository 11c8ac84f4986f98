"""A limiter of one process alone: it keeps to its share of the limits, where nothing tells it what others do."""

import time
import uuid
from collections.abc import Callable

from domain.pacing import limits as rule
from domain.pacing.limits import SAID_NOTHING, LimiterState, Limits, SaidLimits
from ports.models.limits import LEASE_S, Slot


class LocalLimiter:
    """A `Limiter` for one process of several; all tasks of one event loop may use it.

    Args:
        limits: as stated, of all processes together.
        processes: how many call this model; each keeps to its share.
        clock: seconds since the epoch.
    """

    def __init__(self, limits: Limits, processes: int, clock: Callable[[], float] = time.time) -> None:
        self.limits = limits
        self.processes = max(1, processes)
        self.state = LimiterState()
        self._clock = clock
        self._leases: dict[str, float] = {}

    def take_over(self, state: LimiterState) -> None:
        """Go on from what all processes knew together: share, provider's limits, pause; without a burst."""
        now, n = self._clock(), self.processes
        self.state = LimiterState(
            requests_tat=max(self.state.requests_tat, now + rule.BURST_REQUESTS_S),
            tokens_tat=max(self.state.tokens_tat, now + rule.BURST_TOKENS_S),
            pause_until=state.pause_until,
            share=state.share,
            fell_at=state.fell_at,
            hold_s=state.hold_s,
            void_at=max(state.void_at, self.state.void_at),
            said_rpm=state.said_rpm / n,
            said_tpm=state.said_tpm / n,
            guess_rpm=state.guess_rpm / n,
            hearsay_until=state.hearsay_until,
            unproven=state.unproven,
        )

    async def book(self, tokens: int) -> Slot:
        """Book a slot of this process's share."""
        now = self._clock()
        self._leases = {lease: until for lease, until in self._leases.items() if until > now}
        self.state, booked = rule.book(self.state, self._own(), now, tokens, under_way=len(self._leases))
        lease = ""
        if booked.stands and self.limits.concurrency:
            lease = uuid.uuid4().hex
            self._leases[lease] = now + booked.wait_s + LEASE_S
        return Slot(booked, tokens, lease=lease, alone=True)

    async def confirm(self, slot: Slot) -> bool:
        """Return whether a slot whose time has come may be used."""
        return rule.still_stands(self.state, slot.booked.at, self._clock())

    async def renew(self, slot: Slot) -> None:
        """Hold the lease on."""
        if slot.lease in self._leases:
            self._leases[slot.lease] = self._clock() + LEASE_S

    async def settle(self, slot: Slot, used: int | None, said: SaidLimits | None = None) -> None:
        """End a call: hand back what it did not use."""
        self._leases.pop(slot.lease, None)
        now = self._clock()
        self.state = rule.handed_back(self.state, unused_s(slot, used), now, taken_at(slot, used))
        self.state = rule.told(self.state, self._own(), self._part(said or SAID_NOTHING), now)

    async def refused(self, slot: Slot, wait_s: float, said: SaidLimits | None = None) -> None:
        """End a call that was told to wait."""
        self._leases.pop(slot.lease, None)
        told = self._part(said or SAID_NOTHING)
        self.state = rule.refused(self.state, self._own(), slot.booked.at, wait_s, self._clock(), told)

    def _own(self) -> Limits:
        return self.limits.divided(self.processes)

    def _part(self, said: SaidLimits) -> SaidLimits:
        """Return this process's share of what the provider says, which is of all processes together."""
        n = self.processes
        return SaidLimits(said.rpm / n, said.tpm / n, said.remaining_requests, said.remaining_tokens, said.reset_s)


def unused_s(slot: Slot, used: int | None) -> float:
    """Return what of a booking is handed back, seconds of tokens; negative where a call used more than was booked.

    It is a part of what was booked then, whatever the rate is now.
    """
    if used is None or slot.tokens <= 0:
        return 0.0
    return slot.booked.tokens_s * (1 - used / slot.tokens)


def taken_at(slot: Slot, used: int | None) -> float:
    """Return when a call was booked that was answered; 0 where nobody knows what became of it, or nobody was asked."""
    return slot.booked.at if used else 0.0
