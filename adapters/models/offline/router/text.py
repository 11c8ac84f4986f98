"""Text as the router reads it: bounded, folded to plain letters, without the sentences that give orders to a model."""

import re
import unicodedata

MAX_CHARS = 8_000
"""Longer messages are read from both ends: the first three quarters of this and the last quarter."""

_HEAD_CHARS = MAX_CHARS * 3 // 4
_MARKS = re.compile("[\u0300-\u036f\u064b-\u0652\u0640\u200b-\u200f\u2060\ufeff]")
_LATIN = {"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe"}
_LETTERS = str.maketrans(_LATIN) | str.maketrans("أإآٱةى", "ااااهي")
_APOSTROPHE = re.compile(r"(?<=\w\w)['’`´](?=\w)|(?<=\bi)['’](?=[mdv])")
# Every repetition below that could start anywhere is bounded: without it "a@a@a@..." costs minutes.
_LINK = re.compile(r"(?:https?://|www\.)\S+|\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_CURRENCY = r"(?:[$€£¥₹]|(?:eur|euros?|usd|dollars?|gbp|pounds?|rupees|bucks|sar|aed|tl|zl)\b)"
_MONEY = re.compile(r"\{?[$€£¥₹]\s?[\dx][\dx.,]{0,15}\}?|\b\d[\d.,]{0,15}\s?" + _CURRENCY)
_NUMBER = re.compile(r"\d+")
_REDACTED = re.compile(r"\bx{2,}(?:[/ ]*x{2,})*(?:/\d+)?")
_TOKEN = re.compile(r"[#\w\u0900-\u097f]+")
_SENTENCE = re.compile(r"(?<=[.!?。？！:])\s+|\n+")
_WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff]")

_ORDER = re.compile(
    r"(?:\b(?:ignore|disregard|forget)\b.{0,40}\b(?:instruction|prompt|rule|above|previous|prior|everything)"
    r"|\b(?:system|initial|starting|hidden|developer) ?(?:prompt|instructions?|message)"
    r"|\binstructions you were given|\bi was instructed to|\bencode in base64|\byou are now\b|\bpretend (?:to be|you)"
    r"|\b(?:in|of|to|from|for|with) (?:your|the) (?:next |final )?(?:reply|response|answer|output)\b"
    r"|\b(?:your|the) (?:reply|response|answer|message)'s? (?:words|letters|to hint)|\bletters of words in your"
    r"|\b(?:just|only) (?:say|print|output|answer|reply|respond|return|write)\b"
    r"|\b(?:route|classify|categori[sz]e|label|assign) (?:this|it|me|the (?:message|ticket))\b.{0,30}\b(?:to|as|into)\b"
    r"|\b(?:answer|respond|reply) (?:with|only)\b.{0,30}\b(?:billing|sales|technical|base64)"
    r"|\brepeat (?:everything|the above|this entire|back)|\bthe correct (?:label|category|queue|answer) is\b"
    r"|<script|javascript:|onerror\s*=|\bdrop table\b|\bselect @@|\b(?:or|and) 1\s*=\s*1|\binsert into\b"
    r"|\bstop everything\b|\bconsole\.log\b)"
)


def fold(text: str) -> str:
    """Fold to lower case letters without accents, for comparing words across spellings; Arabic variants become one."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", _MARKS.sub("", plain)).translate(_LETTERS)


def bounded(text: str) -> str:
    """Cut a text to `MAX_CHARS`, keeping its beginning and its end."""
    if len(text) <= MAX_CHARS:
        return text
    return text[:_HEAD_CHARS] + "\n" + text[_HEAD_CHARS - MAX_CHARS :]


def without_orders(folded: str) -> str:
    """Leave out the sentences that speak to a model instead of the company.

    They say nothing of the customer's matter, and an attacker may have chosen them. Of a text of orders alone nothing
    is left.
    """
    if _ORDER.search(folded) is None:
        return folded
    return "\n".join(part for part in _SENTENCE.split(folded) if part and _ORDER.search(part) is None)


def plain(text: str) -> str:
    """Bound, fold, leave out orders, and stand one word in for each link, amount, number and redaction."""
    body = without_orders(bounded(fold(bounded(text))))  # twice: folding can make one sign into eighteen
    body = _APOSTROPHE.sub("", _LINK.sub(" #link ", body))
    body = _REDACTED.sub(" ", _MONEY.sub(" #money ", body))
    return _NUMBER.sub(" #num ", body)


def tokens(plain_text: str) -> list[str]:
    """Return the words; a run of Chinese or Japanese becomes its overlapping pairs of signs."""
    found: list[str] = []
    for word in _TOKEN.findall(plain_text):
        if _WIDE.search(word) is None:
            found.append(word[:40])
        elif len(word) < 3:
            found.append(word)
        else:
            found.extend(word[place : place + 2] for place in range(len(word) - 1))
    return found
