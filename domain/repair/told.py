"""The fields of a document as people are told of them: value, where it is from, and what is missing."""

import re
from collections.abc import Callable, Iterator

from pydantic import BaseModel

from domain.inbound.reference_ids import usable_id
from domain.repair.healing import QUOTE, FieldMark, HealedDocument, MarkedField, currency_in
from domain.repair.kinds import DocumentKind
from domain.repair.rules import FieldKind

FIELDS_AT_MOST = 40  # of a document: they stand in histories
CHARS_AT_MOST = 200  # of a value, of a quote
PERSONAL = "(personal data)"
"""Stands for a value that no token was found for."""

Hide = Callable[[str, str], str]
"""Returns a value with tokens in place of personal data: all of it where a kind of token is named, not "" or `ID`."""
ID = "id"
"""In place of a kind of token: the value is an id, in which words are no names and long numbers no telephone's."""

_PLAIN = (FieldKind.AMOUNT, FieldKind.CURRENCY, FieldKind.DAY, FieldKind.FLAG)  # code has read them: no words are left
_NAMELESS = frozenset("item product article goods file shop store brand model event".split())  # noqa: SIM905
_KINDS = {
    "name": "name", "payee": "name", "recipient": "name", "holder": "name", "beneficiary": "name", "contact": "name",
    "surname": "name", "firstname": "name", "lastname": "name", "forename": "name", "signature": "name",
    "email": "email", "mail": "email",
    "phone": "phone", "telephone": "phone", "mobile": "phone", "fax": "phone",
    "iban": "iban", "account": "iban", "card": "card",
    "ssn": "ssn", "tax": "taxid", "vat": "taxid", "passport": "taxid", "licence": "taxid", "license": "taxid",
    "street": "address", "address": "address",
    "birth": "born", "birthday": "born", "born": "born", "ip": "ip",
    "inhaber": "name", "kontoinhaber": "name", "empfänger": "name", "empfaenger": "name", "vorname": "name",
    "nachname": "name", "ansprechpartner": "name", "unterschrift": "name",
    "telefon": "phone", "telefonnummer": "phone", "handy": "phone", "handynummer": "phone", "rufnummer": "phone",
    "konto": "iban", "kontonummer": "iban", "karte": "card", "kartennummer": "card",
    "steuernummer": "taxid", "ausweis": "taxid", "ausweisnummer": "taxid",
    "straße": "address", "strasse": "address", "anschrift": "address", "adresse": "address",
    "geburtsdatum": "born", "geburtstag": "born",
}  # fmt: skip


class FieldTold(BaseModel):
    """A field of a document; personal data are tokens of its case in it, as in its message.

    Attributes:
        value: as read, empty where it has none; amounts in major units of `currency`.
        source: what it is derived from: the path of a record (`order.total`), `quote`, a document of an answer.
        quote: the words that say it, where `source` is `quote`.
        why: it is missing or guessed.
    """

    name: str
    origin: FieldMark
    value: str = ""
    currency: str = ""
    source: str = ""
    quote: str = ""
    why: str = ""


def personal_kind(name: str) -> str:
    """Return the kind of token that a field is by its name, whatever stands in it; empty where its name says nothing.

    Names in English and German are known.

    >>> personal_kind("payee"), personal_kind("account_holder"), personal_kind("vatId"), personal_kind("item_name")
    ('name', 'name', 'taxid', '')
    >>> personal_kind("Kontoinhaber"), personal_kind("empfänger_straße"), personal_kind("EMPFÄNGER")
    ('name', 'name', 'name')
    """
    words = [word.lower() for word in re.findall(r"[A-ZÄÖÜ]?[a-zäöüß]+|[A-ZÄÖÜ]+(?![a-zäöüß])", name)]
    found = [_KINDS[word] for word in words if word in _KINDS and not (word == "name" and _NAMELESS & {*words})]
    return "name" if "name" in found else found[0] if found else ""


def fields_told(document: HealedDocument, kind: DocumentKind, text: str, hide: Hide) -> list[FieldTold]:
    """Return the fields that its kind knows, without those that may be missing and are. Quotes stand in `text`."""
    return list(_told(document, kind, text, hide))[:FIELDS_AT_MOST]


def _told(document: HealedDocument, kind: DocumentKind, text: str, hide: Hide) -> Iterator[FieldTold]:
    currency = currency_in(document.fields, kind) or ""
    for name, rule in kind.fields.items():
        field = document.fields.get(name)
        if field is None or (field.standing is FieldMark.MISSING and name not in document.required):
            continue
        span = field.span if field.source == QUOTE else None
        quote = text[span.start : span.end] if span is not None else ""
        value = "" if field.value is None else _shortened(_value(field, kind, hide))
        yield FieldTold(
            name=name,
            origin=field.standing,
            value=value,
            currency=currency if value and rule.kind is FieldKind.AMOUNT else "",
            source=field.source,
            quote=_shortened(quote),
            why=field.why,
        )


def _value(field: MarkedField, kind: DocumentKind, hide: Hide) -> str:
    values = field.value if isinstance(field.value, list) else [field.value]
    said = [_as_text(value) for value in values]
    if field.source == QUOTE or field.source.partition(".")[0] in kind.records:
        return "; ".join(said)  # tokens stand in these words already, and records tell no personal data here
    if kind.fields[field.name].kind in _PLAIN and personal_kind(field.name) != "born":
        return "; ".join(said)
    return "; ".join(hide(one, _kind_of(field.name, one, kind)) for one in said)


def _kind_of(name: str, value: str, kind: DocumentKind) -> str:
    is_id = name in (kind.case.order_id, "customer_id") and usable_id(value) == value
    return ID if is_id else personal_kind(name)


def _as_text(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _shortened(text: str) -> str:
    return text if len(text) <= CHARS_AT_MOST else f"{text[:CHARS_AT_MOST]}…"
