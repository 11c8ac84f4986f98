"""A cleaned message: readable text, personal data as tokens, and what was odd about it."""

import re
from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, Field

MAX_TEXT_CHARS = 16_000  # a longer message says nothing new, and every character is paid for at the model

TOKEN_KINDS = ("EMAIL", "PHONE", "IBAN", "CARD", "SSN", "TAXID", "NAME", "ADDRESS", "BORN", "IP")
ANSWERED = "[the customer answered]"  # stands before what the customer wrote after the first message
TOKEN = re.compile(r"\[(" + "|".join(TOKEN_KINDS) + r")_[0-9]{1,4}\]")


class CleanFlag(StrEnum):
    """What cleaning met. `INSTRUCTION_LIKE` is telemetry only: its absence clears nothing.

    `BODY_UNREAD`: what the sender wrote, or a part of it, could not be read (it is a picture, encrypted, in a file).
    `WHOSE_WORDS`: the sender's words could not be told from quoted ones; all were kept. Both are for a person.
    `FORWARDED`: from some line on the text is a message of somebody else that the sender passed on.
    `PICTURE_TEXT`: a part of the text was read off a picture by a machine.
    `STRUCK_OUT`: words that the sender had struck out were left away. `QUOTED_HISTORY`: older messages were.
    """

    HIDDEN_TEXT = "hidden_text"
    ZERO_WIDTH = "zero_width"
    BIDI_CONTROL = "bidi_control"
    TAG_CHARACTERS = "tag_characters"
    SCRIPT_REMOVED = "script_removed"
    QUOTED_HISTORY = "quoted_history"
    SIGNATURE = "signature"
    DISCLAIMER = "disclaimer"
    TRUNCATED = "truncated"
    MIXED_ENCODING = "mixed_encoding"
    UNDECODABLE = "undecodable"
    EMPTY = "empty"
    BODY_UNREAD = "body_unread"
    WHOSE_WORDS = "whose_words"
    FORWARDED = "forwarded"
    STRUCK_OUT = "struck_out"
    INSTRUCTION_LIKE = "instruction_like"
    PICTURE_TEXT = "picture_text"


SUSPICIOUS = frozenset({
    CleanFlag.HIDDEN_TEXT, CleanFlag.ZERO_WIDTH, CleanFlag.BIDI_CONTROL, CleanFlag.TAG_CHARACTERS,
    CleanFlag.PICTURE_TEXT,
})  # fmt: skip
"""Somebody may have written for the machine what a reader does not see, or the machine may have misread what was
written: a case with one of these never pays by itself.
"""

_LOST_SHARE = 5  # German or French without its accents has lost one letter of ten


class CleanDocument(BaseModel):
    """The message as a model may see it.

    `vault` maps each token to the value that stood there; it stays in the store and never goes to a model, a log or a
    workflow. `lang` is ISO 639-1 or "und". `tokens_in` and `tokens_out` are estimates (`estimate_tokens`) of the
    payload as received and of subject plus text as handed on: their difference is what cleaning saved (nothing where
    the text was cut off). Flags are sorted by name, each once. `marks` are those of our letters, quoted parts included.
    """

    subject: str
    text: str
    lang: str = "und"
    flags: list[CleanFlag] = Field(default_factory=list)
    vault: dict[str, str] = Field(default_factory=dict)
    marks: list[str] = Field(default_factory=list)
    chars_in: int = Field(default=0, ge=0)
    chars_out: int = Field(default=0, ge=0)
    tokens_in: int = Field(default=0, ge=0)
    tokens_out: int = Field(default=0, ge=0)

    @property
    def suspicious(self) -> bool:
        """Whether a flag forbids that this case pays without a person."""
        return not SUSPICIOUS.isdisjoint(self.flags)

    @property
    def mostly_lost(self) -> bool:
        """Whether so many characters could not be decoded that nobody can say what the text means."""
        letters = sum(map(str.isalnum, self.text))
        lost = self.text.count("\ufffd")
        return CleanFlag.UNDECODABLE in self.flags and lost * _LOST_SHARE > letters


def estimate_tokens(text: str) -> int:
    """Return about how many model tokens a text is: UTF-8 bytes divided by four, rounded up.

    A rule of thumb of English prose; other scripts are off by up to a factor of two. Bills are never computed from it.

    >>> estimate_tokens("Where is my refund?")
    5
    """
    return -(-len(text.encode("utf-8", "surrogatepass")) // 4)


def restore(text: str, vault: Mapping[str, str]) -> str:
    """Put the values back in place of their tokens, in one pass: a value that looks like a token is not looked up
    again.

    A token the vault does not know stays visible, so that a person sees it instead of a gap.

    >>> restore("Written to [EMAIL_1] and [EMAIL_2]", {"[EMAIL_1]": "ann@example.com"})
    'Written to ann@example.com and [EMAIL_2]'
    """
    return TOKEN.sub(lambda match: vault.get(match.group(), match.group()), text)
