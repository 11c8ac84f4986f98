"""Pay money back: the intention first, then the rail, then the books, each exactly once."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel, Field
from temporalio import activity

from activities.clock import Clock, utc_now
from activities.grants import require_grant
from activities.withdrawn import is_withdrawn
from domain.case import EffectRecord
from domain.errors import ConfigurationError, RefusedError, ToldToWaitError, TransientError
from domain.money.action import Action
from domain.money.effect import LedgerState
from domain.money.refund_action import RefundAction, RefundTerms
from ports.ledger import Ledger, LedgerRow
from ports.rail import Rail, RailReceipt, WentBack

T = TypeVar("T")

SEND_WITHIN_S = 10.0
"""An attempt sends within this after it began to check: one that stood still since then asks the ledger again."""
RAIL_TIMEOUT_S = 15.0
"""The longest that one call of the rail may take, however its bytes drip."""
ASK_WITHIN_S = 5.0
"""The longest that the provider may take to say what it has paid: what is not said by then is asked again."""
IN_STEP_S = 60.0
"""For so long a worker believes that the ledger knows the provider's newest payments, seconds."""
NEWEST = 100
"""So many of these are looked at: a page of Stripe's."""
BEHIND_WAIT_S = 60.0
PROVIDER_TAIL_S = 90.0
"""How long a provider may go on with a request that we have given up: Stripe's own clients wait 80 s for an answer."""
SETTLE_AFTER_S = SEND_WITHIN_S + RAIL_TIMEOUT_S + PROVIDER_TAIL_S
"""After this long, no payment of a closed case can still be in flight."""


class RefundRequest(BaseModel):
    """Which refund, on whose word, and what it must still fulfil."""

    action: RefundAction
    step: str
    approval_id: str | None = None
    terms: RefundTerms = Field(default_factory=RefundTerms)


class SettleRequest(BaseModel):
    """Which case's open intentions shall be settled; without `take_back` what was not paid stays open, for a replay."""

    case_id: str
    why: str
    take_back: bool = True


class SettleResult(BaseModel):
    """The effects that turned out to have happened."""

    effects: list[EffectRecord] = Field(default_factory=list)


