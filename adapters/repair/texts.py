"""Texts, bare words and numbers of broken JSON: where each ends, and what it means."""

import re
from collections.abc import Callable

from adapters.repair.scanning import AHEAD, Scanner
from domain.errors import StrictJSONError
from domain.inbound.strict_json import MAX_NUMBER, Number
from domain.repair.document import Damage

_PAIRS = {'"': '"', "'": "'", "`": "`´", "“": "”“", "”": "”", "„": "“”", "‘": "’‘", "’": "’", "´": "´`"}
QUOTES = "".join(_PAIRS)
_NUMBER = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
STRICT_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
WORDS: dict[str, object] = {"true": True, "false": False, "null": None}
_LOOSE: dict[str, object] = {
    "True": True, "False": False, "None": None, "undefined": None, "TRUE": True, "FALSE": False, "NULL": None,
}  # fmt: skip
_NOT_FINITE = frozenset({"NaN", "Infinity", "-Infinity", "nan", "inf", "-inf"})
_CALL = re.compile(r"[A-Za-z_$][\w$.]*\(")
_QUOTED_KEY = re.compile(rf"[{QUOTES}][^{QUOTES}\n:,{{}}\[\]]{{0,100}}[{QUOTES}]\s*:")
_WHOLE_KEY = re.compile(rf"[{QUOTES}][^{QUOTES}\n,{{}}\[\]]{{0,100}}[{QUOTES}]\s*:")
_OPEN_KEY = re.compile(rf"[{QUOTES}]([A-Za-z_][\w-]{{0,100}})\s*(?=:)")
STARTS_VALUE = re.compile(rf"[{QUOTES}{{\[]|-?\d|(?:true|false|null|True|False|None)\b")
_BARE_KEY = re.compile(r"[A-Za-z_$][\w$-]{0,100}\s*:(?!//)")
ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class TextReader(Scanner):
    """Reads what is neither an object nor a list."""

    # --- texts ----------------------------------------------------------------------------------------------

    def _read_key(self) -> str:
        if self._peek() in QUOTES:
            cut = _OPEN_KEY.match(self._text, self._at)
            if cut is not None and not _WHOLE_KEY.match(self._text, self._at):  # its last quote is missing
                self._note(Damage.QUOTES)
                self._at = cut.end()
                return cut[1]
            return self._quoted(self._ends_key, "")
        found = re.compile(rf"[^\s:{QUOTES},{{}}\[\]][^:{QUOTES},{{}}\[\]\n]{{0,100}}").match(self._text, self._at)
        if found is None:
            raise StrictJSONError("a key was expected")
        self._note(Damage.QUOTES)
        self._at = found.end()
        if self._peek() and self._peek() in QUOTES:  # its first quote is missing
            if not re.compile(rf"[{QUOTES}]\s*:").match(self._text, self._at):
                raise StrictJSONError("words before a key")
            self._at += 1
        return found[0].strip()

    def _joined(self, closers: str) -> str:
        """Read a text, and others that are added to it by `+`."""
        text = self._quoted(lambda at: self._ends_value(at, closers), closers)
        while (plus := re.compile(rf"\s*\+\s*(?=[{QUOTES}])").match(self._text, self._at)) is not None:
            self._note(Damage.PUNCTUATION)
            self._at = plus.end()
            text += self._quoted(lambda at: self._ends_value(at, closers), closers)
        return text

    def _quoted(self, ends: Callable[[int], bool], closers: str) -> str:
        opening = self._peek()
        closing = _PAIRS[opening]
        start = self._at
        if opening != '"':
            self._note(Damage.QUOTES)
        width = 1
        doubled = self._text[start : start + 2] == opening * 2
        if doubled and not ends(start + 2) and self._text[start + 2 : start + 3].strip():
            self._note(Damage.QUOTES)
            self.reading.guessed = True
            width = 2
        self._at += width
        parts: list[str] = []
        inner = last = 0
        while self._at < self._end:
            sign = self._text[self._at]
            if sign == "\\":
                parts.append(self._escape())
            elif sign in closing and self._text[self._at : self._at + width] == sign * width:
                if ends(self._at + width):
                    self._at += width
                    return self._ended(parts, inner, ends_with_quote=last == len(parts) > 0)
                if (cut := self._left_open(parts, closers)) is not None:
                    return cut
                inner += self._quotes_inside(closers)
                last = len(parts) + 1
                parts.append(sign)
                self._at += 1
            else:
                if sign < " ":
                    self._note(Damage.CHARACTERS)
                parts.append(sign)
                self._at += 1
        return self._unended("".join(parts), closers)

    def _quotes_inside(self, closers: str) -> int:
        """Take the quote that is met as a part of the text; return whether it is of those that come in pairs."""
        if not closers:
            raise StrictJSONError("a quote inside a key")
        self._note(Damage.QUOTES)
        self.reading.guessed = True
        if self._ahead(self._at + 1)[:1] in ("{", "[", ":", *QUOTES):
            self._note(Damage.AMBIGUOUS)
            self._doubt(None)
        return int(self._peek() == '"')

    def _ended(self, parts: list[str], inside: int, *, ends_with_quote: bool) -> str:
        """Return a text; it is doubted where one quote inside it has no other, or stands right before its end."""
        if inside % 2 or ends_with_quote:
            self._note(Damage.AMBIGUOUS)
            self._doubt(None)
        return "".join(parts)

    def _left_open(self, parts: list[str], closers: str) -> str | None:
        """Return the text where its last quote is missing: this one begins the next key or value."""
        tail = "".join(parts[-AHEAD:])
        before = re.sub(r"/\*.*?\*/\s*\Z", "", tail, flags=re.DOTALL)
        comma = re.compile(r",\s*\Z").search(before)
        if comma is None or not closers:
            return None
        here = self._at
        if closers == "}" and not _QUOTED_KEY.match(self._text, here):
            return None
        if closers == "]" and not re.compile(rf"[{QUOTES}][^{QUOTES}]{{0,100}}[{QUOTES}]\s*[,\]]").match(
            self._text, here
        ):
            return None
        self._note(Damage.QUOTES)
        self._doubt(None)
        return "".join(parts[:-AHEAD]) + before[: comma.start()].rstrip()

    def _unended(self, said: str, closers: str) -> str:
        """Return a text that never ends: brackets at its end that close what is open are no part of it."""
        if not closers:
            raise StrictJSONError("a key that never ends")
        self._note(Damage.TRUNCATED)
        self._note(Damage.QUOTES)
        self._doubt(None)
        rest = said.rstrip()
        for bracket in reversed(self._open):
            if not rest.endswith({"{": "}", "[": "]", "(": ")"}[bracket]):
                break
            rest = rest[:-1].rstrip()
        return rest.rstrip(",") if len(rest) < len(said.rstrip()) else said

    def _escape(self) -> str:
        following = self._text[self._at + 1 : self._at + 2]
        if following == "u":
            pair = re.compile(
                r"(?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4})"
            ).match(self._text, self._at)
            if pair is not None:
                self._at = pair.end()
                units = [int(unit, 16) for unit in re.findall(r"\\u(.{4})", pair[0])]
                return b"".join(unit.to_bytes(2, "big") for unit in units).decode("utf-16-be", "replace")
        self._at = min(self._at + 2, self._end)
        if following in ESCAPES and following:
            return ESCAPES[following]
        self._note(Damage.CHARACTERS)
        return following

    def _ends_key(self, at: int) -> bool:
        ahead = self._ahead(at)
        return ahead[:1] == ":" or STARTS_VALUE.match(ahead) is not None

    def _ends_value(self, at: int, closers: str) -> bool:
        """Return whether what follows a quote can only follow a whole value."""
        ahead = self._ahead(at)
        if not ahead or (not closers and ahead[:1] in ")}];,"):
            return True
        match ahead[0]:
            case "}" | "]" | ")":
                return True
            case "+":
                return ahead[1:].lstrip()[:1] in tuple(QUOTES)
            case ",":
                return self._starts_member(self._ahead_of(ahead[1:]), closers)
        # A comma may be missing.
        if closers == "}":
            return bool(_QUOTED_KEY.match(ahead) or (at < self._end and _BARE_KEY.match(ahead)))
        if closers in ("]", ")"):
            between = self._text[at : at + AHEAD]
            blank = between[: len(between) - len(between.lstrip())]
            return bool(blank) and ahead[0] in QUOTES and bool(re.match(rf"[{QUOTES}][^{QUOTES}]*[{QUOTES}]", ahead))
        return False

    @staticmethod
    def _starts_member(ahead: str, closers: str) -> bool:
        if not ahead or ahead[0] in "}])," or ahead.startswith("..."):
            return True
        if closers == "}":
            return bool(_QUOTED_KEY.match(ahead) or _BARE_KEY.match(ahead))
        if closers in ("]", ")"):
            return bool(re.match(rf"[{QUOTES}{{\[(\d.-]|[A-Za-z]", ahead))
        return False

    # --- bare words and numbers -----------------------------------------------------------------------------

    def _bare(self, closers: str) -> object:
        if _CALL.match(self._text, self._at):
            return self._called(closers)
        stops = rf"[^\n\r,}}\]{')' if closers == ')' else ''}{QUOTES}]*"
        found = re.compile(stops).match(self._text, self._at)
        raw = found[0] if found is not None else ""
        raw = re.split(r"/\*|(?<!:)//", raw, maxsplit=1)[0]
        word = raw.strip()
        if not word:
            raise StrictJSONError("a value is missing")
        self._at += len(raw)
        if self._at < self._end and self._peek() in QUOTES and not _QUOTED_KEY.match(self._text, self._at):
            raise StrictJSONError("a quote inside words without quotes")
        if re.search(r":(?:\s|\Z)|[{\[]", word):
            raise StrictJSONError("a colon or a bracket inside words without quotes")
        at_end = self._at >= self._end
        return self._meaning(word, cut=at_end)

    def _meaning(self, word: str, *, cut: bool) -> object:
        if word in WORDS:
            return WORDS[word]
        if word in _LOOSE:
            self._note(Damage.LITERALS)
            return _LOOSE[word]
        if word in _NOT_FINITE:
            self._note(Damage.NOT_FINITE)
            self._doubt(None)
            return None
        if cut and self._open:  # whether a word or a number is whole is not known
            self._note(Damage.TRUNCATED)
            self._doubt(None)
        if len(word) > MAX_NUMBER and word[:2].strip("-")[:1].isdigit():
            raise StrictJSONError("a number that is too long")
        if STRICT_NUMBER.fullmatch(word):
            return Number(word)
        self._note(Damage.LITERALS)
        if _NUMBER.fullmatch(word) and word.isascii() and not re.match(r"-?0\d", word):
            whole, dot, part = word.lstrip("-").partition(".")
            mended = (
                ("-" if word[0] == "-" else "") + (whole or "0") + (dot + part if part and part[0].isdigit() else "")
            )
            return Number(mended)
        self._note(Damage.QUOTES)
        return word

    def _called(self, closers: str) -> object:
        """Read `ISODate("…")` as what stands in it."""
        before = self._at
        self._at = self._text.index("(", self._at) + 1
        self._blanks()
        if self._peek() not in QUOTES or not self._peek():
            number = re.compile(r"-?\d+\)").match(self._text, self._at)
            if number is None or closers == "":
                self._at = before
                raise StrictJSONError("words that look like a call")
            self._note(Damage.WRAPPED)
            self._at = number.end()
            return Number(number[0][:-1])
        value = self._quoted(lambda at: self._ahead(at)[:1] == ")", "")
        self._blanks()
        self._at += 1
        self._note(Damage.WRAPPED)
        return value
