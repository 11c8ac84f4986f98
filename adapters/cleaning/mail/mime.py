"""The parts of a message (RFC 2045, 2046), each with its headers and bytes; in time proportional to its length.

The standard library's parser compares each line with each boundary that is open, and opens attached messages. Here a
part is split by its own boundary only, down to a fixed depth, and what is inside a `message/*` part stays shut. Headers
are read by the standard library.
"""

import base64
import binascii
import email
import email.policy
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header

from adapters.cleaning.mail.charsets import decode

MAX_HEADER_SOURCE = 2_000  # the standard library reads a header's parameters in time that grows with its square
_MAX_HEADER_CHARS = 1_000
_MAX_HEAD = 64 * 1024
_SPACE = re.compile(r"\s+")
_BLANK_LINE = re.compile(rb"\r?\n[ \t]*+\r?\n")
_LEADING_BLANK = re.compile(rb"[ \t]*\r?\n")
_GUESSED = re.compile(rb"^--([^\s-][^\r\n]{0,200}?)[ \t]*\r?$", re.MULTILINE)
_SOFT_BREAK = re.compile(rb"=[ \t]++(?=\r?\n)")
_BASE64_LINES = re.compile(rb"(?:[A-Za-z0-9+/=]*+[ \t]*+(?:\r?\n|\Z))*+")
_FEWEST_DIGITS = 20
_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


class _ShortHeaders(email.policy.Compat32):
    """The old header policy, with an end to the length of a header.

    The new one reads headers by recursive descent, which hostile headers keep busy for minutes.
    """

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:MAX_HEADER_SOURCE]


_POLICY = _ShortHeaders()


class Part:
    """One part: what its headers say, and its bytes.

    Args:
        source: the part, headers first.
        default: its type if it names none (in a digest, parts are messages).
    """

    def __init__(self, source: bytes, default: str = "text/plain") -> None:
        head, body = _split_head(source)
        self._headers = email.message_from_bytes(head, policy=_POLICY)
        stray = self._headers.get_payload()  # a line that is no header ends the head
        lost = stray.encode("ascii", "surrogateescape") if isinstance(stray, str) else b""
        self.body = lost + b"\n\n" + body if lost.strip() else body
        self._headers.set_default_type(default)
        self.kind = self._headers.get_content_type()
        self.disposition = self._headers.get_content_disposition()

    @property
    def is_multipart(self) -> bool:
        """Whether it is made of parts."""
        return self.kind.startswith("multipart/")

    @property
    def name(self) -> str:
        """The file name, "" if there is none."""
        try:
            name = self._headers.get_filename()
        except (ValueError, LookupError, HeaderParseError):
            name = None
        return _SPACE.sub(" ", decoded_words(name)).strip()[:200] if name else ""

    def parameter(self, name: str) -> str:
        """Return a parameter of the content type, "" if it is not there."""
        try:
            value = self._headers.get_param(name)
        except (ValueError, LookupError):
            return ""
        return str(value[2] if isinstance(value, tuple) else value or "")

    def header(self, name: str) -> str:
        """Return a header in clear, on one line."""
        raw = next((value for key, value in self._headers.raw_items() if key.lower() == name.lower()), "")
        return _SPACE.sub(" ", decoded_words(str(raw)[:_MAX_HEADER_CHARS])).strip()

    def parts(self, limit: int) -> Iterator["Part"]:
        """Yield the parts of a multipart in their order, at most `limit`; none if no boundary of its is there."""
        body = self.body
        boundary = self.parameter("boundary").rstrip().encode("utf-8", "surrogateescape")
        starts = _delimiters(body, boundary) if boundary else []
        if not starts and (guessed := _GUESSED.search(body)):
            starts = _delimiters(body, guessed.group(1).rstrip())
        default = "message/rfc822" if self.kind == "multipart/digest" else "text/plain"
        for number, (_, start, last) in enumerate(starts[:limit]):
            if last:
                return
            end = starts[number + 1][0] if number + 1 < len(starts) else len(body)
            yield Part(body[start:end].removeprefix(b"\r").removeprefix(b"\n"), default)

    def content(self) -> bytes:
        """Return the bytes without their transfer encoding, however broken it is."""
        encoding = self.header("Content-Transfer-Encoding").lower()
        if "quoted" in encoding:
            return binascii.a2b_qp(_SOFT_BREAK.sub(b"=", self.body))
        if "base64" in encoding:
            return _from_base64(self.body)
        return self.body


def _split_head(source: bytes) -> tuple[bytes, bytes]:
    if blank := _LEADING_BLANK.match(source):
        return b"", source[blank.end() :]
    gap = _BLANK_LINE.search(source)
    if gap is None:
        return source[:_MAX_HEAD], source[_MAX_HEAD:]
    return source[: min(gap.start(), _MAX_HEAD)] + b"\n\n", source[gap.end() :]


def _delimiters(body: bytes, boundary: bytes) -> list[tuple[int, int, bool]]:
    """Return where each delimiter line begins and ends, and whether it is the last one."""
    pattern = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*+(?=\r?\n|\Z)")
    return [(match.start(), match.end(), bool(match.group(1))) for match in pattern.finditer(body)]


def _from_base64(body: bytes) -> bytes:
    """Decode base64, and keep what a list put behind it in clear; words from the start never were base64."""
    match = _BASE64_LINES.match(body)
    end = match.end() if match else 0
    tail = body[end:].strip()
    if b" " not in tail:
        return _lenient_base64(body)
    if end < _FEWEST_DIGITS:
        return body
    return _lenient_base64(body[:end]) + b"\n\n" + tail


def _lenient_base64(body: bytes) -> bytes:
    """Decode whatever digits are there, padding or not; padding in the middle ends a block."""
    blocks = (_NO_BASE64.sub(b"", block) for block in body.split(b"="))
    return b"".join(_block(digits) for digits in blocks if digits)


def _block(digits: bytes) -> bytes:
    digits = digits[:-1] if len(digits) % 4 == 1 else digits
    return base64.b64decode(digits + b"=" * (-len(digits) % 4))


def decoded_words(raw: str) -> str:
    """Return a header's value with its encoded words (RFC 2047) in clear; bytes beyond ASCII are read as a body's are.

    >>> decoded_words("=?utf-8?q?R=C3=BCckzahlung?=")
    'Rückzahlung'
    """
    if not raw.isascii():
        raw = decode(raw.encode("utf-8", "surrogateescape"), None)[0]
    try:
        pieces = decode_header(raw)
    except HeaderParseError:  # an encoded word that is none: as it stands
        return raw
    return "".join(piece if isinstance(piece, str) else decode(piece, charset)[0] for piece, charset in pieces)
