"""HTML to the text that a reader would see, in one pass over the source, in time and memory proportional to its length.

No tree is built. libxml2 takes minutes for one tag with 250,000 attributes and drops everything below 255 nested
elements, and renderers that pad table columns make 100 MB of 100 kB; a mail needs neither. Tags are read by possessive
patterns, which never go back.
"""

import re
from dataclasses import dataclass, field

from adapters.cleaning.html.elements import (
    BARRIERS,
    BLOCKS,
    ENDED_BY,
    PARAGRAPHS,
    RAW,
    SKIPPED,
    STRUCK,
    TABLE_PARTS,
    VOID,
)
from adapters.cleaning.html.layout import TextWriter
from adapters.cleaning.html.quoting import Quote, Quotes, quote_of
from adapters.cleaning.html.source import attributes_of, find, unescape
from adapters.cleaning.html.styles import (
    BLACK,
    WHITE,
    Colour,
    StyleSheet,
    alike,
    colour,
    declarations,
    hides,
    see_through,
    strikes,
    tiny,
)
from adapters.cleaning.text.marks import without_marks
from domain.inbound.cleaned import CleanFlag

MAX_HTML_CHARS = 2_000_000
MAX_TAGS = 100_000
MAX_DEPTH = 256
MAX_VISIBLE_CHARS = 200_000
_SCOPE_SEARCH = 48  # how far up an end tag or an implied end looks for its start

_MARKUP = re.compile(r"<(?=[a-zA-Z/!?])")
_TAG = re.compile(r"""<(/?+)([a-zA-Z][^\s/>]*+)((?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+)?+)*+)>""")
_SIMPLE_TAG = re.compile(r"<(/?+)([a-zA-Z][^\s/>]*+)([^>]*+)>")
_STYLE_OR_COMMENT = re.compile(r"<!--|<style\b[^>]*+>", re.IGNORECASE)
_INTERESTING = ("style", "class", "id", "hidden", "color", "width", "type", "cite", "alt", "height", "start")
_SMALL = ("0", "1", "1px", "0px")

_FILLERS = re.compile(
    "[\\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2007\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff]+"
)


@dataclass
class HtmlText:
    """What a reader would see, and what was met on the way.

    `pictures`: some of it are pictures without words. `cut`: from some place on all was left away as an older message.
    """

    text: str
    flags: set[CleanFlag] = field(default_factory=set)
    pictures: bool = False
    cut: bool = False


@dataclass(slots=True)
class _Frame:
    tag: str
    hidden: bool = False
    tiny: bool = False
    invisible: bool = False
    dropped: bool = False
    pre: bool = False
    struck: bool = False
    ink: Colour | None = BLACK
    ground: Colour | None = WHITE
    ground_said: bool = False
    number: int = -1  # of the next item: 0 and more in an ordered list
    cells: int = 0
    lines_at_row: int = 0


def html_to_text(source: str, *, keep_quotes: bool = False, forwarded: bool = False) -> HtmlText:
    """Return the visible text of an HTML document or fragment; never raises, whatever the source is.

    Left out: comments, scripts, styles, templates, whatever inline styles or simple rules of the document's style
    sheets hide (flag `HIDDEN_TEXT` if that had any text), quoted older messages marked as such by mail programs (flag
    `QUOTED_HISTORY`; ">" stands in their place, so that the lines around them can be understood), what is struck out
    (flag `STRUCK_OUT`) and link targets. Quotations that nothing marks as an older message stand between marks.
    Forwarded messages stay (flag `FORWARDED`): they are what the sender wants to be read; `forwarded` tells that the
    subject says so. Rules for small screens, selectors with ancestors and background pictures are not followed. Too
    much input is cut (flag `TRUNCATED`).
    """
    flags: set[CleanFlag] = set()
    if len(source) > MAX_HTML_CHARS:
        source = source[:MAX_HTML_CHARS]
        flags.add(CleanFlag.TRUNCATED)
    reader = _Reader(source, flags, keep_quotes, forwarded)
    return HtmlText(reader.read(), flags, reader.pictures, reader.rest_quoted)


