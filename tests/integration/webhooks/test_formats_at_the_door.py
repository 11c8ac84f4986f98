"""Webhooks to the real application under uvicorn: other headers, codings and field names; nothing makes it break."""

import asyncio
import base64
import gzip
import json
import os
import time
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.inbound.formats.mapping import reading_of
from domain.inbound.signing import new_secret, sign
from domain.inbound.webhook import parse_webhook
from ports.incoming.inbox import InboxItem
from tests.integration.gateway_served import MAX_BYTES, Gateway, assert_refused

BODY = b'{"text": "The kettle leaks."}'
DATA = Path(os.environ.get("HEADGATE_EVAL_DATA", ""), "field")
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="HEADGATE_EVAL_DATA has no field cases")


def as_svix(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("webhook-", "svix-"): value for name, value in headers.items()}


def send(gateway: Gateway, body: bytes, headers: dict[str, str], source: str = "shop") -> httpx.Response:
    return gateway.http.post(f"/webhooks/{source}", content=body, headers=headers)


def kept(gateway: Gateway) -> list[InboxItem]:
    return asyncio.run(gateway.pen.lease(100, 60))


# --- headers of Svix ---


def test_svix_headers_count_as_ours(gateway: Gateway) -> None:
    answer = send(gateway, BODY, as_svix(gateway.headers(BODY, "evt_1")))
    assert answer.json() == {"case_id": "case/shop/evt_1", "event_id": "evt_1", "duplicate": False}


def test_both_sets_count_if_they_agree_or_one_is_complete(gateway: Gateway) -> None:
    headers = gateway.headers(BODY, "evt_1")
    assert send(gateway, BODY, headers | as_svix(headers)).status_code == 202
    partial = {"webhook-id": "evt_evil", "webhook-timestamp": headers["webhook-timestamp"]}
    answer = send(gateway, BODY, as_svix(gateway.headers(BODY, "evt_2")) | partial)
    assert answer.json()["event_id"] == "evt_2"


def test_sets_that_disagree_are_refused_and_never_mixed(gateway: Gateway) -> None:
    good, other = gateway.headers(BODY, "evt_1"), gateway.headers(BODY, "evt_2")
    for pair in (good | as_svix(other), good | as_svix({**good, "webhook-id": "evt_9"})):
        assert_refused(gateway, send(gateway, BODY, pair), 401, "signature_headers_disagree")
    mixed = {name: value for name, value in good.items() if name != "webhook-id"} | {"svix-id": "evt_1"}
    assert_refused(gateway, send(gateway, BODY, mixed), 401, "signature_missing")
    split = {"svix-signature": good["webhook-signature"], "svix-id": "evt_1", "webhook-timestamp": "1"}
    assert_refused(gateway, send(gateway, BODY, split), 401, "signature_missing")


# --- codings ---


@pytest.mark.parametrize(("coding", "sent"), [("gzip", gzip.compress(BODY, mtime=0)), ("deflate", zlib.compress(BODY))])
def test_a_compressed_body_is_kept_as_what_it_says(gateway: Gateway, coding: str, sent: bytes) -> None:
    answer = gateway.post(sent, "evt_1", content_encoding=coding)
    assert answer.status_code == 202, answer.text
    assert [item.body for item in kept(gateway)] == [BODY]
    assert gateway.post(BODY, "evt_1").json()["duplicate"]


def test_the_signature_is_over_the_bytes_as_sent_unless_the_source_says_otherwise(gateway: Gateway) -> None:
    sent = gzip.compress(BODY)
    over_plain = gateway.headers(BODY) | {"content-encoding": "gzip"}
    assert_refused(gateway, send(gateway, sent, over_plain), 401, "signature_wrong")
    assert send(gateway, sent, over_plain, source="early").status_code == 202
    assert gateway.post(sent, source="early", content_encoding="gzip").status_code == 202
    of_another = sign(new_secret(), "evt_x", BODY) | {"content-encoding": "gzip", "content-type": "application/json"}
    assert send(gateway, sent, of_another, source="early").json()["code"] == "signature_wrong"


