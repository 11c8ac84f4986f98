"""What Twilio signs: the address that it was told, and the fields of the form by name, with nothing between them.

A JSON body is not signed itself: its SHA-256 stands in the query of the address, as `bodySHA256`.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from urllib.parse import unquote_to_bytes, urlsplit

_FORM = b"application/x-www-form-urlencoded"
_MAX_FIELDS = 200
_DEFAULT_PORTS = {"https": "443", "http": "80"}


def signed_by_twilio(url: str, query: bytes, headers: Mapping[bytes, bytes], body: bytes) -> Iterator[bytes]:
    """Yield what may be signed, by how the address is spelled: with its port, as set, or without.

    Nothing is yielded where the body is not covered.

    Args:
        url: the address that the sender was told; a query in it does not count.
        query: what came behind the question mark, as it came.
        headers: names in small letters.
        body: as it came.
    """
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind == _FORM:
        fields = _sorted_fields(body)
    elif _covers(query, body):
        fields = b""
    else:
        return
    if fields is not None:
        behind = b"?" + query if query else b""
        for address in _spellings(url):
            yield address.encode() + behind + fields


def _covers(query: bytes, body: bytes) -> bool:
    told = [piece[11:] for piece in query.split(b"&") if piece.startswith(b"bodySHA256=")]
    expected = hashlib.sha256(body).hexdigest().encode()
    return len(told) == 1 and hmac.compare_digest(expected, told[0].lower())


def _sorted_fields(body: bytes) -> bytes | None:
    """Return names and values in one run, None for a form of too many. Of a name that comes twice each value counts
    once, sorted.
    """
    pieces = [piece for piece in body.split(b"&", _MAX_FIELDS) if piece]
    if len(pieces) > _MAX_FIELDS:
        return None
    pairs = (piece.replace(b"+", b" ").partition(b"=") for piece in pieces)
    fields = {(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in pairs}
    return b"".join(name + value for name, value in sorted(fields))


def _spellings(url: str) -> Iterator[str]:
    parts = urlsplit(url.partition("?")[0])
    bare = parts.netloc.partition(":")[0]
    for host in dict.fromkeys((parts.netloc, bare, f"{bare}:{_DEFAULT_PORTS.get(parts.scheme, '')}")):
        yield f"{parts.scheme}://{host}{parts.path}"
