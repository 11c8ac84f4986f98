"""What the ledger believes when money is about to move: the case as it was admitted, the approval as it was recorded.

Whoever asks may be anybody who reaches Temporal's port. What they say can make a payment stricter, never laxer.
"""

from datetime import datetime, timedelta

from pydantic import BaseModel

from domain.case import EDITED, MENDED, TAINTS, UNVOUCHED, CaseInput
from domain.money.action import Action
from domain.money.approval import ApprovalRequest, Approver, Standing
from domain.money.lookup import email_key, wanted_id
from domain.money.refund import Mark, RefundPolicy
from domain.money.refund_action import RefundTerms


class ApprovalOnRecord(BaseModel):
    """An approval as the store has it: the request as it was first asked, and what became of it."""

    approval_id: str
    case_id: str
    tenant: str
    digest: str
    standing: Standing
    by: str = ""
    requested_at: datetime
    expires_at: datetime
    decided_at: datetime | None = None
    request: ApprovalRequest


def why_a_person(case: CaseInput) -> str | None:
    """Return why nothing is paid for a case before a person approved it, whatever its amount; None: it may be."""
    if case.edited_by:
        return f"its input was edited (by {', '.join(case.edited_by)})"
    if EDITED in case.flags:  # handed on by a worker that did not say by whom
        return "a message of it was edited"
    if case.machine is not None:
        return f"a machine wrote the message ({case.machine})"
    if case.skip_to_human is not None:
        return f"no model was to read the message ({case.skip_to_human})"
    if MENDED in case.flags:
        return "a message of it came as a broken document"
    if case.suspicious:
        return "the message is suspicious"
    if UNVOUCHED in case.flags:
        return "nothing vouches for the sender of the message"
    return None


def marks_of(case: CaseInput) -> list[Mark]:
    """Return why a refund of a case needs a person, each reason by itself; empty where `why_a_person` has none."""
    if why_a_person(case) is None:
        return []
    if case.edited_by or EDITED in case.flags:
        return [Mark.EDITED_INPUT]
    found = [Mark(flag) for flag in TAINTS if flag in case.flags]
    besides = case.model_copy(update={"flags": [flag for flag in case.flags if flag != MENDED]})
    return found if found and why_a_person(besides) is None else [Mark.NOT_FOR_MODELS, *found]


def has_edited(name: str, case: CaseInput) -> bool:
    """Return whether somebody of this name edited the input of a case: who wrote the request does not approve it."""
    return name.strip().casefold() in {editor.strip().casefold() for editor in case.edited_by}


def only_editors_may_approve(minor: int, case: CaseInput) -> bool:
    """Return whether nobody is left to approve an amount of a case (minor units) but who edited its input."""
    able = [a for a in case.policy.approval.approvers if a.limit_minor is None or minor <= a.limit_minor]
    return bool(able) and all(has_edited(approver.name, case) for approver in able)


def not_approvable_for_edits(case: CaseInput) -> str | None:
    """Return which amounts of a case nobody may approve but who edited its input, None if there are none."""
    limits = [a.limit_minor for a in case.policy.approval.approvers if not has_edited(a.name, case)]
    highest = max((limit for limit in limits if limit is not None), default=0)
    if None in limits or not only_editors_may_approve(highest + 1, case):
        return None
    return f"nothing above {highest} in minor units" if highest else "nothing"


def is_of_sender(
    *, customer_id: str | None, sender_email: str | None, owner_id: str, owner_email_key: str | None
) -> bool:
    """Return whether an order's owner is who sent a case, as `look_up` knows them: by the address if there is one, else
    by the customer id. Where the store has no address of the owner, as of those of an outside system, an address tells
    nothing against it.

    Args:
        customer_id: that of the case on record.
        sender_email: that of the case on record.
        owner_id: whose order it is.
        owner_email_key: their address as addresses are compared, None if unknown.
    """
    email = email_key(sender_email)
    if email is None:
        return wanted_id(customer_id) == owner_id
    return owner_email_key in (None, email)


def stricter(given: RefundTerms, policy: RefundPolicy, currency: str) -> RefundTerms:
    """Return the terms of a refund by the policy that its case was admitted with, or stricter where the caller says so.

    A currency without a limit has the limit zero; one without a cap has none.
    """
    limit = policy.approval_limit_minor.get(currency, 0)
    caps = [cap for cap in (policy.daily_cap_minor.get(currency), given.daily_cap_minor) if cap is not None]
    return given.model_copy(
        update={
            "limit_minor": limit if given.limit_minor is None else min(limit, given.limit_minor),
            "daily_cap_minor": min(caps, default=None),
        }
    )


def object_to_approval(approval: ApprovalOnRecord, action: Action, case: CaseInput) -> str | None:
    """Return why an approval on record does not let an action of a case be done, or None if it does.

    Who may give it, up to how much and until when say both the request as it was stored and the policy that the case
    was admitted with: a request could have been forged as the action could.
    """
    if approval.standing is not Standing.APPROVED:
        return f"it is {approval.standing}, not approved"
    request, asked = approval.request, action.digest()
    if approval.case_id != action.case_id or approval.tenant != case.tenant or approval.digest != asked:
        return "it was given for another action"
    if request.digest != asked or request.action.digest() != asked:
        return "what was asked of the approver was another action"
    return _not_in_time(approval, case) or _not_entitled(approval, action, case)


def _not_in_time(approval: ApprovalOnRecord, case: CaseInput) -> str | None:
    if approval.decided_at is None:
        return "it has no time of decision"
    by_policy = approval.requested_at + timedelta(seconds=case.policy.approval.expires_after_s)
    expires_at = min(approval.expires_at, by_policy)
    if approval.decided_at >= expires_at:
        return f"it was given at {approval.decided_at:%Y-%m-%d %H:%M:%S}, after its expiry ({expires_at:%H:%M:%S})"
    return None


def _not_entitled(approval: ApprovalOnRecord, action: Action, case: CaseInput) -> str | None:
    by = approval.by.strip()
    if not by:
        return "nobody's name stands under it"
    if by.casefold() == approval.request.requester.strip().casefold():
        return f"{by!r} asked for the money"
    if has_edited(by, case):
        return f"{by!r} edited the input of the case"
    for said_by, approvers in (
        ("the request", approval.request.approvers),
        ("the policy of the case", case.policy.approval.approvers),
    ):
        approver = _found(by, approvers)
        if approver is None:
            return f"{by!r} is not among the approvers of {said_by}"
        if approver.limit_minor is not None and action.money.minor > approver.limit_minor:
            return f"{action.money} is above the limit of {by!r} in {said_by}"
    return None


def _found(by: str, approvers: list[Approver]) -> Approver | None:
    return next((approver for approver in approvers if approver.name == by), None)
