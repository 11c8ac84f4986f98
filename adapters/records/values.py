"""Values of an outside system become records: what does not fit its mapping is told by the key of the mapping."""

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import NoReturn, TypeVar
from zoneinfo import ZoneInfo

from adapters.records.mapping import Values
from domain.errors import ConfigurationError
from domain.money.amount import CURRENCIES, exponent, format_minor
from domain.money.lookup import MAX_ID_LENGTH, KnownCustomer, email_key
from domain.money.records import MAX_LINES, Charge, Customer, LineKind, Order, OrderLine, OrderStatus, line_name

MAX_MINOR = 10**14
MAX_TEXT = 200
MAX_QUANTITY = 10**6

_DECIMAL = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?", re.ASCII)
_QUANTITY = re.compile(r"([0-9]{1,7})(?:\.0{1,6})?", re.ASCII)  # as NUMERIC has it, too
_YES_OR_NO = {"true": True, "t": True, "yes": True, "1": True, "false": False, "f": False, "no": False, "0": False}
_WHOLE = re.compile(r"[0-9]{1,15}", re.ASCII)

_LOG = logging.getLogger("headgate.records")

Raw = Mapping[str, object]
"""What a system has of one record, by the names of our fields."""

W = TypeVar("W", OrderStatus, LineKind)


