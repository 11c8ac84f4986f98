"""Webhooks to the real application under uvicorn: bad input gets its answer, and the next good one is accepted."""

import asyncio
import json
import logging
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import uvicorn

from adapters.inbox.sqlite import SqliteInbox
from domain.errors import TransientError
from domain.inbound.signing import new_secret, sign
from gateway.app import GatewaySettings, create_gateway
from gateway.serving import uvicorn_options
from gateway.webhooks.sources import SourceRegistry, ensure_sources
from ports.inbox import InboxItem, PutOutcome

MAX_BYTES = 64 * 1024
BODY_TIMEOUT_S = 0.6
TOKEN = "a-token-of-a-sender-that-cannot-sign"


class Pen(SqliteInbox):
    """The real pen, which can be told to fail."""

    failure: Exception | None = None

    async def put(self, item: InboxItem) -> PutOutcome:
        if self.failure is not None:
            raise self.failure
        return await super().put(item)


class Gateway:
    """A gateway that runs, and a sender of webhooks."""

    def __init__(self, url: str, pen: Pen, sources: Path, secret: str) -> None:
        self.url = url
        self.pen = pen
        self.sources = sources
        self.secret = secret
        self.http = httpx.Client(base_url=url, timeout=10)
        self._count = 0

    def headers(self, body: bytes, event_id: str | None = None, **changes: str | int) -> dict[str, str]:
        self._count += 1
        timestamp = int(time.time()) + int(changes.pop("after_s", 0))
        signed = sign(self.secret, event_id or f"evt_{self._count}", body, timestamp=timestamp)
        return {
            "content-type": "application/json",
            **signed,
            **{k.replace("_", "-"): str(v) for k, v in changes.items()},
        }

    def post(
        self, body: bytes, event_id: str | None = None, *, source: str = "shop", **changes: str | int
    ) -> httpx.Response:
        return self.http.post(f"/webhooks/{source}", content=body, headers=self.headers(body, event_id, **changes))

    def accepted(self) -> list[str]:
        return asyncio.run(self.pen.accepted())

    def raw(self, request: bytes, *, rest: bytes = b"", pause_s: float = 0.0) -> bytes:
        """Send bytes as they are and return all that comes back until the server closes or is quiet."""
        address = httpx.URL(self.url)
        with socket.create_connection((address.host, address.port or 80), timeout=10) as wire:
            wire.sendall(request)
            if pause_s:
                time.sleep(pause_s)
            try:
                wire.sendall(rest)
                wire.settimeout(2)
                received = b""
                while chunk := wire.recv(65536):
                    received += chunk
                    if b"\r\n\r\n" in received and received.rstrip().endswith(b"}"):
                        break
            except (TimeoutError, ConnectionError):
                pass
            return received


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    sources = tmp_path / "sources.json"
    secret = ensure_sources(sources, ["shop"])["shop"]
    content = json.loads(sources.read_bytes())
    content["sources"] += [
        {"name": "printer", "scheme": "token", "secrets": [TOKEN]},
        {"name": "slow", "secrets": [secret], "rate_per_s": 0.5, "burst": 2},
        {"name": "acme", "secrets": [secret], "tenants": ["acme", "acme-eu"]},
    ]
    sources.write_text(json.dumps(content))
    sources.chmod(0o600)
    pen = Pen(tmp_path / "inbox.db", put_timeout_s=1.0)
    settings = GatewaySettings(body_limit_bytes=MAX_BYTES, body_timeout_s=BODY_TIMEOUT_S)
    app = create_gateway(pen, SourceRegistry(sources), settings=settings)
    with running(app) as url:
        found = Gateway(url, pen, sources, secret)
        yield found
        # After every bad input the next good webhook is accepted.
        pen.failure = None
        answer = found.post(b'{"text": "the next good one"}', "evt_next_good")
        assert answer.status_code == 202
        assert answer.json() == {"case_id": "case/shop/evt_next_good", "event_id": "evt_next_good", "duplicate": False}
        found.http.close()
    asyncio.run(pen.close())


class running:  # noqa: N801 - reads as a word
    """Serve an application from a thread for as long as the block lasts."""

    def __init__(self, app: object) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._server = uvicorn.Server(uvicorn.Config(app, log_config=None, **uvicorn_options()))  # type: ignore[arg-type]
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(15)
        self._socket.close()


def assert_refused(gateway: Gateway, answer: httpx.Response, status: int, code: str) -> None:
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["type"] == f"urn:headgate:problem:{code}"
    assert problem["detail"]
    assert problem["remedy"]
    assert gateway.accepted() == []


