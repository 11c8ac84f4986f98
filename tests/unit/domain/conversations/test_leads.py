"""An answer to the letter of a lead is no further lead, unless it asks something new."""

from datetime import timedelta

import pytest

from domain.conversations.leads import BELONGS_FOR, LeadOnRecord, adds_nothing
from domain.reading.sales import Interest, LeadFacts
from tests.contracts.store_samples import NOW

FACTS = LeadFacts(interest=Interest.QUOTE, seats=120, country="DE", company="Acme")
LEAD = LeadOnRecord(case_id="case/shop/e1", owner="ines", team="south", score=61, facts=FACTS, at=NOW)


@pytest.mark.parametrize(
    ("newer", "nothing_new"),
    [
        (LeadFacts(), True),  # "Thanks", "Your reference: 4"
        (FACTS, True),
        (LeadFacts(interest=Interest.QUOTE), True),
        (LeadFacts(interest=Interest.DEMO), False),
        (LeadFacts(seats=121), False),
        (LeadFacts(product="lamp"), False),
        (LeadFacts(urgent=True), False),
    ],
)
def test_what_is_new(newer: LeadFacts, nothing_new: bool) -> None:
    assert adds_nothing(LEAD, newer, now=NOW) is nothing_new


def test_after_a_month_it_is_a_lead_again() -> None:
    assert adds_nothing(LEAD, LeadFacts(), now=NOW + BELONGS_FOR)
    assert not adds_nothing(LEAD, LeadFacts(), now=NOW + BELONGS_FOR + timedelta(seconds=1))
