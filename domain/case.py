"""A case: what comes in, where it stands, how it ends."""

import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from domain.blueprint import CasePolicy
from domain.letters import Letter
from domain.messages.bounds import Count, Line, Text
from domain.model_call import Usage
from domain.money.claim import Reason
from domain.repair.told import FieldTold
from domain.turns import Priority

EVENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~@+=-]{0,127}", re.ASCII)
SIGNED_EVENT_ID = re.compile(EVENT_ID.pattern.replace("._", "_"), re.ASCII)
"""An event id that can be signed: a full stop separates what is signed (`domain/inbound/signing.py`)."""
SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
FORWARDED = "forwarded"
"""The flag of a message that hands on another one: its sender may be somebody else than whose matter it is."""

SENT_FOR_ANOTHER = "sent_for_another"
"""The flag of a mail whose sender is not From, but who is named beside it: no mail server vouches for that."""

UNVOUCHED = "sent_by_strangers"
"""The flag beside it where From is neither ours nor of the sender's own domain: anybody can name a customer there."""

EDITED = "edited"
"""The flag of a case whose input an operator edited before it was replayed."""

MENDED = "mended"
"""The flag of a case that came as a document which does not speak for itself: it moves no money without a person. What
it was, another flag says (`TAINTS`, `UNREAD`, `WORDLESS`), and people are shown that one.
"""

UNREAD = "document_unread"
"""The flag beside it of a body that could not be mended: nothing but its words as they came is in the case."""

REPAIRED, FIELD_DERIVED, FIELD_GUESSED = "document_repaired", "field_derived", "field_guessed"
OTHER_ORDER, ASKED_BY_FIELDS = "other_order_in_document", "asked_by_fields"
TAINTS = (REPAIRED, FIELD_DERIVED, FIELD_GUESSED, OTHER_ORDER, ASKED_BY_FIELDS)
"""Flags beside `MENDED` that say what it was: how the body was written, values that records or quotes supplied, values
that cannot be believed, another order than the message names, a claim that the document's fields make.
"""

WORDLESS = "no_words"
"""The flag of a case that came as a document alone, without a customer's words: nothing is read from it but fields."""

MOST_USED = 10**15
"""What a note may tell of calls, tokens, or millionths of a dollar."""

CASE_ID = re.compile(rf"case/{SOURCE_NAME.pattern}/{EVENT_ID.pattern}", re.ASCII)


def shown_flags(flags: Sequence[str]) -> list[str]:
    """Return the flags that people are shown: `MENDED` only where none says what it was, as of an older release.

    >>> shown_flags(["mended", "field_derived"]), shown_flags(["mended"])
    (['field_derived'], ['mended'])
    """
    told = any(flag in (*TAINTS, UNREAD, WORDLESS) for flag in flags)
    return [flag for flag in flags if flag != MENDED or not told]


class CaseState(StrEnum):
    """Where a case stands: exactly one of these at any time."""

    RUNNING = "running"
    WAITING_APPROVAL = "waiting_approval"
    WAITING_HUMAN = "waiting_human"
    WAITING_CUSTOMER = "waiting_customer"
    PARKED = "parked"  # a budget is used up, a provider is out, or it ran in a circle
    DONE = "done"
    REJECTED = "rejected"
    DEAD_LETTERED = "dead_lettered"
    CANCELLED = "cancelled"


TERMINAL_STATES = frozenset({CaseState.DONE, CaseState.REJECTED, CaseState.DEAD_LETTERED, CaseState.CANCELLED})
WAITING_STATES = frozenset(
    {CaseState.WAITING_APPROVAL, CaseState.WAITING_HUMAN, CaseState.WAITING_CUSTOMER, CaseState.PARKED}
)


def case_id(source: str, event_id: str) -> str:
    """Return the public id of a case, which is also its workflow id.

    Raises:
        ValueError: the source or the event id has characters that an id may not have.

    >>> case_id("shop", "evt_1")
    'case/shop/evt_1'
    """
    if not SOURCE_NAME.fullmatch(source):
        raise ValueError(f"source {source[:48]!r}: expected lower-case letters, digits and '-', at most 40")
    if not EVENT_ID.fullmatch(event_id):
        raise ValueError(f"event id {event_id[:48]!r}: expected 1 to 128 of letters, digits and . _ : ~ @ + = -")
    return f"case/{source}/{event_id}"