class _Reader:
    def __init__(self, source: str, flags: set[CleanFlag], keep_quotes: bool, forwarded: bool) -> None:
        self.source = source
        self.flags = flags
        self.keep_quotes = keep_quotes
        self.forwarded = forwarded
        self.writer = TextWriter()
        self.quotes = Quotes(self.writer, flags)
        self.pictures = False
        self.stack = [_Frame("")]
        self.open: dict[str, int] = {}
        self.too_deep = 0
        self.rest_quoted = False
        self.sheet = StyleSheet()

    def read(self) -> str:
        self._read_styles()
        self._read_body()
        self.quotes.close(0)
        return "".join(self.writer.parts)

    def _read_body(self) -> None:
        source, at, tags, pattern = self.source, 0, 0, _TAG
        while match := _MARKUP.search(source, at):
            start = match.start()
            if start > at:
                self._text(source[at:start])
            tags += 1
            if tags > MAX_TAGS or self.writer.chars > MAX_VISIBLE_CHARS:
                self.flags.add(CleanFlag.TRUNCATED)
                return
            if source[start + 1] in "!?" or (source[start + 1] == "/" and not source[start + 2 : start + 3].isalpha()):
                at = self._after_comment(start)
                continue
            tag = pattern.match(source, start)
            if tag is None and pattern is _TAG:
                # A quote that swallows the rest: from here on, tags end at the next ">". Tried once, so the whole stays
                # linear.
                pattern = _SIMPLE_TAG
                tag = pattern.match(source, start)
            if tag is None:
                self._text(source[start:])
                return
            at = tag.end()
            name = tag.group(2).lower()
            if tag.group(1):
                self._end(name)
            elif name in RAW:
                at = self._after_raw(name, at)
            else:
                self._start(name, tag.group(3), at)
        self._text(source[at:])

    def _read_styles(self) -> None:
        """Collect the style sheets first: one at the end of the document counts for its beginning."""
        at = seen = 0
        while seen < 20 and (match := _STYLE_OR_COMMENT.search(self.source, at)):
            closing = "-->" if match.group() == "<!--" else "</style"
            end = find(self.source, closing, match.end() - (2 if closing == "-->" else 0))
            if closing == "</style":
                seen += 1
                self.sheet.add(self.source[match.end() : len(self.source) if end < 0 else end])
            if end < 0:
                return
            at = end + len(closing)

    def _after_comment(self, start: int) -> int:
        if self.source.startswith("<!--", start):
            end = self.source.find("-->", start + 2)
            return len(self.source) if end < 0 else end + 3
        end = self.source.find(">", start)
        return len(self.source) if end < 0 else end + 1

    def _after_raw(self, name: str, at: int) -> int:
        if name == "script":
            self.flags.add(CleanFlag.SCRIPT_REMOVED)
        end = find(self.source, f"</{name}", at)
        inner = self.source[at:end] if end >= 0 else self.source[at:]
        if name in ("textarea", "xmp"):
            self._text(inner)
        elif name in ("template", "noscript") and _FILLERS.sub("", inner[:2000]) and not self._dropped():
            self.flags.add(CleanFlag.HIDDEN_TEXT)
        return end if end >= 0 else len(self.source)

    def _dropped(self) -> bool:
        return (self.rest_quoted or self.stack[-1].dropped) and not self.keep_quotes

    def _text(self, text: str) -> None:
        frame = self.stack[-1]
        if self._dropped():
            if text and not text.isspace():
                self.quotes.leave_out()
            return
        if "&" in text:
            text = unescape(text)
        text = without_marks(text)
        if frame.hidden or frame.tiny or frame.invisible or self._same_colour(frame):
            if _FILLERS.sub("", text[:4000]):
                self.flags.add(CleanFlag.HIDDEN_TEXT)
            return
        if frame.struck:
            if text.strip():
                self.flags.add(CleanFlag.STRUCK_OUT)
            self.writer.blank()
            return
        if text and not text.isspace():
            self.quotes.text()
        if frame.pre:
            self.writer.write_lines(text)
        else:
            self.writer.write(text)

    def _same_colour(self, frame: _Frame) -> bool:
        if frame.ink is BLACK or not alike(frame.ink, frame.ground):
            return False
        return frame.ground_said or not self.sheet.unseen_grounds

    def _start(self, name: str, raw: str, at: int) -> None:
        self._imply_ends(name)
        above = self.stack[-1]
        attributes = (
            attributes_of(raw) if raw and any(word in raw or word.upper() in raw for word in _INTERESTING) else {}
        )
        self._layout_start(name, above, attributes)
        if name == "hr" and "id" in attributes:
            self._begins_quote(name, attributes, at)
        if name in VOID or (raw.endswith("/") and ":" in name):
            return
        if len(self.stack) >= MAX_DEPTH:
            self.too_deep += 1
            return
        frame = _Frame(
            name, above.hidden, above.tiny, above.invisible, above.dropped, above.pre or name in ("pre", "listing"),
            above.struck or name in STRUCK, above.ink, above.ground, above.ground_said, 0 if name == "ol" else -1,
        )  # fmt: skip
        if name == "ol" and attributes.get("start", "")[:6].isdecimal():
            frame.number = int(attributes["start"][:6]) - 1
        self._apply_look(frame, name, attributes)
        if attributes or name == "blockquote":
            frame.dropped = frame.dropped or self._begins_quote(name, attributes, at)
        if name in SKIPPED:
            frame.hidden = True
        self.stack.append(frame)
        self.open[name] = self.open.get(name, 0) + 1

    def _layout_start(self, name: str, above: _Frame, attributes: dict[str, str]) -> None:
        writer = self.writer
        if name == "br":
            if not (above.hidden or above.dropped):
                writer.line_break()
        elif name in ("td", "th"):
            self._begin_cell(above)
        elif name == "li":
            number = above.number
            if number >= 0:
                above.number = number + 1
            writer.item(f"{number + 1}. " if number >= 0 else "- ")
        elif name == "img":
            self._image(attributes)
        elif name in PARAGRAPHS:
            writer.line(2 if name not in ("ul", "ol", "table") else 1)
        elif name in BLOCKS:
            if name == "tr":
                writer.drop_marker()
            writer.line(1)

    def _begin_cell(self, row: _Frame) -> None:
        """Join cells of one line each by a bar; a cell of several lines begins a line of its own."""
        writer = self.writer
        writer.cell(
            joined=bool(writer.parts) and row.tag == "tr" and row.cells > 0 and writer.lines == row.lines_at_row
        )
        if row.cells == 0:
            row.lines_at_row = writer.lines + (1 if writer.parts else 0)
        row.cells += 1

    def _image(self, attributes: dict[str, str]) -> None:
        alt = attributes.get("alt", "").strip()
        small = attributes.get("width", "") in _SMALL or attributes.get("height", "") in _SMALL
        if small or hides(declarations(attributes.get("style", ""))):
            return
        self.pictures = self.pictures or not (alt or self._dropped())
        if alt:
            self._text(f" {alt[:300].replace('&', '&amp;')} ")

    def _apply_look(self, frame: _Frame, name: str, attributes: dict[str, str]) -> None:
        classes = attributes.get("class", "").lower().split() if "class" in attributes else []
        css = self.sheet.of(name, attributes.get("id", "").lower(), classes) if self.sheet.by_key else {}
        if style := attributes.get("style"):
            css = {**css, **declarations(style)}
        if "hidden" in attributes or (name == "dialog" and "open" not in attributes):
            frame.hidden = True
        ink, ground = attributes.get("color"), attributes.get("bgcolor")
        if not (css or ink or ground):
            return
        frame.hidden = frame.hidden or hides(css)
        frame.struck = frame.struck or strikes(css)
        if "font-size" in css or "font" in css:
            frame.tiny = tiny(css, frame.tiny)
        if visibility := css.get("visibility"):
            frame.invisible = visibility in ("hidden", "collapse")
        self._apply_colours(frame, css, ink, ground)

    def _apply_colours(self, frame: _Frame, css: dict[str, str], ink: str | None, ground: str | None) -> None:
        said = css.get("color") or (ink.lower() if ink else None)
        if said and said != "inherit":
            frame.hidden = frame.hidden or see_through(said)
            frame.ink = colour(said)
        behind = css.get("background-color") or css.get("background") or (ground.lower() if ground else None)
        if css.get("background-image", "none") != "none" or (behind and ("url(" in behind or "gradient" in behind)):
            frame.ground, frame.ground_said = None, True
        elif behind and behind not in ("transparent", "none", "inherit", "initial") and not see_through(behind):
            frame.ground, frame.ground_said = colour(behind), True

    def _begins_quote(self, name: str, attributes: dict[str, str], at: int) -> bool:
        """Tell whether all that the element holds is left away."""
        quote = Quote.NONE if self._dropped() else quote_of(name, attributes, self.source, at)
        if quote is Quote.FORWARD or (quote is Quote.REST and self.forwarded):
            self.flags.add(CleanFlag.FORWARDED)
        elif quote is Quote.REST and not self.keep_quotes and self.writer.parts:
            self.rest_quoted = True
        elif quote is Quote.SIGNATURE:
            self.flags.add(CleanFlag.SIGNATURE)
        elif quote is Quote.WRAPPER and not self.keep_quotes:
            self.quotes.wrap(len(self.stack))
        elif quote is Quote.INDENTED:
            self.quotes.indent(len(self.stack))
        elif quote is Quote.OLDER and name == "blockquote" and not self.keep_quotes:
            self.quotes.older()
        return quote in (Quote.OLDER, Quote.SIGNATURE) or self.rest_quoted

    def _imply_ends(self, name: str) -> None:
        if name in BLOCKS and self.open.get("p"):
            self._close(frozenset({"p"}), BARRIERS | {"li", "div", "blockquote"}, 8)
        rule = ENDED_BY.get(name)
        if rule and any(self.open.get(tag) for tag in rule[0]):
            self._close(rule[0], rule[1], _SCOPE_SEARCH)

    def _end(self, name: str) -> None:
        if self.too_deep:
            self.too_deep -= 1
        elif self.open.get(name):
            self._close(
                frozenset({name}),
                frozenset() if name in TABLE_PARTS or name in ("body", "html") else BARRIERS,
                _SCOPE_SEARCH,
            )
        if name in ("li", "tr"):
            self.writer.drop_marker()
        if name in PARAGRAPHS:
            self.writer.line(2 if name not in ("ul", "ol") or not self.open.get("li") else 1)
        elif name in BLOCKS:
            self.writer.line(1)

    def _close(self, names: frozenset[str], barriers: frozenset[str], reach: int) -> None:
        stack = self.stack
        for index in range(len(stack) - 1, max(0, len(stack) - 1 - reach), -1):
            tag = stack[index].tag
            if tag in names:
                for frame in stack[index:]:
                    self.open[frame.tag] -= 1
                del stack[index:]
                self.quotes.close(index)
                if tag in ("td", "th"):
                    self.writer.end_cell()
                return
            if tag in barriers:
                return
