"""A conversation is one case: what the customer writes after the first message, and how it is put to the case."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, Field

from domain.case import MENDED, CaseInput
from domain.inbound.cleaned import ANSWERED, TOKEN
from domain.messages.bounds import Line
from domain.money.claim import Reason

MAX_WORDS = 20  # messages of one conversation
WORD_HEAD, WORD_TAIL = 3_000, 1_000  # characters of one that the workflow carries; the store has the rest
LITTLE = 12  # letters, without the words that hold digits
EDITORS_AT_MOST = 100  # that a message names
ASKED_ALIKE = 2  # times that the same is asked in a row
ASKED_AT_MOST = 6

_FORGED = re.compile(r"[\[［【〔](?=\s*the\s+customer\s+answered)", re.IGNORECASE)


class CustomerWord(BaseModel):
    """A further message of a conversation: the payload of the update `customer_wrote`, personal data as tokens of the
    case that it is given to.

    `from_case` is the case under which it came. `unreadable` says why no model shall see it. `repeats` says that it
    asks for the very thing that the case is about: there is nothing new in it. `edited_by` are the operators who edited
    what it says.
    """

    from_case: Line
    text: Annotated[str, Field(max_length=5 * WORD_HEAD)] = ""
    customer_id: Line | None = None
    order_id: Line | None = None
    amount: Line | None = None
    currency: Line | None = None
    flags: list[Line] = Field(default_factory=list, max_length=100)
    suspicious: bool = False
    unreadable: Line | None = None
    repeats: bool = False
    edited_by: list[Line] = Field(default_factory=list, max_length=EDITORS_AT_MOST)


class WordTaken(BaseModel):
    """Whether a case took a message over. `see` is another case that may take it; `tell` names the wait in which people
    should hear of it, empty where nobody waits.
    """

    taken: bool
    why: str = ""
    see: str | None = None
    tell: str = ""


def with_word(case: CaseInput, word: CustomerWord) -> CaseInput:
    """Return the case with a further message of its customer; the language and the subject stay.

    What a field of the newer message names counts instead of the older; whatever is odd about either is odd about both.
    What the document or its record said of one order is not said of another.
    """
    from_document = {name: of for name, of in case.from_document.items() if word.order_id in (None, of)}
    lost = case.from_document.keys() - from_document.keys()
    amount = (None if "amount" in lost else case.amount, None if "currency" in lost else case.currency)
    if word.amount is not None:
        amount, from_document = (word.amount, word.currency), {}
    return case.model_copy(
        update={
            "answers": [*case.answers, word.text],
            "answered_by": [*case.answered_by, word.from_case],
            "order_id": word.order_id or case.order_id,
            "customer_id": case.customer_id or word.customer_id,
            "amount": amount[0],
            "currency": amount[1],
            "from_document": from_document,
            "flags": sorted({*case.flags, *word.flags}),
            "suspicious": case.suspicious or word.suspicious,
            "edited_by": list(dict.fromkeys([*case.edited_by, *word.edited_by])),
        }
    )


def with_document(
    case: CaseInput,
    *,
    order_id: str | None,
    amount: str | None,
    currency: str | None,
    taints: Sequence[str] = (),
    claimed: Reason | None = None,
    in_fields: Sequence[str] = (),
) -> CaseInput:
    """Return the case with what the document in it says of fields that it does not have; whatever was mended or filled
    in taints it up to the gate, and so does a claim that a field makes (`claimed`). `taints` are of `domain.case`.
    """
    if None not in (case.order_id, order_id) and case.order_id != order_id:
        amount = currency = None  # its customer has named another order since
    # An amount of the message's own has its currency; one without takes that of the order on record.
    currencies = (case.currency, currency) if case.amount is not None else (currency, case.currency)
    now = {"amount": case.amount if case.amount is not None else amount, "currency": currencies[0] or currencies[1]}
    of = case.order_id or order_id
    said = {name: of for name, value in now.items() if of and value not in (None, getattr(case, name))}
    return case.model_copy(
        update={
            "order_id": case.order_id or order_id,
            **now,
            "from_document": {**case.from_document, **said},
            "flags": sorted({*case.flags, MENDED, *taints}) if taints else case.flags,
            "claimed": claimed,
            "in_fields": list(in_fields),
        }
    )


def kept(stored: CaseInput, told: CaseInput) -> CaseInput:
    """Return a case on record with what its customer wrote since, as its workflow tells it.

    Only that is taken from there. What the case was admitted with stays: policy, tenant, source, the first message, who
    wrote it. What was odd about it stays odd, and no message and no editor on record is forgotten.
    """
    if told.answered_by[: len(stored.answered_by)] != stored.answered_by:
        return stored
    fields = ("answers", "answered_by", "asked_for", "order_id", "amount", "currency", "from_document")
    return stored.model_copy(
        update={
            **{name: getattr(told, name) for name in fields},
            "flags": sorted({*stored.flags, *told.flags}),
            "suspicious": stored.suspicious or told.suspicious,
            "edited_by": list(dict.fromkeys([*stored.edited_by, *told.edited_by])),
        }
    )


def says_it_again(case: CaseInput, word: CustomerWord) -> bool:
    """Return whether a message says just what the one before it said: sent twice, or once by each of two ways.

    The newest counts, so one that takes up an older message again is news.
    """
    if not case.answers or word.unreadable or _said(word.text) != _said(case.answers[-1]):
        return False
    fields = ("order_id", "customer_id", "amount", "currency", "suspicious", "edited_by")
    as_before = all(getattr(with_word(case, word), name) == getattr(case, name) for name in fields)
    return as_before and set(word.flags) <= set(case.flags)


def _said(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".!")


def says_little(case: CaseInput) -> bool:
    """Return whether a message means something only together with what it answers: thanks, a number, a name."""
    said = (word for word in case.text.split() if not any(c.isdigit() for c in word))
    return sum(c.isalpha() for word in said for c in word) < LITTLE


def shortened(text: str, head: int = WORD_HEAD, tail: int = WORD_TAIL) -> str:
    r"""Return the beginning and the end of a text that is too long, where people say what they want.

    >>> shortened("abcdefgh", 2, 1)
    'ab\n[5 characters left out]\nh'
    """
    left_out = len(text) - head - tail
    return text if left_out <= 0 else f"{text[:head]}\n[{left_out} characters left out]\n{text[len(text) - tail :]}"


def whole_text(case: CaseInput, *, texts: Sequence[str] | None = None) -> str:
    """Return what the customer wrote, first to last, each later message under a line that says so.

    Nobody but us writes that line: where it stands in a message its bracket is made round.
    """
    first, *later = [_FORGED.sub("(", text.strip()) for text in (texts or [case.text, *case.answers])]
    return "\n\n".join([first, *(f"{ANSWERED}\n{text}" for text in later)])


def merged_vault(older: Mapping[str, str], newer: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the tokens of two messages in one vault, and how those of the newer one are called there.

    Both have a `[NAME_1]`. A value that is there keeps its token; a new one gets the next number of its kind. Doing it
    again changes nothing.

    >>> merged_vault({"[NAME_1]": "Ann"}, {"[NAME_1]": "Bob", "[NAME_2]": "Ann"})
    ({'[NAME_1]': 'Ann', '[NAME_2]': 'Bob'}, {'[NAME_1]': '[NAME_2]', '[NAME_2]': '[NAME_1]'})
    """
    vault = dict(older)
    known = {(_kind(token), value): token for token, value in reversed(list(older.items()))}
    highest: dict[str, int] = {}
    for token in older:
        highest[_kind(token)] = max(highest.get(_kind(token), 0), _number(token))
    names: dict[str, str] = {}
    for token, value in newer.items():
        kind = _kind(token)
        if (kind, value) not in known:
            highest[kind] = highest.get(kind, 0) + 1
            known[kind, value] = f"[{kind}_{highest[kind]}]"
            vault[known[kind, value]] = value
        names[token] = known[kind, value]
    return vault, names


