"""Decisions as the surfaces sign them."""

from datetime import datetime, timedelta

from domain.authority.signed import DecisionKey, approver_key, sign, surface_key
from domain.money.approval import ApprovalDecision, ApprovalRequest, ApprovalResult, Standing, Surface, Verdict
from tests.contracts.store_samples import NOW

PAGE = surface_key(Surface.PAGE, b"p" * 32)
SLACK = surface_key(Surface.SLACK, b"s" * 32)
MARIA = approver_key("maria", "maria's token")
TOM = approver_key("tom", "tom's token")
KEYS = [
    *(DecisionKey(key_id=key.key_id, surface=key.surface, public=key.public) for key in (PAGE, SLACK)),
    DecisionKey(key_id=MARIA.key_id, surface=MARIA.surface, public=MARIA.public, only_by="maria"),
    DecisionKey(key_id=TOM.key_id, surface=TOM.surface, public=TOM.public, only_by="tom"),
]


def known_keys() -> list[DecisionKey]:
    """What a worker knows."""
    return KEYS


def signed_for(result: ApprovalResult, *, at: datetime = NOW + timedelta(minutes=5)) -> ApprovalDecision:
    """Return the page's decision that ends an approval this way."""
    verdict = Verdict.APPROVE if result.standing is Standing.APPROVED else Verdict.REJECT
    said = ApprovalDecision(
        approval_id=result.approval_id, digest=result.digest, verdict=verdict, by=result.by, reason=result.reason
    )
    return sign(said, PAGE, at)


def signed_on(
    request: ApprovalRequest, by: str = "maria", *, at: datetime = NOW + timedelta(minutes=5)
) -> ApprovalDecision:
    """Return the page's approval of a request."""
    said = ApprovalDecision(
        approval_id=request.approval_id, digest=request.digest, verdict=Verdict.APPROVE, by=by, reason="checked"
    )
    return sign(said, PAGE, at)
