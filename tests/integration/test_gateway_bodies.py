"""Webhooks to the real application under uvicorn: bad input gets its answer, and the next good one is accepted."""

import asyncio
import socket
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from domain.errors import TransientError
from tests.integration.gateway_served import BODY_TIMEOUT_S, MAX_BYTES, Gateway, assert_refused

# --- what is sent ---


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty_body"),
        (b"  ", "empty_body"),
        (b"{}", "empty_message"),
        (b'{"text": "unfinished', "bad_json"),
        (b'{"text": "\xff"}', "bad_json"),
        ('{"text": "é"}'.encode("latin-1"), "bad_json"),
        ('{"text": "x"}'.encode("utf-16"), "bad_json"),
        (b'{"text": "a\x00b"}', "bad_json"),
        (b'{"text": "\\ud800"}', "empty_message"),
        (b'{"text": "a", "order_id": "\\ud800"}', "bad_field"),
        (b'{"text": "a", "text": "b"}', "bad_json"),
        (b'{"text": "a", "amount": NaN}', "bad_json"),
        (b"[" * 30_000 + b"]" * 30_000, "bad_json"),
        (b'{"text": "a", "x": ' + b"[" * 40 + b"]" * 40 + b"}", "bad_json"),
        (b'{"text": "a", "amount": 1' + b"0" * 5000 + b"}", "bad_json"),
        (b'{"text": "a", "tenant": "../../etc/passwd"}', "bad_field"),
    ],
)
def test_bodies_that_cannot_be_read(gateway: Gateway, body: bytes, code: str) -> None:
    assert_refused(gateway, gateway.post(body), 400, code)


@pytest.mark.parametrize("kind", ["application/pdf", "image/jpeg", "application/xml", "", "nonsense"])
def test_types_that_are_not_taken(gateway: Gateway, kind: str) -> None:
    answer = gateway.post(b'{"text": "x"}', content_type=kind)
    assert_refused(gateway, answer, 415, "unsupported_type")
    assert "multipart/form-data" in answer.json()["remedy"]


@pytest.mark.parametrize("amount", ['"twenty dollars"', '"-5.00"', '"NaN"', "-5", "1e999"])
def test_amounts_in_words_are_taken_in_as_they_are(gateway: Gateway, amount: str) -> None:
    """What such an amount means is for a person: taking it in is no promise to pay it."""
    assert gateway.post(f'{{"text": "refund", "amount": {amount}}}'.encode()).status_code == 202


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"type": "t", "timestamp": "now", "data": {"text": "x"}}'),
        ("application/vnd.shop+json; charset=utf-8", b'{"html": "<p>x</p>"}'),
        ("application/x-www-form-urlencoded", b"text=charged+twice"),
        (
            "multipart/form-data; boundary=B",
            b'--B\r\nContent-Disposition: form-data; name="text"\r\n\r\nx\r\n--B--\r\n',
        ),
        ("text/plain", "Grüße".encode()),
        ("text/html; charset=iso-8859-1", "<p>Grüße</p>".encode("latin-1")),
        ("message/rfc822", b"From: a@example.com\r\nSubject: s\r\n\r\nbody"),
        ("text/html", b"<" * 60_000),
    ],
)
def test_every_accepted_type_is_kept_byte_for_byte(gateway: Gateway, kind: str, body: bytes) -> None:
    assert gateway.post(body, "evt_1", content_type=kind).status_code == 202
    (kept,) = asyncio.run(gateway.pen.lease(10, 60))
    assert (kept.body, kept.content_type, kept.source, kept.event_id) == (body, kind, "shop", "evt_1")


# --- how much and how fast ---


def test_a_body_at_the_cap_is_taken_and_one_above_it_is_not(gateway: Gateway) -> None:
    frame = b'{"text": ""}'
    fits = frame[:-2] + b"x" * (MAX_BYTES - len(frame)) + frame[-2:]
    assert_refused(gateway, gateway.post(fits + b" "), 413, "too_large")
    assert gateway.post(fits).status_code == 202


def test_ten_megabytes_of_brackets(gateway: Gateway) -> None:
    assert_refused(gateway, gateway.post(b"<" * 10_000_000, content_type="text/html"), 413, "too_large")


def test_an_oversized_body_without_content_length(gateway: Gateway) -> None:
    body = b"x" * (MAX_BYTES * 3)
    headers = gateway.headers(body)

    def chunks() -> Iterator[bytes]:
        for at in range(0, len(body), 8192):
            yield body[at : at + 8192]

    answer = gateway.http.post("/webhooks/shop", content=chunks(), headers=headers)
    assert_refused(gateway, answer, 413, "too_large")


