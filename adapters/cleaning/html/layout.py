"""Text with the white space of HTML: blanks collapse, blocks begin lines, paragraphs stand apart."""

from typing import NamedTuple


class WriterState(NamedTuple):
    """How far a writer had come."""

    parts: int
    chars: int
    lines: int
    breaks: int


class TextWriter:
    """Collects text with the white space of HTML: blanks collapse, blocks begin lines, paragraphs stand apart."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.chars = 0
        self.lines = 0
        self._breaks = 0
        self._blank = False
        self._marker = ""
        self._at_cell = False

    def line(self, breaks: int) -> None:
        """Begin a line (1) or a paragraph (2), unless a cell or bullet has just begun."""
        if not self._at_cell:
            self._breaks = max(self._breaks, 1 if self._marker else breaks)

    def drop_marker(self) -> None:
        """Forget the bullet or cell border of an item that turned out empty."""
        self._marker, self._at_cell = "", False

    def line_break(self) -> None:
        """Break the line as `<br>` does; two make an empty line, more add nothing."""
        self._breaks = min(self._breaks + 1, 2)

    def cell(self, *, joined: bool) -> None:
        """Begin a table cell, after a bar if it is joined to the one before."""
        if joined:
            self._breaks, self._blank = 0, False
            self._marker = " | "
        else:
            self.line(1)
        self._at_cell = True

    def end_cell(self) -> None:
        """Let no margin of a cell's last paragraph show."""
        self._breaks = min(self._breaks, 1)

    def item(self, marker: str) -> None:
        """Begin a list item."""
        self.line(1)
        self._marker = marker

    def write(self, text: str) -> None:
        """Add text whose white space means a blank at most."""
        words = text.split()
        if not words:
            self._blank = self._blank or bool(text)
            return
        self._put(" ".join(words), self._blank or text[0].isspace())
        self._blank = text[-1].isspace()

    def write_lines(self, text: str) -> None:
        """Add text whose line breaks count (`<pre>`)."""
        first = True
        for part in text.split("\n"):
            if not first:
                self.line_break()
            first = False
            if part.strip():
                self._put(part.rstrip(), self._blank)
                self._blank = False

    def blank(self) -> None:
        """Keep the words before and behind something left away apart."""
        self._blank = True

    def mark(self, sign: str) -> None:
        """Put a sign on a line of its own, once where it would stand twice in a row."""
        if not (self.parts and self.parts[-1] == sign):
            self._marker, self._at_cell, self._breaks = "", False, max(self._breaks, 1)
            self._put(sign, blank=False)
        self._breaks = 2

    def state(self) -> WriterState:
        """Return how far the text has come."""
        return WriterState(len(self.parts), self.chars, self.lines, self._breaks)

    def since(self, state: WriterState) -> str:
        """Return the text written since then."""
        return "".join(self.parts[state.parts :])

    def restore(self, state: WriterState) -> None:
        """Take back what was written since then."""
        del self.parts[state.parts :]
        self.chars, self.lines = state.chars, state.lines
        self._breaks = max(state.breaks, 2)
        self._marker, self._at_cell, self._blank = "", False, False

    def _put(self, text: str, blank: bool) -> None:
        if self.parts and self._breaks:
            self.parts.append("\n" * self._breaks)
            self.lines += 1
        elif self.parts and blank and not self._marker:
            self.parts.append(" ")
        if self._marker:
            self.parts.append(self._marker)
        self.parts.append(text)
        self.chars += len(text) + 1
        self._breaks, self._marker, self._at_cell, self._blank = 0, "", False, False
