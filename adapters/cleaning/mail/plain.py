"""Plain text as its program meant it: flowed lines joined (RFC 3676), files inside the text and armour taken out."""

import re
from bisect import bisect_left

from adapters.cleaning.text.marks import SIGNED, without_marks

_UU_BEGIN = re.compile(r"begin [0-7]{3,4} (\S[^\n]{0,200})")
_UU_LINE = re.compile(r"[!-M`][ -`]{0,86}")
_YENC_BEGIN = re.compile(r"=ybegin [^\n]{0,300}?name=([^\n]{1,200})")
_SIGNATURE_LINE = re.compile(r"^--[ \xa0]\r?$", re.MULTILINE)
_PGP_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_PGP_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"
_PGP_ENCRYPTED = "-----BEGIN PGP MESSAGE-----"


def read_plain(text: str, *, flowed: bool = False, delsp: bool = False) -> tuple[str, list[str]]:
    """Return the text of a plain part, and the names of the files that stood inside it."""
    text = text.replace("\r\n", "\n")
    files: list[str] = []
    if "begin " in text or "=ybegin " in text:
        text = _without_files(text.split("\n"), files)
    if _PGP_SIGNED in text or _PGP_ENCRYPTED in text:
        text = _without_armour(text.split("\n"), files)
    if flowed:
        text = _joined(text.split("\n"), delsp=delsp)
    return signature_marked(text), files


def signature_marked(text: str) -> str:
    """Return the text with a mark for each line "-- ": later steps squeeze blanks, and "--" may be a line people draw.

    Marks that came with the text go.
    """
    return _SIGNATURE_LINE.sub(SIGNED, without_marks(text))


def _joined(lines: list[str], *, delsp: bool) -> str:
    """Join lines that end with a blank to the next one of the same depth of quotation."""
    out: list[str] = []
    pieces: list[str] = []
    depth = 0
    for whole in lines:
        bare = whole.lstrip(">")
        quoted, line = len(whole) - len(bare), bare.removeprefix(" ")
        if pieces and (quoted != depth or line == "-- "):
            out.append(_line(pieces, depth))
            pieces = []
        depth = quoted
        goes_on = line.endswith(" ") and line != "-- "
        pieces.append(line[:-1] if goes_on and delsp else line)
        if not goes_on:
            out.append(_line(pieces, depth))
            pieces = []
    if pieces:
        out.append(_line(pieces, depth))
    return "\n".join(out)


def _line(pieces: list[str], depth: int) -> str:
    line = "".join(pieces)
    if depth:
        return f"{'>' * depth} {line}"
    return f"›{line[1:]}" if line.startswith(">") else line  # its own sign, which would read as a quotation


def _without_files(lines: list[str], files: list[str]) -> str:
    """Take out uuencoded and yEnc files; what only begins like one stays."""
    uu_ends = [index for index, line in enumerate(lines) if line.rstrip() == "end"]
    y_ends = [index for index, line in enumerate(lines) if line.startswith("=yend ")]
    out: list[str] = []
    index = 0
    while index < len(lines):
        line = lines[index]
        begin = _UU_BEGIN.fullmatch(line.rstrip()) if line.startswith("begin ") else None
        ends = uu_ends
        if begin is not None and not (index + 1 < len(lines) and _UU_LINE.fullmatch(lines[index + 1])):
            begin = None
        if begin is None and line.startswith("=ybegin "):
            begin, ends = _YENC_BEGIN.match(line), y_ends
        end = bisect_left(ends, index)
        if begin is None or end == len(ends):
            out.append(line)
            index += 1
            continue
        files.append(begin.group(1).strip())
        index = ends[end] + 1
    return "\n".join(out)


def _without_armour(lines: list[str], files: list[str]) -> str:
    """Take the armour off a signed text; an encrypted one is a file that nobody here can read."""
    out: list[str] = []
    state = ""
    for line in lines:
        mark = line.rstrip()
        if mark == _PGP_SIGNED:
            state = "head"
        elif state == "head":
            state = "text" if not mark else "head"
        elif mark in (_PGP_SIGNATURE, _PGP_ENCRYPTED):
            state = "skip"
            if mark == _PGP_ENCRYPTED:
                files.append("encrypted message (PGP)")
        elif state == "skip":
            state = "" if mark.startswith("-----END PGP ") else "skip"
        else:
            out.append(line[2:] if state == "text" and line.startswith("- ") else line)
    return "\n".join(out)
