"""Bodies that cannot be read: taken in where their source says so, once their sender is known; refused elsewhere."""

import asyncio

import pytest

from domain.inbound.formats.mapping import reading_of
from ports.incoming.inbox import InboxItem
from tests.integration.gateway_served import MAX_BYTES, TOKEN, Gateway, assert_refused

BROKEN = b"{'text': 'My kettle is broken',}"


def kept(gateway: Gateway) -> list[InboxItem]:
    return asyncio.run(gateway.pen.lease(100, 60))


@pytest.mark.parametrize(
    "body",
    [
        BROKEN,
        b"not json",
        b'{"text": "a", "text": "b"}',
        b"[]",
        b"{}",
        b'{"text": 1, "amount": {}}',
        b'{"text": "a", "tenant": "/"}',
    ],
)
def test_without_the_sources_word_they_are_refused(gateway: Gateway, body: bytes) -> None:
    answer = gateway.post(body, "evt_1")
    assert_refused(gateway, answer, 400, answer.json()["code"])


@pytest.mark.parametrize("body", [BROKEN, b"not json", b'{"text": "a", "text": "b"}', b"\xff\xfe{", b"[]", b"{}"])
def test_where_the_source_says_so_they_are_taken_as_they_are(gateway: Gateway, body: bytes) -> None:
    answer = gateway.post(body, "evt_1", source="loose")
    assert answer.status_code == 202
    assert answer.json() == {"case_id": "case/loose/evt_1", "event_id": "evt_1", "duplicate": False}
    [item] = kept(gateway)
    assert (item.body, item.tenant) == (body, "acme")
    how = reading_of(item.reading)
    assert how is not None
    assert how.malformed
    assert how.of_the_source() is None


def test_a_sound_body_of_such_a_source_is_kept_as_ever(gateway: Gateway) -> None:
    assert gateway.post(b'{"text": "a", "tenant": "acme"}', "evt_1", source="loose").status_code == 202
    assert gateway.post(b'{"text": "a", "tenant": "other"}', "evt_2", source="loose").status_code == 403
    assert [item.reading for item in kept(gateway)] == [""]


def test_nobody_without_a_signature_gets_a_broken_body_in(gateway: Gateway) -> None:
    headers = {"content-type": "application/json"}
    assert_refused(
        gateway, gateway.http.post("/webhooks/loose", content=BROKEN, headers=headers), 401, "signature_missing"
    )
    signed = gateway.headers(BROKEN, "evt_1")
    assert gateway.http.post("/webhooks/loose", content=BROKEN + b" ", headers=signed).status_code == 401
    assert gateway.accepted() == []


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "application/json", 400),
        (b"a" * (MAX_BYTES + 1), "application/json", 413),
        (BROKEN, "application/pdf", 415),
    ],
)
def test_what_is_empty_too_large_or_of_another_type_is_refused_all_the_same(
    gateway: Gateway, body: bytes, content_type: str, status: int
) -> None:
    answer = gateway.post(body, "evt_1", source="loose", content_type=content_type)
    assert answer.status_code == status
    assert gateway.accepted() == []


def test_the_same_again_is_the_same_case_and_other_bytes_are_a_conflict(gateway: Gateway) -> None:
    assert gateway.post(BROKEN, "evt_1", source="loose").json()["duplicate"] is False
    assert gateway.post(BROKEN, "evt_1", source="loose").json()["duplicate"] is True
    mended = b'{"text": "My kettle is broken", "tenant": "acme"}'
    assert gateway.post(mended, "evt_1", source="loose").status_code == 409
    assert gateway.accepted() == ["case/loose/evt_1"]


def test_without_an_event_id_the_same_bytes_are_the_same_event(gateway: Gateway) -> None:
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    answers = [
        gateway.http.post("/webhooks/loose-desk", content=body, headers=headers).json()
        for body in (BROKEN, BROKEN, b"[1")
    ]
    assert [answer["duplicate"] for answer in answers] == [False, True, False]
    assert answers[0]["case_id"] == answers[1]["case_id"] != answers[2]["case_id"]
    how = reading_of(kept(gateway)[0].reading)
    assert how is not None
    assert how.malformed
    assert how.of_the_source() is not None