def case_of(key: str) -> str:
    """Return the case that an effect, an approval or a child workflow belongs to: the first three parts of its id.

    >>> case_of("case/shop/evt_1/refund")
    'case/shop/evt_1'
    """
    return "/".join(key.split("/")[:3])


class Machine(StrEnum):
    """What kind of machine wrote a message; such a message is never answered, and nothing is done on it."""

    AUTO_REPLY = "auto_reply"  # out of office, "we have received your mail" (RFC 3834)
    BOUNCE = "bounce"  # a letter could not be delivered (RFC 3464)
    RECEIPT = "receipt"  # a letter was shown or delivered (RFC 8098)
    LIST = "list"  # newsletters and mailing lists (RFC 2369, RFC 2919)
    OWN = "own"  # a letter of our own that came back
    CALENDAR = "calendar"  # an invitation, or an answer to one (RFC 5545)


class CaseInput(BaseModel):
    """Input of `CaseWorkflow`: the cleaned message with personal data replaced by tokens; the rest stays in the store
    under `case_id`.
    """

    case_id: str
    source: str
    tenant: str = "default"
    channel: str = "web"
    lang: str = "und"
    subject: str = ""
    text: str
    customer_id: str | None = None
    order_id: str | None = None
    amount: str | None = None  # as given: read by the strict grammar when it matters
    currency: str | None = None
    flags: list[str] = Field(default_factory=list)
    suspicious: bool = False
    received_at: datetime
    policy: CasePolicy
    priority: Priority = Priority.NORMAL  # by which it was let in; Temporal's queues go by it, too
    replay: int = 0  # how often this case was replayed from the dead letters
    skip_to_human: str | None = None  # why no model shall see it (nothing readable in it)
    machine: Machine | None = None  # no person wrote it: it is closed without a letter
    about_case: str | None = None  # whose letter came back, where `machine` is a bounce that says so
    notes: list[str] = Field(default_factory=list)  # what reading it met, for people; no personal data
    continues: str | None = None  # the older case whose conversation this message belongs to
    answers: list[str] = Field(default_factory=list)  # what the customer wrote after it, the newest last
    asked_for: list[str] = Field(default_factory=list)  # what the newest question of ours to the customer was about
    answered_by: list[str] = Field(default_factory=list)  # the cases under which those came, in the same order
    open_about: list[str] = Field(default_factory=list)  # cases of its sender that wait for approval of its order
    edited_by: list[str] = Field(default_factory=list)  # operators who edited what it says: a person approves its money
    document: str = ""  # the kind of document that it came as: it is completed before it is routed
    claimed: Reason | None = None  # why money is to go back, as a field of that document says
    in_fields: list[str] = Field(default_factory=list)  # words of the customer that are values of its fields
    from_document: dict[str, str] = Field(default_factory=dict)  # amount, currency: of which order it says them

    @property
    def may_wait(self) -> bool:
        """Whether its questions may wait for a batch."""
        return self.priority is Priority.MAY_WAIT


class CaseMessage(BaseModel):
    """What a person reads before deciding: the cleaned message with all that the customer wrote after it, personal data
    replaced by tokens.

    `notes` are what reading it met; `request` quotes the sentences of it that ask for something, links dead. `answers`
    are the later messages by themselves, which `text` holds too, and `unread` says how many of them nobody has read.
    `asked_for` is what the newest question of ours was about.
    """

    subject: str = ""
    lang: str = "und"
    flags: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    request: list[str] = Field(default_factory=list)
    text: str = ""
    answers: list[str] = Field(default_factory=list)
    unread: int = 0
    asked_for: list[str] = Field(default_factory=list)

    @property
    def marks(self) -> list[str]:
        """What is odd about it, in words for people."""
        return [flag.replace("_", " ") for flag in shown_flags(self.flags)]