# --- who sends ---


@pytest.mark.parametrize(
    ("source", "body", "content_type"),
    [
        ("shop", b'{"text": "refund ORD-1", "tenant": "acme"}', "application/json"),
        ("shop", b'{"text": "refund ORD-1", "tenant" : "acme"}', "application/json"),
        ("shop", b"text=refund+ORD-1&tenant=acme", "application/x-www-form-urlencoded"),
        ("acme", b'{"text": "refund ORD-1"}', "application/json"),
        ("acme", b"refund ORD-1", "text/plain"),
    ],
)
def test_a_source_cannot_reach_the_records_of_another_tenant(
    gateway: Gateway, source: str, body: bytes, content_type: str
) -> None:
    answer = gateway.post(body, source=source, **{"content-type": content_type})
    assert_refused(gateway, answer, 403, "other_tenant")


def test_a_source_sends_for_each_tenant_of_its_own(gateway: Gateway) -> None:
    for tenant in ("acme", "acme-eu"):
        body = json.dumps({"text": "refund ORD-1", "tenant": tenant}).encode()
        assert gateway.post(body, source="acme").status_code == 202


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_unsigned(gateway: Gateway, missing: str) -> None:
    headers = gateway.headers(b'{"text": "x"}')
    del headers[missing]
    answer = gateway.http.post("/webhooks/shop", content=b'{"text": "x"}', headers=headers)
    assert_refused(gateway, answer, 401, "signature_missing")
    assert answer.headers["www-authenticate"] == "StandardWebhooks"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"webhook_signature": "v1,AAAA"}, "signature_wrong"),
        ({"webhook_signature": "garbage"}, "signature_wrong"),
        ({"webhook_id": "evt_other"}, "signature_wrong"),
        ({"webhook_timestamp": "yesterday"}, "bad_timestamp"),
        ({"after_s": -1_000_000_000}, "signature_stale"),
        ({"after_s": -320}, "signature_stale"),
        ({"after_s": 900}, "signature_from_future"),
    ],
)
def test_wrongly_signed(gateway: Gateway, changes: dict[str, str | int], code: str) -> None:
    assert_refused(gateway, gateway.post(b'{"text": "x"}', **changes), 401, code)  # type: ignore[arg-type]


def test_a_signature_of_another_body(gateway: Gateway) -> None:
    headers = gateway.headers(b'{"text": "x"}')
    answer = gateway.http.post("/webhooks/shop", content=b'{"text": "y"}', headers=headers)
    assert_refused(gateway, answer, 401, "signature_wrong")


def test_a_replayed_request_is_the_same_case(gateway: Gateway) -> None:
    headers = gateway.headers(b'{"text": "x"}', "evt_1")
    first, again = [gateway.http.post("/webhooks/shop", content=b'{"text": "x"}', headers=headers) for _ in range(2)]
    assert first.json() == {"case_id": "case/shop/evt_1", "event_id": "evt_1", "duplicate": False}
    assert again.json() == {"case_id": "case/shop/evt_1", "event_id": "evt_1", "duplicate": True}
    assert gateway.accepted() == ["case/shop/evt_1"]


def test_fifty_duplicates_at_once_are_one_case(gateway: Gateway) -> None:
    body = b'{"text": "x"}'
    headers = gateway.headers(body, "evt_1")
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(lambda _: gateway.http.post("/webhooks/shop", content=body, headers=headers), range(50))
        )
    assert [a.status_code for a in answers] == [202] * 50
    assert sum(not a.json()["duplicate"] for a in answers) == 1
    assert gateway.accepted() == ["case/shop/evt_1"]


