"""What must not stand in a letter that a model wrote."""

import re

from domain.amounts import find_amounts

_LINK = re.compile(r"(?:[a-z][a-z0-9+.-]{1,20}://|www\.)\S+|\[[^\]\n]*\]\([^)\n]*\)|<\s*a\s", re.IGNORECASE)
_DOMAIN = re.compile(
    r"(?<![\w@.])(?:[a-z0-9-]{1,63}\.){1,5}(?:com|org|net|io|info|biz|app|dev|shop|site|online|top|xyz|co|ai|me|ru|cn|de|fr|es|it|nl|pt|uk|eu|us|ch|at|be)(?![\w.-]*\w)",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"[^\s@<>()]{1,64}@[^\s@<>()]{1,255}\.[a-z]{2,24}", re.IGNORECASE)
_IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?\b")
_LONG_NUMBER = re.compile(r"(?<!\d)\d(?:[ -]?\d){8,}(?!\d)")
_PERCENT = re.compile(
    r"(?<![\w.,])\d{1,3}(?:[.,]\d+)?\s?(?:%|percent\b|prozent\b|pour cent\b|por ciento\b)", re.IGNORECASE
)
_TAG = re.compile(r"<\s*/?\s*(?:script|img|iframe|html|style|svg|object|form)\b", re.IGNORECASE)


def objections_to_reply(text: str, *, on_file: str) -> list[str]:
    """Return what a letter holds that may not go out; empty means that it may.

    Never: links, web and e-mail addresses, account numbers, HTML, even those of the message itself, because answering
        with an attacker's own link
    sends it on under our name. Amounts, percentages and long numbers: only those that are on file.

    Args:
        text: subject and text of the letter.
        on_file: the message it answers and what the records say.
    """
    found: list[str] = []
    if _LINK.search(text) or _DOMAIN.search(text):
        found.append("a link")
    if _EMAIL.search(text):
        found.append("an e-mail address")
    if _IBAN.search(text):
        found.append("an account number")
    if _TAG.search(text):
        found.append("HTML")
    known = _bare(on_file)
    if any(_bare(w.text) not in known for w in find_amounts(text)):
        found.append("an amount of money")
    if any(_bare(m) not in known for m in _PERCENT.findall(text)):
        found.append("a percentage")
    if any(_bare(m) not in known for m in _LONG_NUMBER.findall(text)):
        found.append("a long number")
    return found


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", text).casefold()
