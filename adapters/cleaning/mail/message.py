"""A raw message (RFC 5322) as its reader sees it: subject, sender, the texts in their order, the names of the files."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from adapters.cleaning.mail.charsets import decode
from adapters.cleaning.mail.mime import Part
from adapters.cleaning.mail.pieces import Piece, best_form
from adapters.cleaning.mail.plain import read_plain
from domain.inbound.cleaned import CleanFlag
from domain.inbound.email_head import read_email_head

MAX_MESSAGE_BYTES = 4_000_000
MAX_PARTS = 100
MAX_DEPTH = 12
# Kinds of text that a reader is shown as what they are: a file, a date, a card.
_FILES = frozenset({
    "text/calendar", "text/csv", "text/vcard", "text/x-vcard", "text/directory", "text/rtf", "text/xml", "text/css",
    "text/javascript", "text/rfc822-headers", "text/x-amp-html", "text/tab-separated-values",
})  # fmt: skip
_SIGNATURES = frozenset({"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"})
_MAY_BE_PICTURES = frozenset({"application/pdf", "application/octet-stream"})
_META_CHARSET = re.compile(rb"<meta\s[^>]{0,200}?charset\s*=\s*[\"']?([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)


@dataclass
class RawMail:
    """What was in a message, decoded. `attachments` are the names (or kinds) of what was not read; `pictures` are those
    of them that may be pictures or scanned pages, by what they are labelled as, with their transfer encoding.
    """

    subject: str = ""
    sender_address: str = ""
    sender_name: str = ""
    pieces: Sequence[Piece] = ()
    attachments: list[str] = field(default_factory=list)
    pictures: list[Part] = field(default_factory=list)
    flags: set[CleanFlag] = field(default_factory=set)


def read_mail(raw: bytes) -> RawMail:
    """Take a message apart; never raises. What cannot be taken apart is one plain text."""
    mail = RawMail()
    if len(raw) > MAX_MESSAGE_BYTES:
        raw = raw[:MAX_MESSAGE_BYTES]
        mail.flags |= {CleanFlag.TRUNCATED, CleanFlag.BODY_UNREAD}
    try:
        if head := read_email_head(raw):
            mail.sender_name, mail.sender_address = head.sender_name[:200], (head.sender_address or "")[:254]
        root = Part(raw)
        mail.subject = root.header("Subject")
        mail.pieces = _Walk(mail).read(root, 0)
    except (RecursionError, ValueError, LookupError, AttributeError, TypeError, IndexError):
        # The standard library's parser has open bugs on broken headers; none of them may stop the next good one.
        text, flags = decode(raw, None)
        mail.pieces = [Piece(text)]
        mail.flags |= flags | {CleanFlag.UNDECODABLE, CleanFlag.BODY_UNREAD}
    return mail


class _Walk:
    """Collects the texts of a message. Attached messages stay shut: their words are not the sender's."""

    def __init__(self, mail: RawMail) -> None:
        self.mail = mail
        self.left = MAX_PARTS

    def read(self, part: Part, depth: int) -> list[Piece]:
        """Return the texts of a part that a reader sees, in order."""
        if part.is_multipart:
            return self._read_multipart(part, depth)
        if part.disposition != "attachment" and part.kind.startswith("text/") and part.kind not in _FILES:
            return self._read_text(part)
        self._name(part)
        return []

    def _read_multipart(self, part: Part, depth: int) -> list[Piece]:
        forms: list[list[Piece]] = []
        if depth < MAX_DEPTH:
            for inner in part.parts(self.left + 1):
                self.left -= 1
                if self.left < 0:
                    self._unread()
                    break
                if not (part.kind == "multipart/signed" and forms and inner.kind in _SIGNATURES):
                    forms.append(self.read(inner, depth + 1))
        else:
            self._unread()
        if not forms and part.body.strip():
            # No part of it can be told: whatever is there is shown, and a person reads it.
            self._unread()
            return self._read_text(part)
        if part.kind == "multipart/alternative":
            return list(best_form(forms))
        return [piece for form in forms for piece in form]

    def _read_text(self, part: Part) -> list[Piece]:
        body = part.content()
        charset = part.parameter("charset")
        html = part.kind == "text/html"
        if html and not charset and (said := _META_CHARSET.search(body[:4_000])):
            charset = said.group(1).decode("ascii")
        text, flags = decode(body, charset or None)
        if html:
            self.mail.flags |= flags
            return [Piece(text, html=True)]
        text, files = read_plain(
            text, flowed=part.parameter("format").lower() == "flowed", delsp=part.parameter("delsp").lower() == "yes"
        )
        self.mail.flags |= flags
        self._add(files)
        return [Piece(text)]

    def _name(self, part: Part) -> None:
        """Note what is not read, under its name; an attached message is called by its subject."""
        name = part.name
        if part.kind.startswith("image/") or part.kind in _MAY_BE_PICTURES:
            self.mail.pictures.append(part)
        if part.kind == "message/rfc822":
            name = Part(part.content()).header("Subject")[:200] or name
        self._add([name or part.kind])

    def _add(self, names: list[str]) -> None:
        self.mail.attachments += [name for name in names if len(self.mail.attachments) < MAX_PARTS]

    def _unread(self) -> None:
        self.mail.flags |= {CleanFlag.TRUNCATED, CleanFlag.BODY_UNREAD}