class RecordReader:
    """Makes records of what an outside system says.

    Args:
        file: the mapping, for messages.
        values: how values are written.
        status: the words of that system for our own.
        kinds: the same for what a line of an order is for.
    """

    def __init__(
        self,
        file: str,
        values: Values,
        status: Mapping[OrderStatus, Sequence[str]],
        kinds: Mapping[LineKind, Sequence[str]] | None = None,
    ) -> None:
        self._file = file
        self._values = values
        self._words = {str(ours): ours for ours in OrderStatus} | _theirs(status)
        self._kinds = {str(ours): ours for ours in LineKind} | _theirs(kinds or {})

    def customer(self, raw: Raw, tenant: str) -> KnownCustomer:
        """Return a customer and their address as addresses are compared."""
        address = raw.get("email")
        lang = raw.get("lang")
        return KnownCustomer(
            customer=Customer(
                customer_id=self.name(raw, "customers.id"),
                tenant=tenant,
                lang=self._text(raw, "customers.lang", 35) if lang else "en",
            ),
            email_key=email_key(address) if isinstance(address, str) else None,
            address=address.strip() or None if isinstance(address, str) else None,
        )

    def order(self, raw: Raw, charges: Sequence[Charge], lines: Sequence[Raw] = ()) -> Order:
        """Return an order with its charges and lines.

        Lines that cannot be all of it and nothing else are told in the log and left out: then they are not known.
        """
        currency = self._currency(raw, "orders.currency")
        order_id = self.name(raw, "orders.id")
        total_minor = self._minor(raw, "orders.total", currency)
        return Order(
            order_id=order_id,
            customer_id=self.name(raw, "orders.customer_id"),
            status=self._word(raw, "orders.status", self._words, "status"),
            placed_at=self._when(raw, "orders.placed_at"),
            delivered_at=self._when_if_any(raw, "orders.delivered_at"),
            promised_at=self._when_if_any(raw, "orders.promised_at"),
            total_minor=total_minor,
            currency=currency,
            charges=sorted(charges, key=lambda charge: (charge.captured_at, charge.charge_id)),
            lines=self._lines(lines, order_id, total_minor, currency),
        )

    def charge(self, raw: Raw) -> Charge:
        """Return a charge; `refunded_minor` is what that system says was paid back of it."""
        currency = self._currency(raw, "charges.currency")
        return Charge(
            charge_id=self.name(raw, "charges.id"),
            amount_minor=self._minor(raw, "charges.amount", currency),
            currency=currency,
            captured_at=self._when(raw, "charges.captured_at"),
            payee=self._text(raw, "charges.payee", MAX_TEXT),
            refunded_minor=0 if raw.get("refunded") is None else self._minor(raw, "charges.refunded", currency),
            disputed=self._yes_or_no(raw, "charges.disputed"),
        )

    def name(self, raw: Raw, key: str) -> str:
        """Return an id."""
        return self._text(raw, key, MAX_ID_LENGTH)

    def _lines(self, raws: Sequence[Raw], order_id: str, total_minor: int, currency: str) -> list[OrderLine]:
        if len(raws) > MAX_LINES:
            _LOG.warning("%s: key lines: order %r has more than %d lines: not used", self._file, order_id, MAX_LINES)
            return []
        lines = [self._line(raw, currency) for raw in raws]
        over = sum(line.amount_minor for line in lines) - total_minor
        if over > 0:
            _LOG.warning(
                "%s: key lines.amount: the lines of order %r come to more than its total, by %s: not used; expected "
                "what was paid for each whole line, after discounts",
                self._file,
                order_id,
                format_minor(over, currency),
            )
            return []
        return sorted(lines, key=lambda line: (line.name, line.amount_minor, line.quantity, line.kind))

    def _line(self, raw: Raw, currency: str) -> OrderLine:
        name = _of(raw, "lines.name")
        return OrderLine(
            name="" if name is None else line_name(str(name)),
            quantity=self._quantity(raw, "lines.quantity"),
            amount_minor=self._minor(raw, "lines.amount", currency),
            kind=LineKind.ITEM if raw.get("kind") is None else self._word(raw, "lines.kind", self._kinds, "kinds"),
        )

    def _quantity(self, raw: Raw, key: str) -> int:
        value = _of(raw, key)
        found = None if isinstance(value, bool | float) else _QUANTITY.fullmatch(str(value))
        if found is None or not 0 < int(found[1]) <= MAX_QUANTITY:
            self._wrong(key, value, "a whole number from 1 on; for what is sold by weight or length 1, in a view")
        return int(found[1])

    def _text(self, raw: Raw, key: str, most: int) -> str:
        value = _of(raw, key)
        text = "" if value is None or isinstance(value, bool | float) else str(value).strip()
        if not text or len(text) > most or not text.isprintable():
            self._refuse(key, _kind(value), f"a text of 1 to {most} characters without control characters")
        return text

    def _currency(self, raw: Raw, key: str) -> str:
        value = _of(raw, key)
        code = value.strip().upper() if isinstance(value, str) else ""
        if code not in CURRENCIES:
            self._wrong(key, value, "an ISO 4217 code, for example 'USD'")
        return code

    def _word(self, raw: Raw, key: str, words: Mapping[str, W], table: str) -> W:
        value = _of(raw, key)
        found = words.get(str(value).strip()) if value is not None else None
        if found is None:
            self._wrong(key, value, f"one of {', '.join(words)}; add the word under [{table}]")
        return found

    def _minor(self, raw: Raw, key: str, currency: str) -> int:
        value = _of(raw, key)
        places = exponent(currency) if self._values.money == "decimal" else 0
        kind = f"a decimal of {currency}, as number or text" if places else f"a whole number of {currency}"
        if isinstance(value, bool | float):  # 0.1 + 0.2 is not 0.3
            self._wrong(key, value, f"{kind}; a float is not exact, cast it in a view")
        text = f"{value:f}" if isinstance(value, Decimal) and value.is_finite() else str(value)
        if not (_DECIMAL if self._values.money == "decimal" else _WHOLE).fullmatch(text):
            self._wrong(key, value, f"{kind}, not negative")
        try:
            minor = Decimal(text).scaleb(places)
        except InvalidOperation:  # pragma: no cover - the pattern leaves nothing of the kind
            self._wrong(key, value, kind)
        if minor != int(minor) or minor > MAX_MINOR:
            self._wrong(key, value, f"{kind} with at most {places} decimals")
        return int(minor)

    def _yes_or_no(self, raw: Raw, key: str) -> bool:
        value = _of(raw, key)
        if value is None or value == "":
            return False
        said = _YES_OR_NO.get(str(value).strip().casefold()) if isinstance(value, bool | int | str) else None
        if said is None:
            self._wrong(key, value, "true or false (as such, as 1 or 0, or as a word); say it in a view")
        return said

    def _when_if_any(self, raw: Raw, key: str) -> datetime | None:
        return None if _of(raw, key) in (None, "") else self._when(raw, key)

    def _when(self, raw: Raw, key: str) -> datetime:
        value = _of(raw, key)
        zone = self._values.times
        if zone == "unix":
            if isinstance(value, bool | float) or not _WHOLE.fullmatch(str(value)) or int(str(value)) > 10**11:
                self._wrong(key, value, "seconds since 1970")
            return datetime.fromtimestamp(int(str(value)), UTC)
        at = value if isinstance(value, datetime) else None
        if isinstance(value, str):
            try:
                at = datetime.fromisoformat(value.strip())
            except ValueError:
                at = None
        if at is None or (isinstance(value, str) and len(value.strip()) <= len("2026-03-05")):
            a_day = " a day alone says no moment, cast it in a view" if isinstance(value, date | str) else ""
            self._wrong(key, value, f"a time (ISO 8601);{a_day}" if a_day else "a time (ISO 8601)")
        if at.tzinfo is None:
            if not zone:
                self._wrong(key, value, "a time with its zone; name the zone of all times by values.times")
            at = at.replace(tzinfo=ZoneInfo(zone))
        try:
            return at.astimezone(UTC)
        except OverflowError:
            self._wrong(key, value, "a time between the years 1 and 9999")

    def _wrong(self, key: str, value: object, expected: str) -> NoReturn:
        """Raise what is wrong; of a value only money, words and times are shown, which no person is told by."""
        self._refuse(key, f"{value!r:.80}", expected)

    def _refuse(self, key: str, what: str, expected: str) -> NoReturn:
        raise ConfigurationError(f"{self._file}: key {key}: the records have {what}, expected {expected}")


def _theirs(words: Mapping[W, Sequence[str]]) -> dict[str, W]:
    return {word: ours for ours, some in words.items() for word in some}


def _kind(value: object) -> str:
    """Return what an id or a payee is without repeating it: it may name a person, or a card."""
    if value is None:
        return "nothing"
    if not isinstance(value, str):
        return f"a value of type {type(value).__name__!r}"
    text = value.strip()
    controls = "" if text.isprintable() else ", some of them control characters"
    return f"a text of {len(text)} characters{controls}"


def _of(raw: Raw, key: str) -> object:
    return raw.get(key.rpartition(".")[2])
