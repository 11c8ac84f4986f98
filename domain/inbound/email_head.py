"""The head of a raw e-mail: who sent it and about what. The parts are the cleaner's work."""

import email
import re
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import NamedTuple

ADDRESS = re.compile(r"[^\s@<>\"(),:;\\]{1,64}@[^\s@<>\"(),:;\\]{1,189}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HEAD_CAP = 64 * 1024  # bytes in which the headers are looked for
_LINE_CAP = 2000  # characters of one header that are decoded


class EmailHead(NamedTuple):
    """Subject and sender; the address is None where two readers could take it for different ones."""

    subject: str
    sender_name: str
    sender_address: str | None


def read_email_head(raw: bytes) -> EmailHead | None:
    """Return the head of an e-mail, or None if there are no headers; never raises on hostile input."""
    lines = raw[:_HEAD_CAP].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    headers = email.message_from_bytes(lines)
    if not headers.keys():
        return None
    name, address = read_mailbox(_unfolded(headers.get("From")))
    return EmailHead(_unfolded(headers.get("Subject")), name, address)


def _unfolded(header: object) -> str:
    raw = str(header or "")[:_LINE_CAP]
    try:
        text = str(make_header(decode_header(raw)))
    except (ValueError, LookupError, HeaderParseError):  # encoded words that lie about their charset
        text = raw
    return " ".join(_CONTROL.sub(" ", text.encode("utf-8", "replace").decode()).split())


def read_mailbox(header: str) -> tuple[str, str | None]:
    """Read `Name <address>` or `address`; what could be read in two ways has no address.

    >>> read_mailbox('"Ada L" <ada@example.org>')
    ('Ada L', 'ada@example.org')
    >>> read_mailbox("a@example.org, b@example.org")
    ('', None)
    """
    name, bracket, rest = header.partition("<")
    if not bracket:
        return "", header if ADDRESS.fullmatch(header) else None
    address = rest.removesuffix(">")
    if not ADDRESS.fullmatch(address) or "@" in name:
        return "", None
    return name.strip().strip('"').strip(), address
