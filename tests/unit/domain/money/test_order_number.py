"""Order numbers as people type them: what is folded, what is surely an order, and what is only asked about."""

import time

import pytest

from domain.money.order_number import MAX_WRITTEN, fold_order_id, match_order

OWN = ["ORD-40213", "ORD-40198", "ORD-38877"]


@pytest.mark.parametrize("dash", list("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uff0d\ufe58\u00ad"))
def test_every_dash_is_folded(dash: str) -> None:
    assert fold_order_id(f"ORD{dash}40213") == "ORD-40213"


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("ord-40213", "ORD-40213"),
        ("ORD-\u0664\u0660\u0662\u0661\u0663", "ORD-40213"),  # Arabic-Indic
        ("ORD-\u06f4\u06f0\u06f2\u06f1\u06f3", "ORD-40213"),  # Persian
        ("ORD-\u096a\u0966\u0968\u0967\u0969", "ORD-40213"),  # Devanagari
        ("\uff2f\uff32\uff24\uff0d\uff14\uff10\uff12\uff11\uff13", "ORD-40213"),  # full-width
        ("ORD-402 \r\n13", "ORD-40213"),
        ("ORD \u2013 40213", "ORD-40213"),
        ("ORD\u00a040213", "ORD40213"),
        ("ORD-40\u200b213\u202c", "ORD-40213"),
        ("ORD-40\u00ad213", "ORD-40213"),
        (" # 40213. ", "40213"),
        ("", ""),
        ("\u0416-40213", "\u0416-40213"),  # a Cyrillic letter is not taken for a Latin one
    ],
)
def test_folded_form(written: str, folded: str) -> None:
    assert fold_order_id(written) == folded


@pytest.mark.parametrize(
    "written",
    ["40213", "#40213", "ORD 40213", "ord.40213", "ORD\u201340213", "ORD-402\n13", "Order 40213", "O-40213", "4 02 13"],
)
def test_same_digits_with_other_letters_before_them_are_surely_the_order(written: str) -> None:
    assert match_order(written, OWN).sure == "ORD-40213"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "ORD",
        "ORD-4021",  # a digit is missing
        "ORD-402134",  # one too many
        "ORD-40231",  # two have changed places
        "INV-40213",  # the letters speak of something else
        "ORD-40213-B",  # a part behind it may be another order
        "040213",
        "213",
        "\u0416-40213",
        "9" * 100_000,
    ],
)
def test_anything_weaker_is_no_order(written: str) -> None:
    assert match_order(written, OWN).sure is None


@pytest.mark.parametrize("written", ["ORD-4021", "ORD-402134", "ORD-40231", "ORD-40219", "INV-40213"])
def test_a_slip_proposes_the_order_it_may_mean(written: str) -> None:
    assert match_order(written, OWN).close == ("ORD-40213",)


@pytest.mark.parametrize("written", ["ORD-99999", "ORD-12", "none", "ORD-4"])
def test_what_is_far_from_all_proposes_none(written: str) -> None:
    assert match_order(written, OWN).close == ()


def test_two_orders_of_the_same_digits_are_asked_about() -> None:
    found = match_order("40213", ["ORD-40213", "EXT-40213"])
    assert (found.sure, found.close) == (None, ("ORD-40213", "EXT-40213"))


def test_letters_tell_two_orders_of_the_same_digits_apart() -> None:
    assert match_order("ext 40213", ["ORD-40213", "EXT-40213"]).sure == "EXT-40213"


def test_punctuation_alone_does_not_tell_two_orders_apart() -> None:
    assert match_order("12345", ["1-2345", "12-345"]).sure is None


def test_few_digits_need_their_letters() -> None:
    assert match_order("17", ["A-17"]).sure is None
    assert match_order("a17", ["A-17"]).sure == "A-17"


def test_equal_digits_say_too_little_where_not_all_orders_are_known() -> None:
    assert match_order("40213", OWN, whole=False).sure is None
    assert match_order("ORD 40213", OWN, whole=False).sure == "ORD-40213"


def test_letters_behind_the_digits_count() -> None:
    assert match_order("40213b", ["ORD-40213-A", "ORD-40213-B"]).sure == "ORD-40213-B"
    assert match_order("ORD-40213", ["ORD-40213-B"]).sure is None


def test_long_input_takes_no_time() -> None:
    began = time.monotonic()
    fold_order_id("\u00ad1" * 200_000)
    match_order("1" * MAX_WRITTEN, ["2" * 128] * 200)
    assert time.monotonic() - began < 2