class Lane(StrEnum):
    """What a person can say about a case in the human lane."""

    ROUTE = "route"
    ANSWER = "answer"
    CLOSE = "close"


class HumanDecision(BaseModel):
    """A person's word on a waiting case: the payload of the signal `decide_human`.

    `lane` is the number of the wait that it answers (0: whichever is open); an answer to a wait that is over changes
    nothing.
    """

    verdict: Lane
    by: Line
    category: Line | None = None
    text: Text = ""
    reason: Text = ""
    lane: Count = 0


class EffectRecord(BaseModel):
    """An effect that a case had, as in the ledger."""

    key: str
    kind: str
    amount_minor: int | None = None
    currency: str | None = None
    payee: str | None = None
    approval_id: str | None = None
    provider_ref: str | None = None
    pending: bool = False  # the provider took it on, and it may fail yet


def _countable(usage: Usage) -> Usage:
    """Let no sum with what was spent before leave the numbers that Temporal can search."""
    if max(usage.calls, usage.input_tokens, usage.output_tokens, usage.cost_micros) > MOST_USED:
        raise ValueError(f"no note tells of more than {MOST_USED}")
    return usage


class ProgressNote(BaseModel):
    """What a specialist tells its case while it waits: the payload of the signal `note_progress`.

    `usage` is all that the specialist has used so far; without calls it says nothing. `reason` is why it is parked.
    """

    state: CaseState
    waits_for: Line = ""
    waits_until: datetime | None = None
    finding: Text = ""
    amount_minor: Count | None = None
    reason: Line = ""
    usage: Annotated[Usage, AfterValidator(_countable)] = Field(default_factory=Usage)


class SpecialistRequest(BaseModel):
    """Input of every specialist workflow."""

    case: CaseInput
    category: str
    round: int = 1  # how often the case has come to a specialist; numbers its approvals


class Ending(StrEnum):
    """What a specialist says shall become of the case."""

    ANSWER = "answer"  # reply and done
    REJECT = "reject"  # reply with the reason and rejected
    HUMAN = "human"  # a person looks, with the findings


class SpecialistResult(BaseModel):
    """What a specialist concluded: the case sends the letter and closes, or asks the customer and waits.

    `same_as` is another case that waits for an approval about the same thing, `also` further ones: the message is
    passed on to them. `is_new` says that there is something in it that they were not asked for. One that ends with a
    person is passed on as well as looked at. `noted_on` is an ended case that has all that this one asks.
    """

    ending: Ending
    finding: str  # one line for people; no personal data
    letter: Letter | None = None
    effects: list[EffectRecord] = Field(default_factory=list)
    usage: Usage = Field(default_factory=Usage)
    notes: list[str] = Field(default_factory=list)
    same_as: str | None = None
    also: list[str] = Field(default_factory=list)
    is_new: bool = False
    noted_on: str | None = None


class CaseOutcome(BaseModel):
    """How a case ended: result of `CaseWorkflow` and the line in the journal."""

    case_id: str
    source: str
    tenant: str
    state: CaseState
    category: str | None = None
    finding: str = ""
    human: bool = False
    effects: list[EffectRecord] = Field(default_factory=list)
    usage: Usage = Field(default_factory=Usage)
    blueprint_version: str = ""
    dead_letter_id: str | None = None
    replay: int = 0
    received_at: datetime | None = None
    closed_at: datetime | None = None
    passed_to: str | None = None  # the older case that took the message over
    routed_to: str | None = None  # the category that a person gave it last, where one did


class CaseAnswer(BaseModel):
    """What whoever decided a waiting case is told."""

    accepted: bool
    message: str


class CaseStatus(BaseModel):
    """Answer of the query `status`: what a person sees of a case that is under way; `fields` are those of the document
    that it came as.
    """

    case_id: str
    state: CaseState
    category: str | None = None
    waits_for: str = ""
    waits_until: datetime | None = None
    lane: int = 0
    finding: str = ""
    effects: list[EffectRecord] = Field(default_factory=list)
    usage: Usage = Field(default_factory=Usage)
    blueprint_version: str = ""
    notices: list[str] = Field(default_factory=list)
    fields: list[FieldTold] = Field(default_factory=list)
