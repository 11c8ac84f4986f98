"""Amounts and dates of different places: two readings are no reading."""

import pytest

from domain.repair.local_values import read_local_amount, read_local_date


@pytest.mark.parametrize(
    "written",
    [
        "",
        "-5",
        "1.2.3",
        "1,23,456.00",
        "1.234.56",
        "12.345.67,8.9",
        "NaN",
        "5 EUR",
        "1e5",
        "٣",
        "1.",
        ",50",
        "9" * 13,
        "$5",
    ],
)
def test_what_is_no_amount_is_not_read(written: str) -> None:
    assert read_local_amount(written).readings == ()


@pytest.mark.parametrize(
    ("written", "lang", "currency", "readings"),
    [
        ("1.234", "und", None, ("1.234", "1234")),
        ("1,234", "und", "KWD", ("1.234", "1234")),
        ("1.234", "en", "EUR", ()),  # a point before decimals, of which a euro has two
        ("1,23", "und", "JPY", ()),
    ],
)
def test_what_can_be_read_two_ways_has_no_value(
    written: str, lang: str, currency: str | None, readings: tuple[str, ...]
) -> None:
    read = read_local_amount(written, currency, lang)
    assert read.readings == readings
    assert read.value is None


@pytest.mark.parametrize(
    ("written", "lang", "currency", "value"),
    [
        ("1.234,56", "und", "EUR", "1234.56"),
        ("1,234.56", "de", "EUR", "1234.56"),
        ("1.234", "de", "EUR", "1234"),
        ("1.234", "und", "EUR", "1234"),
        ("1,234", "en", "USD", "1234"),
        ("1.250", "en", "KWD", "1.250"),
        ("1’234.50", "de-CH", "CHF", "1234.50"),
        ("1 234,50", "fr", "EUR", "1234.50"),
        ("12,5", "und", "EUR", "12.5"),
        ("3239.33", "de", "EUR", "3239.33"),
        ("20", "und", None, "20"),
    ],
)
def test_one_reading_is_read(written: str, lang: str, currency: str | None, value: str) -> None:
    assert read_local_amount(written, currency, lang).value == value


@pytest.mark.parametrize(
    ("written", "lang", "readings"),
    [
        ("03/04/2026", "und", ("2026-03-04", "2026-04-03")),
        ("03/04/2026", "en", ("2026-03-04", "2026-04-03")),
        ("03/04/26", "de", ()),
        ("31.02.2026", "de", ()),
        ("2026-13-01", "und", ()),
        ("yesterday", "en", ()),
    ],
)
def test_doubtful_days_have_no_value(written: str, lang: str, readings: tuple[str, ...]) -> None:
    read = read_local_date(written, lang)
    assert read.readings == readings
    assert read.value is None


@pytest.mark.parametrize(
    ("written", "lang", "value"),
    [
        ("2026-03-04", "und", "2026-03-04"),
        ("2026-03-04T10:00:00Z", "und", "2026-03-04"),
        ("03.04.2026", "und", "2026-04-03"),
        ("03/04/2026", "en-US", "2026-03-04"),
        ("03/04/2026", "fr", "2026-04-03"),
        ("31/12/2026", "en", "2026-12-31"),
        ("12/31/2026", "de", "2026-12-31"),
        ("04/04/2026", "und", "2026-04-04"),
    ],
)
def test_one_day_is_read(written: str, lang: str, value: str) -> None:
    assert read_local_date(written, lang).value == value
