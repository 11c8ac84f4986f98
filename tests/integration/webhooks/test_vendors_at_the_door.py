"""Webhooks of services that sign in their own way, to the real application under uvicorn; nothing makes it break."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from domain.case import Machine
from domain.inbound.formats.mapping import reading_of
from domain.inbound.message.inbound import Inbound
from domain.inbound.webhook import parse_webhook
from gateway.app import GatewaySettings, create_gateway
from gateway.webhooks.sources import SourceRegistry, ensure_sources
from tests.integration.gateway_served import BODY_TIMEOUT_S, MAX_BYTES, Gateway, Pen, assert_refused, running

SECRET, OLD = "the-secret-of-today", "the-one-of-yesterday"
TWILIO_URL = "https://headgate.example/webhooks/twilio"
FORM = "application/x-www-form-urlencoded"
NAMES = ("stripe", "github", "slack", "shopify", "zendesk", "twilio")
STRIPE = {"id": "evt_1", "type": "charge.dispute.created", "data": {"object": {"amount": 2000, "reason": "fraudulent"}}}
SLACK = {
    "type": "event_callback", "event_id": "Ev1",
    "event": {"type": "message", "user": "U1", "text": "It leaks.", "ts": "1.2"},
}  # fmt: skip
GITHUB = {
    "action": "created", "issue": {"title": "Kettle", "body": "old", "html_url": "https://github.com/a/b/issues/1"},
    "comment": {"body": "It leaks."}, "sender": {"login": "ann", "type": "User"},
}  # fmt: skip
SHOPIFY = {"id": 1, "email": "ann@example.com", "note": "Please call me.", "total_price": "9.00"}
ZENDESK = {"type": "zen:event-type:ticket.created", "id": "01J", "detail": {"id": "7", "description": "It leaks."}}
TWILIO = {"MessageSid": "SM" + "0" * 32, "From": "+15550100", "Body": "It leaks.", "NumMedia": "0"}
BODIES = {
    "stripe": STRIPE, "slack": SLACK, "github": GITHUB, "shopify": SHOPIFY, "zendesk": ZENDESK, "twilio": TWILIO,
}  # fmt: skip


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    sources = tmp_path / "sources.json"
    secret = ensure_sources(sources, ["shop"])["shop"]
    content = json.loads(sources.read_bytes())
    content["sources"] += [
        {"name": name, "scheme": name, "secrets": [OLD, SECRET]} | ({"url": TWILIO_URL} if name == "twilio" else {})
        for name in NAMES
    ]
    sources.write_text(json.dumps(content))
    sources.chmod(0o600)
    pen = Pen(tmp_path / "inbox.db", put_timeout_s=1.0)
    settings = GatewaySettings(body_limit_bytes=MAX_BYTES, body_timeout_s=BODY_TIMEOUT_S)
    with running(create_gateway(pen, SourceRegistry(sources), settings=settings)) as url:
        found = Gateway(url, pen, sources, secret)
        yield found
        assert found.post(b'{"text": "the next good one"}', "evt_next_good").status_code == 202
        found.http.close()
    asyncio.run(pen.close())


def body_of(name: str) -> bytes:
    return urlencode(BODIES[name]).encode() if name == "twilio" else json.dumps(BODIES[name]).encode()


def headers_of(name: str, body: bytes, *, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """Sign as the services say, by other code than the gateway's."""
    now = time.time() if at is None else at
    kind = {"content-type": FORM if name == "twilio" else "application/json"}

    def code(content: bytes, digest: str = "sha256") -> "hmac.HMAC":
        return hmac.new(secret.encode(), content, digest)

    def in_base64(content: bytes, digest: str = "sha256") -> str:
        return base64.b64encode(code(content, digest).digest()).decode()

    stamp = str(int(now))
    match name:
        case "stripe":
            signed = code(f"{stamp}.".encode() + body).hexdigest()
            return kind | {"stripe-signature": f"t={stamp},v1={'0' * 64},v1={signed}"}
        case "github":
            return kind | {"x-hub-signature-256": f"sha256={code(body).hexdigest()}", "x-github-delivery": "d-1"}
        case "slack":
            signed = code(f"v0:{stamp}:".encode() + body).hexdigest()
            return kind | {"x-slack-signature": f"v0={signed}", "x-slack-request-timestamp": stamp}
        case "shopify":
            return kind | {"x-shopify-hmac-sha256": in_base64(body), "x-shopify-webhook-id": "w-1"}
        case "zendesk":
            iso = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            signed = in_base64(iso.encode() + body)
            return kind | {"x-zendesk-webhook-signature": signed, "x-zendesk-webhook-signature-timestamp": iso}
    fields = "".join(k + v for k, v in sorted(TWILIO.items()))
    return kind | {"x-twilio-signature": in_base64((TWILIO_URL + fields).encode(), "sha1")}


