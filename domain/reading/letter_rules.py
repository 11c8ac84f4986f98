"""What must not stand in a letter that a model wrote, or in a subject that a customer wrote."""

import re
from collections.abc import Mapping

from domain.inbound.cleaned import TOKEN
from domain.reading.written import find_amounts

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
# Dots that programs take for one; the ideographic ones end sentences, too, and count between Latin letters only.
_DOT = re.compile(r"[․．]|(?<=[A-Za-z0-9À-ɏ])[。｡](?=[A-Za-z0-9À-ɏ])")
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_IP = re.compile(rf"(?<![\w.,]){_OCTET}(?:\.{_OCTET}){{3}}(?![\w]|[.,]\d)")
# Telephones as people write them; no dates, and no bare numbers, which are those of orders and parcels.
_TELEPHONE = re.compile(
    r"\btel:\s?[+(]?\d|(?<![\w+])\+\d(?:[ ()./-]{0,2}\d){6,14}(?!\d)|\(\d{3}\) ?\d{3}[ .-]\d{4}(?!\d)"
    r"|(?<![\w-])(?:1-)?\d{3}-\d{3}-\d{4}(?![\w-])"
    r"|(?<![\w.,/#:-])0(?!\d[-/ ]\d\d[-/ ](?:19|20)\d\d\b)\d(?:[ /-]?\d){6,13}(?![\w]|[-/.,]\d)",
    re.IGNORECASE,
)
_IBAN_CHARS = range(15, 35)
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
    dotted = _DOT.sub(".", text)
    if _LINK.search(dotted) or _DOMAIN.search(dotted):
        found.append("a link")
    if _EMAIL.search(dotted):
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
    """Return whether the subject of a message holds a link, an address, a telephone or an account number that must not
    go out in ours. Other numbers may: they name orders, parcels, days and amounts.

    >>> leads_elsewhere("Verify at paypal.support"), leads_elsewhere("Ask [EMAIL_1]"), leads_elsewhere("2.5 W")
    (True, True, False)
    """
    dotted = _DOT.sub(".", subject)
    patterns = (_LINK, _DOMAIN, _EMAIL, _IP, _TELEPHONE, _TOKEN)
    return any(pattern.search(dotted) for pattern in patterns) or any(map(_is_account, _IBAN.findall(dotted)))


def restore_harmless(text: str, vault: Mapping[str, str], *, own: str) -> str:
    """Put the values back in place of their tokens, as `restore`, but none that leads elsewhere, by itself or with the
    word it stands in: there the token stays. The address that the letter goes to may stand in it.

    >>> restore_harmless("Dear [NAME_1], [NAME_2]", {"[NAME_1]": "Ann", "[NAME_2]": "www.evil.example"}, own="")
    'Dear Ann, [NAME_2]'
    """

    def put_back(word: re.Match[str]) -> str:
        known = {token: vault.get(token, token) for token in (m.group() for m in TOKEN.finditer(word.group()))}
        told = TOKEN.sub(lambda m: "" if _bare(known[m.group()]) == _bare(own) else known[m.group()], word.group())
        if leads_elsewhere(told):
            return word.group()
        return TOKEN.sub(lambda m: known[m.group()], word.group())

    return re.sub(r"\S+", lambda word: put_back(word) if TOKEN.search(word.group()) else word.group(), text)


def _is_account(written: str) -> bool:
    """Return whether a number has the check digits of an IBAN, with or without the words behind it."""
    parts = written.split()
    tried = ("".join(parts[:n]) for n in range(1, len(parts) + 1))
    return any(
        len(number) in _IBAN_CHARS and int("".join(str(int(c, 36)) for c in number[4:] + number[:4])) % 97 == 1
        for number in tried
    )


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", text).casefold()
