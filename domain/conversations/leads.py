"""When a further message of a sales conversation is a lead of its own, and when it belongs to the one on record."""

from datetime import datetime, timedelta

from pydantic import BaseModel

from domain.reading.sales import Interest, LeadFacts

BELONGS_FOR = timedelta(days=30)
"""So long after a lead an answer to its letter that asks nothing new is a note on it."""
_TOLD = ("product", "seats", "country", "company")


class LeadOnRecord(BaseModel):
    """A lead as the CRM tables have it, under the case that it was recorded for."""

    case_id: str
    owner: str
    team: str
    score: int
    facts: LeadFacts
    at: datetime


def adds_nothing(lead: LeadOnRecord, newer: LeadFacts, *, now: datetime) -> bool:
    """Return whether a message of the same person in the same conversation asks nothing that the lead does not have.

    Robots answer every letter, and people say thanks: neither is a further lead, nor gets a further letter.
    """
    if now - lead.at > BELONGS_FOR:
        return False
    older = lead.facts
    if newer.interest not in (Interest.OTHER, older.interest) or (newer.urgent and not older.urgent):
        return False
    return all(getattr(newer, name) in (None, getattr(older, name)) for name in _TOLD)
