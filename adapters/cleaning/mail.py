"""A raw message (RFC 5322) taken apart: subject, sender, its text and HTML, the names of its attachments."""

import email
import email.policy
import re
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import parseaddr

from adapters.cleaning.unicode import decode
from domain.inbound.cleaned import CleanDocument, CleanFlag

MAX_MESSAGE_BYTES = 4_000_000
MAX_BOUNDARIES = 30
MAX_PARTS = 100
_MAX_HEADER_CHARS = 1_000
_MAX_HEADER_SOURCE = 2_000  # the standard library reads a header's parameters in time that grows with its square
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class CleanEmail:
    """A cleaned message. Subject and sender are in clear, for the store and the look-up of the customer; models get
    `document` only.
    """

    subject: str
    document: CleanDocument
    sender_address: str
    sender_name: str
    attachments: tuple[str, ...] = ()


@dataclass
class RawMail:
    """What was in a message, decoded."""

    subject: str = ""
    sender_address: str = ""
    sender_name: str = ""
    text: str | None = None
    html: str | None = None
    attachments: tuple[str, ...] = ()
    flags: set[CleanFlag] = field(default_factory=set)


class _ShortHeaders(email.policy.Compat32):
    """The old header policy, with an end to the length of a header.

    The new one reads headers by recursive descent, which hostile headers keep busy for minutes.
    """

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_MAX_HEADER_SOURCE]


_POLICY = _ShortHeaders()


def read_mail(raw: bytes) -> RawMail:
    """Take a message apart; never raises. What cannot be taken apart is one plain text.

    Of multipart/alternative the caller gets both texts. Messages with more than 30 boundaries are not opened (each line
    is compared with each boundary).
    """
    mail = RawMail()
    if len(raw) > MAX_MESSAGE_BYTES:
        raw = raw[:MAX_MESSAGE_BYTES]
        mail.flags.add(CleanFlag.TRUNCATED)
    nested = raw.count(b"oundary") + raw.count(b"OUNDARY") > MAX_BOUNDARIES
    try:
        if nested:
            head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
            message = email.message_from_bytes(_without_multipart(head) + b"\n\n" + body, policy=_POLICY)
        else:
            message = email.message_from_bytes(raw, policy=_POLICY)
        mail.subject = _header(message, "Subject")
        name, address = parseaddr(_header(message, "From"))
        mail.sender_name, mail.sender_address = name[:200], address[:254]
        _read_parts(message, mail)
    except (RecursionError, ValueError, LookupError, AttributeError, TypeError, IndexError):
        # The standard library's parser has open bugs on broken messages; none of them may stop the next good one.
        text, flags = decode(raw, None)
        mail.text = text
        mail.flags |= flags | {CleanFlag.UNDECODABLE}
    return mail


def _without_multipart(head: bytes) -> bytes:
    return b"\n".join(
        line for line in head.split(b"\n") if b"multipart" not in line.lower() and b"boundary" not in line.lower()
    )


def _read_parts(message: Message, mail: RawMail) -> None:
    attachments: list[str] = []
    for count, part in enumerate(message.walk()):
        if count >= MAX_PARTS:
            mail.flags.add(CleanFlag.TRUNCATED)
            break
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        name = part.get_filename()
        attached = part.get_content_disposition() == "attachment" or name is not None
        if attached or kind not in ("text/plain", "text/html"):
            attachments.append(str(name or kind)[:200])
            continue
        text = _content(part, mail)
        if kind == "text/plain":
            mail.text = text if mail.text is None else f"{mail.text}\n{text}"
        elif mail.html is None:
            mail.html = text
    mail.attachments = tuple(attachments)


def _content(part: Message, mail: RawMail) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    charset = part.get_content_charset()
    text, flags = decode(payload, charset)
    mail.flags |= flags
    return text


def _header(message: Message, name: str) -> str:
    value = str(message.get(name, ""))[:_MAX_HEADER_CHARS]
    parts = []
    try:
        decoded = decode_header(value)
    except HeaderParseError:  # an encoded word that is none: as it stands
        decoded = [(value, None)]
    for piece, charset in decoded:
        parts.append(piece if isinstance(piece, str) else decode(piece, charset)[0])
    return _SPACE.sub(" ", "".join(parts)).strip()
