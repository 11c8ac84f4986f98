"""What the activities need from the world, as Protocols; `adapters/` implements them, `workers/bootstrap.py` chooses.

Methods named without `async` block (SQL) and are called from threads. All may raise `domain.errors.TransientError` when
the part behind them cannot be reached; nothing else about the part leaks through.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel, Field

from domain.case import CaseInput, CaseOutcome, EffectRecord
from domain.conversations.leads import LeadOnRecord
from domain.conversations.threads import EarlierCase, Sign, Speaker, ThreadSigns
from domain.dead_letters.choosing import Cursor, LetterFilter
from domain.dead_letters.editing import LetterEdit
from domain.dead_letters.replaying import ReplayOrder
from domain.deadletter import DeadLetter, DeadLetterRecord
from domain.money.records import Account
from domain.reading.sales import CrmAccount, Territory

# --- holding pen ------------------------------------------------------------------------------------------------------


# --- store ------------------------------------------------------------------------------------------------------------


class StoredCase(BaseModel):
    """A case as admitted: its workflow input, what must not stand in histories (vault, sender), and the raw payload.

    `mark` is that of its letters, which the store gives it. `signs` are those by which an older conversation is looked
    for; they are not kept.
    """

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
    message_id: str | None = None  # of the e-mail that it came as
    thread_id: str | None = None  # the sending system's own name for the conversation
    mark: str | None = None
    signs: ThreadSigns = Field(default_factory=ThreadSigns, exclude=True)

    @property
    def speaker(self) -> Speaker:
        """Who wrote it."""
        return Speaker(tenant=self.case.tenant, address=self.sender_email, customer_id=self.case.customer_id)


def named_by(stored: StoredCase, other: StoredCase) -> EarlierCase | None:
    """Return another case as one that a message names, None if it does not: for those that no store has yet."""
    signs, case = stored.signs, other.case
    if case.tenant != stored.case.tenant or case.case_id == stored.case.case_id:
        return None
    own_mail = other.message_id is not None and other.message_id in signs.references
    if not own_mail and (
        other.thread_id is None or (other.thread_id, case.source) != (signs.thread_id, stored.case.source)
    ):
        return None
    return EarlierCase(
        case_id=case.case_id,
        sign=Sign.OWN_MAIL if own_mail else Sign.THREAD,
        speaker=other.speaker,
        received_at=case.received_at,
        passed_to=case.continues,
    )


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

    def ended(self, case_ids: Sequence[str]) -> set[str]:
        """Return which of these have ended at least once, whether or not they were replayed since."""
        ...

    def set_replay(self, case_id: str, replay: int, renewed: "Renewed | None" = None) -> CaseInput:
        """Mark the case as replayed and return the input to start it with, the renewed one where there is one."""
        ...

    def earlier_cases(self, stored: StoredCase) -> list[EarlierCase]:
        """Return the cases of the tenant that the signs of a message name, whoever wrote them."""
        ...

    def asked_about(self, stored: StoredCase) -> list[str]:
        """Return the sender's other cases that wait for an approval about an order that a message names."""
        ...

    def merge_vault(self, case_id: str, vault: Mapping[str, str]) -> dict[str, str]:
        """Put the tokens of a further message into the case's vault; return how they are called there. Repeatable.

        Raises KeyError if the case is unknown.
        """
        ...

    def keep_input(self, case: CaseInput) -> None:
        """Keep what a case has become by further messages: the input of its next replay. Repeatable.

        What it was admitted with, its policy before all, stays as it is.
        """
        ...

    def queue_letter(self, reply: "Reply", replay: int) -> "QueuedLetter":
        """Queue a letter of a case that goes on, once per key; not if this replay has ended before."""
        ...

    def journal_outcomes(self, limit: int) -> int:
        """Move up to `limit` outcomes from the outbox into the journal, each exactly once; return how many."""
        ...


class Renewed(BaseModel):
    """What a case is replayed with in place of what it has on record, looked at while it had so many `edits`.

    `case` None: it keeps its input. `sender` is there where the input was read anew, with its address and name.
    """

    edits: int = 0
    case: CaseInput | None = None
    vault: dict[str, str] | None = None
    sender: tuple[str | None, str | None] | None = None

    def columns(self) -> dict[str, object]:
        """Return what changes beside the input."""
        found: dict[str, object] = {"tenant": self.case.tenant} if self.case is not None else {}
        if self.vault is not None:
            found["vault"] = json.dumps(self.vault, ensure_ascii=False)
        if self.sender is not None:
            found |= {"sender_email": self.sender[0], "sender_name": self.sender[1]}
        return found


class Reply(BaseModel):
    """A reply to a sender, personal data put back. `key` is case id and step: it is sent once.

    Without `to` there is nobody to send it to: it is kept for people. Of letters with a limit no more than that go to
    an address within 24 hours. `message_id` is its own, `in_reply_to` that of the e-mail which it answers; both without
    angle brackets.
    """

    key: str
    case_id: str
    to: str | None
    subject: str
    text: str
    kind: str = ""  # of `domain.letters.Letter`
    limit: int | None = None  # None: it always goes
    message_id: str | None = None
    in_reply_to: str | None = None
    article: str | None = None  # that it quotes: id@version


class QueuedLetter(BaseModel):
    """What became of a letter: the ending that the case had before, or why nobody gets it; empty if it goes out."""

    ended: CaseOutcome | None = None
    unsent: str = ""


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

    def lead_of(self, case_id: str) -> LeadOnRecord | None:
        """Return the lead that a case recorded, None if it has none."""
        ...

    def note_on_lead(self, lead_of: str, case_id: str) -> None:
        """Note on a lead which further case of its conversation asked nothing new (`answers` of its facts), once."""
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
        """Store a dead letter and have people told of it; the same id again changes nothing."""
        ...


class ReplayableLetters(Protocol):
    """Dead letters as a replay needs them."""

    def list_letters(
        self, chosen: LetterFilter | None = None, *, after: Cursor | None = None, limit: int = 100
    ) -> list[DeadLetterRecord]:
        """Return dead letters, oldest first, from the place `after`; without a choice the open ones."""
        ...

    def show(self, dead_letter_id: str) -> DeadLetterRecord:
        """Return a dead letter. Raises KeyError if it is unknown."""
        ...

    def edits(self, case_id: str) -> list[LetterEdit]:
        """Return the edits of a case's input, the first one first."""
        ...

    def mark_replayed(self, dead_letter_id: str, by: str, now: datetime, run: str = "") -> DeadLetterRecord:
        """Record that the case was started again. Raises ValueError if the letter was discarded."""
        ...


class ReplayOrders(Protocol):
    """What people want replayed."""

    def order(self, replay_id: str) -> ReplayOrder:
        """Return an order. Raises KeyError if there is none."""
        ...

    def begun(self, replay_id: str) -> int:
        """Return how many letters a run has begun."""
        ...

    def begun_of(self, replay_id: str, case_ids: Collection[str]) -> set[str]:
        """Return those of some cases, a few hundred at most, that a run has begun."""
        ...


# --- the world outside ------------------------------------------------------------------------------------------------
