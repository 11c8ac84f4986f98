"""The texts of a message, and which of several forms of one text is read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from adapters.cleaning.html.reader import HtmlText, html_to_text
from domain.inbound.cleaned import CleanFlag

_DOCUMENT = re.compile(r"\s*+<(?:!doctype html|html[\s>])", re.IGNORECASE)
# What mail programs put in the plain part instead of the message.
_MAX_EXCUSE = 300
_EXCUSE = re.compile(
    (
        r"(?:view|read|display|see|support|enable)\b.{0,60}\bhtml\b|\bhtml\b.{0,40}(?:viewer|client|e-?mail|version|"
        r"format)"
    ),
    re.IGNORECASE,
)
_MISSING_WORDS = 20  # a form that lacks so many words, and more than it has, is not the whole text


@dataclass(frozen=True)
class Piece:
    """One text of a message, decoded, as HTML or plain."""

    source: str
    html: bool = False

    @property
    def is_html(self) -> bool:
        """Whether it is HTML; some programs send a whole document as plain text."""
        return self.html or _DOCUMENT.match(self.source) is not None

    @cached_property
    def seen(self) -> HtmlText:
        """What a reader sees of it; older messages that are marked as such are left out of HTML."""
        if self.is_html:
            return html_to_text(self.source)
        return HtmlText(self.source)

    @property
    def blank(self) -> bool:
        """Whether a reader sees nothing of it, not even an older message."""
        return not self.seen.text.strip() and CleanFlag.QUOTED_HISTORY not in self.seen.flags

    @property
    def excuse(self) -> bool:
        """Whether it only says that the message is in the other form."""
        return len(self.source) < _MAX_EXCUSE and _EXCUSE.search(self.source) is not None

    @property
    def words(self) -> int:
        """How many words there are outside of quoted lines."""
        return sum(len(line.split()) for line in self.seen.text.split("\n") if not line.lstrip().startswith(">"))


def best_form(forms: Sequence[Sequence[Piece]]) -> Sequence[Piece]:
    """Return the one of several forms of a text that is read: the plain one, if it says all that the HTML says.

    Plain text has nothing hidden in it; but it does not show what is struck out, and some programs leave most of it
    away.
    """
    filled = [form for form in forms if not all(piece.blank for piece in form)]
    plain = next((form for form in filled if not any(piece.html for piece in form)), None)
    rich = next((form for form in reversed(filled) if any(piece.html for piece in form)), None)
    if plain is None or rich is None:
        return plain or rich or next((form for form in reversed(forms) if form), ())
    if all(piece.excuse for piece in plain if not piece.blank) or _speaks_of_html(plain) > _speaks_of_html(rich):
        return rich
    missing = sum(piece.words for piece in rich) - (said := sum(piece.words for piece in plain))
    struck = any(CleanFlag.STRUCK_OUT in piece.seen.flags for piece in rich)
    return rich if struck or missing > max(_MISSING_WORDS, said) else plain


def _speaks_of_html(form: Sequence[Piece]) -> bool:
    """Tell whether a short text names HTML: where the other form does not, in whatever language, it is an excuse."""
    text = " ".join(piece.seen.text[:_MAX_EXCUSE] for piece in form)
    return len(text) < _MAX_EXCUSE and "html" in text.lower()
