"""Sales: whose lead it is and how warm."""

from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel, Field


class Interest(StrEnum):
    """What the sender wants to buy or know."""

    NEW_PURCHASE = "new_purchase"
    UPGRADE = "upgrade"
    QUOTE = "quote"
    DEMO = "demo"
    AVAILABILITY = "availability"
    PARTNERSHIP = "partnership"
    OTHER = "other"


class Junk(StrEnum):
    """Why a message is no lead, in the words of the finding."""

    NO_NEED = "it says nothing that customers say who want something"
    NO_LANGUAGE = "most of it is no language"
    OFFER = "it offers something, or is sent to many"


class LeadFacts(BaseModel):
    """What the model read out of the message; nothing here grants a price or a promise. `junk` is what
    code found against it.
    """

    interest: Interest = Interest.OTHER
    product: str | None = None
    seats: int | None = Field(default=None, ge=1, le=1_000_000)
    country: str | None = None
    urgent: bool = False
    company: str | None = None
    junk: Junk | None = None


class CrmAccount(BaseModel):
    """An account of the CRM tables."""

    account_id: str
    name: str
    country: str
    industry: str = ""
    employees: int = 0
    tier: str = "standard"
    owner: str | None = None


class Territory(BaseModel):
    """Who owns the leads of a country, from an account size on; country "*" takes the rest."""

    country: str
    min_employees: int = 0
    owner: str
    team: str


class LeadScore(BaseModel):
    """A lead's score, 0 to 100, with the reasons that add up to it."""

    score: int
    reasons: list[str]


_INTEREST_POINTS = {
    Interest.NEW_PURCHASE: 25,
    Interest.UPGRADE: 30,
    Interest.QUOTE: 30,
    Interest.DEMO: 25,
    Interest.AVAILABILITY: 10,
    Interest.PARTNERSHIP: 10,
    Interest.OTHER: 0,
}


def score_lead(facts: LeadFacts, account: CrmAccount | None) -> LeadScore:
    """Score a lead from 0 to 100 by what is known; the weights are ours, to be tuned by whoever sells."""
    points = [(_INTEREST_POINTS[facts.interest], f"interest {facts.interest}")]
    if account is not None:
        points.append((20, "known account"))
        points.append(
            (
                15 if account.employees >= 1000 else 10 if account.employees >= 100 else 0,
                f"{account.employees} employees",
            )
        )
    if facts.seats is not None:
        points.append((20 if facts.seats >= 100 else 12 if facts.seats >= 10 else 5, f"{facts.seats} seats"))
    if facts.urgent:
        points.append((10, "urgent"))
    if facts.product:
        points.append((5, "names a product"))
    counted = [(p, why) for p, why in points if p]
    return LeadScore(score=min(100, sum(p for p, _ in counted)), reasons=[f"{why} (+{p})" for p, why in counted])


def map_territory(account: CrmAccount | None, facts: LeadFacts, territories: Sequence[Territory]) -> Territory | None:
    """Return who takes the lead: the account's own owner first, else country and size, else the "*" row; None if
    there is none.

    The account's country of the CRM beats the one named in the message.
    """
    country = (account.country if account else facts.country) or ""
    if account is not None and account.owner:
        return Territory(country=account.country, owner=account.owner, team="named accounts")
    size = account.employees if account else (facts.seats or 0)
    fitting = [t for t in territories if t.country in (country.upper(), "*") and size >= t.min_employees]
    return max(fitting, key=lambda t: (t.country != "*", t.min_employees), default=None)
