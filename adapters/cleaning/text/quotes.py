"""What a message carries besides what its sender has just written: older messages.

All by the line, from the first letters of a line, so that nothing is read twice. An older message goes only where
something shows how far it reaches: signs before each line, a quotation of HTML, or the end of the message behind words
of the sender's own. Everything else stays, and is flagged: a lost answer is worse than a kept quotation.
"""

import re

from adapters.cleaning.text.marks import LEFT_OUT, MARKS, QUOTE_BEGINS, QUOTE_ENDS
from adapters.cleaning.text.phrases import MailPatterns
from domain.inbound.cleaned import CleanFlag

_MAX_LINE = 400  # longer lines are prose
_MAX_HEADERS = 12

# Without one of these "On 3 May your agent wrote:" may be the sender's own story.
_TIME = r"(?<!\d)[0-9]{1,2}[:.h][0-9]{2}(?![.\d])"
_DIGIT = re.compile(r"[0-9]")
_CLOCK = re.compile(_TIME)
_TIME_OR_ADDRESS = re.compile(rf"@|{_TIME}")
_DATE = re.compile(r"(?<!\d)(?:19|20)[0-9]{2}(?!\d)|(?<!\d)[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,4}(?!\d)")
_ADDRESS = re.compile(r"[<(\[]\s?[^<>()\[\]\s]{1,100}@[^<>()\[\]\s]{3,100}\s?[>)\]]")
_DAY = (
    r"(?:[0-9]{1,2}[./-][0-9]{1,2}[./-](?:19|20)[0-9]{2}|(?:19|20)[0-9]{2}[./-][0-9]{1,2}[./-][0-9]{1,2}|"
    r"[0-9]{1,2}\.? [^\W\d_]{3,12}\.? (?:19|20)[0-9]{2}|[^\W\d_]{3,12}\.? [0-9]{1,2}, (?:19|20)[0-9]{2})(?![0-9])"
)
_WHOLE_DAY = re.compile(rf"(?<!\d){_DAY}")
# An address without brackets counts only where nothing but the day and the hour stands before it.
_SAID_BARELY = re.compile(
    rf"(?:[^\W\d_]{{2,14}}\.?,? )?{_DAY}(?: г\.)?,? (?:[^\W\d_]{{1,3}} )?[0-9]{{1,2}}[:.h][0-9]{{2}}(?::[0-9]{{2}})?"
    rf"(?: ?[AaPp]\.?[Mm]\.?)?(?:,? ?[+-][0-9]{{2}}:?[0-9]{{2}})?,? ?(?:[^\W\d_]{{1,4}} )?"
    r"[^\s<>()@,:]{1,64}@[^\s<>()@,:]{3,100}[:：]"
)
_SAID = re.compile(rf"(?=.{{0,300}}?{_TIME}).{{0,300}}?{_ADDRESS.pattern}.{{0,20}}[:：]$")


def without_history(lines: list[str], flags: set[CleanFlag], mail: MailPatterns, *, forwarded: bool) -> list[str]:
    """Return the lines without older messages, with a mark where one stood.

    `forwarded`: the subject says that a message is passed on; then what follows its headers is what the sender wants
    read.
    """
    reader = _History(lines, flags, mail, forwarded)
    while reader.index < len(lines):
        reader.step()
    return reader.kept


