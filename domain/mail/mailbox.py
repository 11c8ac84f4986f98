"""One mailbox of a header such as From, as RFC 5322 writes it and as programs write it all the same.

Read from the left in one pass. What two readers could take for different addresses has none.
"""

import re
from email.errors import HeaderParseError
from email.header import decode_header
from typing import NamedTuple

from domain.mail.addresses import ADDRESS, fold_address

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ESCAPED = re.compile(r"[\udc80-\udcff]")
_LOST = re.compile(r"[\ud800-\udfff\ufffd]")
_MAX_CHARS = 2_000  # of one header
# The pieces of a header: a quoted text, a comment's brackets, an address in angle brackets, what parts, a word.
_PIECE = re.compile(r'"((?:[^"\\]|\\.){0,2000})"|([()])|<([^<>]{0,400})>|([,;:])|([^\s"()<>,;:]+)|(\s+|.)', re.DOTALL)


class Mailbox(NamedTuple):
    """A name and an address; the address is None where it cannot be told for sure."""

    name: str
    address: str | None


NOBODY = Mailbox("", None)


def read_mailbox(header: str) -> Mailbox:
    """Read the mailbox of a header that is unfolded, but not yet decoded; never raises.

    >>> read_mailbox('"Ada L" <ada@example.org>')
    Mailbox(name='Ada L', address='ada@example.org')
    >>> read_mailbox("L, Ada <ada@example.org>")
    Mailbox(name='L, Ada', address='ada@example.org')
    >>> read_mailbox("ada@example.org (Ada (London))")
    Mailbox(name='', address='ada@example.org')
    >>> read_mailbox("a@example.org, b@example.org")
    Mailbox(name='', address=None)
    """
    read = _Read()
    for found in _PIECE.finditer(header[:_MAX_CHARS]):
        read.take(found)
    return read.mailbox()


def plain_text(raw: str) -> str:
    """Decode the encoded words of a header and return one line of text; never raises."""
    raw = _guessed(raw[:_MAX_CHARS])
    try:
        text = "".join(_chunk(*chunk) for chunk in decode_header(raw))
    except (ValueError, LookupError, HeaderParseError):  # encoded words that lie about their charset
        text = raw
    return " ".join(_CONTROL.sub(" ", text.encode("utf-8", "replace").decode()).split())


def as_utf8(value: str) -> str:
    """Return a header, whose bytes beyond ASCII are escaped as `surrogateescape` does, read as UTF-8 if it is that."""
    if value.isascii():
        return value
    try:
        return value.encode("utf-8", "surrogateescape").decode()
    except UnicodeError:
        return value


def _guessed(value: str) -> str:
    """Return a text whose bytes are no UTF-8 as old programs wrote it; no address is ever read so."""
    if not _ESCAPED.search(value):
        return value
    return _ESCAPED.sub(lambda found: bytes([ord(found.group()) - 0xDC00]).decode("windows-1252", "replace"), value)


def _chunk(text: bytes | str, charset: str | None) -> str:
    if isinstance(text, str):
        return text
    return text.decode(charset) if charset else text.decode("raw-unicode-escape")  # as `decode_header` encoded it


class _Read:
    """What of a header was read so far."""

    def __init__(self) -> None:
        self._name: list[str] = []
        self._bracketed: list[str] = []
        self._depth = 0
        self._odd = False

    def take(self, found: re.Match[str]) -> None:
        """Take the next piece."""
        quoted, bracket, angled, _, _, other = found.groups()
        if bracket == "(":
            self._depth += 1
        elif bracket == ")":
            self._odd |= self._depth == 0
            self._depth -= 1
        elif self._depth > 0:
            self._odd |= "@" in found.group()  # some would take what stands in a comment for the address
        elif angled is not None:
            self._bracketed.append(angled.strip())
        elif quoted is not None:
            self._add(re.sub(r"\\(.)", r"\1", quoted))
        else:
            self._odd |= other in ('"', "<", ">")  # one that closes nothing, or is not closed
            self._add(found.group())

    def _add(self, text: str) -> None:
        if self._bracketed and text.strip() not in ("", ",", ";"):
            self._odd = True  # words behind the address
        self._name.append(text)

    def mailbox(self) -> Mailbox:
        """Return what all of it says."""
        raw = "".join(self._name)
        if self._odd or self._depth:
            return NOBODY
        if not self._bracketed:
            bare = raw.strip(" ,;")
            return Mailbox("", bare) if ADDRESS.fullmatch(bare) and not _LOST.search(bare) else NOBODY
        name = plain_text(raw.strip(" ,;")).strip("\"' ").removesuffix(":").strip()
        addresses = {fold_address(address) for address in self._bracketed}
        address = self._bracketed[0]
        if len(addresses) > 1 or not ADDRESS.fullmatch(address) or _LOST.search(address):
            return NOBODY
        # A name that is the address again is what many programs write; any other address in it is a second one.
        if "@" in name and fold_address(name) not in addresses:
            return NOBODY
        return Mailbox(name, address)
