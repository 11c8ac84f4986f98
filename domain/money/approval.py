"""The gate: which exact action a person approves, and whose decision counts.

A decision is bound to the digest of the action (case, kind, charge, payee, amount, currency, policy version) and is
used once.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, Field

from domain.messages.bounds import Line, Text
from domain.money.action import AnyAction
from domain.money.amount import Money

LONGEST_S = 366 * 86_400.0
"""No approval waits longer, seconds."""


class Brief(BaseModel):
    """What an approver must know: what, for whom, why, on what evidence, what each answer does. No personal data.

    `request` is what the customer wrote, quoted, and how it was read; empty in the briefs of older versions. `marks`
    name each reason why a person decides, and `reasons` say each in a sentence; `why` says them all in one.
    """

    what: str
    for_whom: str
    why: str
    evidence: list[str] = Field(default_factory=list)
    request: list[str] = Field(default_factory=list)
    marks: list[str] = Field(default_factory=list)
    reasons: list[str] = Field(default_factory=list)
    policy: str
    if_approved: str
    if_rejected: str

    def why_lines(self) -> list[str]:
        """Return why a person decides, a line for each reason where there are several."""
        if len(self.reasons) < 2:
            return [self.why]
        return [f"{self.why.partition(', but ')[0]}, but:", *self.reasons]

    @property
    def why_in_short(self) -> str:
        """The reasons by name, for lists."""
        return ", ".join(mark.replace("_", " ") for mark in self.marks)


class Approver(BaseModel):
    """A person entitled to decide, up to `limit_minor` (in the action's currency, minor units; None = any amount)."""

    name: str
    limit_minor: int | None = None


class ApprovalRequest(BaseModel):
    """Input of `ApprovalWorkflow`."""

    approval_id: str
    action: AnyAction
    digest: str
    brief: Brief
    requester: str  # who asked for the money: the customer; never entitled to approve
    approvers: list["Approver"]
    expires_after_s: float = Field(gt=0, le=LONGEST_S, allow_inf_nan=False)
    remind_every_s: float = Field(gt=0, le=LONGEST_S, allow_inf_nan=False)
    category: str = "Billing"
    tenant: str = "default"
    requested_at: datetime | None = None  # from when `expires_after_s` counts, in the workflow's time
    reason: str = ""  # why the customer wants it back, as the claim has it
    words_seen: int = 0  # so many further messages of the customer the brief was made of


class Verdict(StrEnum):
    """A person's answer."""

    APPROVE = "approve"
    REJECT = "reject"


class Surface(StrEnum):
    """Where a person was checked before they decided."""

    PAGE = "page"
    COMMAND = "command"
    SLACK = "slack"


class Seal(BaseModel):
    """Where and when a decision was given, and the signature over all of it, Ed25519 in hex.

    Only the surface that checked the person has the key; `domain/authority/signed.py` makes and checks it.
    """

    surface: Line
    at: AwareDatetime
    key_id: Line
    signature: Line


class ApprovalDecision(BaseModel):
    """A person's decision on one exact action: the payload of the signal `decide`. It counts with a seal only."""

    approval_id: Line
    digest: Line
    verdict: Verdict
    by: Line
    reason: Text = ""
    seal: Seal | None = None


class Standing(StrEnum):
    """Where an approval stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class ApprovalResult(BaseModel):
    """How an approval ended; `at` is the time of the decision or of the expiry."""

    approval_id: str
    digest: str
    standing: Standing
    by: str = ""
    reason: str = ""
    at: datetime | None = None

    def as_line(self) -> str:
        """Return how it ended, by whom and when.

        >>> ApprovalResult(approval_id="a", digest="d", standing=Standing.REJECTED, by="omar").as_line()
        'rejected by omar'
        """
        by = f" by {self.by}" if self.by else ""
        return f"{self.standing}{by}" + (f" at {self.at:%Y-%m-%d %H:%M:%S} UTC" if self.at else "")


def is_same_decision(ours: ApprovalResult, recorded: ApprovalResult | None) -> bool:
    """Return whether what is on record is this very decision: the same person may have given another one before."""
    return recorded is not None and (ours.standing, ours.by, ours.at) == (recorded.standing, recorded.by, recorded.at)


class Objection(StrEnum):
    """Why a decision does not count."""

    OTHER_APPROVAL = "it names another approval"
    STALE_DIGEST = "it was given for another action: the digest differs, look at the request again"
    ALREADY_DECIDED = "the request was decided before"
    EXPIRED = "the time for the decision is up"
    NOT_ENTITLED = (
        "this person is not on the list of approvers that the case started with: [[approval.approvers]] in the "
        "blueprint's blueprint.toml"
    )
    ABOVE_LIMIT = "the amount is above this person's limit"
    REQUESTER = "who asks for the money cannot approve it"
    NO_NAME = "it does not say who decided"


def object_to(
    decision: ApprovalDecision, request: ApprovalRequest, *, standing: Standing, expired: bool
) -> Objection | None:
    """Return why a decision does not count, or None if it does.

    Rejecting needs the same entitlement as approving: both end the request.
    """
    if decision.approval_id != request.approval_id:
        return Objection.OTHER_APPROVAL
    if standing is not Standing.PENDING:
        return Objection.EXPIRED if standing is Standing.EXPIRED else Objection.ALREADY_DECIDED
    if expired:
        return Objection.EXPIRED
    if decision.digest != request.digest or request.action.digest() != request.digest:
        return Objection.STALE_DIGEST
    by = decision.by.strip()
    if not by:
        return Objection.NO_NAME
    if by.casefold() == request.requester.casefold():
        return Objection.REQUESTER
    approver = next((a for a in request.approvers if a.name == by), None)
    if approver is None:
        return Objection.NOT_ENTITLED
    if approver.limit_minor is not None and request.action.money.minor > approver.limit_minor:
        return Objection.ABOVE_LIMIT
    return None


def object_to_result(result: ApprovalResult, request: ApprovalRequest) -> Objection | None:
    """Return why a recorded ending cannot stand, or None: whoever records it checks again what the gate checked.

    A person's decision needs all that `object_to` asks, and a time before the expiry where the request says when it
    was made.
    """
    if result.approval_id != request.approval_id:
        return Objection.OTHER_APPROVAL
    if result.digest != request.digest or request.action.digest() != request.digest:
        return Objection.STALE_DIGEST
    if result.standing not in (Standing.APPROVED, Standing.REJECTED):
        return None
    expired = (
        request.requested_at is not None
        and result.at is not None
        and result.at >= request.requested_at + timedelta(seconds=request.expires_after_s)
    )
    verdict = Verdict.APPROVE if result.standing is Standing.APPROVED else Verdict.REJECT
    decision = ApprovalDecision(
        approval_id=result.approval_id, digest=result.digest, verdict=verdict, by=result.by, reason=result.reason
    )
    return object_to(decision, request, standing=Standing.PENDING, expired=expired)


class ApprovalView(BaseModel):
    """What a person sees of an approval; `requested_at` and `expires_at` bound the time for the decision."""

    approval_id: str
    case_id: str
    brief: Brief
    digest: str
    amount: Money
    requested_at: datetime
    expires_at: datetime
    standing: Standing = Standing.PENDING
    decided_by: str = ""
    reason: str = ""
    notices: list[str] = Field(default_factory=list)  # decisions that had no effect, and why
    words_seen: int = 0
    wrote_since: list[str] = Field(default_factory=list)  # what the customer wrote since, quoted, links dead
    unread: int = 0  # of the customer's messages, those over which nothing is paid before a person has read them
    unheard: str = ""  # why the case could not be asked for these
    became: str = ""  # what the case did on the decision; empty while it waits for one


class PendingApprovals(BaseModel):
    """What waits for a decision, the oldest first; `unshown` are the ids of those that could not be asked."""

    views: list[ApprovalView] = Field(default_factory=list)
    unshown: list[str] = Field(default_factory=list)


class DecisionAnswer(BaseModel):
    """What whoever decided is told: whether it counted, and where the request stands now."""

    accepted: bool
    message: str
    standing: Standing = Standing.PENDING
