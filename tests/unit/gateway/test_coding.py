"""Content-Encoding: what is inflated, and what is refused before it costs anything."""

import gzip
import time
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import WebhookRefusedError
from gateway.webhooks.coding import MAX_RATIO, coding_of, inflate
from gateway.webhooks.problems import RefusedAnswerError

LIMIT = 1024 * 1024
BODY = b'{"text": "The kettle leaks."}'


def bare(body: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(body) + deflater.flush()


@pytest.mark.parametrize(
    ("name", "coding"),
    [
        (b"gzip", "gzip"),
        (b"x-gzip", "gzip"),
        (b" GZIP ", "gzip"),
        (b"deflate", "deflate"),
        (b"identity", ""),
        (b"", ""),
    ],
)
def test_codings_that_are_taken(name: bytes, coding: str) -> None:
    assert coding_of({b"content-encoding": name}) == coding
    assert coding_of({}) == ""


@pytest.mark.parametrize("name", [b"br", b"zstd", b"gzip, gzip", b"gzip, br", b"\xff", b"a" * 500])
def test_others_are_refused_by_name(name: bytes) -> None:
    with pytest.raises(RefusedAnswerError, match="content-encoding") as caught:
        coding_of({b"content-encoding": name})
    assert caught.value.status == 415
    assert (b"accept-encoding", b"gzip, deflate, identity") in caught.value.headers


def gz(body: bytes) -> bytes:
    """Compress without the time of day: the bytes name tests, which have to be named alike in each process."""
    return gzip.compress(body, mtime=0)


@pytest.mark.parametrize(
    ("coding", "sent"),
    [
        ("", BODY),
        ("gzip", gz(BODY)),
        ("gzip", gz(BODY[:9]) + gz(BODY[9:])),
        ("deflate", zlib.compress(BODY)),
        ("deflate", bare(BODY)),
    ],
)
def test_what_was_sent_comes_out(coding: str, sent: bytes) -> None:
    assert inflate(coding, sent, LIMIT) == BODY


@given(body=st.binary(max_size=3000), level=st.integers(0, 9))
def test_every_body_comes_out(body: bytes, level: int) -> None:
    assert inflate("gzip", gzip.compress(body, level), LIMIT) == body
    assert inflate("deflate", zlib.compress(body, level), LIMIT) == body


@pytest.mark.parametrize(
    ("coding", "sent"),
    [
        ("gzip", BODY),
        ("gzip", b""),
        ("gzip", gz(BODY)[:-3]),
        ("gzip", gz(BODY)[:-1] + b"x"),
        ("gzip", gz(BODY) + b"more"),
        ("gzip", gz(b"") * 40),
        ("deflate", zlib.compress(BODY) + b"more"),
        ("deflate", gz(BODY)),
        ("deflate", b""),
    ],
)
def test_what_is_not_of_its_coding(coding: str, sent: bytes) -> None:
    with pytest.raises(WebhookRefusedError) as caught:
        inflate(coding, sent, LIMIT)
    assert (caught.value.status, caught.value.code) == (400, "bad_encoding")


@given(sent=st.binary(max_size=300))
def test_no_bytes_make_inflating_fail_otherwise(sent: bytes) -> None:
    for coding in ("gzip", "deflate"):
        for body in (sent, gzip.compress(BODY)[:10] + sent, b"\x78\x9c" + sent):
            with suppress(WebhookRefusedError):
                inflate(coding, body, LIMIT)


@pytest.mark.parametrize("size", [LIMIT + 1, 200 * LIMIT])
def test_a_bomb_is_refused_at_once(size: int) -> None:
    for coding, sent in (("gzip", gzip.compress(b"a" * size)), ("deflate", bare(b" " * size))):
        started = time.monotonic()
        with pytest.raises(WebhookRefusedError) as caught:
            inflate(coding, sent, LIMIT)
        assert caught.value.status == 413
        assert time.monotonic() - started < 1


def test_the_ratio_is_capped_and_the_size_is_not_passed() -> None:
    sent = gzip.compress(b"a" * (LIMIT - 1))
    assert len(sent) * MAX_RATIO < LIMIT
    with pytest.raises(WebhookRefusedError, match="times its size"):
        inflate("gzip", sent, LIMIT)
    honest = b"".join(b"line %d of a long complaint\n" % n for n in range(30_000))[:LIMIT]
    assert inflate("gzip", gzip.compress(honest), LIMIT) == honest
