"""Webhooks to the real application under uvicorn: who may send, and with which secrets."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from domain.inbound.signing import new_secret, sign
from gateway.webhooks.sources import SourceRegistry, ensure_sources
from tests.integration.gateway_served import TOKEN, Gateway, assert_refused


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


@pytest.mark.parametrize("event_id", ["a/b", "a\\x", "a b", "x" * 129, "-x", "ünicode"])
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
