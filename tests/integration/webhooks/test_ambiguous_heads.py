"""A head that could be read in two ways is refused on every path: somebody before us may have read it the other way."""

import pytest

from tests.integration.gateway_served import Gateway

BODY = b'{"text": "hi"}'
CHUNKED = b"e\r\n" + BODY + b"\r\n0\r\n\r\n"
HOST = "Host: x\r\n"
LENGTH = f"Content-Length: {len(BODY)}\r\n"
CHUNKS = "Transfer-Encoding: chunked\r\n"


def posted(gateway: Gateway, head: str, *, version: str = "1.1", sent: bytes = BODY) -> bytes:
    """Send a webhook that is signed as it should be, with these lines in its head besides."""
    signed = "".join(f"{name}: {value}\r\n" for name, value in gateway.headers(BODY).items())
    return gateway.raw(f"POST /webhooks/shop HTTP/{version}\r\n{signed}{head}\r\n".encode() + sent)


def assert_bad_head(gateway: Gateway, answer: bytes, code: str) -> None:
    head, _, content = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    assert f'"urn:headgate:problem:{code}"'.encode() in content
    assert gateway.accepted() == []


PATHS = ("/", "/healthz", "/readyz", "/login", "/approvals", "/static/style.css", "/webhooks/shop", "/nothing")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("hosts", "code"),
    [
        pytest.param("Host: localhost\r\nHost: evil.example\r\n", "repeated_header", id="two"),
        pytest.param("Host: evil.example\r\nHost: localhost\r\n", "repeated_header", id="two, the last is good"),
        pytest.param("Host: localhost\r\nHOST: localhost\r\n", "repeated_header", id="two of the same"),
        pytest.param("", "no_host", id="none"),
    ],
)
def test_a_request_names_one_host(gateway: Gateway, path: str, hosts: str, code: str) -> None:
    """RFC 9112, section 3.2."""
    assert_bad_head(gateway, gateway.raw(f"GET {path} HTTP/1.1\r\n{hosts}\r\n".encode()), code)


def test_http_1_0_needs_no_host(gateway: Gateway) -> None:
    assert gateway.raw(b"GET /healthz HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")
    assert posted(gateway, LENGTH, version="1.0").startswith(b"HTTP/1.1 202")


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Bearer one\r\nAuthorization: Bearer two\r\n",
        "Origin: http://localhost\r\nOrigin: http://evil.example\r\n",
        "Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n",
        "Webhook-Id: evt_other\r\n",
        "Webhook-Timestamp: 1\r\n",
        "Webhook-Signature: v1,AAAA\r\n",
        "Svix-Id: a\r\nSvix-Id: a\r\n",
        "Content-Type: text/plain\r\n",
        "Content-Encoding: gzip\r\nContent-Encoding: identity\r\n",
        "Expect: 100-continue\r\nExpect: nothing\r\n",
    ],
)
def test_what_decides_stands_there_once(gateway: Gateway, line: str) -> None:
    answer = posted(gateway, HOST + LENGTH + line)
    assert_bad_head(gateway, answer, "repeated_header")
    assert line.partition(":")[0].lower().encode() in answer.partition(b"\r\n\r\n")[2]


def test_what_decides_nothing_may_stand_there_twice(gateway: Gateway) -> None:
    line = "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\nAccept: a/b\r\nAccept: c/d\r\n"
    assert posted(gateway, HOST + LENGTH + line).startswith(b"HTTP/1.1 202")


@pytest.mark.parametrize(
    ("lines", "version", "sent", "code"),
    [
        pytest.param(LENGTH + "Content-Length: 5\r\n", "1.1", BODY, "bad_request", id="two lengths"),
        pytest.param(LENGTH + LENGTH, "1.1", BODY, "bad_request", id="two lengths of the same"),
        pytest.param("Content-Length: 14, 14\r\n", "1.1", BODY, "bad_request", id="a list of lengths"),
        pytest.param("Content-Length: +14\r\n", "1.1", BODY, "bad_request", id="a length with a sign"),
        pytest.param(LENGTH + CHUNKS, "1.1", CHUNKED, "bad_request", id="a length and chunks"),
        pytest.param(CHUNKS + LENGTH, "1.1", CHUNKED, "bad_request", id="chunks and a length"),
        pytest.param(CHUNKS + CHUNKS, "1.1", CHUNKED, "bad_request", id="chunks twice"),
        pytest.param("Transfer-Encoding: identity\r\n", "1.1", BODY, "bad_request", id="no chunks"),
        pytest.param("Transfer-Encoding: gzip, chunked\r\n", "1.1", CHUNKED, "bad_transfer", id="gzip and chunks"),
        pytest.param("Transfer-Encoding: ,chunked\r\n", "1.1", CHUNKED, "bad_transfer", id="nothing and chunks"),
        pytest.param(CHUNKS, "1.0", CHUNKED, "bad_transfer", id="chunks of HTTP/1.0"),
        pytest.param(f"Content-Length : {len(BODY)}\r\n", "1.1", BODY, "bad_request", id="a space before the colon"),
        pytest.param(f"X-Folded: a\r\n b\r\n{LENGTH}", "1.1", BODY, "bad_request", id="a folded line"),
        pytest.param(f"X-Bare: a\n{LENGTH}", "1.1", BODY, "bad_request", id="a bare line feed"),
    ],
)
def test_where_a_body_ends_is_said_in_one_way(
    gateway: Gateway, lines: str, version: str, sent: bytes, code: str
) -> None:
    """RFC 9112, section 6: otherwise the rest of one body is the next request."""
    assert_bad_head(gateway, posted(gateway, HOST + lines, version=version, sent=sent), code)


def test_chunks_alone_are_taken(gateway: Gateway) -> None:
    assert posted(gateway, HOST + "Transfer-Encoding: Chunked\r\n", sent=CHUNKED).startswith(b"HTTP/1.1 202")


def test_the_word_names_what_is_wrong(gateway: Gateway) -> None:
    answer = posted(gateway, HOST + LENGTH + CHUNKS, sent=CHUNKED)
    assert b"Transfer-Encoding" in answer.partition(b"\r\n\r\n")[2]
    for nonsense in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"HELLO\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"):
        assert_bad_head(gateway, gateway.raw(nonsense), "bad_request")


def test_a_broken_chunk_has_one_answer(gateway: Gateway) -> None:
    answer = posted(gateway, HOST + CHUNKS, sent=b"zz\r\nhello")
    assert_bad_head(gateway, answer, "bad_request")
    assert answer.count(b"HTTP/1.1 400") == 1


def test_nothing_behind_a_refused_head_is_a_request(gateway: Gateway) -> None:
    """A connection whose head was ambiguous is closed: what comes after it would be somebody else's words."""
    behind = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = gateway.raw(b"GET /readyz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + behind)
    assert answer.count(b"content-length") == 1
