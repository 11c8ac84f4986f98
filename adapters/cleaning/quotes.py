"""What a message carries besides what its sender has just written: older messages, signatures, disclaimers.

All by the line, from the first letters of a line or from the end of the message, so that nothing is read twice. When
nothing would be left, the message stays as it is: somebody who forwards a mail without a word still says something.
"""

import re

from adapters.cleaning.phrases import MailPatterns
from domain.inbound.cleaned import CleanFlag

MAX_SIGNATURE_LINES = 10
_GAPS = re.compile(r"\n{3,}")
_MAX_CLOSING = 80
_MAX_SENT_FROM = 120
_MAX_LINE = 400  # longer lines are prose

# Without one of these "On 3 May your agent wrote:" may be the sender's own story.
_TIME_OR_ADDRESS = re.compile(r"@|(?<!\d)[0-9]{1,2}[:.h][0-9]{2}(?![.\d])")
_NAME_LINE = re.compile(
    r"(?:-|–|—)?\s?[^\W\d_][^\W\d_'’.-]*+\.?(?:\s(?:[^\W\d_]\.?|[^\W\d_][^\W\d_'’.-]*+\.?)){0,4}[.,]?"
)
_URL = re.compile(r"https?://\S+", re.IGNORECASE)


def strip_extras(text: str, mail: MailPatterns) -> tuple[str, set[CleanFlag]]:
    """Return what the sender wrote, without quoted history, signature and disclaimers, and which of these were there.

    Order numbers, references, questions and amounts that stand in a signature are kept. Answers between or below quoted
    lines are kept.
    """
    flags: set[CleanFlag] = set()
    lines = _without_disclaimers(_without_history(text.split("\n"), flags, mail), flags, mail)
    while _drop_signature(lines, flags, mail):
        pass
    kept = _GAPS.sub("\n\n", "\n".join(lines)).strip()
    return (kept, flags) if kept else (text, set())


def _without_history(lines: list[str], flags: set[CleanFlag], mail: MailPatterns) -> list[str]:
    kept: list[str] = []
    index = 0
    while index < len(lines):
        line = lines[index].strip()
        if mail.forward.match(line):
            return kept + lines[index:]
        if line.startswith(">"):
            flags.add(CleanFlag.QUOTED_HISTORY)
            index += 1
            continue
        attribution = _attribution_length(lines, index, mail)
        if attribution:
            follows = _next_filled(lines, index + attribution)
            flags.add(CleanFlag.QUOTED_HISTORY)
            if follows < len(lines) and lines[follows].lstrip().startswith(">"):
                index += attribution
                continue
            return kept
        if (
            kept
            and any(part.strip() for part in kept)
            and (_starts_header_block(lines, index, mail) or _divides(lines, index, mail))
        ):
            flags.add(CleanFlag.QUOTED_HISTORY)
            return kept
        kept.append(lines[index])
        index += 1
    return kept


def _divides(lines: list[str], index: int, mail: MailPatterns) -> bool:
    line = lines[index].strip()
    if not line or line[0] not in "-_*#" or len(line) > 200 or not mail.divider.match(line):
        return False
    # A bare rule is a divider only in front of a header block: people draw lines too.
    return line.strip("_ ") != "" or _starts_header_block(lines, _next_filled(lines, index + 1), mail)


def _attribution_length(lines: list[str], index: int, mail: MailPatterns) -> int:
    """Return over how many lines an "On … wrote:" at this place goes (mail programs wrap it), 0 if there is none."""
    first = lines[index].strip()
    if not first or len(first) > _MAX_LINE or not mail.wrote_start.match(first):
        return 0
    joined = ""
    for count in range(1, 4):
        if index + count > len(lines):
            return 0
        part = lines[index + count - 1].strip()
        if not part or len(part) > _MAX_LINE:
            return 0
        joined = f"{joined} {part}".strip()
        if mail.wrote_line.search(joined[-150:]):
            told = mail.own_story.search(joined) or not _TIME_OR_ADDRESS.search(joined)
            return 0 if told else count
    return 0


def _starts_header_block(lines: list[str], index: int, mail: MailPatterns) -> bool:
    """Tell whether at least three mail headers begin here, "From:" first."""
    if index >= len(lines):
        return False
    match = mail.header.match(lines[index].strip()[:80] + " ")
    if match is None or not mail.first_header.fullmatch(match.group(1)):
        return False
    names = {match.group(1).lower()}
    for line in lines[index + 1 : index + 8]:
        if further := mail.header.match(line.strip()[:80] + " "):
            names.add(further.group(1).lower())
    return len(names) >= 3


def _next_filled(lines: list[str], index: int) -> int:
    while index < len(lines) and not lines[index].strip():
        index += 1
    return index


def _without_disclaimers(lines: list[str], flags: set[CleanFlag], mail: MailPatterns) -> list[str]:
    """Drop paragraphs that are legal notices; the first paragraph is never one."""
    first = _next_filled(lines, 0)
    kept: list[str] = []
    index = 0
    while index < len(lines):
        starts = (
            index > first
            and (not lines[index - 1].strip() or len(lines[index]) > 80)
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


def _drop_signature(lines: list[str], flags: set[CleanFlag], mail: MailPatterns) -> bool:
    """Cut one signature from the end, in place; tell whether there was one. Looks at the last few lines only."""
    while lines and not lines[-1].strip():
        lines.pop()
    if lines and _is_sent_from(lines[-1].strip(), mail):
        return _cut(lines, len(lines) - 1, flags, mail)
    filled = 0
    for index in range(len(lines) - 1, -1, -1):
        line = lines[index].strip()
        if not line:
            continue
        filled += 1
        if filled > MAX_SIGNATURE_LINES + 2:
            return False
        signed = len(line) <= _MAX_CLOSING and mail.closing.fullmatch(line) and _looks_signed(lines[index + 1 :], mail)
        if line in ("--", "—") or _is_sent_from(line, mail) or signed:
            return _cut(lines, index, flags, mail)
    return False


def _is_sent_from(line: str, mail: MailPatterns) -> bool:
    return len(line) < _MAX_SENT_FROM and mail.sent_from.match(line) is not None


def _cut(lines: list[str], start: int, flags: set[CleanFlag], mail: MailPatterns) -> bool:
    """Cut from a line on, keeping order numbers and the like; never the whole message. Tell whether lines went."""
    if not any(lines[index].strip() for index in range(start)):
        return False
    before = len(lines)
    # A question mark in the address of an advertisement asks nothing.
    lines[start:] = [line for line in lines[start:] if mail.kept_line.search(_URL.sub("", line[:_MAX_LINE]))]
    if len(lines) == before:
        return False
    flags.add(CleanFlag.SIGNATURE)
    return True


def _looks_signed(tail: list[str], mail: MailPatterns) -> bool:
    """Tell whether what follows a closing phrase is a name with title, firm and numbers, not more of the message."""
    filled = [line.strip() for line in tail if line.strip()]
    if not filled:
        return False
    if len(filled) > MAX_SIGNATURE_LINES or any(len(line) > 90 for line in filled):
        return False
    first = filled[0]
    words = first.split()
    named = bool(_NAME_LINE.fullmatch(first)) and (
        all(word[:1].isupper() for word in words[:2]) or (not first.isascii() and len(words) <= 4)
    )
    if not named:
        return False
    return all(
        mail.kept_line.search(line)
        or mail.contact_line.search(line)
        or (len(line.split()) <= 7 and not line.endswith(("?", "!")))
        for line in filled[1:]
    )
