"""What a message carries besides what its sender has just written: signatures, footers of lists, legal notices.

All from the end of the message or of the words before a quotation. Order numbers, references, questions and amounts
that stand in a signature are kept, and so is what reads like a sentence.
"""

import re

from adapters.cleaning.text.marks import LEFT_OUT, MARKS, SIGNED
from adapters.cleaning.text.phrases import MailPatterns
from adapters.cleaning.text.quotes import next_filled
from domain.inbound.cleaned import CleanFlag

MAX_SIGNATURE_LINES = 10
_MAX_FOOTER_LINES = 8
_MAX_CLOSING = 80
_MAX_SENT_FROM = 120
_MAX_CARD_LINE = 90
_MAX_LINE = 400
_NAME_LINE = re.compile(
    r"(?:-|–|—)?\s?[^\W\d_][^\W\d_'’.-]*+\.?(?:\s(?:[^\W\d_]\.?|[^\W\d_][^\W\d_'’.-]*+\.?)){0,4}[.,]?"
)
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_RULE = re.compile(r"_{2,}|[=*-]{10,}")
_LINK = re.compile(r"https?://|www\.|\S@\S")
_ADDRESS = re.compile(r"\S@\S")
_PARTICLES = frozenset(
    [
        "van",
        "von",
        "vom",
        "zu",
        "zum",
        "de",
        "der",
        "den",
        "da",
        "di",
        "del",
        "della",
        "do",
        "dos",
        "la",
        "le",
        "el",
        "bin",
        "al",
        "und",
        "and",
        "y",
        "e",
    ]
)
_AFTERTHOUGHT = re.compile(r"(?:p\.? ?s|p\.? ?d|n\.? ?b|p\.? ?p\.? ?s)\b[.:)!,-]", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")


def without_notices(lines: list[str], flags: set[CleanFlag], mail: MailPatterns, *, written: bool = False) -> list[str]:
    """Return the lines without paragraphs that are legal notices; the first paragraph of a message is never one.

    `written`: words of the sender stand before these lines.
    """
    first = -1 if written else next_filled(lines, 0)
    kept: list[str] = []
    index = 0
    while index < len(lines):
        starts = (
            index > first
            and (index == 0 or not lines[index - 1].strip() or lines[index - 1] in MARKS or len(lines[index]) > 80)
            and mail.notice.match(lines[index][:120])
        )
        if starts:
            end = index
            while end < len(lines) and lines[end].strip():
                end += 1
            paragraph = " ".join(lines[index:end])[:4000]
            if len(set(mail.notice_word.findall(paragraph.lower()))) >= (1 if len(paragraph) < 160 else 2):
                flags.add(CleanFlag.DISCLAIMER)
                index = end
                continue
        kept.append(lines[index])
        index += 1
    return kept


def without_signatures(
    lines: list[str], flags: set[CleanFlag], mail: MailPatterns, *, written: bool = False
) -> list[str]:
    """Return the lines without signatures: those at the end, and those above an older message that was left out.

    `written`: words of the sender stand before these lines; without any the last words are never cut.
    """
    segments: list[list[str]] = [[]]
    for line in lines:
        if line == LEFT_OUT:
            segments.append([])
        else:
            segments[-1].append(line)
    filled = [segment for segment in segments if any(line.strip() for line in segment)]
    out: list[str] = []
    for segment in filled:
        last = segment is filled[-1]
        above = written or not last or any(line.strip() for line in out)
        while _drop_signature(segment, flags, mail, last=last, written=above):
            pass
        out += [*segment, ""]
    return out


def _drop_signature(lines: list[str], flags: set[CleanFlag], mail: MailPatterns, *, last: bool, written: bool) -> bool:
    """Cut one signature from the end, in place; tell whether there was one. Looks at the last few lines only.

    Between quotations (not `last`) only the line "-- " begins one: a short answer may look like a name. `written`
    tells that there are other words of the sender.
    """
    while lines and not lines[-1].strip():
        lines.pop()
    if lines and _is_sent_from(lines[-1].strip(), mail):
        return _cut(lines, len(lines) - 1, flags, mail, written=written)
    filled = 0
    for index in range(len(lines) - 1, -1, -1):
        line = lines[index].strip()
        if not line:
            continue
        filled += 1
        if filled > MAX_SIGNATURE_LINES + 2:
            return False
        if line == SIGNED or (last and _begins_signature(lines, index, filled, mail)):
            return _cut(lines, index, flags, mail, written=written)
    return False


def _begins_signature(lines: list[str], index: int, filled: int, mail: MailPatterns) -> bool:
    line, tail = lines[index].strip(), lines[index + 1 :]
    if line in ("--", "—"):
        return all(_on_card(below.strip(), mail) for below in tail[: _afterthought(tail)] if below.strip())
    if _is_sent_from(line, mail):
        return all(_LINK.search(below) for below in tail if below.strip())
    if _RULE.fullmatch(line):
        below = [text for text in tail if text.strip()]
        linked = sum(_LINK.search(text) is not None for text in below)
        addressed = any(_ADDRESS.search(text) for text in below)
        return addressed and 1 < filled <= _MAX_FOOTER_LINES + 1 and linked * 2 >= len(below)
    return len(line) <= _MAX_CLOSING and mail.closing.fullmatch(line) is not None and _looks_signed(tail, mail)


def _is_sent_from(line: str, mail: MailPatterns) -> bool:
    return len(line) < _MAX_SENT_FROM and mail.sent_from.match(line) is not None


def _cut(lines: list[str], start: int, flags: set[CleanFlag], mail: MailPatterns, *, written: bool) -> bool:
    """Cut from a line on, keeping order numbers, afterthoughts and the like; never the whole message. Tell whether
    lines went.
    """
    if not written and not any(lines[index].strip() for index in range(start)):
        return False
    before = len(lines)
    tail = lines[start:]
    after = _afterthought(tail)
    # A question mark in the address of an advertisement asks nothing.
    kept = [line for line in tail[:after] if mail.kept_line.search(_URL.sub("", line[:_MAX_LINE]))]
    lines[start:] = kept + tail[after:]
    if len(lines) == before:
        return False
    flags.add(CleanFlag.SIGNATURE)
    return True


def _looks_signed(tail: list[str], mail: MailPatterns) -> bool:
    """Tell whether what follows a closing phrase is a name with title, firm and numbers, not more of the message."""
    lines = [line.strip() for line in tail[: _afterthought(tail)]]
    first = next_filled(lines, 0)
    filled = [line for line in lines if line]
    if not filled or len(filled) > MAX_SIGNATURE_LINES or any(len(line) > _MAX_CARD_LINE for line in filled):
        return False
    return _is_name(lines[first]) and all(_on_card(line, mail) for line in filled[1:])


def _is_name(line: str) -> bool:
    """Tell whether a line may be a name: words with capitals, or a few in a script that has none."""
    words = [word for word in _WORD.findall(line) if word.lower() not in _PARTICLES]
    capitals = all(not word[0].islower() for word in words)
    return _NAME_LINE.fullmatch(line) is not None and capitals and (line.isascii() or len(words) <= 4)


def _afterthought(tail: list[str]) -> int:
    """Return where a "PS:" stands, the number of lines if nowhere."""
    return next((index for index, line in enumerate(tail) if _AFTERTHOUGHT.match(line.strip())), len(tail))


def _on_card(line: str, mail: MailPatterns) -> bool:
    """Tell whether a line may stand on a card: names, titles, numbers; a sentence has more words in small letters."""
    if mail.kept_line.search(line) or mail.contact_line.search(line) or mail.closing.fullmatch(line):
        return True
    if len(line) > _MAX_CARD_LINE or len(line.split()) > 7 or line.endswith(("?", "!")):
        return False
    words = [word for word in _WORD.findall(line) if len(word) > 3]
    small = sum(word[0].islower() for word in words)
    return small == 0 or (not line[0].islower() and small * 2 < len(words))
