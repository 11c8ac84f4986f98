"""Which heads of requests are refused because two programs could read them in two ways.

Whoever stands before us, a proxy or a firewall, judged what it read. A header that stands there twice is one thing to a
program that takes the first and another to one that takes the last, so what decides something is taken once or not at
all. The parser refuses two lengths of a body, and a length beside chunks, by itself.
"""

from collections.abc import Iterable, Sequence

from domain.errors import WebhookRefusedError
from domain.inbound.signing import SIGNING_HEADERS
from domain.inbound.vendors.signatures import VENDOR_HEADERS
from gateway.webhooks.problems import ambiguous_head

ONCE = frozenset(
    {
        b"host",
        b"authorization",
        b"origin",
        b"sec-fetch-site",
        b"content-type",
        b"content-encoding",
        b"content-length",
        b"transfer-encoding",
        b"expect",
        *SIGNING_HEADERS,
        *VENDOR_HEADERS,
    }
)
"""Names of all headers that the gateway goes by, in small letters."""


def head_refusal(http_version: str, headers: Sequence[tuple[bytes, bytes]]) -> WebhookRefusedError | None:
    """Return why a head is not answered, None if it is clear (RFC 9112, sections 3.2 and 6.1).

    Args:
        http_version: as ASGI names it, "1.1".
        headers: all of them as they came, names in small letters.
    """
    named = dict(headers)
    if len(named) < len(headers):  # some are there twice, which most may be
        repeated = _repeated(name for name, _ in headers)
        if repeated:
            return ambiguous_head(
                "repeated_header",
                "A header stands there twice",
                f"the header {repeated!r} was sent more than once, and the gateway goes by it",
                "send it once; where a proxy adds it, let the proxy put its own in place of what came",
            )
    if b"host" not in named and http_version != "1.0":
        return ambiguous_head(
            "no_host",
            "No Host header",
            f"a request of HTTP/{http_version} without a Host header",
            "send one, as HTTP/1.1 asks for",
        )
    transfer = named.get(b"transfer-encoding")
    if transfer is not None and (transfer.strip().lower() != b"chunked" or http_version == "1.0"):
        return ambiguous_head(
            "bad_transfer",
            "Transfer-Encoding not accepted",
            f"transfer-encoding {transfer[:40].decode('latin-1')!r} of HTTP/{http_version}: expected 'chunked' alone, "
            "of HTTP/1.1",
            "send the body with Content-Length",
        )
    return None


def _repeated(names: Iterable[bytes]) -> str:
    seen: set[bytes] = set()
    for name in names:
        if name in ONCE and name in seen:
            return name.decode("latin-1")
        seen.add(name)
    return ""
