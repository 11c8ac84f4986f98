"""What Twilio signs: the address that it was told, and the fields of the form by name, with nothing between them.

A JSON body is not signed itself: its SHA-256 stands at the end of the address, as `bodySHA256`. The address is the one
that is set, to the last character, and never that of the request: nobody else has a say in what is signed.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote_to_bytes

_FORM = b"application/x-www-form-urlencoded"
_MAX_FIELDS = 200
_DEFAULT_PORTS = {"https": "443", "http": "80"}
_ADDRESS = re.compile(r"(https?)://([^/?#:@]+)((?::[0-9]+)?)([/?][^#]*)?")


def is_address(url: str) -> bool:
    """Return whether a text can be the address that Twilio was told."""
    return url.isascii() and _ADDRESS.fullmatch(url) is not None


def signed_by_twilio(url: str, headers: Mapping[bytes, bytes], body: bytes) -> Iterator[bytes]:
    """Yield what may be signed, by how the address is spelled: with its port, as set, or without.

    Args:
        url: the address that the sender was told, with its query.
        headers: names in small letters.
        body: as it came.
    """
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind == _FORM:
        behind = _sorted_fields(body)
    else:
        joint = "&" if "?" in url else "?"
        behind = f"{joint}bodySHA256={hashlib.sha256(body).hexdigest()}".encode()
    if behind is not None:
        for address in _spellings(url):
            yield address.encode() + behind


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
    match = _ADDRESS.fullmatch(url)
    if match is not None:
        scheme, host, port, rest = match.groups("")
        for one in dict.fromkeys((port, "", f":{_DEFAULT_PORTS[scheme]}")):
            yield f"{scheme}://{host}{one}{rest}"
