"""What a model proposes for missing fields: each value counts only by a quote that stands there, or by a record.

A model is asked for named fields only. A value is taken if it is a pure conversion of its quote, which stands in the
text at the offset that the model named (or at one place only), or if a record says the same. Otherwise it is guessed,
and of a critical field nothing is kept.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from domain.money.amount import DOLLARS
from domain.repair.beside_numbers import amount_beside
from domain.repair.coercion import Coerced, coerced, texts_said
from domain.repair.document import TextPlace, same
from domain.repair.healing import QUOTE, FieldMark, HealedDocument, MarkedField, currency_in
from domain.repair.rules import DocumentRules, FieldKind, FieldRule

PATCH_NAMES_AT_MOST = 40
_QUOTE_AT_MOST = 400
_AROUND = 12  # characters that are looked at beside a quote
_GROUP = re.compile(r"\s{1,3}[0-9]{3}(?![0-9])")  # of thousands
_THOUSANDS = re.compile(r"(?:[0-9][^\S\n]{1,3}|(?<![0-9])[0-9]{1,3}\s{1,3})\Z")
_FIRST_GROUP = re.compile(r"(?<![0-9])[0-9]{1,3}\Z")


class FieldPatch(BaseModel):
    """One value that a model proposes; `offset` is where the quote stands, characters."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=100)
    value: str = Field(max_length=1_000)
    quote: str = Field(default="", max_length=_QUOTE_AT_MOST)
    offset: int | None = Field(default=None, ge=0)


def patched_document(
    document: HealedDocument,
    patches: Sequence[FieldPatch],
    rules: DocumentRules,
    *,
    text: str,
    lang: str = "und",
    currency: str | None = None,
) -> HealedDocument:
    """Return a document with what a model found in `text` for its missing fields. `currency` is that of its order on
    record, which it does not say itself.

    What was not asked for is left out, and so is a field that the model proposes twice with two values.
    """
    fields = dict(document.fields)
    asked = document.missing[:PATCH_NAMES_AT_MOST]
    for name in sorted(asked, key=lambda name: name != rules.currency_field()):  # amounts are read in their currency
        proposed = [patch for patch in patches if patch.name == name]
        if proposed and len({patch.value for patch in proposed}) == 1:
            known = currency_in(fields, rules) or currency
            words = _Words(text, lang, known, may_name_one=known is None and rules.currency_field() in asked)
            fields[name] = _patched(fields[name], proposed[0], rules.fields[name], words)
    return HealedDocument(fields, document.damage, document.required)


class _Words(NamedTuple):
    """What a customer wrote; `currency` is that of the document, which they may name themselves if it is missing."""

    text: str
    lang: str
    currency: str | None
    may_name_one: bool


def _patched(field: MarkedField, patch: FieldPatch, rule: FieldRule, words: _Words) -> MarkedField:
    lang, currency = words.lang, words.currency
    span = _place(patch, words.text)
    if span is not None and rule.kind is FieldKind.AMOUNT and _is_another_amount(span, words):
        span = None
    quoted = _read(patch.quote, rule, lang, currency) if span is not None else None
    if quoted is not None and not quoted.why and _means(patch.value, quoted.value, rule, lang, currency):
        return MarkedField(field.name, quoted.value, FieldMark.DERIVED, field.critical, span, source=QUOTE)
    if field.critical:
        return MarkedField(field.name, critical=True, why="no quote and no record proves what was proposed")
    read = coerced(patch.value, rule.kind, currency=currency, lang=lang)
    if read.why:
        return field
    return MarkedField(field.name, read.value, FieldMark.GUESSED, False, why="no quote and no record proves it")


def _is_another_amount(span: TextPlace, words: _Words) -> bool:
    beside = amount_beside(words.text, span.start, span.end)
    if beside.is_scaled:
        return True
    named = beside.currencies - {words.currency}
    if beside.is_dollar and words.currency in DOLLARS:
        named -= {"USD"}
    return bool(named) and not words.may_name_one


def _read(words: str, rule: FieldRule, lang: str, currency: str | None) -> Coerced:
    """Read words as their field holds them; of a list they are its texts."""
    if rule.kind is FieldKind.TEXTS:
        return texts_said(words)
    return coerced(words, rule.kind, currency=currency, lang=lang)


def _place(patch: FieldPatch, text: str) -> TextPlace | None:
    """Return where a quote stands: at its offset, else at the only place where it does; whole words only."""
    quote = patch.quote
    if not quote.strip():
        return None
    at = patch.offset if patch.offset is not None and text.startswith(quote, patch.offset) else text.find(quote)
    if at < 0 or (at != patch.offset and text.find(quote, at + 1) >= 0):
        return None
    place = TextPlace(at + len(quote) - len(quote.lstrip()), at + len(quote.rstrip()))
    return None if _is_cut(text, place.start, place.end) else place


def _is_cut(text: str, start: int, end: int) -> bool:
    """Return whether a word or a number goes on beyond a place: "1" is a whole word of "1.234", but not its number."""
    quote, before, after = text[start:end], _seen(text[:start][-_AROUND:]), _seen(text[end:][:_AROUND])
    if (quote[0].isalnum() and before[-1:].isalnum()) or (quote[-1].isalnum() and after[:1].isalnum()):
        return True
    if quote[0].isdigit() and (_is_dash(before[-1:]) or _joins(before[-1:], before[-2:-1], str.isdigit)):
        return True
    if quote[-1].isdigit() and (_joins(after[:1], after[1:2], str.isdigit) or after.lstrip(" ")[:1] in ("%", "‰")):
        return True
    if any(sign.isdigit() for sign in quote):  # "A-100" is not the order of "A-100-2"
        ahead, behind = (after[:1], after[1:2]), (before[-1:], before[-2:-1])
        if any(
            _joins(sign, beyond, str.isalnum) and (_is_dash(sign) or sign in "_/") for sign, beyond in (ahead, behind)
        ):
            return True
    return _is_group(before, quote) or (
        quote[-1].isdigit() and _GROUP.match(after) is not None and _FIRST_GROUP.search(quote) is not None
    )


def _seen(around: str) -> str:
    """Return what stands around a place without signs that nobody sees, or that only change the one before."""
    return "".join(sign for sign in around if unicodedata.category(sign) not in ("Cf", "Mn", "Me"))


def _is_dash(sign: str) -> bool:
    return sign == "\u2212" or (sign != "" and unicodedata.category(sign) == "Pd")


def _joins(sign: str, beyond: str, kind: Callable[[str], bool]) -> bool:
    """Return whether one sign that is no blank joins a place to what stands beyond it."""
    return sign != "" and not sign.isspace() and kind(beyond)


def _is_group(before: str, quote: str) -> bool:
    """Return whether a quote begins with the thousands of a number that begins before it: "500" of "12 500"."""
    return _THOUSANDS.search(before) is not None and _GROUP.match(" " + quote) is not None


def _means(proposed: str, quoted: object, rule: FieldRule, lang: str, currency: str | None) -> bool:
    """Return whether the proposed value is the one that the quote says, as code reads it."""
    if isinstance(quoted, str) and proposed.strip() == str(quoted):
        return True
    again = _read(proposed, rule, lang, currency)
    return not again.why and same(again.value, quoted)
