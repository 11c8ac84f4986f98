"""Which inline styles and simple style rules keep an element from being seen."""

import re
from dataclasses import dataclass, field

MAX_STYLE_CHARS = 4_000
MAX_SHEET_CHARS = 200_000
MAX_RULES = 3_000
_OFF_SCREEN = -400.0  # pixels or points: further than any decent negative margin
_TINY = 2.0

_NUMBER = re.compile(r"\s*+([+-]?+[0-9]{0,9}+(?:\.[0-9]{0,9}+)?+)\s*+([a-z%]{0,4})")
_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?")
_COMPOUND = re.compile(r"([a-zA-Z][a-zA-Z0-9]*+)?((?:[.#][\w-]++)*+)")
_PART = re.compile(r"[.#][\w-]++")
_BRACE = re.compile(r"[{}]")
_RGB = re.compile(r"rgba?\(([^)]{0,60})\)")
_HEX = re.compile(r"#([0-9a-f]{3,8})\b")
_NAMES = {
    "white": (255, 255, 255), "black": (0, 0, 0), "red": (255, 0, 0), "blue": (0, 0, 255), "green": (0, 128, 0),
    "yellow": (255, 255, 0),
    "gray": (128, 128, 128), "grey": (128, 128, 128), "silver": (192, 192, 192), "snow": (255, 250, 250),
    "ivory": (255, 255, 240),
    "whitesmoke": (245, 245, 245), "ghostwhite": (248, 248, 255), "floralwhite": (255, 250, 240), "navy": (0, 0, 128),
}  # fmt: skip
RELEVANT = frozenset(
    [
        "display",
        "visibility",
        "opacity",
        "font-size",
        "font",
        "color",
        "background",
        "background-color",
        "background-image",
        "text-indent",
        "position",
        "left",
        "top",
        "right",
        "bottom",
        "margin-left",
        "margin-top",
        "overflow",
        "overflow-x",
        "overflow-y",
        "height",
        "width",
        "max-height",
        "max-width",
        "clip",
        "clip-path",
        "transform",
        "content-visibility",
        "text-decoration",
        "text-decoration-line",
    ]
)
Colour = tuple[int, int, int]
WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)


def declarations(style: str) -> dict[str, str]:
    """Return the declarations that can hide something, the last of each name winning; comments and escapes are read as
    browsers do.
    """
    style = style[:MAX_STYLE_CHARS]
    if "/*" in style:
        style = without_comments(style)
    if "\\" in style:
        style = _ESCAPE.sub(lambda match: chr(min(int(match.group(1), 16), 0xFFFF) or 0xFFFD), style)
    found = {}
    for part in style.lower().split(";"):
        name, colon, value = part.partition(":")
        name = name.strip()
        if colon and name in RELEVANT:
            found[name] = value.replace("!important", "").strip()
    return found


def without_comments(css: str) -> str:
    """Return style text without its comments; one that is not closed runs to the end."""
    kept = []
    at = 0
    while (start := css.find("/*", at)) >= 0:
        kept.append(css[at:start])
        end = css.find("*/", start + 2)
        if end < 0:
            return "".join(kept)
        at = end + 2
    return "".join(kept) + css[at:]


def hides(css: dict[str, str]) -> bool:
    """Tell whether an element with these declarations is out of sight with all it holds, whatever its children say."""
    if css.get("display", "").startswith("none") or css.get("content-visibility") == "hidden":
        return True
    if (opacity := _number(css.get("opacity"))) is not None and opacity[0] <= (5 if opacity[1] == "%" else 0.05):
        return True
    if (
        _at_most(css.get("text-indent"), _OFF_SCREEN)
        or _at_most(css.get("margin-left"), _OFF_SCREEN)
        or _at_most(css.get("margin-top"), _OFF_SCREEN)
    ):
        return True
    if css.get("position") in ("absolute", "fixed", "relative") and any(
        _at_most(css.get(side), _OFF_SCREEN) for side in ("left", "top", "right", "bottom")
    ):
        return True
    if any(
        css.get(name, "").startswith(("hidden", "clip")) for name in ("overflow", "overflow-x", "overflow-y")
    ) and any(_at_most(css.get(name), 1.0) for name in ("height", "max-height", "width", "max-width")):
        return True
    clip = css.get("clip", "").replace(" ", "").replace("px", "")
    if clip in ("rect(0,0,0,0)", "rect(1,1,1,1)", "rect(0000)"):
        return True
    if css.get("clip-path", "").replace(" ", "").startswith(("inset(50%", "inset(100%", "circle(0", "polygon(00)")):
        return True
    return css.get("transform", "").replace(" ", "").startswith(("scale(0)", "scale(0,", "scalex(0)", "scaley(0)"))


def strikes(css: dict[str, str]) -> bool:
    """Tell whether text with these declarations is struck out; no element inside can take that back."""
    return "line-through" in css.get("text-decoration", "") or "line-through" in css.get("text-decoration-line", "")


