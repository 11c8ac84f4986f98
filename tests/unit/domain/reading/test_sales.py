"""Whose lead it is and how warm: bounds, thresholds, and countries that nobody has."""

import itertools
import math
import re

import pytest
from pydantic import ValidationError

from domain.reading.answers import LeadAnswer, lead_from_answer
from domain.reading.sales import CrmAccount, Interest, LeadFacts, Territory, map_territory, score_lead

ROWS = [
    Territory(country="DE", owner="Katrin", team="DACH"),
    Territory(country="DE", min_employees=300, owner="Uwe", team="DACH large"),
    Territory(country="US", min_employees=1_000, owner="Sam", team="US large"),
    Territory(country="*", owner="Ines", team="EMEA"),
    Territory(country="*", min_employees=500, owner="Max", team="World large"),
]


def account(country: str = "DE", employees: int = 10, owner: str | None = None) -> CrmAccount:
    return CrmAccount(account_id="A-1", name="Acme", country=country, employees=employees, owner=owner)


# --- what counts as a fact ---


@pytest.mark.parametrize("seats", [0, -1, -(10**9), 1_000_001, math.nan, math.inf, -math.inf, 1.5, "many", ""])
def test_seats_that_cannot_be_are_refused(seats: object) -> None:
    with pytest.raises(ValidationError, match="seats"):
        LeadFacts.model_validate({"seats": seats})


@pytest.mark.parametrize("interest", ["", "BUY", "free_gift", None, 7])
def test_an_interest_outside_the_list_is_refused(interest: object) -> None:
    with pytest.raises(ValidationError, match="interest"):
        LeadFacts.model_validate({"interest": interest})


# --- the score ---


def test_a_lead_of_which_nothing_is_known_scores_nothing() -> None:
    assert score_lead(LeadFacts(), None).model_dump() == {"score": 0, "reasons": []}


def test_every_score_stays_within_its_bounds_and_is_the_sum_of_its_reasons() -> None:
    scores = []
    for interest, seats, urgent, product, employees in itertools.product(
        Interest, (None, 1, 1_000_000), (False, True), (None, "", "Pro"), (None, -5, 0, 10**9)
    ):
        facts = LeadFacts(interest=interest, seats=seats, urgent=urgent, product=product)
        lead = score_lead(facts, None if employees is None else account(employees=employees))
        assert lead.score == sum(int(re.findall(r"\(\+(\d+)\)$", why)[0]) for why in lead.reasons)
        assert not [why for why in lead.reasons if why.endswith("(+0)")]
        scores.append(lead.score)
    assert (min(scores), max(scores)) == (0, 100)


@pytest.mark.parametrize(("fewer", "more"), [(9, 10), (99, 100)])
def test_more_seats_are_warmer_from_the_threshold_on(fewer: int, more: int) -> None:
    below, at, above = (score_lead(LeadFacts(seats=n), None).score for n in (fewer, more, more + 1))
    assert 0 < below < at == above


@pytest.mark.parametrize(("fewer", "more"), [(99, 100), (999, 1000)])
def test_a_larger_account_is_warmer_from_the_threshold_on(fewer: int, more: int) -> None:
    below, at, above = (score_lead(LeadFacts(), account(employees=n)).score for n in (fewer, more, more + 1))
    assert score_lead(LeadFacts(), None).score < below < at == above


@pytest.mark.parametrize("more", [{"urgent": True}, {"product": "Pro"}, {"seats": 1}, {"interest": Interest.QUOTE}])
def test_whatever_speaks_for_a_lead_makes_it_warmer_and_is_named(more: dict[str, object]) -> None:
    plain, warmer = score_lead(LeadFacts(), account()), score_lead(LeadFacts.model_validate(more), account())
    assert warmer.score > plain.score
    assert len(warmer.reasons) == len(plain.reasons) + 1


def test_where_a_company_sits_or_what_it_is_called_buys_no_points() -> None:
    assert score_lead(LeadFacts(country="US", company="Acme, urgent, 1000 seats"), None).score == 0


# --- the territory ---


@pytest.mark.parametrize("country", [None, "", "ZZ", "Germany", "*", "D", "DEU", "ＤＥ", "DE; DROP"])
def test_a_country_that_no_row_names_goes_to_the_row_for_the_rest_or_to_nobody(country: str | None) -> None:
    taken = map_territory(None, LeadFacts(country=country), ROWS)
    assert taken is not None
    assert taken.owner == "Ines"
    assert map_territory(None, LeadFacts(country=country), ROWS[:3]) is None
    assert map_territory(None, LeadFacts(country=country), []) is None


@pytest.mark.parametrize(
    ("country", "seats", "owner"),
    [
        ("DE", None, "Katrin"), ("de", None, "Katrin"), ("DE", 299, "Katrin"), ("DE", 300, "Uwe"), ("DE", 10**6, "Uwe"),
        ("US", 499, "Ines"), ("US", 500, "Max"), ("US", 999, "Max"), ("US", 1_000, "Sam"), ("FR", 500, "Max"),
    ],
)  # fmt: skip
def test_the_country_comes_first_then_the_largest_size_that_fits(country: str, seats: int | None, owner: str) -> None:
    for rows in (ROWS, ROWS[::-1]):
        by_message = map_territory(None, LeadFacts(country=country, seats=seats), rows)
        by_records = map_territory(account(country, seats or 0), LeadFacts(), rows)
        assert by_message is not None
        assert by_records is not None
        assert (by_message.owner, by_records.owner) == (owner, owner)


def test_the_records_beat_what_the_message_says() -> None:
    told = LeadFacts(country="US", seats=1_000_000)
    assert map_territory(account("DE", 10), told, ROWS) == ROWS[0]
    own = map_territory(account("US", 5_000, owner="Lea"), told, ROWS)
    assert own == Territory(country="US", owner="Lea", team="named accounts")
    assert map_territory(account("DE", 10, owner=""), told, ROWS) == ROWS[0]
    assert map_territory(account("DE", owner="Lea"), told, []) is not None


@pytest.mark.parametrize(
    ("quote", "interest"),
    [
        ("a quote for", Interest.QUOTE),
        ("A QUOTE  for", Interest.QUOTE),
        ("a demo", Interest.OTHER),  # nobody wrote that
        ("20", Interest.OTHER),  # holds no word
        ("", Interest.OTHER),
        (None, Interest.OTHER),
    ],
)
def test_an_interest_counts_only_with_its_quote(quote: str | None, interest: Interest) -> None:
    nothing: dict[str, None] = dict.fromkeys(("product", "seats", "country", "company"))
    answer = {"interest": "quote", "interest_quote": quote, "urgent": False, **nothing}
    facts = lead_from_answer(LeadAnswer.model_validate(answer), text="Please send a quote for 20 seats.")
    assert facts.interest is interest
