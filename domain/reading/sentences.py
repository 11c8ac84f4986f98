"""A message as rules look at it: folded, its sentences, and places in it that nobody wrote."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from domain.inbound.cleaned import ANSWERED, TOKEN
from domain.reading.claim_words import fold

# A full stop ends a sentence where a blank follows, but for "No. 5" and "z. B."; CJK ones need no blank.
_END = re.compile(
    r"(?<![.…])[.…]++(?<![\s.][^\W\d_]\.)(?<![\s.](?i:no|nr|mr|ms|dr|st|ca)\.)[\"'”’»)\]]{0,2}(?=\s+[^\s\d]|\s*\Z)"
    r"|(?<![!?؟।॥])[!?؟।॥]++[\"'”’»)\]]{0,2}(?=\s|\Z)|[。！？｡]+|;(?=\s)|\n[^\S\n]*\n|\n(?=[^\S\n]*[-*•])"
)
_OURS = re.compile(
    TOKEN.pattern + r"|\[[0-9]+ characters left out\]|" + re.escape(ANSWERED)
)  # stand for something that is not there
_LINK = re.compile(r"(?:https?://|www\.)\S{1,500}", re.IGNORECASE)


class Span(NamedTuple):
    """A place in a text, from `start` up to `end`."""

    start: int
    end: int

    def holds(self, other: "Span") -> bool:
        """Return whether the other place lies within this one."""
        return self.start <= other.start and other.end <= self.end

    def meets(self, other: "Span") -> bool:
        """Return whether both have a character in common."""
        return self.start < other.end and other.start < self.end


def sentence_spans(text: str) -> list[Span]:
    """Return where the sentences of a text stand, roughly; takes time in proportion to the text.

    A single line break parts nothing, since mail programs wrap lines; an empty line and a new item of a list do.
    """
    ends = [0, *(m.end() for m in _END.finditer(text)), len(text)]
    return [Span(a, b) for a, b in pairwise(ends) if text[a:b].strip()]


def sentences(text: str) -> list[str]:
    r"""Return the sentences of a text in order, each on one line.

    >>> sentences("Hello\n\nOrder No. 5 is\nbroken. Please pay 4.50 EUR back! Thanks")
    ['Hello', 'Order No. 5 is broken.', 'Please pay 4.50 EUR back!', 'Thanks']
    """
    return [" ".join(text[span.start : span.end].split()) for span in sentence_spans(text)]


class Places:
    """Places in a text, looked through fast however many there are; those that overlap count as one."""

    def __init__(self, spans: Iterable[Span]) -> None:
        merged: list[Span] = []
        for span in sorted(spans):
            if merged and span.start < merged[-1].end:
                merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
            else:
                merged.append(span)
        self._starts = [span.start for span in merged]
        self._merged = merged

    def holding(self, place: Span) -> Span | None:
        """Return the one that holds the whole place."""
        at = bisect_right(self._starts, place.start) - 1
        return self._merged[at] if at >= 0 and self._merged[at].holds(place) else None

    def meet(self, place: Span) -> bool:
        """Return whether one of them has a character in common with the place."""
        at = bisect_left(self._starts, place.end) - 1
        return at >= 0 and self._merged[at].meets(place)


class MessageText:
    """The text of a message, ready for rules; places are those of `text`, character by character."""

    def __init__(self, text: str) -> None:
        self.text = text
        blanked = _LINK.sub(_blanks, _OURS.sub(_blanks, text))
        self.plain = fold(blanked)
        self.sentences = sentence_spans(self.plain)

    def places(self, pattern: re.Pattern[str]) -> list[Span]:
        """Return where a pattern for folded texts matches."""
        return [Span(*m.span()) for m in pattern.finditer(self.plain)]

    def with_any(self, pattern: re.Pattern[str]) -> list[Span]:
        """Return the sentences that hold what the pattern finds."""
        return [s for s in self.sentences if pattern.search(self.plain, s.start, s.end)]

    def sentence_at(self, place: Span) -> Span:
        """Return the sentence in which a place begins."""
        return next((s for s in self.sentences if s.start <= place.start < s.end), Span(0, len(self.text)))

    def beside(self, sentences: Iterable[Span]) -> list[Span]:
        """Return sentences together with those right before and behind them."""
        wanted = set(sentences)
        found = {
            near for n, s in enumerate(self.sentences) if s in wanted for near in self.sentences[max(0, n - 1) : n + 2]
        }
        return sorted(found)

    def quote(self, place: Span, around: int = 30) -> str:
        """Return a place with some characters around it, on one line, at most 120 characters."""
        start, end = max(0, place.start - around), min(len(self.text), place.end + around)
        return " ".join(self.text[start:end].split())[:120]


def _blanks(found: re.Match[str]) -> str:
    return " " * len(found.group())


def lies_in(place: Span, spans: Sequence[Span]) -> bool:
    """Return whether a place lies within one of the spans."""
    return any(span.holds(place) for span in spans)
