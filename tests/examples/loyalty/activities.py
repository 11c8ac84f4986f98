"""The tools of the example specialist."""

from pydantic import BaseModel
from temporalio import activity

from activities.grants import require_grant
from domain.case import CaseInput
from ports.store import CaseStore
from tests.examples.loyalty.rules import Birthday


class BirthdayRequest(BaseModel):
    """Whose birthday."""

    case: CaseInput


class LoyaltyActivities:
    """Asks the loyalty programme; here the case store stands for it."""

    def __init__(self, cases: CaseStore) -> None:
        self._cases = cases

    @activity.defn
    def look_up_birthday(self, request: BirthdayRequest) -> Birthday:
        """Return what the programme knows. Raises RefusedError if another specialist asks."""
        require_grant("look_up_birthday")
        return Birthday(member=self._cases.load(request.case.case_id).case.customer_id is not None, years=3)
