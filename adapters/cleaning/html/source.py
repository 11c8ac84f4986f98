"""The source of HTML, read piece by piece: attributes, character references, ends of raw text."""

import html as entities
import re
from collections.abc import Iterator
from itertools import islice

MAX_ATTRIBUTES = 40

_ATTRIBUTE = re.compile(r"""([^\s/>=][^\s/>=]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>"'][^\s>]*+))?+)?+""")
_LONG_REFERENCE = re.compile(r"&#(?:0*+[1-9][0-9]{7}|[xX]0*+[1-9a-fA-F][0-9a-fA-F]{6})[0-9a-fA-F]*+;?")
_LONG_ZEROS = re.compile(r"&#([xX]?)0{8,}+")


def attributes_of(raw: str) -> dict[str, str]:
    """Return the attributes of a tag by their names in small letters; of two of a name the first counts."""
    found: dict[str, str] = {}
    matches: Iterator[re.Match[str]] = islice(_ATTRIBUTE.finditer(raw), MAX_ATTRIBUTES)
    for match in matches:
        value = match.group(2) or match.group(3) or match.group(4) or ""
        name = match.group(1).lower()
        if name not in found:
            value = value[:4000]
            found[name] = unescape(value) if "&" in value else value
    return found


def unescape(text: str) -> str:
    """Return the text with its character references in clear."""
    # Numbers of many digits are no characters, and Python refuses to read those of thousands of digits.
    if "&#" in text:
        text = _LONG_REFERENCE.sub("\ufffd", _LONG_ZEROS.sub(r"&#\g<1>0", text))
    return entities.unescape(text)


def find(source: str, what: str, at: int) -> int:
    """Return where a word stands next, in any case of letters; -1 if nowhere."""
    match = re.compile(re.escape(what), re.IGNORECASE).search(source, at)
    return match.start() if match else -1
