"""Effects by key, each once, and the books."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel

from domain.audit.facts import RailEntry
from domain.case import EffectRecord
from domain.money.action import Action, AnyAction, Terms
from domain.money.approval import ApprovalDecision, ApprovalRequest, ApprovalResult
from domain.money.effect import LedgerState, Settling


class LedgerRow(BaseModel):
    """An effect in the ledger; `at` is the time of the intention. `action` holds the bytes that every retry sends.

    `is_new` says that the very call that returned it wrote it down: nobody can have sent it before. `settling` is there
    for an executed one that the provider called pending.
    """

    effect: EffectRecord
    state: LedgerState
    at: datetime
    action: AnyAction | None = None
    is_new: bool = False
    settling: Settling | None = None

    @property
    def paid(self) -> bool:
        """Whether the money moved, or is on its way, and did not come back."""
        return self.state is LedgerState.EXECUTED and self.settling is not Settling.FAILED


class Ledger(Protocol):
    """Effects by key, each once, and the books."""

    def intend(
        self,
        action: Action,
        *,
        step: str,
        approval_id: str | None,
        terms: Terms,
        now: datetime,
    ) -> LedgerRow:
        """Write down the intention before the rail is called, checking in the same transaction that it may be.

        Checked for every kind: the kill switch; the case was admitted, has not ended and was not cancelled; an approval
        that is named is recorded, has this digest, and no other effect used it. The rest is the kind's own guard: of a
        refund, that the charge is in the system of record, is of this order, payee and currency; that all refunds of it
        stay within it and are still what the decision saw; that without an approval they stay below the limit, and the
        customer's refunds of today within the cap. The same key with the same money returns the row as it was first
        written, even if the policy's version is another; an executed one whatever was switched off since.

        Raises:
            RecordsMovedError: the records are not any more what the decision saw: it may be decided again.
            RefusedError: another check failed, or the key stands there with another action.
            EffectsStoppedError: the kill switch is on.
        """
        ...

    def execute(self, key: str, provider_ref: str, now: datetime, *, pending: bool = False) -> LedgerRow:
        """Record that the rail did it, with the two entries that balance; repeatable.

        `pending`: the provider may still fail to do it; it is asked again later (`ports/settling.py`).
        """
        ...

    def find(self, key: str) -> LedgerRow | None:
        """Return an effect by its key."""
        ...

    def unknown(self, payments: Sequence[RailEntry], now: datetime) -> list[str]:
        """Return the keys of payments that the provider made and that the ledger has never heard of; people are told.

        With any, the ledger is older than the provider's log: nothing may be paid before they are booked.
        """
        ...

    def in_doubt(self, case_id: str) -> list[LedgerRow]:
        """Return the case's effects that were intended and neither executed nor abandoned."""
        ...

    def effects_of(self, case_id: str) -> list[LedgerRow]:
        """Return all effects of a case, oldest first."""
        ...

    def abandon(self, key: str, why: str, now: datetime, *, seen: datetime) -> None:
        """Take back the intention of the time `seen`, which the rail refused for good; any other one stays."""
        ...

    def announce(self, request: ApprovalRequest, now: datetime) -> None:
        """Record that an approval was asked for, with the word to the approvers; again, or once decided, nothing."""
        ...

    def record_approval(
        self, request: ApprovalRequest, result: ApprovalResult, decision: ApprovalDecision | None = None
    ) -> ApprovalResult:
        """Record a decision (or expiry), with the signed one on the trail; the first stands, and is returned."""
        ...

    def forbid(self, case_id: str, why: str, now: datetime) -> None:
        """Let no further effect happen for a case (it was cancelled)."""
        ...
