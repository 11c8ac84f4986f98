"""Older messages in HTML: which elements hold them, and what of them is left away.

Some programs wrap the whole exchange in one element, answers between the quotations too. What such an element holds
outside of its quotations is kept; if it has no quotation in it, all of it is one.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

from adapters.cleaning.html.elements import QUOTE_CLASSES, QUOTE_FROM_HERE, SIGNATURE_CLASSES, WRAPPER_CLASSES
from adapters.cleaning.html.layout import TextWriter, WriterState
from adapters.cleaning.text.marks import QUOTE_BEGINS, QUOTE_ENDS
from domain.inbound.cleaned import CleanFlag

_FORWARD_PEEK = 1_500
_MAX_ATTRIBUTION = 400
_SHOWN_AGAIN = re.compile(r"^(?:x_|ecx)+")  # before the ids of what programs of Microsoft show, each time anew
_BAR = re.compile(r"border-left(?:-color)?\s*:[^;]{0,30}(?:#0857a6|rgb\(\s?8,\s?87,\s?166\s?\))", re.IGNORECASE)
_FORWARDED = re.compile(
    r"-{3,}\s?(?:Forwarded message|Weitergeleitete Nachricht|Message transféré|Mensaje reenviado|Messaggio inoltrato|"
    r"Mensagem encaminhada|Doorgestuurd bericht|Przekazana wiadomość|Vidarebefordrat meddelande|"
    r"Videresendt (?:meddelelse|melding)|Пересылаемое сообщение|転送されたメッセージ|转发的邮件)"
    r"|Begin forwarded message|Anfang der weitergeleiteten|Début du message (?:réexpédié|transféré)|"
    r"Inicio del mensaje reenviado|Inizio messaggio inoltrato",
    re.IGNORECASE,
)


class Quote(Enum):
    """What an element says about the text in it."""

    NONE = auto()
    OLDER = auto()  # an older message, marked as such
    WRAPPER = auto()  # the exchange so far
    REST = auto()  # from here on all is older
    FORWARD = auto()  # a message that the sender passes on
    INDENTED = auto()  # a quotation of whatever: the lines before it say of what
    SIGNATURE = auto()


def quote_of(name: str, attributes: dict[str, str], source: str, at: int) -> Quote:
    """Return what an element that begins with these attributes says; its content stands in `source` from `at` on."""
    if _SHOWN_AGAIN.sub("", attributes.get("id", "").lower()[:200]) in QUOTE_FROM_HERE:
        return Quote.REST
    classes = attributes.get("class", "").lower()
    if classes and any(mark in classes for mark in SIGNATURE_CLASSES):
        return Quote.SIGNATURE
    marked = classes and any(mark in classes for mark in QUOTE_CLASSES)
    cited = name == "blockquote" and (
        attributes.get("type", "").lower() == "cite" or "cite" in attributes or _has_bar(attributes.get("style", ""))
    )
    if not (marked or cited):
        return Quote.INDENTED if name == "blockquote" else Quote.NONE
    if _FORWARDED.search(source, at, at + _FORWARD_PEEK):
        return Quote.FORWARD
    wraps = name != "blockquote" and any(mark in classes.split() for mark in WRAPPER_CLASSES)
    return Quote.WRAPPER if wraps else Quote.OLDER


def _has_bar(style: str) -> bool:
    """Tell whether a quotation has the bar of mail.ru, which marks it by nothing else."""
    return bool(style) and _BAR.search(style[:500]) is not None


@dataclass
class _Wrapper:
    depth: int
    before: WriterState
    flags: frozenset[CleanFlag]


class Quotes:
    """Keeps count of the quotations that are open; `depth` is that of the element on the reader's stack."""

    def __init__(self, writer: TextWriter, flags: set[CleanFlag]) -> None:
        self._writer = writer
        self._flags = flags
        self._wrappers: list[_Wrapper] = []
        self._indented: list[int] = []
        self._inside = False  # whether the mark of the outermost one is set

    def wrap(self, depth: int) -> None:
        """Begin an element that holds the exchange so far."""
        self._wrappers.append(_Wrapper(depth, self._writer.state(), frozenset(self._flags)))

    def indent(self, depth: int) -> None:
        """Begin a quotation of whatever."""
        self._indented.append(depth)

    def older(self) -> None:
        """Note that an older message begins: what its wrapper has said so far says who wrote it."""
        for wrapper in self._wrappers:
            said = self._writer.since(wrapper.before).strip("> \n")
            if len(said) <= _MAX_ATTRIBUTION and said.endswith((":", "：", "-")):
                self._take_back(wrapper)
            elif said:
                self._flags.add(CleanFlag.WHOSE_WORDS)  # between that line and the quotation, anybody may have written
        self._wrappers.clear()

    def leave_out(self) -> None:
        """Put a line in the place of words that are left away."""
        self._flags.add(CleanFlag.QUOTED_HISTORY)
        self._writer.mark(">")

    def text(self) -> None:
        """Note that text is about to be written."""
        if self._indented and not self._inside:
            self._writer.mark(QUOTE_BEGINS)
            self._inside = True

    def close(self, depth: int) -> None:
        """End what began at this depth or deeper."""
        while self._wrappers and self._wrappers[-1].depth >= depth:
            wrapper = self._wrappers.pop()
            if self._writer.since(wrapper.before).strip():
                self._take_back(wrapper)
                self.leave_out()
        while self._indented and self._indented[-1] >= depth:
            self._indented.pop()
        if self._inside and not self._indented:
            self._writer.mark(QUOTE_ENDS)
            self._inside = False

    def _take_back(self, wrapper: _Wrapper) -> None:
        self._writer.restore(wrapper.before)
        self._flags.intersection_update(wrapper.flags)
