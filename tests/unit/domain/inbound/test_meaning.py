"""Two deliveries of the same event say the same, whatever their bytes are; two messages never do."""

import json

import pytest

from domain.inbound.formats.mapping import SourceReading
from domain.inbound.webhook import meaning_of

JSON = "application/json"
FIELDS: dict[str, object] = {
    "text": "The kettle leaks.", "subject": "kettle", "tenant": "acme", "customer": {"id": "C-1", "name": "Mia"},
    "order_id": "ORD-1", "amount": 20, "currency": "EUR", "thread_id": "T-1", "attachments": [{"name": "a.png"}],
}  # fmt: skip


def meaning(fields: object) -> str | None:
    return meaning_of(JSON, json.dumps(fields).encode())


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(dict(reversed(FIELDS.items()))).encode(),
        json.dumps(FIELDS, indent=3).encode(),
        json.dumps(FIELDS, ensure_ascii=False, separators=(",", ":")).replace("leaks", "le\\u0061ks").encode(),
        json.dumps({**FIELDS, "attempt": 2, "retry_count": 5, "sent_at": "now", "X-Trace": ["a"]}).encode(),
        json.dumps({"type": "t", "timestamp": "1", "delivery_attempt": 3, "data": FIELDS}).encode(),
        json.dumps({**FIELDS, "amount": "20", "attachments": ["a.png"]}).encode(),
    ],
)
def test_the_same_event_in_other_bytes(body: bytes) -> None:
    assert meaning_of(JSON, body) == meaning(FIELDS)


@pytest.mark.parametrize(
    "change",
    [
        {"text": "The kettle leaks. "},
        {"html": "<p>x</p>"},
        {"subject": "pan"},
        {"tenant": "acme2"},
        {"customer": {"id": "C-2", "name": "Mia"}},
        {"customer": {"id": "C-1", "name": "Mia", "email": "a@example.org"}},
        {"order_id": "ORD-2"},
        {"amount": 20.5},
        {"currency": "USD"},
        {"thread_id": "T-2"},
        {"attachments": [{"name": "b.png"}]},
        {"attachments": []},
    ],
)
def test_what_says_something_else(change: dict[str, object]) -> None:
    assert meaning({**FIELDS, **change}) != meaning(FIELDS)


def test_fields_do_not_run_into_each_other() -> None:
    assert meaning({"text": "a", "subject": "b"}) != meaning({"text": "b", "subject": "a"})
    assert meaning({"text": "x", "order_id": "1"}) != meaning({"text": "x", "amount": "1"})


MAIL = (
    b"From: Mia <mia@example.org>\r\nSubject: kettle\r\nMessage-ID: <1@example.org>\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nDate: Mon, 2 Nov 2026 09:00:00 +0000\r\n\r\nIt leaks.\r\n"
)


def test_lines_of_the_way_do_not_count_in_a_mail() -> None:
    received = b"Received: from a.example by b.example;\r\n\tMon, 2 Nov 2026 09:01:00 +0000\r\nDKIM-Signature: v=1\r\n"
    first = meaning_of("message/rfc822", MAIL)
    assert first is not None
    assert meaning_of("message/rfc822", received + MAIL) == first
    assert meaning_of("message/rfc822", MAIL.replace(b"\r\n", b"\n") + b"\n") == first
    assert meaning_of("message/rfc822", MAIL.replace(b"Subject: kettle", b"Subject:\r\n kettle")) == first


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"It leaks", b"It burns"),
        (b"<1@", b"<2@"),
        (b"mia@", b"ann@"),
        (b"kettle", b"pan"),
        (b"utf-8", b"utf-7"),
        (b"Date:", b"Reply-To: thief@example.org\r\nDate:"),
    ],
)
def test_another_mail(old: bytes, new: bytes) -> None:
    assert meaning_of("message/rfc822", MAIL.replace(old, new)) != meaning_of("message/rfc822", MAIL)


def test_it_is_read_by_the_names_of_its_source() -> None:
    reading = SourceReading(fields={"text": ["t"]}).model_dump_json()
    assert meaning_of(JSON, b'{"t": "x", "n": 1}', reading) == meaning_of(JSON, b'{"t": "x", "n": 2}', reading)
    assert meaning_of(JSON, b'{"t": "x"}', reading) == meaning_of(JSON, b'{"text": "x"}')


@pytest.mark.parametrize(
    ("body", "reading"), [(b"{", ""), (b'{"t": "x"}', ""), (b'{"text": "x"}', '{"format": "of-tomorrow"}')]
)
def test_what_cannot_be_read_means_nothing(body: bytes, reading: str) -> None:
    assert meaning_of(JSON, body, reading) is None


STRIPE = {
    "id": "evt_1", "type": "charge.dispute.created", "pending_webhooks": 2, "request": {"id": "req_1"},
    "data": {"object": {"id": "dp_1", "amount": 2000}},
}  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [
        {**STRIPE, "pending_webhooks": 1},
        {**STRIPE, "request": {"id": None}},
        {name: value for name, value in STRIPE.items() if name != "request"},
        dict(reversed(STRIPE.items())),
    ],
)
def test_an_event_that_is_taken_in_whole_is_the_same_however_it_is_delivered(other: dict[str, object]) -> None:
    reading = SourceReading(format="stripe").model_dump_json()
    first = meaning_of(JSON, json.dumps(STRIPE).encode(), reading)
    assert meaning_of(JSON, json.dumps(other).encode(), reading) == first
    changed = {**STRIPE, "data": {"object": {"id": "dp_1", "amount": 9000, "request": "x"}}}
    assert meaning_of(JSON, json.dumps(changed).encode(), reading) != first