class _History:
    """Goes through the lines once; each step looks at one place and moves on."""

    def __init__(self, lines: list[str], flags: set[CleanFlag], mail: MailPatterns, forwarded: bool) -> None:
        self.lines = lines
        self.flags = flags
        self.mail = mail
        self.forwarded = forwarded
        self.kept: list[str] = []
        self.index = 0
        self.own = False  # whether any word before this place is the sender's

    def step(self) -> None:
        """Take the line at this place, or an older message that begins here."""
        line = self.lines[self.index].strip()
        if self.mail.forward.match(line):
            self._keep_rest(CleanFlag.FORWARDED)
        elif line.startswith(">"):
            self._quoted(line)
        elif length := attribution_length(self.lines, self.index, self.mail):
            self._attributed(length)
        elif length := self._heading_length():
            self._headed(length)
        else:
            self._keep(self.lines[self.index])

    def _keep(self, line: str) -> None:
        self.kept.append(line)
        self.own = self.own or (bool(line.strip()) and line not in MARKS)
        self.index += 1

    def _keep_rest(self, why: CleanFlag) -> None:
        """Keep whatever follows; if nothing of the sender's stands before it, nobody knows whose words these are."""
        self.flags.add(why)
        if not self.own:
            self.flags.add(CleanFlag.WHOSE_WORDS)
        self.kept += [line for line in self.lines[self.index :] if line not in MARKS]
        self.index = len(self.lines)

    def _skip(self, length: int) -> None:
        self.flags.add(CleanFlag.QUOTED_HISTORY)
        if not (self.kept and self.kept[-1] == LEFT_OUT):
            self.kept.append(LEFT_OUT)
        self.index += length

    def _quoted(self, line: str) -> None:
        lonely = not any(
            0 <= beside < len(self.lines) and self.lines[beside].lstrip().startswith(">")
            for beside in (self.index - 1, self.index + 1)
        )
        if line.startswith(">From ") and lonely:
            self._keep(line[1:])  # a mailbox file put the sign there
            return
        self._take_back_attribution()
        self._skip(1)

    def _take_back_attribution(self) -> None:
        """Leave out the line above a quotation if it says who wrote, however it says when."""
        at = len(self.kept) - 1
        while at >= 0 and not self.kept[at].strip():
            at -= 1
        if at < 0 or self.kept[at] in MARKS:
            return
        line = self.kept[at].strip()
        if _DIGIT.search(line) and self.mail.wrote_line.search(line[-150:]) and not self.mail.own_story.search(line):
            del self.kept[at:]
            self.own = any(text.strip() and text not in MARKS for text in self.kept)

    def _attributed(self, length: int) -> None:
        """Leave out an "On … wrote:" with what is marked as quoted below it, or all that follows."""
        if self._marked_quotation(length):
            return
        joined = " ".join(self.lines[self.index : self.index + length])
        apart = self.index == 0 or not self.lines[self.index - 1].strip()
        if self.own and (_ADDRESS.search(joined) or (apart and _DATE.search(joined))):
            self._leave_rest()
        elif self.own:
            self.flags.add(CleanFlag.QUOTED_HISTORY)
            self._keep(self.lines[self.index])
        else:
            self._keep_rest(CleanFlag.QUOTED_HISTORY)

    def _headed(self, length: int) -> None:
        """Leave out a divider or the headers of an older message with what is quoted below, or all that follows."""
        if self.forwarded:
            self._keep_rest(CleanFlag.FORWARDED)
        elif self._marked_quotation(length):
            return
        elif self.own:
            self._leave_rest()
        else:
            self._keep_rest(CleanFlag.QUOTED_HISTORY)

    def _marked_quotation(self, length: int) -> bool:
        """Leave out these lines and the quotation below them, if there is one that ends; tell whether there was."""
        below = next_filled(self.lines, self.index + length)
        if below < len(self.lines) and self.lines[below].lstrip().startswith(">"):
            self._skip(below - self.index)
            return True
        if below < len(self.lines) and self.lines[below] == QUOTE_BEGINS:
            end = next((i for i in range(below, len(self.lines)) if self.lines[i] == QUOTE_ENDS), len(self.lines))
            self._skip(end + 1 - self.index)
            return True
        return False

    def _leave_rest(self) -> None:
        """Leave out all that follows, unless the sender says that the answers stand in it."""
        if self.mail.answers_below.search("\n".join(self.kept)[-2_000:]):
            self.flags.add(CleanFlag.WHOSE_WORDS)
            self._keep_rest(CleanFlag.QUOTED_HISTORY)
        else:
            self._skip(len(self.lines) - self.index)

    def _heading_length(self) -> int:
        """Return over how many lines a divider and the headers of an older message go, 0 if there are none."""
        lines, index = self.lines, self.index
        line = lines[index].strip()
        divider = bool(line) and line[0] in "-_*#" and len(line) <= 200 and self.mail.divider.match(line) is not None
        start = next_filled(lines, index + 1) if divider else index
        headers = header_lines(lines, start, self.mail)
        if divider and not headers:
            # A bare rule is a divider only in front of headers: people draw lines too.
            return 1 if line.strip("_ ") else 0
        return start + headers - index if headers else 0


