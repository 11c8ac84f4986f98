"""A sender's words before people: one line, nothing to click, nothing that moves a terminal; originals hide nothing."""

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.inbound.shown import quoted, visible
from domain.reading.sentences import sentences

# What programs make a link or a mention of.
LIVE = re.compile(
    r"\w://|www\.\w|[\w-]\.[^\W\d_]{2}|@\w|\]\(|[<>]|(?:mailto|tel|javascript|data|file):\S",
    re.IGNORECASE,
)


def unseen(text: str) -> list[str]:
    return [c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and c not in "\u200c\u200d"]


@pytest.mark.parametrize(
    "text",
    [
        "see https://evil.example/pay?x=1",
        "see HTTP://EVIL.EXAMPLE",
        "ftp://evil.example",
        "www.evil.example",
        "evil.example",
        "evil\u200b.example",
        "evil\u200d.example",
        "evil．example",
        "evil․example",
        "evil。example",
        "xn--80ak6aa92e.com",
        "пример.рф",
        "ann@evil.example",
        "@channel pay",
        "<!channel>",
        "<@U012AB3CD>",
        "[pay](https://evil.example)",
        "[pay][1]",
        "![x](http://evil.example/x.png)",
        '<a href="https://evil.example">pay</a>',
        "<script>alert(1)</script>",
        "mailto:ann@evil.example",
        "tel:+491234567",
        "javascript:alert(1)",
        "data:text/html,x",
        "\\\\evil\\share",
        "ht\u200btps://evil.example",
        "https:\u202e//evil.example",
        "https:\n//evil.example",
        "foo@bar@evil.example",
    ],
)
def test_nothing_can_be_clicked_and_nobody_is_mentioned(text: str) -> None:
    shown = quoted(f"Refund me {text} now", 300)
    assert not LIVE.search(shown), shown
    assert "\\\\" not in shown
    assert "[1" not in shown or "] [1" in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;owned\x07 pay\x9b31m", "“[2J]0;owned pay31m”"),
        ("a\r\nb\u2028c\tc\x85d", "“a b c c d”"),
        ("\u202e4321 DSU\u202c \u2066x\u2069", "“4321 DSU x”"),
        ("\u3164\u115f\u2800hidden\u00ad\ufeff", "“hidden”"),
        ("e" + "\u0301" * 40 + " x", "“e" + "\u0301" * 3 + " x”"),
        ("Z\u0430\u0301\u0440", "“Z\u0430\u0301\u0440”"),
        ("half \ud800 a pair", "“half a pair”"),
        ("he said “approved” by finance", '“he said "approved" by finance”'),
        ("so ❞ read as: all ＂ „x‟", '“so " read as: all " "x"”'),
        ("می\u200cخواهم", "“می\u200cخواهم”"),
        ("e.g. 4.150,00 EUR of ORD-10.23, at 3.5 %", "“e.g. 4.150,00 EUR of ORD-10.23, at 3.5 %”"),
        ("", "“”"),
    ],
)
def test_a_quote_is_one_line_that_only_we_begin_and_end(text: str, shown: str) -> None:
    assert quoted(text, 300) == shown


@pytest.mark.parametrize("text", ["word " * 1000, "x" * 5000, "a.b" * 2000, "@" * 5000, "<" * 5000])
def test_a_long_quote_is_cut_and_says_so(text: str) -> None:
    shown = quoted(text, 300)
    assert len(shown) <= 300
    assert shown.endswith("…”")


@given(st.text(max_size=500), st.integers(min_value=5, max_value=300))
def test_whatever_comes_is_a_safe_line(text: str, at_most: int) -> None:
    shown = quoted(text, at_most)
    assert shown.startswith("“")
    assert shown.endswith("”")
    assert len(shown) <= at_most
    assert not re.search("[“”]", shown[1:-1])
    assert not unseen(shown)
    assert not LIVE.search(shown)


@given(st.text(max_size=300))
def test_an_original_hides_nothing(text: str) -> None:
    shown = visible(text)
    assert not [c for c in unseen(shown) if c not in "\n\t\u200c\u200d"]
    shown.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n\ttext\r\n", "plain\n\ttext\n"),
        ("\x1b[31m\x7f\x00", "\\x1b[31m\\x7f\\x00"),
        ("a\rb\x9b", "a\\rb\\x9b".replace("\\r", "\\x0d")),
        ("\u202e\u200b\ufeff\U000e0041\ud800", "\\u202e\\u200b\\ufeff\\U000e0041\\ud800"),
        ("10\u00a0€ 漢字\u3000é 😀", "10\u00a0€ 漢字\u3000é 😀"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Hello,\n\nplease refund it. Thanks!", ["Hello,", "please refund it.", "Thanks!"]),
        ("refund just\n30.00\nUSD please", ["refund just 30.00 USD please"]),
        ("Order No. 5 of Mr. X, z. B. this", ["Order No. 5 of Mr. X, z. B. this"]),
        ("I paid 4. 50 EUR?! Really… Yes", ["I paid 4. 50 EUR?!", "Really…", "Yes"]),
        ("返金してください。お願いします！", ["返金してください。", "お願いします！"]),
        ("لم يصل الطلب؟ أريد استرداد المبلغ", ["لم يصل الطلب؟", "أريد استرداد المبلغ"]),
        ('He said "no." Then left.', ['He said "no."', "Then left."]),
        (" \n\n \n", []),
    ],
)
def test_a_message_is_parted_into_sentences(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


@given(st.text(alphabet=" .!?\n。…\"'ab1", max_size=200))
def test_no_word_is_lost_between_sentences(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@pytest.mark.parametrize("piece", [".", "!", ". ", "?\t", "a. ", "\n \n", " \n", '."', "。", "\u0301", "@a", "http"])
def test_hostile_texts_take_no_longer_than_others(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    began = time.process_time()
    sentences(text)
    visible(text)
    quoted(text, 100_000)
    assert time.process_time() - began < 2
