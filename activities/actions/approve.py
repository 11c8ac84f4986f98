"""Put a request before the approvers, and record what was decided where the ledger looks for it."""

from pydantic import BaseModel
from temporalio import activity

from activities.clock import Clock, utc_now
from domain.errors import RefusedError
from domain.money.approval import ApprovalRequest, ApprovalResult, object_to_result
from ports.ledger import Ledger


class RecordDecisionRequest(BaseModel):
    """A request and how it ended."""

    request: ApprovalRequest
    result: ApprovalResult


class ApproveActivities:
    """Approvals on record, and with that before people."""

    def __init__(self, ledger: Ledger, clock: Clock = utc_now) -> None:
        self._ledger = ledger
        self._clock = clock

    @activity.defn
    def announce_approval(self, request: ApprovalRequest) -> None:
        """Record that an approval is asked for, with the word to the approvers, once.

        Raises:
            TransientError: the store cannot be reached.
        """
        self._ledger.announce(request, self._clock())

    @activity.defn
    def record_decision(self, request: RecordDecisionRequest) -> ApprovalResult:
        """Record how an approval ended; of two the first stands and is returned.

        Raises:
            RefusedError: the decision is by somebody not entitled, too late, or for another action.
            TransientError: the store cannot be reached.
        """
        objection = object_to_result(request.result, request.request)
        if objection is not None:
            raise RefusedError(f"decision on {request.request.approval_id!r} by {request.result.by!r}: {objection}")
        return self._ledger.record_approval(request.request, request.result)
