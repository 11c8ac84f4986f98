"""Parts and messages put together byte by byte, as programs do and libraries would not."""

import base64
import quopri
import unicodedata
from dataclasses import dataclass, field
from random import Random


@dataclass(frozen=True)
class Letter:
    """A finished message: its bytes, its kind, and the words in it by whose they are."""

    kind: str
    charset: str
    raw: bytes
    own: frozenset[str]
    foreign: frozenset[str]


@dataclass
class Envelope:
    """Builds the parts of one message in one charset.

    Args:
        label, codec: the charset as said and as meant.
    """

    rng: Random
    label: str
    codec: str
    boundaries: int = field(default=0)

    def leaf(self, kind: str, text: str, *, parameters: str = "", disposition: str = "") -> bytes:
        """Return a part with text, in a transfer encoding that fits."""
        body = written_in(text.replace("\n", "\r\n"), self.codec)
        encoding = self._encoding(body)
        if encoding == "quoted-printable":
            body = quopri.encodestring(body.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
        elif encoding == "base64":
            body = base64.encodebytes(body).replace(b"\n", b"\r\n")
        head = f"Content-Type: {kind}; charset={self.label}{parameters}\r\nContent-Transfer-Encoding: {encoding}\r\n"
        if disposition:
            head += f"Content-Disposition: {disposition}\r\n"
        return head.encode() + b"\r\n" + body

    def file(self, name: str, kind: str = "application/pdf", how: str = "attachment") -> bytes:
        """Return a part that is a file without words."""
        body = base64.encodebytes(self.rng.randbytes(200)).replace(b"\n", b"\r\n")
        head = f'Content-Type: {kind}; name="{name}"\r\nContent-Disposition: {how}; filename="{name}"\r\n'
        return head.encode() + b"Content-Transfer-Encoding: base64\r\n\r\n" + body

    def multi(self, kind: str, *parts: bytes) -> bytes:
        """Return a part made of parts."""
        self.boundaries += 1
        mark = f"----=_b{self.boundaries}_{self.rng.randrange(10**8)}"
        inside = b"".join(b"--" + mark.encode() + b"\r\n" + part + b"\r\n" for part in parts)
        head = f'Content-Type: multipart/{kind}; boundary="{mark}"\r\n\r\n'
        return head.encode() + inside + f"--{mark}--\r\n".encode()

    def message(self, root: bytes, *, subject: str = "Re: Your order", sender: str = "Robin Field") -> bytes:
        """Return the whole message."""
        head = f"From: {sender} <robin@mail.example>\r\nTo: care@shop.example\r\nSubject: {subject}\r\n"
        return head.encode() + b"Date: Tue, 24 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n" + root

    def _encoding(self, body: bytes) -> str:
        if self.codec == "utf-16":
            return "base64"
        if self.codec.startswith("iso2022") or (body.isascii() and max(map(len, body.split(b"\n"))) < 900):
            return self.rng.choice(["7bit", "7bit", "quoted-printable", "base64"])
        return self.rng.choice(["8bit", "quoted-printable", "base64"])


def written_in(text: str, codec: str) -> bytes:
    """Return the bytes of a text; Vietnamese Windows writes accents as signs of their own.

    Raises:
        UnicodeEncodeError: the charset has no such character.
    """
    if codec != "cp1258":
        return text.encode(codec)
    out = bytearray()
    for char in text:
        apart = unicodedata.normalize("NFD", char)
        forms = (char, unicodedata.normalize("NFC", apart[:2]) + apart[2:], apart)
        out += next(form.encode(codec) for form in forms if _fits(form, codec))
    return bytes(out)


def _fits(text: str, codec: str) -> bool:
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def wrapped(text: str, width: int = 72) -> list[str]:
    """Return a paragraph as lines of at most so many characters."""
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + len(word) + 1 > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def flowed(text: str, *, delsp: bool) -> list[str]:
    """Return a paragraph as lines of format=flowed."""
    lines = wrapped(text, 66)
    return [f"{line} {' ' if delsp else ''}" for line in lines[:-1]] + lines[-1:]