def attribution_length(lines: list[str], index: int, mail: MailPatterns) -> int:
    """Return over how many lines an "On … wrote:" at this place goes (mail programs wrap it), 0 if there is none.

    Where it may begin at a later line as well, it does: what stands above is the sender's.
    """
    if not _may_begin(lines[index].strip(), mail):
        return 0
    joined = ""
    for count in range(1, 4):
        if index + count > len(lines):
            return 0
        part = lines[index + count - 1].strip()
        if not part or len(part) > _MAX_LINE or (count > 1 and _begins_better(part, mail)):
            return 0
        joined = f"{joined} {part}".strip()
        if _says_who_wrote(joined, mail):
            return count
        if part.endswith(("!", "?", "...", "…")):
            return 0
    return 0


def _may_begin(line: str, mail: MailPatterns) -> bool:
    if not line or len(line) > _MAX_LINE:
        return False
    return _DIGIT.search(line, 0, 200) is not None or mail.wrote_start.match(line.strip("- ")) is not None


def _begins_better(line: str, mail: MailPatterns) -> bool:
    """Tell whether a line begins with a word such as "On" and a date, or says all by itself: it is no continuation."""
    if _DIGIT.search(line, 0, 60) is None:
        return False
    whole = _WHOLE_DAY.search(line, 0, 60) is not None and _says_who_wrote(line, mail)
    return whole or mail.wrote_word.match(line) is not None


def _says_who_wrote(joined: str, mail: MailPatterns) -> bool:
    if joined.startswith("----") and joined.endswith("----"):
        joined = joined.strip("- ") + ":"
    elif joined[-1].isalpha() and _ADDRESS.search(joined) and _DATE.search(joined):
        joined += ":"
    if mail.wrote_start.match(joined) and mail.wrote_line.search(joined[-150:]):
        return mail.own_story.search(joined) is None and _TIME_OR_ADDRESS.search(joined) is not None
    # In whatever language: a date, a time and an address in brackets, then a colon.
    return (
        joined[-1:] in (":", "：")
        and len(joined) <= _MAX_LINE
        and _DATE.search(joined) is not None
        and (_SAID.fullmatch(joined) is not None or _SAID_BARELY.fullmatch(joined) is not None)
    )


def header_lines(lines: list[str], index: int, mail: MailPatterns) -> int:
    """Return how many lines the headers of an older message take that begin here, 0 unless there are four at least, or
    three with "From:" among the first two and a date.
    """
    names: set[str] = set()
    end = index
    for place in range(index, min(index + _MAX_HEADERS, len(lines))):
        line = lines[place].strip()
        match = mail.header.match(line[:80] + " ")
        if match:
            names.add(match.group(1).lower())
            end = place + 1
        elif place == index:
            break
    if len(names) < 3 or (len(names) == 3 and not any(_when(line) for line in lines[index:end])):
        return 0  # forms have a few such lines as well; a message has a date
    top = lines[index:end] if len(names) > 3 else lines[index : index + 2]
    found = (mail.header.match(line.strip()[:80] + " ") for line in top)
    return end - index if any(match and mail.first_header.fullmatch(match.group(1)) for match in found) else 0


def _when(line: str) -> bool:
    return _DATE.search(line[:_MAX_LINE]) is not None or _CLOCK.search(line[:_MAX_LINE]) is not None


def next_filled(lines: list[str], index: int) -> int:
    """Return where the next line with anything on it is, the number of lines if there is none."""
    while index < len(lines) and not lines[index].strip():
        index += 1
    return index
