"""What the activities need from the world, as Protocols; `adapters/` implements them, `workers/bootstrap.py` chooses.

Methods named without `async` block (SQL) and are called from threads. All may raise `domain.errors.TransientError` when
the part behind them cannot be reached; nothing else about the part leaks through.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, Field

from domain.approval import Action, ApprovalRequest, ApprovalResult
from domain.case import CaseInput, CaseOutcome, EffectRecord
from domain.deadletter import DeadLetter
from domain.document import CleanDocument
from domain.models import ModelReply, ModelRequest
from domain.refund import Account
from domain.sales import CrmAccount, Territory

# --- holding pen ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InboxItem:
    """A payload as received. `digest` is the SHA-256 of the body, hex; `deliveries` counts how often it was leased."""

    case_id: str
    source: str
    event_id: str
    content_type: str
    body: bytes
    digest: str
    received_at: datetime
    deliveries: int = 0


class PutOutcome(StrEnum):
    """What became of a payload handed to the inbox."""

    ACCEPTED = "accepted"  # on disk
    DUPLICATE = "duplicate"  # the same event with the same body is there already
    CONFLICT = "conflict"  # the same event id with another body: the first stands


class InboxDepth(BaseModel):
    """How much waits: `ready` to be leased, `leased` and unacknowledged, `total` ever accepted; `oldest_s`."""

    ready: int
    leased: int
    total: int
    oldest_s: float = 0.0


class Inbox(Protocol):
    """The durable holding pen."""

    async def put(self, item: InboxItem) -> PutOutcome:
        """Store a payload; returns once it is on disk. Raises TransientError when the pen refuses it."""
        ...

    async def lease(self, limit: int, lease_s: float) -> list[InboxItem]:
        """Take up to `limit` payloads, oldest first; they come back after `lease_s` seconds unless acknowledged."""
        ...

    async def ack(self, case_ids: Sequence[str]) -> None:
        """Say that these are done; acknowledging twice changes nothing."""
        ...

    async def depth(self) -> InboxDepth:
        """Count what waits."""
        ...

    async def accepted(self, after: str = "", limit: int = 1000) -> list[str]:
        """Return case ids ever accepted, in order of id, after the given one (for the audit)."""
        ...


# --- store ------------------------------------------------------------------------------------------------------------


class StoredCase(BaseModel):
    """A case as admitted: its workflow input, what must not stand in histories (vault, sender), and the raw payload."""

    case: CaseInput
    vault: dict[str, str] = Field(default_factory=dict)
    sender_email: str | None = None
    sender_name: str | None = None
    content_type: str = "application/json"
    body: bytes = b""
    tokens_in: int = 0
    tokens_out: int = 0
    chars_in: int = 0
    chars_out: int = 0


class CaseStore(Protocol):
    """Admitted cases, their endings, and the hand-over to the journal."""

    def admit(self, cases: Sequence[StoredCase]) -> None:
        """Store admitted cases in one transaction; one that is there already stays as it is."""
        ...

    def load(self, case_id: str) -> StoredCase:
        """Return an admitted case. Raises KeyError if it is unknown."""
        ...

    def close(self, outcome: CaseOutcome, reply: "Reply | None") -> None:
        """Record the ending, queue the reply (once per key), hand the outcome over: one transaction; repeatable."""
        ...

    def set_replay(self, case_id: str, replay: int) -> CaseInput:
        """Mark the case as replayed and return the input to start it with."""
        ...

    def journal_outcomes(self, limit: int) -> int:
        """Move up to `limit` outcomes from the outbox into the journal, each exactly once; return how many."""
        ...


class Reply(BaseModel):
    """A reply to a sender, personal data put back. `key` is case id and step: it is sent once."""

    key: str
    case_id: str
    to: str | None
    subject: str
    text: str


class CustomerRecords(Protocol):
    """The system of record for customers, orders and charges."""

    def find_account(
        self,
        *,
        tenant: str,
        customer_id: str | None,
        sender_email: str | None,
        order_id: str | None,
        now: datetime,
        case_id: str | None = None,
    ) -> Account:
        """Find the customer (by id, else by the sender's address), the order named, and what was refunded today.

        If both an id and an address are known and name different customers, there is no customer. Refunds that
        `case_id` itself made are left out of what was refunded and come as `own_effect`: a replayed case decides
        as it did before.
        """
        ...


class Crm(Protocol):
    """The CRM tables."""

    def find_crm_account(
        self, *, tenant: str, customer_id: str | None, sender_email: str | None, company: str | None
    ) -> CrmAccount | None:
        """Find the account of a sender: by customer, by the address's domain, by the company's name."""
        ...

    def territories(self, tenant: str) -> list[Territory]:
        """Return who owns which leads."""
        ...

    def record_lead(
        self,
        *,
        case_id: str,
        tenant: str,
        account_id: str | None,
        owner: str,
        team: str,
        score: int,
        facts: dict[str, object],
        at: datetime,
    ) -> EffectRecord:
        """Record the lead of a case once; a second call returns the first record. Its key is `{case_id}/lead`."""
        ...


class LedgerState(StrEnum):
    """Where an effect stands."""

    INTENDED = "intended"
    EXECUTED = "executed"
    ABANDONED = "abandoned"  # the rail refused for good, or was found not to have done it; no money moved


class LedgerRow(BaseModel):
    """An effect in the ledger; `at` is the time of the intention. `action` holds the bytes that every retry sends.

    `is_new` says that the very call that returned it wrote it down: nobody can have sent it before.
    """

    effect: EffectRecord
    state: LedgerState
    at: datetime
    action: Action | None = None
    is_new: bool = False


class Ledger(Protocol):
    """Effects by key, each once, and the books."""

    def intend(
        self,
        action: Action,
        *,
        step: str,
        approval_id: str | None,
        limit_minor: int | None,
        now: datetime,
        daily_cap_minor: int | None = None,
        seen_back_minor: int | None = None,
    ) -> LedgerRow:
        """Write down the intention before the rail is called, checking in the same transaction that it may be.

        Checked: the kill switch; the case was admitted, has not ended and was not cancelled; the charge is in the
        system of record, is of this order, payee and currency, and all refunds of it, this one included, stay within
        it; they are still what the decision saw (`seen_back_minor`, this one excluded); where all of them reach
        `limit_minor` (or there is an `approval_id`), a recorded approval has this digest and no other effect used it;
        without an approval the customer's refunds of today stay within `daily_cap_minor`. The same key with the same
        money (amount, currency, charge, payee) returns the row as it was first written, even if the policy's version
        is another; an executed one whatever was switched off since.

        Raises:
            RefusedError: a check failed, or the key stands there with another action.
            EffectsStoppedError: the kill switch is on.
        """
        ...

    def execute(self, key: str, provider_ref: str, now: datetime) -> LedgerRow:
        """Record that the rail did it, with the two entries that balance; repeatable."""
        ...

    def find(self, key: str) -> LedgerRow | None:
        """Return an effect by its key."""
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

    def announce(self, request: ApprovalRequest, now: datetime) -> bool:
        """Record that an approval was asked for; return whether people still have to be told (see `announced`)."""
        ...

    def announced(self, approval_id: str, now: datetime) -> None:
        """Record that people were told."""
        ...

    def record_approval(self, request: ApprovalRequest, result: ApprovalResult) -> ApprovalResult:
        """Record a decision (or expiry); the first stands, and is returned."""
        ...

    def forbid(self, case_id: str, why: str, now: datetime) -> None:
        """Let no further effect happen for a case (it was cancelled)."""
        ...


class DeadLetterStore(Protocol):
    """Cases that were given up on."""

    def bury(self, letter: DeadLetter) -> None:
        """Store a dead letter; the same id again changes nothing."""
        ...

    def to_alert(self, dead_letter_id: str) -> bool:
        """Return whether people still have to be told of it (see `alerted`)."""
        ...

    def alerted(self, dead_letter_id: str, now: datetime) -> None:
        """Record that people were told."""
        ...


# --- the world outside ------------------------------------------------------------------------------------------------


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


class LanguageModel(Protocol):
    """A model behind any provider's wire."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Make one call; no retries of its own.

        Raises:
            TransientError, ToldToWaitError, UnsupportedTaskError, ConfigurationError: as the names say.
        """
        ...


class Cleaner(Protocol):
    """Cheap cleaning of what came in."""

    def clean(
        self, *, subject: str, text: str | None, html: str | None, lang: str | None, known: dict[str, str] | None = None
    ) -> CleanDocument:
        """Return the clean document; never raises on hostile input."""
        ...


class Supervisor(Protocol):
    """Who is told when something needs a person."""

    async def alert(self, subject: str, text: str, data: dict[str, str]) -> None:
        """Tell once; trouble in telling is logged, not raised."""
        ...


class CaseStarter(Protocol):
    """Starts case workflows."""

    async def start(self, cases: Iterable[CaseInput]) -> None:
        """Start each case under its id, once. Raises TransientError if Temporal is away."""
        ...