def tiny(css: dict[str, str], before: bool) -> bool:
    """Tell whether text is too small to be read; `before` is the answer for the element around (font sizes are
    inherited).
    """
    size = css.get("font-size")
    if size is None and "font" in css:
        size = next((word for word in css["font"].split() if word[:1].isdigit() or word[:1] == "."), None)
    number = _number(size)
    if number is None:
        return before if size is None or size in ("inherit", "smaller", "larger") else False
    value, unit = number
    if unit in ("em", "%", "ex", "ch"):
        return before or value <= (0.1 if unit != "%" else 10.0)
    return value <= (0.15 if unit == "rem" else _TINY)


def colour(value: str | None) -> Colour | None:
    """Return a colour as red, green, blue (0 to 255); None if it is not said or not understood."""
    if not value:
        return None
    if match := _HEX.search(value):
        digits = match.group(1)
        if len(digits) in (3, 4):
            digits = "".join(digit * 2 for digit in digits[:3])
        return (int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)) if len(digits) >= 6 else None
    if match := _RGB.search(value):
        numbers = [
            _number(part) for part in match.group(1).replace("/", ",").replace(" ", ",").split(",") if part.strip()
        ]
        if len(numbers) >= 3 and all(numbers[:3]):
            red, green, blue = (int(min(max(number[0], 0), 255)) for number in numbers[:3] if number)
            return red, green, blue
        return None
    return _NAMES.get(value.split()[0]) if value.split() else None


def see_through(value: str | None) -> bool:
    """Tell whether a text colour has no opacity."""
    if not value:
        return False
    if value == "transparent":
        return True
    match = _RGB.search(value)
    parts = match.group(1).replace("/", ",").split(",") if match else []
    alpha = _number(parts[3]) if len(parts) == 4 else None
    return alpha is not None and alpha[0] <= 0.05


def alike(one: Colour | None, other: Colour | None) -> bool:
    """Tell whether text in one colour cannot be told from a ground in the other."""
    return one is not None and other is not None and all(abs(a - b) <= 6 for a, b in zip(one, other, strict=True))


def _number(value: str | None) -> tuple[float, str] | None:
    if not value:
        return None
    match = _NUMBER.match(value)
    if match is None:
        return None
    try:
        return float(match.group(1)), match.group(2)
    except ValueError:
        return None


def _at_most(value: str | None, limit: float) -> bool:
    number = _number(value)
    if number is None or (number[1] in ("em", "rem") and limit < 0 and number[0] > limit / 16):
        return False
    return number[0] <= (limit if number[1] not in ("em", "rem") or limit > 0 else limit / 16)


@dataclass
class StyleRule:
    """One simple selector (`td.note`, `.a.b`, `#x`) with the declarations that matter here."""

    tag: str | None
    ident: str | None
    classes: frozenset[str]
    css: dict[str, str]


@dataclass
class StyleSheet:
    """Rules of a document's style elements, found by tag, class or id; selectors with ancestors or states are left out.

    `unseen_grounds` tells that a rule left out sets a background: then "white on white" cannot be known from what is
    here.
    """

    by_key: dict[str, list[StyleRule]] = field(default_factory=dict)
    unseen_grounds: bool = False
    count: int = 0

    def add(self, css: str) -> None:
        """Read a style element; rules for other media than all and screen do not count."""
        css = without_comments(css[:MAX_SHEET_CHARS]).replace("<!--", " ").replace("-->", " ")
        skipping = 0
        at = 0
        selector = ""
        inside = False
        for brace in _BRACE.finditer(css):
            before = css[at : brace.start()]
            at = brace.end()
            if brace.group() == "}":
                if inside:
                    self._add_rule(selector, before)
                    inside = False
                elif skipping:
                    skipping -= 1
                continue
            head = before.rpartition(";")[2].strip().lower()
            if skipping or (head.startswith("@") and head.split("{")[0].strip() not in ("@media all", "@media screen")):
                skipping += 1
            elif not head.startswith("@"):
                selector, inside = head, True
            if self.count >= MAX_RULES:
                return

    def _add_rule(self, selectors: str, body: str) -> None:
        css = declarations(body)
        if not css:
            return
        for selector in selectors.split(",")[:50]:
            self.count += 1
            match = _COMPOUND.fullmatch(selector.strip())
            if match is None or not selector.strip():
                self.unseen_grounds |= "background" in css or "background-color" in css
                continue
            parts = _PART.findall(match.group(2))
            classes = frozenset(part[1:] for part in parts if part[0] == ".")
            ident = next((part[1:] for part in parts if part[0] == "#"), None)
            tag = match.group(1)
            key = f"#{ident}" if ident else f".{min(classes)}" if classes else str(tag)
            rules = self.by_key.setdefault(key, [])
            if len(rules) < 20:
                rules.append(StyleRule(tag, ident, classes, css))

    def of(self, tag: str, ident: str, classes: list[str]) -> dict[str, str]:
        """Return the declarations that apply to an element (later rules win; weights of selectors are not counted)."""
        found: dict[str, str] = {}
        keys = [tag, *(f".{name}" for name in classes[:20]), f"#{ident}" if ident else ""]
        for key in keys:
            for rule in self.by_key.get(key, ()):
                if (rule.tag in (None, tag)) and (rule.ident in (None, ident)) and rule.classes.issubset(classes):
                    found.update(rule.css)
        return found
