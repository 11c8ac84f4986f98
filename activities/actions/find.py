"""Look up the customer, the order named and its charges in the system of record."""

from pydantic import BaseModel
from temporalio import activity

from activities.clock import Clock, utc_now
from activities.grants import require_grant
from domain.case import CaseInput
from domain.errors import RefusedError
from domain.money.records import Account
from ports.store import CaseStore, CustomerRecords


class FindAccountRequest(BaseModel):
    """Whose account, and which order the claim names. The sender's address is read from the store, not from here."""

    case: CaseInput
    order_id: str | None = None


class FindActivities:
    """Reads the system of record."""

    def __init__(self, records: CustomerRecords, cases: CaseStore, clock: Clock = utc_now) -> None:
        self._records = records
        self._cases = cases
        self._clock = clock

    @activity.defn
    def find_account(self, request: FindAccountRequest) -> Account:
        """Return what the records say about the sender and the order.

        Raises:
            RefusedError: the specialist that asks may not use this tool, or the case was never admitted.
            TransientError: the store cannot be reached.
        """
        require_grant("find_account")
        case = request.case
        try:
            sender_email = self._cases.load(case.case_id).sender_email
        except KeyError as error:
            raise RefusedError(f"nothing is looked up for {case.case_id!r}: it was never admitted") from error
        found = self._records.find_account(
            tenant=case.tenant,
            customer_id=case.customer_id,
            sender_email=sender_email,
            order_id=request.order_id,
            now=self._clock(),
            case_id=case.case_id,
        )
        return found.model_copy(update={"status_counts": True, "kinds_count": True})
