r"""Money in minor units with its currency, read by one strict grammar.

Amounts are never floats: `float("nan") > 5000` is False, so a NaN would slip under a limit; `float`, `int` and
`Decimal` also take "5_000", full-width and Arabic digits. One grammar is accepted, `\d{1,12}(\.\d{1,2})?` in ASCII.
"""

import re
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

AMOUNT_GRAMMAR = re.compile(r"(?P<whole>[0-9]{1,12})(?:\.(?P<part>[0-9]{1,2}))?", re.ASCII)
CURRENCY_GRAMMAR = re.compile(r"[A-Z]{3}", re.ASCII)

# ISO 4217: the currencies that do not have two decimals.
_NO_DECIMALS = {
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF",
}  # fmt: skip
_THREE_DECIMALS = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}

# How people write 1,234.50, by language: the sign between thousands and the decimal sign. Others write it as here.
_SIGNS = {
    **dict.fromkeys(("da", "de", "el", "es", "id", "it", "nl", "pt", "ro", "tr"), (".", ",")),
    **dict.fromkeys(("bg", "cs", "fi", "fr", "hu", "no", "pl", "ru", "sk", "sv", "uk"), ("\u00a0", ",")),
    "de-ch": ("’", "."),
}

# In which records may be: ISO 4217, without metals, funds and test codes, in which nobody is charged.
CURRENCIES = frozenset(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY
    COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS
    INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP
    MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR
    SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND
    VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """.split()  # noqa: SIM905 - one code a line would be a page
)

# A dollar sign alone is read as US dollars; beside a named dollar currency it is that one.
DOLLARS = frozenset({"USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN"})
_CODE_MARKS = (
    "USD",
    "EUR",
    "GBP",
    "CHF",
    "JPY",
    "CAD",
    "AUD",
    "NZD",
    "SEK",
    "NOK",
    "DKK",
    "PLN",
    "CZK",
    "HUF",
    "INR",
    "BRL",
    "MXN",
    "SGD",
    "HKD",
    "CNY",
)
_SIGN_MARKS = {
    "$": "USD", "us$": "USD", "ca$": "CAD", "c$": "CAD", "a$": "AUD", "r$": "BRL",
    "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "zł": "PLN", "kč": "CZK", "fr.": "CHF", "sfr.": "CHF", "sfr": "CHF",
}  # fmt: skip
_WORD_MARKS = {
    "dollar": "USD", "dollars": "USD", "dollari": "USD", "dólares": "USD", "dolares": "USD",
    "euro": "EUR", "euros": "EUR", "pound": "GBP", "pounds": "GBP", "franken": "CHF", "yen": "JPY",
}  # fmt: skip
CURRENCIES_BY_MARK: Mapping[str, str] = {code.casefold(): code for code in _CODE_MARKS} | _SIGN_MARKS | _WORD_MARKS
"""Which currency a sign, a code or a word beside an amount names; marks are casefolded."""


class Money(BaseModel):
    """An amount in minor units (cents for USD) and its ISO 4217 currency."""

    model_config = ConfigDict(frozen=True)

    minor: int = Field(ge=0, le=10**15)
    currency: str = Field(pattern=r"^[A-Z]{3}$")

    def __str__(self) -> str:
        return format_minor(self.minor, self.currency)


def exponent(currency: str) -> int:
    """Return how many decimals a currency has (ISO 4217)."""
    if currency in _NO_DECIMALS:
        return 0
    return 3 if currency in _THREE_DECIMALS else 2


def format_minor(minor: int, currency: str, *, lang: str = "en") -> str:
    """Write an amount for people: `1,234.50 USD`; for customers in the way of their language (`de`, `de-AT`).

    >>> format_minor(123450, "USD"), format_minor(123450, "USD", lang="de")
    ('1,234.50 USD', '1.234,50 USD')
    """
    code = lang.lower().replace("_", "-")
    thousands, decimal = _SIGNS.get(code) or _SIGNS.get(code.partition("-")[0]) or (",", ".")
    places = exponent(currency)
    whole, part = divmod(abs(minor), 10**places)
    written = f"{whole:,}".replace(",", thousands) + (f"{decimal}{part:0{places}d}" if places else "")
    return f"{'-' if minor < 0 else ''}{written} {currency}"


def parse_amount(text: str, currency: str) -> Money:
    r"""Read an amount in the strict grammar.

    Raises:
        ValueError: the text is not `\d{1,12}(\.\d{1,2})?`, has more decimals than the currency, or the
            currency is no ISO code.

    >>> parse_amount("20.5", "USD").minor
    2050
    """
    if not CURRENCY_GRAMMAR.fullmatch(currency):
        raise ValueError(f"currency {currency[:16]!r}: expected three capital letters (ISO 4217), for example 'USD'")
    match = AMOUNT_GRAMMAR.fullmatch(text)
    if match is None:
        raise ValueError(f"amount {text[:32]!r}: expected digits with at most two decimals, for example '20.00'")
    places = exponent(currency)
    part = match["part"] or ""
    if len(part.rstrip("0")) > places:
        raise ValueError(f"amount {text!r}: {currency} has {places} decimals")
    minor = int(match["whole"]) * 10**places + int(part[:places].ljust(places, "0") or "0")
    return Money(minor=minor, currency=currency)


def parse_exact(text: str, currency: str) -> Money:
    """Read an amount of a record: digits, then at most as many decimals as the currency has; JPY has none.

    Raises:
        ValueError: it is anything else; the message says what was expected.

    >>> parse_exact("1.250", "KWD").minor
    1250
    """
    places = exponent(currency)
    example = "5000.00"[: 5 + places] + "0" * (places - 2) if places else "5000"
    allowed = f"at most {places} decimals" if places else "no decimals"
    match = re.fullmatch(
        rf"([0-9]{{1,12}})(?:\.([0-9]{{1,{places}}}))?" if places else r"([0-9]{1,12})()", text, re.ASCII
    )
    if match is None:
        raise ValueError(f"expected up to 12 digits and {allowed} for {currency}, for example {example!r}")
    minor = int(match[1]) * 10**places + int((match[2] or "").ljust(places, "0") or "0")
    return Money(minor=minor, currency=currency)