def send(gateway: Gateway, name: str, body: bytes | None = None, **changes: object) -> httpx.Response:
    content = body_of(name) if body is None else body
    headers = headers_of(name, content)
    headers |= {k.replace("_", "-"): v for k, v in changes.items()}  # type: ignore[misc]
    return gateway.http.post(f"/webhooks/{name}", content=content, headers=headers)


def read(gateway: Gateway) -> Inbound:
    (item,) = asyncio.run(gateway.pen.lease(100, 60))
    return parse_webhook(item.content_type, item.body, reading_of(item.reading))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_service_signs_is_taken_and_read_by_its_names(gateway: Gateway, name: str) -> None:
    answer = send(gateway, name)
    assert answer.is_success, answer.text
    assert len(gateway.accepted()) == 1
    assert gateway.accepted()[0].startswith(f"case/{name}/")
    message = read(gateway)
    if name == "stripe":  # no message of a customer in it: a person sees the event itself
        assert '"reason": "fraudulent"' in (message.text or "")
        assert (message.machine, message.machine_sure) == (Machine.OWN, False)
    else:
        assert message.text in ("It leaks.", "Please call me.")
        assert message.machine is None


@pytest.mark.parametrize("name", NAMES)
def test_the_same_again_is_the_same_case_whatever_headers_say(gateway: Gateway, name: str) -> None:
    fresh = {"x_github_delivery": "d-2", "x_shopify_webhook_id": "w-2", "i_twilio_idempotency_token": "t-2"}
    for more in ({}, {}, fresh, {"x_slack_retry_num": "1"}):
        assert send(gateway, name, **more).is_success
    assert len(gateway.accepted()) == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_secret_before_counts_until_it_is_taken_out(gateway: Gateway, name: str) -> None:
    body = body_of(name)
    answer = gateway.http.post(f"/webhooks/{name}", content=body, headers=headers_of(name, body, secret=OLD))
    assert answer.is_success


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_signature_is_401_and_stored_nowhere(gateway: Gateway, name: str) -> None:
    body = body_of(name)
    signed = headers_of(name, body)
    for sent, headers in ((body, headers_of(name, body, secret="another")), (body + b" ", signed)):
        answer = gateway.http.post(f"/webhooks/{name}", content=sent, headers=headers)
        assert_refused(gateway, answer, 401, "signature_wrong")
        assert answer.headers["www-authenticate"] == name
        assert name in answer.json()["remedy"]
    assert_refused(gateway, gateway.post(body, source=name), 401, "signature_missing")


@pytest.mark.parametrize("name", ["stripe", "slack", "zendesk"])
@pytest.mark.parametrize(("after_s", "code"), [(-320, "signature_stale"), (900, "signature_from_future")])
def test_a_time_far_off_is_refused(gateway: Gateway, name: str, after_s: int, code: str) -> None:
    body = body_of(name)
    headers = headers_of(name, body, at=time.time() + after_s)
    assert_refused(gateway, gateway.http.post(f"/webhooks/{name}", content=body, headers=headers), 401, code)