def test_the_same_id_with_another_body_is_a_conflict_and_raises_an_alarm(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.post(b'{"text": "refund 20"}', "evt_1")
    answer = gateway.post(b'{"text": "refund 9000"}', "evt_1")
    assert (answer.status_code, answer.json()["code"]) == (409, "event_id_taken")
    assert [r.message for r in caplog.records if "ALARM" in r.message] == [
        "ALARM event id reused with another body: case/shop/evt_1"
    ]
    (kept,) = asyncio.run(gateway.pen.lease(10, 60))
    assert kept.body == b'{"text": "refund 20"}'


@pytest.mark.parametrize("event_id", ["a/b", "../x", "a b", "x" * 129, "-x", "ünicode"])
def test_event_ids_that_could_not_be_part_of_a_case_id(gateway: Gateway, event_id: str) -> None:
    body = b'{"text": "x"}'
    key = event_id.encode()
    signed = {k.encode(): v.encode() for k, v in gateway.headers(body).items()}
    signature = sign(gateway.secret, key.decode("latin-1"), body)
    signed |= {b"webhook-id": key, b"webhook-signature": signature["webhook-signature"].encode()}
    signed |= {b"webhook-timestamp": signature["webhook-timestamp"].encode()}
    answer = gateway.http.post("/webhooks/shop", content=body, headers=list(signed.items()))
    assert_refused(gateway, answer, 400, "bad_event_id")


@pytest.mark.parametrize("source", ["unknown", "", "shop/", "Shop", "shop%2f..", "a/b", "x" * 3000])
def test_unknown_sources(gateway: Gateway, source: str) -> None:
    assert_refused(gateway, gateway.post(b'{"text": "x"}', source=source), 404, "unknown_source")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_other_methods(gateway: Gateway, method: str) -> None:
    answer = gateway.http.request(method, "/webhooks/shop")
    assert_refused(gateway, answer, 405, "wrong_method")
    assert answer.headers["allow"] == "POST"


def test_a_sender_with_a_token_is_given_an_event_id(gateway: Gateway) -> None:
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "text/plain"}
    first, second = [gateway.http.post("/webhooks/printer", content=b"no paper", headers=headers) for _ in range(2)]
    assert first.status_code == second.status_code == 202
    assert first.json()["case_id"] == f"case/printer/{first.json()['event_id']}"
    assert first.json()["event_id"] != second.json()["event_id"]
    named = gateway.http.post("/webhooks/printer", content=b"no ink", headers={**headers, "webhook-id": "job-7"})
    assert named.json()["case_id"] == "case/printer/job-7"


@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer é"])
def test_a_wrong_token(gateway: Gateway, authorization: str | None) -> None:
    headers = [(b"content-type", b"text/plain")]
    headers += [(b"authorization", authorization.encode("latin-1"))] if authorization is not None else []
    answer = gateway.http.post("/webhooks/printer", content=b"x", headers=headers)
    assert_refused(gateway, answer, 401, "token_wrong")
    assert answer.headers["www-authenticate"] == "Bearer"


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
        (b'{"text": "\\ud800"}', "bad_json"),
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

    monkeypatch.setattr(gateway.pen, "depth", broken)
    answer = gateway.http.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert gateway.http.get("/healthz").status_code == 200


# --- secrets ---


def rewrite(gateway: Gateway, change: Callable[[dict[str, list[str]]], None]) -> None:
    content = json.loads(gateway.sources.read_bytes())
    change(content["sources"][0])
    gateway.sources.write_text(json.dumps(content))
    time.sleep(0.6)  # the file is looked at twice a second


def test_secrets_are_rotated_without_a_restart_and_overlap(gateway: Gateway) -> None:
    old, new = gateway.secret, new_secret()
    rewrite(gateway, lambda source: source.update(secrets=[old, new]))
    assert gateway.post(b'{"text": "old"}').status_code == 202
    gateway.secret = new
    assert gateway.post(b'{"text": "new"}').status_code == 202
    rewrite(gateway, lambda source: source.update(secrets=[new]))
    gateway.secret = old
    assert gateway.post(b'{"text": "old"}').status_code == 401
    gateway.secret = new


def test_a_broken_secrets_file_keeps_what_was_in_force(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    rewrite(gateway, lambda source: source.update(secrets=["whsec_tooshort"]))
    assert gateway.post(b'{"text": "x"}').status_code == 202
    assert "keeping what was read before" in caplog.text
    assert "tooshort" not in caplog.text
    gateway.sources.write_text("{")
    time.sleep(0.6)
    assert gateway.post(b'{"text": "x"}').status_code == 202


def test_no_secret_is_logged(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    gateway.post(b'{"text": "x"}')
    gateway.post(b'{"text": "x"}', webhook_signature="v1,AAAA")
    assert gateway.secret.removeprefix("whsec_") not in caplog.text
    assert gateway.secret not in repr(SourceRegistry(gateway.sources).get("shop"))


def test_the_file_of_secrets_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "sources.json"
    first = ensure_sources(path, ["shop", "mail"])
    assert path.stat().st_mode & 0o777 == 0o600
    assert ensure_sources(path, ["mail", "shop", "chat"]) | first == ensure_sources(path, ["shop", "mail", "chat"])
    with pytest.raises(ValueError, match="lower-case"):
        ensure_sources(path, ["../x"])
    assert list(path.parent.iterdir()) == [path]
