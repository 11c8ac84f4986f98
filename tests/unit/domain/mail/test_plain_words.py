"""What people at the desk write loses what acts or hides, and no word."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.mail.plain_words import plain_words


@pytest.mark.parametrize(
    "text",
    [
        "Dear Ann,\n\nwe sent it.\n- one\n- two",
        "a < b and c > d, <3",
        "write to <ann@shop.example> or see https://shop.example/?a=1&b=<x_1>",
        "می‌خواهم",  # a joiner within a word
        "👩‍👩‍👧 ✓ é ñ ß 漢字",
        "[EMAIL_1] gets 50 % off",
    ],
)
def test_words_stay_as_they_are(text: str) -> None:
    assert plain_words(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a\tb\r\nc\rd\u2028e", "a b\nc\nd\ne"),
        ("\u202eabc\u202c \u2066x\u2069\u200b\ufeff\xad\U000e0041", "abc x"),
        ("\x1b[31mred\x9b0m\x07\x7f", "[31mred0m"),
        ("<b>bold</b> <a href='https://evil.example'>here</a><br/>next<p>one</p>", "bold here\nnextone\n"),
        ("<scr<script>ipt>x</scr</script>ipt>", "x"),
        ("<<b>b>x", "x"),
        ("<\x00b>x<\u200b/b>", "x"),
        ("<!-- hidden\nwords --><!DOCTYPE html><?xml?>seen", "seen"),
        ("<IMG\nSRC=x>y", "y"),
        ("\ud800\uffff\ue000ok", "ok"),
    ],
)
def test_what_acts_or_hides_goes(text: str, left: str) -> None:
    assert plain_words(text) == left


@given(st.text(alphabet="<>/ab\x00\u202e!-br \n\t", max_size=60))
def test_it_is_done_at_once(text: str) -> None:
    """Nothing that was taken out puts something together that would have to go as well."""
    once = plain_words(text)
    assert plain_words(once) == once


@pytest.mark.parametrize("text", ["<" * 100_000, "<a " * 50_000, "<!--" * 50_000, "<b" * 50_000 + ">" * 50_000])
def test_the_time_grows_with_the_text_only(text: str) -> None:
    def took(part: str) -> float:
        began = time.process_time()
        plain_words(part)
        return time.process_time() - began

    assert took(text) < 30 * max(took(text[: len(text) // 10]), 0.01)
