"""What makes a message a lead, when a further message of a conversation is a lead of its own, and when it belongs to
the one on record.
"""

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


def lacks(facts: LeadFacts, *, reachable: bool) -> str | None:
    """Return what keeps a message from being a lead, None where nothing does.

    Somebody has to be there, a person who can be answered or a company, and something of ours has to be wanted in words
    of the message; a number or a name of goods alone is no wish. Strings that a scanner sends have neither, and who
    offers something to us has another wish.

    Args:
        facts: what counts of the model's reading.
        reachable: the sender is known, has an address or a number, or is named.
    """
    if facts.junk is not None:
        return facts.junk.value
    if facts.interest is Interest.OTHER:
        return "nothing that could be sold is asked for"
    return None if reachable or facts.company is not None else "nobody is named who could be answered"


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