def renamed(text: str, names: Mapping[str, str]) -> str:
    """Return a text with its tokens called as in another vault, in one pass."""
    return TOKEN.sub(lambda match: names.get(match.group(), match.group()), text)


def _kind(token: str) -> str:
    return token.strip("[]").rpartition("_")[0]


def _number(token: str) -> int:
    digits = token.strip("[]").rpartition("_")[2]
    return int(digits) if digits.isdecimal() else 0


def span(seconds: float) -> str:
    """Return a wait as people say it.

    >>> span(1_209_600), span(5400)
    ('14 days', '1.5 hours')
    """
    return f"{seconds / 86_400:g} days" if seconds >= 86_400 else f"{seconds / 3600:g} hours"


class Questions:
    """What a case asked its customer so far."""

    def __init__(self) -> None:
        self.total = 0
        self._in_a_row = 0
        self._last: list[str] = []

    def may_ask(self, missing: Sequence[str]) -> bool:
        """Return whether the customer may be asked for this once more."""
        again = self._in_a_row if list(missing) == self._last else 0
        return again < ASKED_ALIKE and self.total < ASKED_AT_MOST

    def ask(self, missing: Sequence[str]) -> int:
        """Count a question and return its number, from 1."""
        self._in_a_row = self._in_a_row + 1 if list(missing) == self._last else 1
        self._last = list(missing)
        self.total += 1
        return self.total
