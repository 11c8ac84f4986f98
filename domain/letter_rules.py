"""What must not stand in a letter that a model wrote, or in a subject that a customer wrote."""

import re

from domain.money.written import find_amounts

_LINK = re.compile(r"(?:[a-z][a-z0-9+.-]{1,20}://|www\.)\S+|\[[^\]\n]*\]\([^)\n]*\)|<\s*a\s", re.IGNORECASE)
# Mail programs make a link of any name with a dot before a top-level domain, and there are too many of those to list:
# all that looks like one counts, but for file names and abbreviations that are none.
_NO_DOMAIN = "pdf|csv|json|txt|xlsx?|docx?|pptx?|png|jpe?g|gif|html?|xml|log|exe|dmg|ej"
_DOMAIN = re.compile(
    rf"(?<![^\W_])(?:[^\W_](?:[\w-]{{0,61}}[^\W_])?[.．]){{1,8}}(?!(?:{_NO_DOMAIN})\b)"
    r"(?:xn--[a-z0-9-]{2,59}|[^\W\d_]{2,24})(?![^\W_])",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"[^\s@<>()]{1,64}@[^\s@<>()]{1,255}\.[a-z]{2,24}", re.IGNORECASE)
_IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?\b")
_LONG_NUMBER = re.compile(r"(?<!\d)\d(?:[ -]?\d){8,}(?!\d)")
_PERCENT = re.compile(
    r"(?<![\w.,])\d{1,3}(?:[.,]\d+)?\s?(?:%|percent\b|prozent\b|pour cent\b|por ciento\b)", re.IGNORECASE
)
_TOKEN = re.compile(r"\[(?!NAME_)[A-Z]+_\d+\]")  # stands for an address or a number, put back where it is sent
_TAG = re.compile(r"<\s*/?\s*(?:script|img|iframe|html|style|svg|object|form)\b", re.IGNORECASE)


def objections_to_reply(text: str, *, on_file: str) -> list[str]:
    """Return what a letter holds that may not go out; empty means that it may.

    Never: links, web and e-mail addresses, account numbers, HTML, even those of the message itself, because answering
    with an attacker's own link sends it on under our name. Amounts, percentages and long numbers: only those
    that are on file.

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


def leads_elsewhere(subject: str) -> bool:
    """Return whether the subject of a message holds a link, an address or a number that must not go out in ours.

    >>> leads_elsewhere("Verify at paypal.support"), leads_elsewhere("Ask [EMAIL_1]"), leads_elsewhere("2.5 W")
    (True, True, False)
    """
    return any(pattern.search(subject) for pattern in (_LINK, _DOMAIN, _EMAIL, _TOKEN))


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", text).casefold()
