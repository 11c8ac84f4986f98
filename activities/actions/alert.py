"""Tell people."""

from pydantic import BaseModel
from temporalio import activity

from ports.people import Supervisor


class AlertRequest(BaseModel):
    """What people are told about a case; no personal data.

    `alert_id` names the word, so that it is told once; `kind` is what words are grouped by in a flood.
    """

    case_id: str
    subject: str
    text: str
    alert_id: str = ""
    kind: str = "reminder"


class AlertActivities:
    """Words to people."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    @activity.defn
    async def alert_person(self, request: AlertRequest) -> None:
        """Tell people, as a reminder or an escalation."""
        await self._supervisor.alert(request.subject, request.text, {"case_id": request.case_id})