@pytest.mark.parametrize("name", NAMES)
def test_each_source_reads_its_own_signature_only(gateway: Gateway, name: str) -> None:
    for other in NAMES:
        if other != name:
            body = body_of(other)
            answer = gateway.http.post(f"/webhooks/{name}", content=body, headers=headers_of(other, body))
            assert_refused(gateway, answer, 401, "signature_missing")


@pytest.mark.parametrize("name", NAMES)
def test_a_header_that_stands_there_twice_is_refused(gateway: Gateway, name: str) -> None:
    body = body_of(name)
    headers = list(headers_of(name, body).items())
    for pair in headers[1:]:
        if pair[0] in ("x-github-delivery", "x-shopify-webhook-id"):
            continue  # nothing goes by these
        answer = gateway.http.post(f"/webhooks/{name}", content=body, headers=[*headers, pair])
        assert_refused(gateway, answer, 400, "repeated_header")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [b"", b"\xff\xfe\x80", b"v0=", b"t=9,v1=" + b"a" * 30_000, b"a1b2c3d4e5" * 4])
def test_no_header_makes_it_break(gateway: Gateway, name: str, value: bytes) -> None:
    body = body_of(name)
    for header in list(headers_of(name, body))[1:]:
        headers = {**headers_of(name, body), header: value}
        answer = gateway.http.post(f"/webhooks/{name}", content=body, headers=headers)
        assert answer.status_code < 500


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"[]", b"{}", b'{"data": 1, "type": "x"}', b"a&b&=&%", b"[" * 5000]
)
def test_a_signed_body_that_says_nothing_is_no_500(gateway: Gateway, name: str, body: bytes) -> None:
    answer = send(gateway, name, body)
    assert answer.status_code < 500
    if answer.status_code == 400:
        assert gateway.accepted() == []


def test_the_question_of_slack_is_answered_and_no_case(gateway: Gateway) -> None:
    body = b'{"token": "x", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALW", "type": "url_verification"}'
    answer = send(gateway, "slack", body)
    assert (answer.status_code, answer.text) == (200, "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALW")
    assert answer.headers["content-type"] == "text/plain"
    assert gateway.accepted() == []
    headers = headers_of("slack", body, secret="another")
    refused = gateway.http.post("/webhooks/slack", content=body, headers=headers)
    assert_refused(gateway, refused, 401, "signature_wrong")
    assert send(gateway, "stripe", body).status_code == 202


def test_what_slack_and_twilio_get_back_goes_to_nobody(gateway: Gateway) -> None:
    """Slack shows an answer to who gave the command, Twilio sends it to the customer."""
    assert send(gateway, "slack").content == b""
    answer = send(gateway, "twilio")
    assert (answer.text, answer.headers["content-type"]) == ("<Response/>", "text/xml")


def test_our_own_posts_and_those_of_robots_are_no_customers(gateway: Gateway) -> None:
    event = {**SLACK, "event": {"type": "message", "bot_id": "B1", "text": "We will look at it."}}
    send(gateway, "slack", json.dumps(event).encode())
    assert read(gateway).machine is Machine.OWN


def test_a_json_body_of_twilio_is_covered_by_its_digest_in_the_address(gateway: Gateway) -> None:
    body = b'{"Body": "It leaks."}'
    query = f"bodySHA256={hashlib.sha256(body).hexdigest()}"
    code = hmac.new(SECRET.encode(), f"{TWILIO_URL}?{query}".encode(), "sha1").digest()
    headers = {"content-type": "application/json", "x-twilio-signature": base64.b64encode(code).decode()}
    path = f"/webhooks/twilio?{query}"
    assert_refused(
        gateway, gateway.http.post(path, content=b'{"Body": "Pay me."}', headers=headers), 401, "signature_wrong"
    )
    assert gateway.http.post(path, content=body, headers=headers).status_code == 200
