"""Mail of machines that no header gives away: how its subject and its first lines begin, by the blueprint's words.

Webhooks of mail services and automation tools often bring no headers. A subject alone is never sure: people write
"undeliverable" of their parcels, and mail programs of people put the same words before a subject.
"""

import re

from domain.briefs.request import asks_for_money
from domain.case import Machine
from domain.inbound.machine import MachineVerdict
from domain.reading.words import MailWords, any_phrase

FIRST_LINES = 6  # filled ones, in which a report says what it is
_LINE_CHARS, _SUBJECT_CHARS, _TEXT_CHARS = 160, 300, 20_000
_I = re.IGNORECASE
_SHORT_CHARS, _BEGINNING_CHARS = 500, 160  # of a machine's answer, and of it before it says that it is one
_GREETING_WORDS = 5
_ORDERS = (
    "order|bestell|auftrag|commande|pedido|ordine|encomenda|zamówieni|beställning|ordre|bestilling|tilaus|objednáv"
)
# An order's number, or a sum: whoever names one has a matter of their own.
_MATTER = re.compile(
    rf"\b[^\W\d_]{{2,9}}-\d{{3,}}|[$€£¥]|\d[.,]\d\d\b|\b(?:{_ORDERS})[^\W\d_]{{0,9}}\W{{1,3}}(?:[^\W\d_]{{1,9}}\W{{1,3}}){{0,2}}\d{{3,}}",
    re.IGNORECASE,
)
_SENTENCE_ENDS = re.compile(r"[.,!。\n]")
_GET_BACK = re.compile(r"\bget back to\b", re.IGNORECASE)  # no money
_QUOTE_MARK = re.compile(r"\A[\s>*|]{1,20}")
_EMAIL = re.compile(r"\[EMAIL_[0-9]{1,4}\]")


class MachineWords:
    """The blueprint's words of machines, ready to be looked for."""

    def __init__(self, words: MailWords) -> None:
        self._auto = _begins(words.auto_subjects)
        several = any_phrase(phrase for phrase in words.auto_subjects if " " in phrase)
        self._auto_text = re.compile(rf"(?:\A|[.,!。\n])\W{{0,9}}({several})\b", _I)
        self._thanks = re.compile(rf"\W{{0,3}}{any_phrase(words.closings)}", _I)
        self._bounce = re.compile(any_phrase(words.bounce_subjects), _I)
        self._bounce_line = re.compile(any_phrase(words.bounce_texts), _I)
        self._receipt = _begins(words.receipt_subjects)
        self._receipt_line = re.compile(any_phrase(words.receipt_texts), _I)
        self._forward = re.compile(rf"(?:\[?{any_phrase(words.passed_on)}\]?\s?[:：])", _I)
        forwards = rf"-{{2,}}\s?{any_phrase(words.forwards)}|{any_phrase(words.forwards_bare)}"
        self._forward_line = re.compile(rf"(?:{forwards}|-{{2,}}\s?{any_phrase(words.dividers)})", _I)
        self._first_header = re.compile(rf"\*?{any_phrase(words.first_headers)}\s?[:：]", _I)

    def verdict(self, subject: str, text: str, *, answers: bool = False) -> MachineVerdict | None:
        """Return which machine wrote a message, as its subject and its first lines have it.

        Sure is only a short answer to another mail, or under the subject of a machine, that begins by saying that
        somebody is away or a ticket was opened, and asks for nothing.

        Args:
            subject: as it came.
            text: without what it quotes.
            answers: whether the message answers another one.
        """
        subject = subject.strip()[:_SUBJECT_CHARS]
        lines = _first_lines(text)
        if self._bounce.match(subject) and (not lines or any(self._bounce_line.match(line) for line in lines)):
            return MachineVerdict(Machine.BOUNCE, sure=False, sign="worded as a report that a letter did not arrive")
        if self._says_who_it_is(text):
            sure = (answers or self._auto.match(subject) is not None) and not asks_for_something(text)
            return MachineVerdict(Machine.AUTO_REPLY, sure=sure, sign="worded as an automatic answer")
        if self._auto.match(subject):
            return MachineVerdict(Machine.AUTO_REPLY, sure=False, sign="its subject is that of an automatic answer")
        if self._receipt.match(subject) and (not lines or any(self._receipt_line.match(line) for line in lines)):
            return MachineVerdict(Machine.RECEIPT, sure=False, sign="worded as a receipt")
        return None

    def _says_who_it_is(self, text: str) -> bool:
        """Return whether a text begins as the answers of machines do; people who write so go on to their matter."""
        said = text.strip()
        if len(said) > _SHORT_CHARS or _MATTER.search(said):
            return False
        found = self._auto_text.search(said)
        if found is None or found.start(1) > _BEGINNING_CHARS:
            return False
        greeting, *before = _SENTENCE_ENDS.split(said[: found.start(1)])
        greets = len(greeting.split()) <= _GREETING_WORDS or self._thanks.match(greeting) is not None
        return greets and all(not s.strip() or self._thanks.match(s) for s in before)

    def is_forwarded(self, subject: str, text: str) -> bool:
        """Return whether a message hands on another one, as its subject or one of its lines says."""
        if self._forward.match(subject.strip()[:_SUBJECT_CHARS]):
            return True
        return any(self._forward_line.match(line.strip()[:_LINE_CHARS]) for line in text[:_TEXT_CHARS].splitlines())

    def forwarded_from(self, text: str) -> str | None:
        """Return the token of the address that a message was handed on from, or that a form asked for: a hint for
        people. `text` is cleaned, and the address itself stays in the vault.
        """
        tokens = [(line, found) for line in text[:_TEXT_CHARS].splitlines() if (found := _EMAIL.search(line))]
        named = (found for line, found in tokens if self._first_header.match(_QUOTE_MARK.sub("", line[:_LINE_CHARS])))
        first = next(named, tokens[0][1] if tokens else None)
        return first.group() if first else None


def asks_for_something(text: str) -> bool:
    """Return whether a text asks a question or for money back: whoever wrote it wants to be heard.

    >>> asks_for_something("Where is it?"), asks_for_something("I am away until Monday.")
    (True, False)
    """
    said = text[:_TEXT_CHARS]
    return any(mark in said for mark in "?？؟\u037e") or asks_for_money(_GET_BACK.sub("", said))


def _begins(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Return the pattern of a subject that is one of the phrases, or begins with it and a colon."""
    return re.compile(rf"(?:\[[^\[\]]{{1,40}}\])?\W{{0,3}}{any_phrase(phrases)}\W{{0,3}}(?:[:：]|$)", _I)


def _first_lines(text: str) -> list[str]:
    filled = (line.strip()[:_LINE_CHARS] for line in text[:_TEXT_CHARS].splitlines() if line.strip())
    return [line for _, line in zip(range(FIRST_LINES), filled, strict=False)]
