"""Amounts are read by one grammar, exactly, or not at all."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.money.amount import Money, exponent, format_minor, parse_amount


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "-1", "+1", "1 ", " 1", "1\n", "\n1", "1,000", "1.000,00", "1.", ".5", "1.234", "1e3", "1E3", "0x10",
        "5_000", "NaN", "nan", "inf", "-inf", "Infinity", "٣٠", "５００", "²", "1.٥", "twelve", "$5", "5 USD",
        "1234567890123", "1.2.3", "1\u200b", "\u202e1", "1\0", "None", "null", "[]", "01.-1",
    ],
)  # fmt: skip
def test_what_is_not_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected digits"):
        parse_amount(text, "USD")


@pytest.mark.parametrize("currency", ["", "usd", "US", "USDX", "US1", "€", "ＵＳＤ", "USD\n", " USD"])
def test_what_is_no_currency_code_is_refused(currency: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        parse_amount("1", currency)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("0", "USD", 0), ("20", "USD", 2_000), ("20.5", "USD", 2_050), ("20.05", "EUR", 2_005), ("007.10", "USD", 710),
        ("999999999999.99", "USD", 99_999_999_999_999), ("500", "JPY", 500), ("500.00", "JPY", 500),
        ("1.5", "KWD", 1_500), ("1.25", "BHD", 1_250), ("0.01", "USD", 1),
    ],
)  # fmt: skip
def test_amounts_become_minor_units_of_their_currency(text: str, currency: str, minor: int) -> None:
    assert parse_amount(text, currency) == Money(minor=minor, currency=currency)


@pytest.mark.parametrize(
    ("currencies", "places"),
    [
        ("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF", 0),
        ("USD EUR GBP CHF HUF MGA TWD", 2),
        ("BHD IQD JOD KWD LYD OMR TND", 3),
    ],
)
def test_currencies_have_the_decimals_of_iso_4217(currencies: str, places: int) -> None:
    assert {currency: exponent(currency) for currency in currencies.split()} == dict.fromkeys(
        currencies.split(), places
    )


@pytest.mark.parametrize(("text", "currency"), [("500.5", "JPY"), ("0.01", "KRW")])
def test_more_decimals_than_the_currency_has_are_refused(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match="0 decimals"):
        parse_amount(text, currency)


@given(st.text(max_size=20), st.sampled_from(["USD", "JPY", "KWD"]))
def test_any_text_is_an_exact_amount_or_a_clear_refusal(text: str, currency: str) -> None:
    try:
        money = parse_amount(text, currency)
    except ValueError:
        return
    assert text.isascii()
    assert Decimal(money.minor) == Decimal(text) * 10 ** exponent(currency)


@given(st.integers(0, 10**13), st.sampled_from(["USD", "EUR", "JPY", "KWD"]))
def test_an_amount_as_written_for_people_reads_back(minor: int, currency: str) -> None:
    written = format_minor(minor, currency).removesuffix(f" {currency}").replace(",", "")
    assert Decimal(written) * 10 ** exponent(currency) == minor


@pytest.mark.parametrize("minor", [-1, 10**15 + 1, float("nan"), float("inf"), 1.5, "x", None])
def test_money_is_a_whole_number_of_minor_units(minor: object) -> None:
    with pytest.raises(ValidationError):
        Money(minor=minor, currency="USD")  # type: ignore[arg-type]  # the point of the test


def test_money_cannot_be_changed() -> None:
    money = Money(minor=1, currency="USD")
    with pytest.raises(ValidationError):
        money.minor = 2  # type: ignore[misc]  # the point of the test
