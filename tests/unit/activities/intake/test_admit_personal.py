"""Personal data in fields that are no text stands in no history."""

import json

import pytest

from tests.unit.activities.intake.test_admit import Intake, intake

__all__ = ["intake"]


@pytest.mark.parametrize("said", ["20 USD to ann@shop.example.", "DE89 3704 0044 0532 0130 00", "call +49 30 901820"])
async def test_an_amount_that_holds_personal_data_is_for_a_person(intake: Intake, said: str) -> None:
    stored = await intake.admit(json.dumps({"text": "refund", "subject": f"about {said}", "amount": said}).encode())
    assert stored.case.amount == "(personal data)"
    assert said not in stored.case.model_dump_json()


@pytest.mark.parametrize("said", ["20.50", "1,234.56 EUR", "twenty dollars", "0020123456", "37,25 €"])
async def test_an_amount_stays_as_it_was_written(intake: Intake, said: str) -> None:
    stored = await intake.admit(json.dumps({"text": "refund", "amount": said}).encode())
    assert stored.case.amount == said
