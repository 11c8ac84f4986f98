"""Tell a person."""

from pydantic import BaseModel


class AlertRequest(BaseModel):
    """What a person is told about a case; no personal data."""

    case_id: str
    subject: str
    text: str