def test_other_codings_are_refused_by_name(gateway: Gateway) -> None:
    answer = gateway.post(BODY, content_encoding="br")
    assert_refused(gateway, answer, 415, "unsupported_encoding")
    assert "content-encoding 'br'" in answer.json()["detail"]
    assert "gzip" in answer.headers["accept-encoding"]


def test_bombs_are_refused_quickly(gateway: Gateway) -> None:
    started = time.monotonic()
    for size in (MAX_BYTES + 1, 30_000_000):
        bomb = gzip.compress(b"[" * size)
        assert_refused(gateway, gateway.post(bomb, content_encoding="gzip"), 413, "too_large")
        unsigned = gateway.post(bomb, source="early", content_encoding="gzip", webhook_signature="v1,AAAA")
        assert_refused(gateway, unsigned, 413, "too_large")
    assert time.monotonic() - started < 5
    assert_refused(gateway, gateway.post(b"no gzip", content_encoding="gzip"), 400, "bad_encoding")


# --- names ---


def test_a_source_is_read_by_its_own_names_now_and_when_it_is_let_in(gateway: Gateway) -> None:
    body = json.dumps({"ticket": {"words": "The kettle leaks."}, "who": "Mia <mia@example.org>"}).encode()
    assert_refused(gateway, gateway.post(body), 400, "empty_message")
    assert gateway.post(body, source="desk").status_code == 202
    (item,) = kept(gateway)
    assert item.body == body
    found = parse_webhook(item.content_type, item.body, reading_of(item.reading))
    assert (found.text, found.customer_email) == ("The kettle leaks.", "mia@example.org")


FRAMES = (
    b"%b",
    b'{"text": "a", "x": "%b"}',
    b'{"text": %b}',
    b"text=%b&_charset_=%b",
    b"From: %b\r\n\r\n%b",
    b'--B\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n--B--',
    b'{"From": "%b", "TextBody": "%b"}',
)
KINDS = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=B",
    "text/html",
    "message/rfc822",
    "text/plain; charset=utf-16",
    "text/plain; charset=gbk",
)
_bytes = st.binary(max_size=80) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass"))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    raw=_bytes,
    frame=st.sampled_from(FRAMES),
    kind=st.sampled_from(KINDS),
    coding=st.sampled_from(["", "gzip", "deflate", "br"]),
    honest=st.booleans(),
    source=st.sampled_from(["shop", "desk", "mail", "early"]),
    event_id=st.sampled_from(["e1", "e2", None]),
)
def test_no_body_makes_the_gateway_break(
    gateway: Gateway, raw: bytes, frame: bytes, kind: str, coding: str, honest: bool, source: str, event_id: str | None
) -> None:
    body = frame.replace(b"%b", raw)
    body = gzip.compress(body) if coding == "gzip" and honest else body
    changes = {"content-encoding": coding} if coding else {}
    answer = gateway.post(body, event_id, source=source, content_type=kind, **changes)
    assert answer.status_code in (202, 400, 409, 413, 415), answer.text


# --- field cases ---


def _variants() -> list[Any]:
    if not DATA.is_dir():
        return []
    cases = [json.loads(path.read_bytes()) for path in sorted(DATA.glob("web-*.json"))]
    return [pytest.param(v["send"], id=v["name"]) for case in cases for v in case["variants"]]


@needs_data
@pytest.mark.real_data
@pytest.mark.parametrize("sent", _variants())
def test_what_senders_in_the_field_send_is_taken(gateway: Gateway, sent: dict[str, Any]) -> None:
    body = base64.b64decode(sent["body_base64"]) if "body_base64" in sent else sent["body"].encode()
    headers = gateway.headers(body, content_type=sent["content_type"])
    headers = as_svix(headers) if sent.get("headers_style") == "svix" else headers
    answer = send(gateway, body, headers | sent.get("headers", {}), source=sent["source"])
    assert answer.status_code == 202, answer.text
