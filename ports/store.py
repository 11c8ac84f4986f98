"""What the activities need from the world, as Protocols; `adapters/` implements them, `workers/bootstrap.py` chooses.

Methods named without `async` block (SQL) and are called from threads. All may raise `domain.errors.TransientError` when
the part behind them cannot be reached; nothing else about the part leaks through.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel, Field

from domain.case import CaseInput, CaseOutcome, EffectRecord
from domain.deadletter import DeadLetter
from domain.money.records import Account
from domain.reading.sales import CrmAccount, Territory

# --- holding pen ------------------------------------------------------------------------------------------------------


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

    def close(self, outcome: CaseOutcome, reply: "Reply | None") -> CaseOutcome:
        """Record the ending, queue the reply (once per key), hand the outcome over: one transaction; repeatable.

        Returns the ending that stands: the first of this case and replay. Its finding says so where the letter was held
        back or has nobody to go to, and people are told.
        """
        ...

    def ending(self, case_id: str, replay: int) -> CaseOutcome | None:
        """Return the ending on record of a case and replay, None if it has none."""
        ...

    def set_replay(self, case_id: str, replay: int) -> CaseInput:
        """Mark the case as replayed and return the input to start it with."""
        ...

    def journal_outcomes(self, limit: int) -> int:
        """Move up to `limit` outcomes from the outbox into the journal, each exactly once; return how many."""
        ...


class Reply(BaseModel):
    """A reply to a sender, personal data put back. `key` is case id and step: it is sent once.

    Without `to` there is nobody to send it to: it is kept for people. Of letters with a limit no more than that go to
    an address within 24 hours.
    """

    key: str
    case_id: str
    to: str | None
    subject: str
    text: str
    kind: str = ""  # of `domain.letters.Letter`
    limit: int | None = None  # None: it always goes


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

    def address_of(self, *, tenant: str, customer_id: str) -> str | None:
        """Return the e-mail address of a customer, None if there is none or no such customer."""
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


class DeadLetterStore(Protocol):
    """Cases that were given up on."""

    def bury(self, letter: DeadLetter) -> None:
        """Store a dead letter and the word to people on it; the same id again changes nothing."""
        ...


# --- the world outside ------------------------------------------------------------------------------------------------
