"""What customers are told of refunds beside yes and no: on their way, paid before, a number that was not found."""

import re

from domain.letters import DetailsAsked, RefundPaidBefore
from tests.unit.activities.test_letters import PAID, in_every_language, paragraphs, write


@in_every_language
def test_what_is_pending_is_not_said_to_be_paid(lang: str) -> None:
    done, pending = (
        paragraphs(write(PAID.model_copy(update={"pending": is_pending}), lang=lang, subject=""))
        for is_pending in (False, True)
    )
    assert len(done) == len(pending)
    assert done[1] != pending[1]
    assert re.search(r"20[.,]50 USD", pending[1])


@in_every_language
def test_what_was_paid_before_is_said_with_its_days_and_as_a_share_where_it_is_one(lang: str) -> None:
    plain = RefundPaidBefore(money=PAID.money, order_id="ORD-1")
    dated = plain.model_copy(update={"dates": ["2026-03-05", "2026-03-09"]})
    said = write(plain, lang=lang, subject="")
    assert "2026-03-05, 2026-03-09)" in write(dated, lang=lang, subject="").text
    assert "(" not in said.text
    whole, share = paragraphs(said), paragraphs(write(plain.model_copy(update={"share": True}), lang=lang, subject=""))
    assert len(share) == len(whole) + 1
    assert [part for part in share if part in whole] == whole


@in_every_language
def test_a_number_that_was_not_found_is_said_to_be_so(lang: str) -> None:
    asked = DetailsAsked(missing=["order_id"], candidate_orders=["ORD-3"])
    plain, not_found = (
        paragraphs(write(asked.model_copy(update={"not_found": found}), lang=lang, subject=""))
        for found in (False, True)
    )
    assert len(plain) == len(not_found)
    assert [a == b for a, b in zip(plain, not_found, strict=True)].count(False) == 1
