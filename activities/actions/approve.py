"""Put a request before the approvers, and record what was decided where the ledger looks for it."""

from collections.abc import Callable, Sequence

from pydantic import BaseModel
from temporalio import activity

from activities.clock import Clock, utc_now
from domain.authority.signed import DecisionKey, flaw_in, flaw_in_result
from domain.authority.trail import refused
from domain.errors import ConfigurationError, RefusedError, TransientError
from domain.money.approval import ApprovalDecision, ApprovalRequest, ApprovalResult, object_to_result
from ports.ledger import Ledger
from ports.trail import ApprovalTrail

DecisionKeys = Callable[[], Sequence[DecisionKey]]
"""The public keys that decisions are checked with, as they are now."""


class RecordDecisionRequest(BaseModel):
    """A request, how it ended, and the signed decision that ended it; none for an expiry or a cancel."""

    request: ApprovalRequest
    result: ApprovalResult
    decision: ApprovalDecision | None = None


class CheckDecisionRequest(BaseModel):
    """A decision on a request, and why it does not count whoever signed it; empty if only that is open."""

    request: ApprovalRequest
    decision: ApprovalDecision
    objection: str = ""


class CheckDecisionResult(BaseModel):
    """Why a decision does not count, in words for whoever decided; empty if it does."""

    objection: str = ""


class ApproveActivities:
    """Approvals on record, and with that before people."""

    def __init__(
        self, ledger: Ledger, trail: ApprovalTrail, decision_keys: DecisionKeys, clock: Clock = utc_now
    ) -> None:
        self._ledger = ledger
        self._trail = trail
        self._keys = decision_keys
        self._clock = clock

    @activity.defn
    def announce_approval(self, request: ApprovalRequest) -> None:
        """Record that an approval is asked for, with the word to the approvers, once.

        Raises:
            TransientError: the store cannot be reached.
        """
        self._ledger.announce(request, self._clock())

    @activity.defn
    def check_decision(self, request: CheckDecisionRequest) -> CheckDecisionResult:
        """Say whether a decision is the word of who it names; one that does not count is put on the trail.

        Raises:
            ConfigurationError: this worker has no keys to check it with.
            TransientError: the store cannot be reached.
        """
        now, asked_for = self._clock(), request.request
        objection = request.objection or flaw_in(
            request.decision, self._keys(), asked_at=asked_for.requested_at, now=now
        )
        if objection:
            self._trail.add(refused(asked_for, request.decision, objection, now))
        return CheckDecisionResult(objection=objection or "")

    @activity.defn
    def record_decision(self, request: RecordDecisionRequest) -> ApprovalResult:
        """Record how an approval ended; of two the first stands and is returned.

        The signature is checked again: whoever asks for this may be anybody who reaches Temporal's port.

        Raises:
            RefusedError: the decision is by somebody not entitled, too late, for another action, or not signed by them.
            TransientError: the store cannot be reached, or this worker has no keys to check it with.
        """
        objection = object_to_result(request.result, request.request) or self._flaw(request)
        if objection is not None:
            raise RefusedError(f"decision on {request.request.approval_id!r} by {request.result.by!r}: {objection}")
        return self._ledger.record_approval(request.request, request.result, request.decision)

    def _flaw(self, asked: RecordDecisionRequest) -> str | None:
        try:
            return flaw_in_result(asked.result, asked.request, asked.decision, self._keys, self._clock())
        except ConfigurationError as error:  # another worker has checked it: a person's word is not lost over this one
            raise TransientError(str(error)) from error
