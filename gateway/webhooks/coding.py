"""Content-Encoding of a webhook: gzip and deflate are inflated within the size that a body may have.

The size is checked while inflating, so that a bomb costs no more than an honest body; what grows beyond
`MAX_RATIO` is refused well before that.
"""

import zlib
from collections.abc import Mapping

from domain.errors import WebhookRefusedError
from domain.inbound.message.refusals import refuse, too_large
from gateway.webhooks.problems import unsupported_encoding

ACCEPTED = ("gzip", "deflate", "identity")
MAX_RATIO = 200  # repetitive JSON comes to some dozens
_RATIO_COUNTS_FROM = 64 * 1024  # bytes inflated; below, a high ratio harms nobody
_STEP = 64 * 1024
_MAX_MEMBERS = 16  # of a gzip file: senders write one


def coding_of(headers: Mapping[bytes, bytes]) -> str:
    """Return the coding of a body, empty for none.

    Raises:
        WebhookRefusedError: 415, it is none of `ACCEPTED`, or several one upon the other.
    """
    given = headers.get(b"content-encoding")
    if given is None:
        return ""
    name = given.decode("latin-1").strip().lower()
    # Some libraries name the charset here.
    name = {"x-gzip": "gzip", "identity": "", "utf-8": ""}.get(name, name)
    if name and name not in ACCEPTED:
        raise unsupported_encoding(name, ACCEPTED)
    return name


def inflate(coding: str, body: bytes, limit: int) -> bytes:
    """Return a body without its coding, at most `limit` bytes.

    Raises:
        WebhookRefusedError: 413 where it is larger or grows like a bomb, 400 where it is not of that coding.
    """
    if not coding:
        return body
    try:
        return _inflated(coding, body, limit)
    except zlib.error:
        refuse("bad_encoding", f"the body is not {coding}", "send what content-encoding promises, all of it")


def _inflated(coding: str, body: bytes, limit: int) -> bytes:
    pieces: list[bytes] = []
    size, rest = 0, body
    for _ in range(_MAX_MEMBERS):
        inflater = zlib.decompressobj(_window(coding, rest))
        while not inflater.eof:
            piece = inflater.decompress(rest, _STEP)
            rest = inflater.unconsumed_tail
            size += len(piece)
            if size > limit:
                raise too_large(limit)
            if size > _RATIO_COUNTS_FROM and size > MAX_RATIO * len(body):
                raise _bomb()
            if not piece and not rest and not inflater.eof:
                raise zlib.error("cut off")
            pieces.append(piece)
        rest = inflater.unused_data
        if not rest:
            return b"".join(pieces)
        if coding != "gzip":
            break
    raise zlib.error("something stands behind it")


def _window(coding: str, body: bytes) -> int:
    """Return what zlib has to expect: by "deflate" some senders mean zlib's format (RFC 9110), some the bare stream."""
    if coding == "gzip":
        return 16 + zlib.MAX_WBITS
    zlib_head = len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    return zlib.MAX_WBITS if zlib_head else -zlib.MAX_WBITS


def _bomb() -> WebhookRefusedError:
    return WebhookRefusedError(
        413,
        "too_large",
        "Body too large",
        f"the body grows to more than {MAX_RATIO} times its size",
        "send it without content-encoding",
    )
