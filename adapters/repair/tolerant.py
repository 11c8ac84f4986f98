"""A tolerant reader of JSON, written beside the library's so that each checks the other.

It mends what has one plausible meaning (quotes, commas, brackets, comments, literals, fences) and notes it; anything
else is `StrictJSONError`. Where it goes by likelihood, its reading says so. Numbers stay their source text. What it
looks ahead is bounded, so its time grows with the length of the text.
"""

import re

from adapters.repair.scanning import AHEAD
from adapters.repair.texts import ESCAPES, QUOTES, STARTS_VALUE, STRICT_NUMBER, WORDS, TextReader
from adapters.repair.words_around import has_quotes_or_digits, say_more
from domain.errors import StrictJSONError
from domain.inbound.strict_json import MAX_DEPTH
from domain.repair.agreeing import DocumentReading
from domain.repair.document import Damage, TextPlace, same

_TOP_CALL = re.compile(r"[A-Za-z_$][\w$.]*\s*\(\s*(?=[\[{\"'])")
_FENCE = re.compile(r"```[ \t]*\w*[ \t]*\n?(.*?)(?:```|\Z)", re.DOTALL)
_BRACKETED_FENCE = re.compile(r"\s*([\[{])\s*```\w*[ \t\r]*\n(.*?)```\s*[\]}]\s*\Z", re.DOTALL)
_ESCAPED = re.compile(r"\s*[{\[]\s*\\[\"'nrt]")
_STRUCTURE = frozenset('"{}[]')  # no prose has these
_DOTS = re.compile(r"(?:\.\.\.|…)")


def read_tolerantly(text: str) -> DocumentReading:
    """Read a text.

    Raises:
        StrictJSONError: it has no one plausible meaning.
    """
    wrapped = _BRACKETED_FENCE.match(text) or None
    if wrapped is not None:
        return _wrapped(text, wrapped.start(2), wrapped.end(2))
    fences = list(_FENCE.finditer(text)) if "```" in text and text.lstrip()[:1] not in ("{", "[", '"') else []
    if len(fences) > 1:
        raise StrictJSONError("several fenced blocks")
    if fences:
        reading = _wrapped(text, fences[0].start(1), fences[0].end(1))
        before, after = text[: fences[0].start()], text[fences[0].end() :]
        if re.search(r"[{\[]", before + after):
            reading.damage.add(Damage.SEVERAL)
        if say_more(before, after):
            reading.damage.add(Damage.WORDS)
        return reading
    if _ESCAPED.match(text):  # a document that was put into a text, without the quotes around it
        less = _once_less(text)
        reading = _Reader(less, 0, len(less)).document()
        reading.damage.add(Damage.CHARACTERS)
        reading.spans.clear()
        return reading
    return _Reader(text, 0, len(text)).document()


def _once_less(text: str) -> str:
    """Return a text with each of its escapes undone once."""
    return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[0]), text, flags=re.DOTALL)


def _wrapped(text: str, start: int, end: int) -> DocumentReading:
    reading = _Reader(text, start, end).document()
    reading.damage.add(Damage.WRAPPED)
    return reading


