"""Letting in what other services sent: by the names of its source, with notes for people, and mails in a field."""

import hashlib
import json
from datetime import UTC, datetime

import pytest

from activities.intake.reading import NOTHING_READABLE
from domain.inbound.formats.mapping import SourceReading
from ports.incoming.inbox import InboxItem
from ports.store import StoredCase
from tests.unit.activities.intake.test_admit import Intake

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
JSON = "application/json"


async def let_in(body: bytes, content_type: str = JSON, reading: SourceReading | None = None) -> StoredCase:
    intake = Intake()
    item = InboxItem(
        case_id="case/shop/1",
        source="shop",
        event_id="1",
        content_type=content_type,
        body=body,
        digest=hashlib.sha256(body).hexdigest(),
        received_at=NOW,
        reading=reading.model_dump_json() if reading is not None else "",
    )
    await intake.inbox.put(item)
    await intake.run()
    return intake.store.cases[item.case_id]


async def test_a_payload_is_read_by_the_names_that_its_source_had_when_it_came() -> None:
    body = json.dumps({"t": {"words": "The kettle leaks."}, "who": "Mia Berg <mia@example.org>"}).encode()
    reading = SourceReading(fields={"text": ["t.words"], "customer_email": ["who"]})
    stored = await let_in(body, reading=reading)
    assert stored.case.text == "The kettle leaks."
    assert (stored.sender_email, stored.sender_name, stored.body) == ("mia@example.org", "Mia Berg", body)


async def test_a_reading_of_another_version_is_a_dead_letter() -> None:
    intake = Intake()
    item = InboxItem("case/shop/1", "shop", "1", JSON, b'{"text": "x"}', "00", NOW, reading='{"format": "of-tomorrow"}')
    await intake.inbox.put(item)
    assert (await intake.run()).poison == 1
    assert intake.store.cases[item.case_id].case.skip_to_human == NOTHING_READABLE


async def test_notes_reach_the_case() -> None:
    stored = await let_in(
        b'{"text": "The kettle leaks.", "channel": "Web Form", "customer_name": "' + b"M" * 300 + b'"}'
    )
    assert stored.case.notes == ["customer_name: cut after 200 characters", "channel: read as 'web-form'"]
    assert (await let_in(b'{"text": "The kettle leaks."}')).case.notes == []


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("Grüße, bitte nicht zurückzahlen".encode("latin-1"), "text/plain"),
        (b"text=do+n%ffot+refund+it", "application/x-www-form-urlencoded"),
    ],
)
async def test_a_message_that_lost_bytes_never_pays_by_itself(body: bytes, content_type: str) -> None:
    stored = await let_in(body, content_type)
    assert stored.case.suspicious
    assert stored.case.flags.count("undecodable") == 1
    assert "\ufffd" in stored.case.text


async def test_a_mail_of_a_picture_alone_goes_by_its_subject() -> None:
    mail = {"From": "mia@example.org", "Subject": "", "TextBody": "", "Attachments": [{"Name": "kettle.jpg"}]}
    stored = await let_in(json.dumps(mail).encode())
    assert stored.case.skip_to_human == NOTHING_READABLE
    assert "attachments" in stored.case.flags
    assert (await let_in(json.dumps(mail | {"Subject": "kettle"}).encode())).case.subject == "kettle"


async def test_half_an_emoji_costs_nothing() -> None:
    stored = await let_in(b'{"text": "The kettle leaks. \\ud83d"}')
    assert not stored.case.suspicious
    assert stored.case.text.startswith("The kettle leaks.")


async def test_a_mail_in_a_field_is_cleaned_as_a_mail() -> None:
    mail = (
        "From: Mia Berg <mia@example.org>\r\nSubject: kettle\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\nThe kettle from the caf=E9 leaks.\r\n"
    )
    body = (
        b'--B\r\nContent-Disposition: form-data; name="email"\r\n\r\n' + mail.encode() + b"\r\n"
        b'--B\r\nContent-Disposition: form-data; name="to"\r\n\r\nhelp@shop.example\r\n--B--\r\n'
    )
    stored = await let_in(body, "multipart/form-data; boundary=B")
    assert stored.case.text.strip() == "The kettle from the café leaks."
    assert (stored.case.subject, stored.sender_email, stored.case.channel) == ("kettle", "mia@example.org", "email")
