"""Webhooks to the real application under uvicorn: the same event again, in the same bytes or in others."""

import asyncio
import base64
import json
import sqlite3
from pathlib import Path

import httpx
import pytest

from adapters.inbox.sqlite import SqliteInbox
from gateway.webhooks import receiver
from ports.incoming.inbox import InboxItem
from tests.integration.gateway_served import TOKEN, Gateway

FIRST = b'{"text": "The kettle leaks.", "order_id": "ORD-1", "attempt": 1}'
AGAIN = b'{"attempt": 2, "order_id": "ORD-1", "sent_at": "now",\n "text": "The kettle leaks."}'
OTHER = b'{"text": "The kettle leaks.", "order_id": "ORD-2", "attempt": 2}'
MAIL = b"From: Mia <mia@example.org>\r\nMessage-ID: <k1@example.org>\r\nSubject: kettle\r\n\r\nIt leaks.\r\n"


def assert_duplicate(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()) == (202, answer.json() | {"duplicate": True}), answer.text


def acknowledge(gateway: Gateway) -> list[InboxItem]:
    """Let all in that waits; from then on the pen has digests only."""

    async def let_in() -> list[InboxItem]:
        pen = SqliteInbox(gateway.pen._path)
        items = await pen.lease(100, 60)
        await pen.ack([item.case_id for item in items])
        await pen.close()
        return items

    return asyncio.run(let_in())


@pytest.mark.parametrize("was_let_in", [False, True])
def test_another_attempt_of_the_same_event_is_the_same_case(
    gateway: Gateway, was_let_in: bool, caplog: pytest.LogCaptureFixture
) -> None:
    assert gateway.post(FIRST, "evt_1").status_code == 202
    if was_let_in:
        (item,) = acknowledge(gateway)
        assert item.body == FIRST
    assert_duplicate(gateway.post(FIRST, "evt_1"))
    assert_duplicate(gateway.post(AGAIN, "evt_1"))
    assert "ALARM" not in caplog.text
    answer = gateway.post(OTHER, "evt_1")
    assert (answer.status_code, answer.json()["code"]) == (409, "event_id_taken")
    assert "ALARM event id reused with another body: case/shop/evt_1" in caplog.text
    assert gateway.accepted() == ["case/shop/evt_1"]


def test_a_pen_that_cannot_say_what_came_first_is_told_in_time(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(*_: object) -> None:
        await asyncio.sleep(60)

    assert gateway.post(FIRST, "evt_1").status_code == 202
    monkeypatch.setattr(receiver, "_COMPARE_WITHIN_S", 0.05)
    with monkeypatch.context() as hung:
        hung.setattr(gateway.pen, "kept", hangs)
        answer = gateway.post(AGAIN, "evt_1")
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert_duplicate(gateway.post(AGAIN, "evt_1"))


def test_the_same_mail_over_another_way(gateway: Gateway) -> None:
    way = b"Received: from mx.example by shop.example; Mon, 2 Nov 2026 09:00:00 +0000\r\n"
    kind = {"content_type": "message/rfc822"}
    assert gateway.post(MAIL, "evt_1", source="mail", **kind).status_code == 202
    assert_duplicate(gateway.post(way + MAIL, "evt_1", source="mail", **kind))
    assert gateway.post(MAIL.replace(b"leaks", b"burns"), "evt_1", source="mail", **kind).status_code == 409


def test_the_same_words_in_another_type_and_coding(gateway: Gateway) -> None:
    assert gateway.post(b'{"text": "The kettle leaks."}', "evt_1").status_code == 202
    form = {"content_type": "application/x-www-form-urlencoded"}
    assert_duplicate(gateway.post(b"text=The+kettle+leaks.", "evt_1", **form))


def test_a_pen_of_an_earlier_version_is_read_and_knows_equal_bytes(gateway: Gateway) -> None:
    """It kept digests of bytes only: what was let in then is recognised by equal bytes alone."""
    gateway.post(FIRST, "evt_1")
    gateway.post(FIRST, "evt_2")
    acknowledge(gateway)
    with sqlite3.connect(gateway.pen._path) as db:
        db.execute("UPDATE inbox SET meaning = '', body = x''")
    assert_duplicate(gateway.post(FIRST, "evt_1"))
    assert gateway.post(AGAIN, "evt_1").status_code == 409


def test_an_event_without_an_id_is_known_again_by_its_mail(gateway: Gateway) -> None:
    mail = {
        "From": "Mia <mia@example.org>", "Subject": "kettle", "TextBody": "It leaks.",
        "Headers": [{"Name": "Message-ID", "Value": "<k1@example.org>"}],
    }  # fmt: skip

    def post(**changes: object) -> httpx.Response:
        password = base64.b64encode(f"any:{TOKEN}".encode()).decode()
        return gateway.http.post(
            "/webhooks/post", json={**mail, **changes}, headers={"authorization": f"Basic {password}"}
        )

    first, again = post(), post(Tag="second try")
    assert (first.status_code, again.json()["case_id"]) == (202, first.json()["case_id"])
    assert (first.json()["duplicate"], again.json()["duplicate"]) == (False, True)
    # A message id that is used twice costs no message.
    other = post(TextBody="It burns.")
    assert (other.status_code, other.json()["duplicate"]) == (202, False)
    assert other.json()["case_id"] != first.json()["case_id"]


@pytest.mark.parametrize("authorization", [f"Basic {TOKEN}", "Basic !", f"Basic {base64.b64encode(b'a:b').decode()}"])
def test_a_wrong_password(gateway: Gateway, authorization: str) -> None:
    answer = gateway.http.post("/webhooks/post", json={"text": "x"}, headers={"authorization": authorization})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_wrong")


def test_a_pen_without_the_new_columns_gets_them(tmp_path: Path) -> None:
    path = tmp_path / "inbox.db"
    with sqlite3.connect(path) as db:
        db.execute(
            "CREATE TABLE inbox (seq INTEGER PRIMARY KEY, case_id TEXT NOT NULL UNIQUE, source TEXT NOT NULL, "
            "event_id TEXT NOT NULL, content_type TEXT NOT NULL, body BLOB NOT NULL, digest BLOB NOT NULL, "
            "received_us INTEGER NOT NULL, put_mark INTEGER NOT NULL, leased_at REAL NOT NULL DEFAULT 0, "
            "leased_until REAL NOT NULL DEFAULT 0, deliveries INTEGER NOT NULL DEFAULT 0, acked_at REAL)"
        )
        db.execute(
            "INSERT INTO inbox (case_id, source, event_id, content_type, body, digest, received_us, put_mark) "
            "VALUES ('case/shop/1', 'shop', '1', 'application/json', ?, x'00', 0, 0)",
            (json.dumps({"text": "hi"}).encode(),),
        )

    async def use() -> None:
        first, second = SqliteInbox(path), SqliteInbox(path, keep_s=0)
        kept, _ = await asyncio.gather(first.kept("case/shop/1"), second.kept("case/shop/1"))
        assert kept is not None
        assert (kept.body, kept.reading, kept.meaning) == (b'{"text": "hi"}', "", "")
        (item,) = await second.lease(10, 60)
        assert item.reading == ""
        await second.ack([item.case_id])
        after = await first.kept("case/shop/1")
        assert after is not None
        assert (after.body, len(after.meaning)) == (b"", 64)
        assert await first.kept("case/shop/2") is None
        await first.close()
        await second.close()

    asyncio.run(use())
