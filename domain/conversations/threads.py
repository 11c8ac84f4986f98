"""Which messages belong together: the signs by which an answer names its conversation, and who may speak in one.

A sign only finds a conversation. To speak in it, the message must be of the same tenant and the same person: whoever
guesses or steals a sign is a stranger all the same.
"""

import re
import secrets
from base64 import b32encode
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import IntEnum

from pydantic import BaseModel, Field

from domain.money.lookup import email_key

MAX_SIGNS = 20  # of each kind that are looked up for one message
MAX_ID_CHARS = 250
SOMEBODY_ELSES = "names a conversation of somebody else"

_SUBJECT_CHARS = 500
_ANSWERING = re.compile(
    r"\A(?:(?:re|aw|sv|antw|odp|rif|res|ynt|回复|答复|رد)\s?(?:\[\d{1,3}\])?\s?[:：]\s?){1,20}", re.IGNORECASE
)
_MARK_CHARS = 10  # of base32: 50 bits
_MARK = re.compile(r"#(HG-[A-Z2-7]{10})(?![A-Z0-9])", re.IGNORECASE | re.ASCII)
_SHOWN_MARK = re.compile(r"[ \t]?\[\s?#HG-[A-Z2-7]{10}\s?\]|#HG-[A-Z2-7]{10}(?![A-Z0-9])", re.IGNORECASE | re.ASCII)


class Sign(IntEnum):
    """By what a conversation was found, the surest first."""

    LETTER = 1  # the message answers a letter of ours
    MARK = 2  # it holds the mark of one
    OWN_MAIL = 3  # it answers a mail of the sender's own
    THREAD = 4  # the sending system names the conversation
    SUBJECT = 5  # it answers some mail under the subject of our one open question to its sender


class ThreadSigns(BaseModel):
    """What of a message may name a conversation."""

    references: list[str] = Field(default_factory=list)  # ids of e-mails, the nearest first
    marks: list[str] = Field(default_factory=list)
    thread_id: str | None = None
    subject: str | None = None  # of a mail that answers another one, as `base_subject` returns it

    def __bool__(self) -> bool:
        return bool(self.references or self.marks or self.thread_id)


class Speaker(BaseModel):
    """Who wrote a message, as far as that can be told."""

    tenant: str
    address: str | None = None
    customer_id: str | None = None
    known_address: str | None = None  # of that customer, as the records have it


class EarlierCase(BaseModel):
    """A case that a message may belong to; `passed_to` took its message over, where one did."""

    case_id: str
    sign: Sign
    speaker: Speaker
    received_at: datetime
    ended: bool = False
    passed_to: str | None = None


def new_mark() -> str:
    """Return a mark that nobody can guess: `HG-` and ten characters that survive being read out."""
    return "HG-" + b32encode(secrets.token_bytes(7)).decode()[:_MARK_CHARS]


def new_message_id(domain: str) -> str:
    """Return the Message-ID of a letter, without angle brackets; nobody can guess it."""
    return f"hg.{secrets.token_hex(16)}@{domain}"


def marks_in(*texts: str) -> list[str]:
    """Return the marks of our letters in texts, quoted parts included, each once; time grows with their length.

    >>> marks_in("Re: Lamp [#HG-ABCDEFGH23]", "> #hg-abcdefgh23")
    ['HG-ABCDEFGH23']
    """
    found: dict[str, None] = {}
    for text in texts:
        for match in _MARK.finditer(text):
            found.setdefault(match[1].upper())
            if len(found) >= MAX_SIGNS:
                return list(found)
    return list(found)


def without_marks(text: str) -> str:
    """Return a text without the marks of our letters: they are no order numbers and say nothing to a reader.

    >>> without_marks("Re: Lamp [#HG-ABCDEFGH23]")
    'Re: Lamp'
    """
    return _SHOWN_MARK.sub("", text) if "#" in text else text


def base_subject(subject: str) -> str | None:
    """Return the subject of a mail without what answering adds to it, as subjects are compared; None if it is empty.

    >>> base_subject("Re: AW: Broken  lamp [#HG-ABCDEFGH23]")
    'broken lamp'
    """
    bare = " ".join(without_marks(subject).split())[:_SUBJECT_CHARS]
    return _ANSWERING.sub("", bare).strip().casefold() or None


def answering(subject: str) -> str:
    """Return the subject of an answer, which says once that it is one.

    >>> answering("Re: AW: Broken lamp"), answering("Broken lamp")
    ('Re: Broken lamp', 'Re: Broken lamp')
    """
    return f"Re: {_ANSWERING.sub('', subject.strip())}".strip()


def usable_reference(given: str | None) -> str | None:
    """Return the id of an e-mail, or of a conversation elsewhere, as it is kept and compared; None if it cannot be one.

    >>> usable_reference(" <x1@shop.example> "), usable_reference("a b"), usable_reference("")
    ('x1@shop.example', None, None)
    """
    bare = (given or "").strip().removeprefix("<").removesuffix(">").strip()
    usable = 0 < len(bare) <= MAX_ID_CHARS and bare.isprintable() and not any(c.isspace() for c in bare)
    return bare if usable else None


def usable_references(given: Iterable[str]) -> list[str]:
    """Return the first ids of e-mails that can be looked up, each once."""
    found: dict[str, None] = {}
    for each in given:
        if (usable := usable_reference(each)) is not None:
            found.setdefault(usable)
        if len(found) >= MAX_SIGNS:
            break
    return list(found)


def is_same_person(newer: Speaker, older: Speaker) -> bool:
    """Return whether a message is of the person who wrote an older one, of the same tenant.

    By its address, if it has one: who knows a customer's id is not the customer. Else by the customer id that the
    sending system vouches for, or the address on record of that customer.
    """
    if newer.tenant != older.tenant:
        return False
    if (address := email_key(newer.address)) is not None:
        return address == email_key(older.address)
    if newer.customer_id is not None and newer.customer_id == older.customer_id:
        return True
    known = email_key(newer.known_address)
    return known is not None and known == email_key(older.address)


def conversation_of(speaker: Speaker, earlier: Sequence[EarlierCase]) -> tuple[str | None, bool]:
    """Return the case whose conversation a message belongs to, None for none; and whether it names only conversations
    of other people.

    Of several the surest sign counts, then one that is open, then the newest.
    """
    own = [case for case in earlier if is_same_person(speaker, case.speaker)]
    if not own:
        return None, bool(earlier)
    best = min(own, key=lambda case: (case.sign, case.ended and not case.passed_to, -case.received_at.timestamp()))
    return best.passed_to or best.case_id, False
