"""What people at the desk write stands in letters as plain words."""

from collections.abc import Callable

import pytest

from domain.letters import ApprovalRejected, Letter, PersonAnswer
from domain.money.amount import Money
from tests.fakes.blueprint import LETTERS


@pytest.mark.parametrize(
    "letter",
    [
        lambda said: PersonAnswer(text=said),
        lambda said: ApprovalRejected(reason=said, money=Money(minor=1, currency="USD"), order_id="ORD-1"),
    ],
)
@pytest.mark.parametrize("lang", ["en", "de", "fr", "es"])
def test_what_people_write_stands_in_a_letter_as_plain_words(letter: Callable[[str], Letter], lang: str) -> None:
    said = "Kept <img src=x onerror=alert(1)>goods\x1b]0;x\x07,\u202eevil\u2066 see<script>alert(1)</script>\r\n.\x00"
    text = LETTERS.write(letter(said), lang=lang, subject="").text
    assert "Kept goods]0;x,evil seealert(1)\n." in text
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert "<" not in text
