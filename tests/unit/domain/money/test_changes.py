"""What may not change of a charge or an order once Headgate paid money back of it."""

import pytest

from domain.money.changes import ChargeTerms, object_to_charge, object_to_order

CHARGE = ChargeTerms("default", "ORD-1", 2_000, "USD", "card:visa-1", 0)


@pytest.mark.parametrize(
    ("change", "term"),
    [
        ({"order_id": "ORD-2"}, "order_id"),
        ({"amount_minor": 1_999}, "amount"),
        ({"amount_minor": 2_001}, "amount"),
        ({"currency": "EUR"}, "currency"),
        ({"payee": "card:thief"}, "payee"),
    ],
)
def test_the_terms_that_a_refund_rests_on_stay(change: dict[str, object], term: str) -> None:
    after = CHARGE._replace(**change)  # type: ignore[arg-type]  # a table of cases
    assert [objection.term for objection in object_to_charge(CHARGE, after, moved_minor=1)] == [term]
    assert object_to_charge(CHARGE, after, moved_minor=0) == []


def test_a_charge_never_goes_to_another_tenant() -> None:
    after = CHARGE._replace(tenant="other")
    assert [objection.term for objection in object_to_charge(CHARGE, after, moved_minor=0)] == ["tenant"]


@pytest.mark.parametrize(("others", "moved", "good"), [(1_500, 500, True), (1_501, 500, False), (2_001, 0, False)])
def test_what_others_and_headgate_paid_back_stays_within_the_charge(others: int, moved: int, good: bool) -> None:
    after = CHARGE._replace(refunded_minor=others)
    found = object_to_charge(CHARGE, after, moved_minor=moved)
    assert [objection.term for objection in found] == ([] if good else ["refunded"])
    assert all("20.00 USD" in objection.why or "15.00 USD" in objection.why for objection in found)


def test_an_order_stays_with_whom_its_money_went_back_to() -> None:
    assert object_to_order("C-1", "C-2", moved=False) is None
    assert object_to_order("C-1", "C-1", moved=True) is None
    objection = object_to_order("C-1", "C-2", moved=True)
    assert objection is not None
    assert "'C-1'" in objection.why
