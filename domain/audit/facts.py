"""What the audit looks at: facts from the payment provider, the store, the holding pen and Temporal, and its findings.

Money in minor units, times in UTC. No personal data: payees are the records' own tokens for a payment instrument.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, Field

from domain.case import CaseState
from domain.intake import REMEMBERED_S
from domain.money.approval import Approver

LimitsByKind = dict[str, dict[str, int]]
"""Minor units by kind of action and by currency."""


class RailEntry(BaseModel):
    """A payment in the provider's own log: the truth about money. `digest` is that of the action it was told to do.

    `kind` is the kind of action; a `charge_id` is there where money of a charge went back.
    """

    key: str
    reference: str
    kind: str = "refund"
    charge_id: str | None = None
    payee: str
    amount_minor: int
    currency: str
    digest: str
    at: datetime
    pending: bool = False  # the provider took it on, and it may fail yet


class EffectFact(BaseModel):
    """An effect in our ledger; `state` is intended, executed or abandoned."""

    key: str
    case_id: str
    step: str = ""
    kind: str
    state: str
    tenant: str = "default"
    customer_id: str | None = None
    charge_id: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    payee: str | None = None
    digest: str | None = None
    approval_id: str | None = None
    intended_at: datetime
    executed_at: datetime | None = None

    @property
    def moves_money(self) -> bool:
        """Whether it is an effect on money, whatever its kind."""
        return self.amount_minor is not None


class EntryFact(BaseModel):
    """A line of the books."""

    posting: str
    effect_key: str
    account: str
    side: str
    amount_minor: int
    currency: str


class ApprovalFact(BaseModel):
    """An approval as recorded, with who was entitled to give it."""

    approval_id: str
    case_id: str
    key: str  # of the effect that was asked for
    digest: str
    standing: str
    by: str = ""
    requester: str = ""
    approvers: list[Approver] = Field(default_factory=list)
    amount_minor: int
    expires_at: datetime
    decided_at: datetime | None = None


class DeadLetterFact(BaseModel):
    """A dead letter as stored."""

    dead_letter_id: str
    case_id: str
    source: str = ""
    kind: str = ""
    step: str = ""
    last_error: str = ""
    payload_ref: str = ""
    attempts: int = 0
    status: str = "open"


class CaseFact(BaseModel):
    """A case in the store, with the parts of its policy that the audit checks, minor units by currency, seconds."""

    case_id: str
    state: CaseState
    replay: int = 0
    received_at: datetime
    closed_at: datetime | None = None
    limit_minor: LimitsByKind = Field(default_factory=dict)
    daily_cap_minor: LimitsByKind = Field(default_factory=dict)
    human_deadline_s: float = 0.0
    customer_wait_s: float = 0.0
    handed_over: bool = False  # its ending, of this replay, is in the outbox or in the journal


class ChargeFact(BaseModel):
    """A charge of the system of record; `refunded_minor` was paid back outside Headgate."""

    charge_id: str
    amount_minor: int
    currency: str
    refunded_minor: int = 0


class StopFact(BaseModel):
    """A time in which the kill switch was on; `until` is None while it still is."""

    since: datetime
    until: datetime | None = None


class WordFact(BaseModel):
    """A word to people that nobody was told yet."""

    word_id: str
    kind: str
    at: datetime
    tries: int = 0
    last_error: str = ""


class ExecutionStatus(StrEnum):
    """Where Temporal says that a workflow stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    TERMINATED = "terminated"
    TIMED_OUT = "timed_out"


class Doing(StrEnum):
    """What a running workflow does, as Temporal sees it."""

    UNKNOWN = "unknown"  # not looked at closely: it started just now, or waits for a person
    WORKED_ON = "worked_on"  # a worker has a task of it, or will within the grace
    SLEEPS = "sleeps"  # only timers are left: the ladder, or a provider that named its time
    UNATTENDED = "unattended"  # a task waits for a worker longer than the grace


class CaseRun(BaseModel):
    """The latest run of a case's workflow; `state` is its search attribute `CaseState`."""

    case_id: str
    run_id: str
    status: ExecutionStatus
    state: str | None = None
    started_at: datetime
    waits_until: datetime | None = None  # asked of the workflow itself, where its policy does not say enough
    doing: Doing = Doing.UNKNOWN
    doing_what: str = ""


class Stuck(BaseModel):
    """A workflow that cannot go on by itself: a workflow task that keeps failing, an activity past its time."""

    workflow_id: str
    run_id: str
    workflow_type: str
    problem: str
    attempts: int = 0


class PenFacts(BaseModel):
    """The holding pen: ids of all webhooks that it remembers, and what still waits; `oldest_s` seconds."""

    accepted: list[str] = Field(default_factory=list)
    ready: int = 0
    leased: int = 0
    oldest_s: float = 0.0


class AuditFacts(BaseModel):
    """Everything that an audit looks at."""

    now: datetime
    grace_s: float = 120.0  # what is younger than this is under way, not missing (docs/promises.md)
    pen: PenFacts = Field(default_factory=PenFacts)
    rail: list[RailEntry] = Field(default_factory=list)
    effects: list[EffectFact] = Field(default_factory=list)
    failed: dict[str, str] = Field(default_factory=dict)  # key of an executed effect that failed afterwards -> why
    entries: list[EntryFact] = Field(default_factory=list)
    approvals: list[ApprovalFact] = Field(default_factory=list)
    dead_letters: list[DeadLetterFact] = Field(default_factory=list)
    cases: list[CaseFact] = Field(default_factory=list)
    charges: list[ChargeFact] = Field(default_factory=list)
    forbidden: dict[str, datetime] = Field(default_factory=dict)  # case id -> since when nothing may happen
    stops: list[StopFact] = Field(default_factory=list)
    untold: list[WordFact] = Field(default_factory=list)
    hook: bool = False  # words to people go to a webhook, not to a log only
    runs: list[CaseRun] = Field(default_factory=list)
    stuck: list[Stuck] = Field(default_factory=list)
    open_workflows: int = 0

    def forgotten(self) -> set[str]:
        """Return the cases that came so long ago that the pen may have forgotten them: the store knows them still."""
        since = self.now - timedelta(seconds=REMEMBERED_S)
        return {case.case_id for case in self.cases if case.received_at <= since}


class Violation(BaseModel):
    """A broken promise: which, of what kind, of what it speaks, and the values that show it."""

    promise: str
    kind: str
    subject: str
    text: str
    evidence: dict[str, str] = Field(default_factory=dict)


class AuditReport(BaseModel):
    """What was looked at, by promise, what is still under way, and what is wrong.

    `notes` break no promise, but people should know them.
    """

    checked: dict[str, int] = Field(default_factory=dict)
    under_way: dict[str, int] = Field(default_factory=dict)
    violations: list[Violation] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether no promise is broken."""
        return not self.violations


class StoreFacts(BaseModel):
    """The store's part of the audit's facts."""

    effects: list[EffectFact] = Field(default_factory=list)
    failed: dict[str, str] = Field(default_factory=dict)
    entries: list[EntryFact] = Field(default_factory=list)
    approvals: list[ApprovalFact] = Field(default_factory=list)
    dead_letters: list[DeadLetterFact] = Field(default_factory=list)
    cases: list[CaseFact] = Field(default_factory=list)
    charges: list[ChargeFact] = Field(default_factory=list)
    forbidden: dict[str, datetime] = Field(default_factory=dict)
    stops: list[StopFact] = Field(default_factory=list)
    untold: list[WordFact] = Field(default_factory=list)
