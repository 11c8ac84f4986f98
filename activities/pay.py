"""Pay money back: the intention first, then the rail, then the books, each exactly once."""

import asyncio

from pydantic import BaseModel, Field
from temporalio import activity

from activities.clock import Clock, utc_now
from activities.grants import require_grant
from activities.ports import Ledger, LedgerRow, LedgerState, RailReceipt, RefundRail
from domain.approval import Action
from domain.case import EffectRecord
from domain.errors import RefusedError


class RefundRequest(BaseModel):
    """Which action, and on whose word; limit and cap in minor units of its currency, None = none to check."""

    action: Action
    step: str
    approval_id: str | None = None
    limit_minor: int | None = None
    daily_cap_minor: int | None = None
    seen_back_minor: int | None = None  # what the decision saw as paid back of the charge


class SettleRequest(BaseModel):
    """Which case's open intentions shall be settled."""

    case_id: str
    why: str


class SettleResult(BaseModel):
    """The effects that turned out to have happened."""

    effects: list[EffectRecord] = Field(default_factory=list)


class PayActivities:
    """Moves money through a rail, with the ledger as its conscience."""

    def __init__(self, ledger: Ledger, rail: RefundRail, clock: Clock = utc_now) -> None:
        self._ledger = ledger
        self._rail = rail
        self._clock = clock

    @activity.defn
    async def refund(self, request: RefundRequest) -> EffectRecord:
        """Pay once, however often this is tried.

        Raises:
            RefusedError: policy, the approval, the charge or the provider forbids it; nothing was paid.
            TransientError, ToldToWaitError: whether it was paid is open; try again with the same action.
        """
        require_grant("refund")
        try:
            row = await asyncio.to_thread(
                self._ledger.intend,
                request.action,
                step=request.step,
                approval_id=request.approval_id,
                limit_minor=request.limit_minor,
                now=self._clock(),
                daily_cap_minor=request.daily_cap_minor,
                seen_back_minor=request.seen_back_minor,
            )
        except RefusedError:
            # An earlier try may have been paid before this one was forbidden: then that is the truth.
            paid = await self._paid_before(request.action.key)
            if paid is None:
                raise
            return paid
        if row.state is LedgerState.EXECUTED:
            return row.effect
        return await self._execute(row, row.action or request.action)

    @activity.defn
    async def settle_effects(self, request: SettleRequest) -> SettleResult:
        """Ask the rail about every intention of a case that is still open: book what was done, take back what was not.

        For a case that pays no more (cancelled), once no payment of it is under way.
        """
        done: list[EffectRecord] = []
        for row in await asyncio.to_thread(self._ledger.in_doubt, request.case_id):
            receipt = await self._find(row)
            if receipt is not None:
                done.append(await self._book(receipt))
            else:
                await asyncio.to_thread(self._ledger.abandon, row.effect.key, request.why, self._clock())
        return SettleResult(effects=done)

    async def _execute(self, row: LedgerRow, action: Action) -> EffectRecord:
        # Providers forget idempotency keys, and no clock tells whether this one has: another worker wrote the time.
        if not row.is_new:
            known = await self._rail.find(action.key, charge_id=action.charge_id)
            if known is not None:
                return await self._book(known, action)
        try:
            receipt = await self._rail.refund(action)
        except RefusedError as refusal:
            # "Refunded already" may speak of our own refund, whose key the provider forgot.
            known = await self._rail.find(action.key, charge_id=action.charge_id)
            if known is not None:
                return await self._book(known, action)
            await asyncio.to_thread(self._ledger.abandon, action.key, str(refusal), self._clock())
            raise
        return await self._book(receipt, action)

    async def _paid_before(self, key: str) -> EffectRecord | None:
        row = await asyncio.to_thread(self._ledger.find, key)
        if row is None or row.state is not LedgerState.INTENDED:
            return None
        receipt = await self._find(row)
        return await self._book(receipt, row.action) if receipt is not None else None

    async def _find(self, row: LedgerRow) -> RailReceipt | None:
        charge_id = row.action.charge_id if row.action else None
        return await self._rail.find(row.effect.key, charge_id=charge_id)

    async def _book(self, receipt: RailReceipt, action: Action | None = None) -> EffectRecord:
        if action is not None and not _fits(receipt, action):
            raise RuntimeError(
                f"the provider's receipt {receipt.reference!r} for {receipt.key!r} names {receipt.amount_minor} "
                f"{receipt.currency} to {receipt.payee!r}, not {action.money.minor} {action.money.currency} to "
                f"{action.payee!r}: nothing was booked, compare the provider's log with the ledger"
            )
        row = await asyncio.to_thread(self._ledger.execute, receipt.key, receipt.reference, self._clock())
        return row.effect


def _fits(receipt: RailReceipt, action: Action) -> bool:
    return (receipt.key, receipt.amount_minor, receipt.currency, receipt.payee) == (
        action.key,
        action.money.minor,
        action.money.currency,
        action.payee,
    )