class _Reader(TextReader):
    """Reads objects and lists."""

    # --- the whole ------------------------------------------------------------------------------------------

    def document(self) -> DocumentReading:
        begin = self._at
        self._blanks()
        call = _TOP_CALL.match(self._text, self._at)
        if call is not None:
            self._note(Damage.WRAPPED)
            self._at = call.end()
        elif self._at < self._end and self._peek() not in "{[(" + QUOTES and not self._is_scalar():
            self._skip_prose()
        before = self._text[begin : self._at if call is None else call.start()]
        if self._at >= self._end:
            raise StrictJSONError("there is nothing to read")
        self.reading.value = self._value("")
        if call is not None:
            self._blanks()
            self._at = re.compile(r"\)?\s*;?").match(self._text, self._at).end()  # type: ignore[union-attr]
        if say_more(before, self._text[self._at :]):
            self._note(Damage.WORDS)
        self._after()
        return self.reading

    def _is_scalar(self) -> bool:
        rest = self._text[self._at :].strip()
        return len(rest) < AHEAD and (rest in WORDS or STRICT_NUMBER.fullmatch(rest) is not None)

    def _skip_prose(self) -> None:
        found = re.compile(r"[{\[]").search(self._text, self._at)
        if found is None or any(sign in _STRUCTURE for sign in self._text[self._at : found.start()]):
            raise StrictJSONError("it begins with neither an object nor a list")
        self._note(Damage.WRAPPED)
        self._at = found.start()

    def _after(self) -> None:
        """Look at what stands behind the document."""
        self._blanks()
        rest = self._text[self._at :]
        if not rest.strip():
            return
        if re.search(r"[{\[]", rest):
            self._note(Damage.SEVERAL)
        elif (
            rest.lstrip()[0] == ","
            or any(sign in _STRUCTURE for sign in rest)
            or has_quotes_or_digits(rest, QUOTES.replace("`", ""))
        ):
            raise StrictJSONError("it goes on behind its end")
        else:
            self._note(Damage.WRAPPED)

    # --- values ---------------------------------------------------------------------------------------------

    def _value(self, closers: str) -> object:
        """Read one value; `closers` are the brackets that end what it stands in."""
        self._blanks()
        sign = self._peek()
        match sign:
            case "{":
                return self._object()
            case "[":
                return self._list("]")
            case "(":
                self._note(Damage.LITERALS)
                return self._list(")")
        if sign and sign in QUOTES:
            return self._joined(closers)
        if sign == "\\" and self._text[self._at + 1 : self._at + 2] in ('"', "'"):
            raise StrictJSONError("quotes that are escaped")
        return self._bare(closers)

    def _object(self) -> dict[str, object]:
        self._enter("{")
        found: dict[str, object] = {}
        while self._goes_on("}", "]"):
            key = self._read_key()
            outermost = len(self._open) == 1
            if outermost:
                self._key = key
            commented = self._blanks()
            if self._peek() == ":":
                self._at += 1
            else:
                self._note(Damage.PUNCTUATION)
                if not STARTS_VALUE.match(self._text, self._at):
                    raise StrictJSONError("a key without a value")
            if self._blanks() or commented:  # it may be the value, and what follows another one
                self._doubt(None)
            start = self._at
            value = self._value("}")
            if outermost:
                self.reading.spans[key] = TextPlace(start, max(start, self._at))
            self._put(found, key, value)
        return found

    def _put(self, found: dict[str, object], key: str, value: object) -> None:
        if key in found:
            self._note(Damage.DOUBLED_KEY)
            if not same(found[key], value):
                self._doubt(None)
        found[key] = value

    def _list(self, closer: str) -> list[object]:
        self._enter({"]": "[", ")": "("}[closer])
        found: list[object] = []
        while self._goes_on(closer, "}" if closer == "]" else ""):
            found.append(self._value(closer))
        return found

    def _enter(self, bracket: str) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise StrictJSONError(f"nested deeper than {MAX_DEPTH} levels")
        self._open.append(bracket)
        self._at += 1

    def _goes_on(self, closer: str, other: str) -> bool:
        """Go to the next member; return whether there is one. What is left open at the end was cut off."""
        first = self._text[self._at - 1 : self._at] in ("{", "[", "(")
        commas = self._commas()
        sign = self._peek()
        if sign and sign == other and len(self._open) == 1 and not self._text[self._at + 1 :].strip():
            self._note(Damage.PUNCTUATION)  # the wrong bracket, but the last sign of all
            sign = closer
        if sign and sign != closer and not (sign == other and len(self._open) > 1):
            if sign in "}]":
                raise StrictJSONError("a bracket that closes nothing")
            if commas != (0 if first else 1):
                self._note(Damage.PUNCTUATION)
            return True
        if sign == closer:
            self._at += 1
        else:  # it stops at the end of the text, or of what it stands in
            self._note(Damage.PUNCTUATION if sign else Damage.TRUNCATED)
            if sign or len(self._open) > 1:
                self._doubt(None)
        if commas:
            self._note(Damage.PUNCTUATION)
        self._open.pop()
        return False

    def _commas(self) -> int:
        """Go past what stands between two members; return how many commas do."""
        commas = 0
        while True:
            self._blanks()
            if (dots := _DOTS.match(self._text, self._at)) is not None:
                self._note(Damage.ELLIPSIS)
                self._doubt(None)
                self._at = dots.end()
            elif self._peek() == ",":
                commas += 1
                self._at += 1
            else:
                return commas