def boot_seconds() -> float:
    """Return a time that only goes forward, seconds, and counts a machine's sleep where that can be told (Linux)."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class PayActivities:
    """Moves money through rails, one for each kind of action, with the ledger as its conscience."""

    def __init__(
        self,
        ledger: Ledger,
        rails: Mapping[str, Rail],
        clock: Clock = utc_now,
        stopwatch: Callable[[], float] = boot_seconds,
        withdrawn: Callable[[str], Awaitable[bool]] = is_withdrawn,
    ) -> None:
        self._ledger = ledger
        self._rails = rails
        self._clock = clock
        self._stopwatch = stopwatch
        self._withdrawn = withdrawn
        self._in_step_at: dict[str, float] = {}  # by the kind of action

    @activity.defn
    async def refund(self, request: RefundRequest) -> EffectRecord:
        """Pay once, however often this is tried.

        Raises:
            RefusedError: policy, the approval, the charge, a cancellation or the provider forbids it; nothing was paid.
            TransientError, ToldToWaitError: whether it was paid is open; try again with the same action.
            ConfigurationError: the provider paid something else under this key: a person must look.
            ToldToWaitError: also while the ledger is older than the provider's log.
        """
        require_grant("refund")
        return await self._pay(request.action, request.terms, step=request.step, approval_id=request.approval_id)

    @activity.defn
    async def settle_effects(self, request: SettleRequest) -> SettleResult:
        """Ask the rail about every intention of a case that is still open: book what was done, take back what was not.

        For a case of which nothing tries to pay any more. An attempt that the ledger let pass before this was scheduled
        may still send, although the server gave it up: nothing is taken back until that is over.

        Raises:
            ToldToWaitError: a payment may be under way.
            TransientError: the rail or the store cannot be reached.
            ConfigurationError: the provider paid something else than was intended: a person must look.
        """
        found = [
            (row, await self._find(row)) for row in await asyncio.to_thread(self._ledger.in_doubt, request.case_id)
        ]
        for row, receipt in found:
            if receipt is not None:
                await self._book(receipt, row.action)
        if request.take_back:
            await self._take_back([row for row, receipt in found if receipt is None], request)
        rows = await asyncio.to_thread(self._ledger.effects_of, request.case_id)
        return SettleResult(effects=[row.effect for row in rows if row.paid])

    async def _pay(self, action: Action, terms: RefundTerms, *, step: str, approval_id: str | None) -> EffectRecord:
        began = self._stopwatch()
        try:
            await self._require_wanted(action)
            back = await self._went_back(action, began)
            asked = terms.model_copy(update={"at_provider_minor": back.others_minor})
            row = await asyncio.to_thread(
                self._ledger.intend, action, step=step, approval_id=approval_id, terms=asked, now=self._clock()
            )
        except RefusedError:
            # An earlier try may have been paid before this one was forbidden: then that is the truth.
            paid = await self._paid_before(action.key)
            if paid is None:
                raise
            return paid
        if row.state is LedgerState.EXECUTED:
            return row.effect
        if back.own is not None:
            return await self._book(back.own, row.action or action)
        return await self._execute(row, row.action or action, began)

    async def _went_back(self, action: Action, now: float) -> WentBack:
        """Ask the provider what went back of the charge, unless this payment was begun before."""
        known = await asyncio.to_thread(self._ledger.find, action.key)
        if known is not None and known.state is LedgerState.EXECUTED:
            return WentBack()
        await self._require_in_step(action, now)
        if known is not None and known.state is LedgerState.INTENDED:
            return WentBack()
        # Asked before the ledger is: all of ours that went back by now stands there too, or it is too old.
        return await _in_time(self._rail_for(action.kind).went_back(action), ASK_WITHIN_S)

    async def _require_in_step(self, action: Action, now: float) -> None:
        """Let nothing begin while the provider's log has payments of ours that the ledger never heard of: a restored
        backup would pay them again.
        """
        known_at = self._in_step_at.get(action.kind)
        if known_at is not None and now - known_at < IN_STEP_S:
            return
        newest = await _in_time(self._rail_for(action.kind).newest(NEWEST), ASK_WITHIN_S)
        unknown = await asyncio.to_thread(self._ledger.unknown, newest, self._clock())
        if unknown:
            raise ToldToWaitError(
                f"{action.key!r} was not begun: the ledger is older than the provider's log, which has {unknown[0]!r}; "
                "`headgate ledger reconcile` books what is missing",
                BEHIND_WAIT_S,
            )
        self._in_step_at[action.kind] = now

    async def _require_wanted(self, action: Action) -> None:
        if await self._withdrawn(action.case_id):
            raise RefusedError(f"{action.case_id!r} is being cancelled: {action.key!r} was not begun")

    async def _take_back(self, unpaid: list[LedgerRow], request: SettleRequest) -> None:
        info = activity.info()  # both times are the server's: no clock of ours is asked
        left = timedelta(seconds=SETTLE_AFTER_S) - (info.started_time - info.scheduled_time)
        if unpaid and left > timedelta(0):
            raise ToldToWaitError(f"a payment of {request.case_id!r} may be under way", left.total_seconds())
        for row in unpaid:
            await asyncio.to_thread(self._ledger.abandon, row.effect.key, request.why, self._clock(), seen=row.at)

    async def _execute(self, row: LedgerRow, action: Action, began: float) -> EffectRecord:
        # Providers forget idempotency keys, and no clock tells whether this one has: another worker wrote the time.
        known = None if row.is_new else await self._find(row)
        if known is not None:
            return await self._book(known, action)
        if self._stopwatch() - began > SEND_WITHIN_S:
            raise TransientError(f"{action.key!r} was not sent: over {SEND_WITHIN_S:g} s passed since it was checked")
        try:
            receipt = await _in_time(self._rail_for(action.kind).pay(action))
        except RefusedError as refusal:
            # "Refunded already" may speak of our own refund, whose key the provider forgot.
            known = await self._find(row)
            if known is not None:
                return await self._book(known, action)
            await asyncio.to_thread(self._ledger.abandon, action.key, str(refusal), self._clock(), seen=row.at)
            raise
        return await self._book(receipt, action)

    async def _paid_before(self, key: str) -> EffectRecord | None:
        row = await asyncio.to_thread(self._ledger.find, key)
        if row is None:
            return None
        if row.state is not LedgerState.INTENDED:
            return row.effect if row.paid else None
        receipt = await self._find(row)
        return await self._book(receipt, row.action) if receipt is not None else None

    async def _find(self, row: LedgerRow) -> RailReceipt | None:
        return await _in_time(self._rail_for(row.effect.kind).find(row.effect.key, row.action))

    def _rail_for(self, kind: str) -> Rail:
        rail = self._rails.get(kind)
        if rail is None:
            raise ConfigurationError(f"no rail for actions of kind {kind!r}: expected one of {sorted(self._rails)}")
        return rail

    async def _book(self, receipt: RailReceipt, action: Action | None = None) -> EffectRecord:
        if action is not None and not _fits(receipt, action):
            raise ConfigurationError(
                f"the provider's receipt {receipt.reference!r} for {receipt.key!r} names {receipt.amount_minor} "
                f"{receipt.currency} to {receipt.payee!r}, not {action.money.minor} {action.money.currency} to "
                f"{action.payee!r}: nothing was booked, compare the provider's log with the ledger"
            )
        row = await asyncio.to_thread(
            self._ledger.execute, receipt.key, receipt.reference, self._clock(), pending=receipt.pending
        )
        return row.effect


async def _in_time(call: Awaitable[T], within_s: float | None = None) -> T:
    within_s = RAIL_TIMEOUT_S if within_s is None else within_s
    try:
        async with asyncio.timeout(within_s):
            return await call
    except TimeoutError as error:
        raise TransientError(f"the payment provider gave no answer within {within_s:g} s") from error


def _fits(receipt: RailReceipt, action: Action) -> bool:
    return (receipt.key, receipt.amount_minor, receipt.currency, receipt.payee) == (
        action.key,
        action.money.minor,
        action.money.currency,
        action.payee,
    )