def test_an_oversized_body_that_asks_first_is_refused_before_it_is_sent(gateway: Gateway) -> None:
    request = b"POST /webhooks/shop HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\nExpect: 100-continue\r\n\r\n"
    received = gateway.raw(request)
    assert received.startswith(b"HTTP/1.1 413")
    assert b"100 Continue" not in received


def test_a_body_shorter_than_its_content_length(gateway: Gateway) -> None:
    request = b"POST /webhooks/shop HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\nContent-Type: text/plain\r\n\r\nshort"
    received = gateway.raw(request, pause_s=BODY_TIMEOUT_S)
    assert received.startswith(b"HTTP/1.1 408")
    assert b'"too_slow"' in received
    assert gateway.accepted() == []


def test_a_slow_body_holds_up_nobody(gateway: Gateway) -> None:
    with ThreadPoolExecutor(1) as pool:
        head = b"POST /webhooks/shop HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
        slow = pool.submit(gateway.raw, head, pause_s=BODY_TIMEOUT_S)
        assert gateway.post(b'{"text": "meanwhile"}', "evt_1").status_code == 202
        assert slow.result().startswith(b"HTTP/1.1 408")
    assert gateway.accepted() == ["case/shop/evt_1"]


def test_a_sender_that_hangs_up_leaves_nothing(gateway: Gateway) -> None:
    address = httpx.URL(gateway.url)
    for _ in range(5):
        with socket.create_connection((address.host, address.port or 80)) as wire:
            wire.sendall(b"POST /webhooks/shop HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
    assert gateway.accepted() == []


@pytest.mark.parametrize(
    "request_line", [b"NONSENSE\r\n\r\n", b"POST /webhooks/shop HTTP/1.1\r\nContent-Length: -5\r\n\r\n"]
)
def test_requests_that_are_no_http(gateway: Gateway, request_line: bytes) -> None:
    assert gateway.raw(request_line).startswith(b"HTTP/1.1 400")


def test_a_source_above_its_rate_is_told_when_to_come_back(gateway: Gateway) -> None:
    answers = [gateway.post(b'{"text": "x"}', f"evt_{n}", source="slow") for n in range(3)]
    assert [a.status_code for a in answers] == [202, 202, 429]
    assert answers[2].json()["code"] == "too_many"
    assert 1 <= int(answers[2].headers["retry-after"]) <= 2
    assert gateway.post(b'{"text": "x"}').status_code == 202


def test_unsigned_requests_do_not_use_up_the_rate_of_a_source(gateway: Gateway) -> None:
    for _ in range(5):
        assert gateway.post(b'{"text": "x"}', source="slow", webhook_signature="v1,AAAA").status_code == 401
    assert gateway.post(b'{"text": "x"}', source="slow").status_code == 202


# --- when the pen refuses ---


def test_a_full_pen_answers_503_with_retry_after(gateway: Gateway) -> None:
    gateway.pen.failure = TransientError("disk is full")
    answer = gateway.post(b'{"text": "x"}')
    assert_refused(gateway, answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert "disk" not in answer.text


def test_a_bug_is_no_500_and_quotes_nothing(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    gateway.pen.failure = ZeroDivisionError("body was: secret text")
    assert_refused(gateway, gateway.post(b'{"text": "secret text"}'), 503, "unavailable")
    assert "ZeroDivisionError" in caplog.text
    assert "secret text" not in caplog.text


def test_a_locked_file_answers_503_in_time(gateway: Gateway, tmp_path: Path) -> None:
    blocker = sqlite3.connect(tmp_path / "inbox.db", isolation_level=None, timeout=5)
    blocker.execute("PRAGMA journal_mode=WAL")
    blocker.execute("CREATE TABLE IF NOT EXISTS other (x)")
    blocker.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    answer = gateway.post(b'{"text": "x"}')
    took = time.monotonic() - started
    blocker.execute("ROLLBACK")
    blocker.close()
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert took < 5


def test_readiness_follows_the_pen(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gateway.http.get("/readyz").json() == {"ready": True}
    assert gateway.http.get("/healthz").json() == {"alive": True}

    async def broken() -> None:
        raise TransientError("away")

    monkeypatch.setattr(gateway.pen, "check_writable", broken)
    answer = gateway.http.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert gateway.http.get("/healthz").status_code == 200
