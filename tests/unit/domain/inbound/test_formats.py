"""Messages of services that name the fields their own way."""

import json
from urllib.parse import urlencode

import pytest

from domain.case import Machine
from domain.errors import WebhookRefusedError
from domain.inbound.email_head import EmailHead, head_of
from domain.inbound.formats.headers import header_pairs
from domain.inbound.formats.mapping import SourceReading, reading_of
from domain.inbound.formats.paths import values_at
from domain.inbound.message.inbound import Inbound
from domain.inbound.webhook import parse_webhook

POSTMARK: dict[str, object] = {
    "From": "Mia Berg <mia@example.org>",
    "FromFull": {"Email": "mia@example.org", "Name": "Mia Berg", "MailboxHash": ""},
    "Subject": "Lamp",
    "MessageID": "73e6d360-66eb-11e1-8e72-a8904824019b",
    "TextBody": "The lamp of ORD-5 hums. I want my money back.",
    "StrippedTextReply": "The lamp of ORD-5 hums.",
    "HtmlBody": "",
    "Headers": [{"Name": "Message-ID", "Value": "<m1@example.org>"}, {"Name": "References", "Value": "<a@x> <b@x>"}],
    "Attachments": [{"Name": "lamp.mp3", "ContentType": "audio/mpeg", "Content": "AAAA", "ContentLength": 3}],
}
ZENDESK: dict[str, object] = {
    "type": "zen:event-type:ticket.created",
    "id": "01JCD",
    "detail": {"id": "77", "subject": "Lamp", "description": "The lamp hums.", "requester_id": "9"},
    "event": {},
}
INTERCOM: dict[str, object] = {
    "type": "notification_event",
    "topic": "conversation.user.created",
    "id": "notif_1",
    "delivery_attempts": 1,
    "data": {
        "item": {
            "id": "215",
            "source": {
                "body": "<p>The lamp hums.</p>",
                "subject": "Lamp",
                "author": {"type": "user", "id": "u9", "name": "Mia Berg", "email": "mia@example.org"},
            },
        }
    },
}
RAW = b"From: Mia Berg <mia@example.org>\r\nSubject: Lamp\r\nMessage-ID: <m1@x>\r\n\r\nThe lamp hums.\r\n"


def read(body: object, reading: SourceReading | None = None) -> Inbound:
    return parse_webhook("application/json", json.dumps(body).encode(), reading)


def posted(**fields: str) -> Inbound:
    return parse_webhook("application/x-www-form-urlencoded", urlencode(fields).encode())


def parts(*fields: tuple[str, bytes]) -> tuple[str, bytes]:
    body = b"".join(
        b'--B\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name.encode(), value)
        for name, value in fields
    )
    return "multipart/form-data; boundary=B", body + b"--B--\r\n"


def refused(body: object, reading: SourceReading | None = None) -> WebhookRefusedError:
    with pytest.raises(WebhookRefusedError) as caught:
        read(body, reading)
    return caught.value


@pytest.mark.parametrize("reading", [None, SourceReading(format="postmark")])
def test_postmark(reading: SourceReading | None) -> None:
    found = read(POSTMARK, reading)
    # The stripped reply would have lost what is asked for.
    assert found.text == "The lamp of ORD-5 hums. I want my money back."
    assert (found.customer_email, found.customer_name, found.subject) == ("mia@example.org", "Mia Berg", "Lamp")
    assert (found.message_id, found.references) == ("m1@example.org", ["b@x", "a@x"])
    assert [a.model_dump() for a in found.attachments] == [{"name": "lamp.mp3", "media_type": "audio/mpeg"}]
    assert (found.channel, found.notes) == ("email", [])


def test_mailgun() -> None:
    headers = json.dumps([["Message-Id", "<m2@x>"], ["In-Reply-To", "<m1@x>"]])
    found = posted(
        **{
            "sender": "bounce+5@relay.example", "from": "Mia Berg <mia@example.org>", "subject": "Lamp",
            "body-plain": "It hums. Money back.", "stripped-text": "It hums.", "message-headers": headers,
        }
    )  # fmt: skip
    assert (found.text, found.customer_email, found.customer_name) == (
        "It hums. Money back.",
        "mia@example.org",
        "Mia Berg",
    )
    assert (found.message_id, found.references) == ("m2@x", ["m1@x"])


@pytest.mark.parametrize("field", ["email", "body-mime"])
def test_a_whole_mail_in_a_field_is_read_as_a_mail(field: str) -> None:
    found = parse_webhook(*parts((field, RAW), ("from", b"Mia Berg <mia@example.org>"), ("to", b"help@shop.example")))
    assert found.email
    assert found.mail == RAW
    assert (found.customer_email, found.subject, found.message_id) == ("mia@example.org", "Lamp", "m1@x")


def test_sendgrid_reads_each_field_in_its_own_charset() -> None:
    charsets = b'{"from": "UTF-8", "subject": "UTF-8", "text": "windows-1251"}'
    fields = parts(
        ("charsets", charsets),
        ("from", b"Mia <mia@example.org>"),
        ("attachments", b"1"),
        ("text", "Лампа гудит".encode("cp1251")),
    )
    found = parse_webhook(*fields)
    assert (found.text, found.customer_email, found.notes) == ("Лампа гудит", "mia@example.org", [])


def test_zendesk() -> None:
    found = read(ZENDESK)
    assert (found.text, found.subject, found.thread_id, found.event_id) == ("The lamp hums.", "Lamp", "77", "01JCD")
    # A requester's number at Zendesk is no customer of ours.
    assert found.customer_id is None


def test_intercom() -> None:
    found = read(INTERCOM)
    assert (found.html, found.thread_id, found.customer_email) == ("<p>The lamp hums.</p>", "215", "mia@example.org")
    reply = {"id": "215", "conversation_parts": {"conversation_parts": [
        {"body": "<p>Still humming.</p>", "author": {"type": "user", "email": "mia@example.org"}}
    ]}}  # fmt: skip
    assert read({**INTERCOM, "data": {"item": reply}}).html == "<p>Still humming.</p>"


@pytest.mark.parametrize(
    "body",
    [
        {**ZENDESK, "event": {"comment": {"body": "We send a new one.", "author": {"is_staff": True}}}},
        {**ZENDESK, "event": {"comment": {"body": "Do not refund him!", "is_public": False}}},
        {**INTERCOM, "topic": "conversation.admin.replied"},
        {**INTERCOM, "data": {"item": {"source": {"body": "hello", "author": {"type": "bot"}}}}},
    ],
)
def test_what_a_colleague_wrote_is_no_customers_message(body: dict[str, object]) -> None:
    assert read(body).machine is Machine.OWN
    assert read(ZENDESK).machine is read(INTERCOM).machine is None


# --- by which names ---


@pytest.mark.parametrize(
    "fields",
    [
        {"From": "mia@example.org", "Subject": "x"},
        {"body-plain": "it hums", "subject": "x"},
        {"type": "zen:event-type:ticket.created", "detail": "it hums"},
        {"type": "conversation.user.created", "data": {"item": {}}},
        {"message": "it hums", "email": "mia@example.org"},
    ],
)
def test_what_is_not_unmistakable_is_refused_and_says_what_to_do(fields: dict[str, object]) -> None:
    answer = refused(fields)
    assert answer.status == 400
    assert "headgate sources add" in answer.remedy


def test_our_own_names_come_first_in_json() -> None:
    found = read({**POSTMARK, "text": "ours", "customer_id": "C-1"})
    assert (found.text, found.customer_id) == ("ours", "C-1")


def test_headers_of_a_mail_that_came_as_form_fields_are_not_read_by_our_names() -> None:
    """Mailgun posts each header of a mail as a field, so whoever writes the mail chooses their names."""
    mail = {"sender": "thief@example.org", "body-plain": "pay me", "subject": "x"}
    found = posted(**mail, customer_id="C-VICTIM", order_id="ORD-1", amount="900", tenant="acme")
    assert (found.customer_id, found.order_id, found.amount, found.tenant) == (None, None, None, "default")
    assert found.customer_email == "thief@example.org"
    with pytest.raises(WebhookRefusedError, match="ambiguous"):
        posted(**mail, text="pay me", customer_id="C-VICTIM")


@pytest.mark.parametrize("reading", [None, SourceReading(format="mailgun"), SourceReading(fields={"text": ["words"]})])
def test_an_empty_mail_lets_nobody_choose_names_either(reading: SourceReading | None) -> None:
    fields = {"sender": "thief@example.org", "body-plain": " ", "text": "pay me", "customer_id": "C-VICTIM"}
    with pytest.raises(WebhookRefusedError):
        parse_webhook("application/x-www-form-urlencoded", urlencode(fields).encode(), reading)


@pytest.mark.parametrize("reading", [None, SourceReading(format="postmark")])
def test_a_mail_of_a_picture_alone_is_taken(reading: SourceReading | None) -> None:
    found = read({**POSTMARK, "TextBody": "", "StrippedTextReply": ""}, reading)
    assert (found.text, found.subject, len(found.attachments)) == (None, "Lamp", 1)
    assert (
        refused({**POSTMARK, "TextBody": "", "StrippedTextReply": "", "Subject": "", "Attachments": []}).status == 400
    )


def test_a_field_that_comes_twice_in_a_mail_form_names_no_sender() -> None:
    body = b"from=a%40example.org&from=b%40example.org&body-plain=hi&sender=c%40example.org&Received=1&Received=2"
    found = parse_webhook("application/x-www-form-urlencoded", body, SourceReading(format="mailgun"))
    assert found.customer_email is None
    assert "customer_email: given twice, with two values" in found.notes
    assert found.extra["Received"] == ["1", "2"]
    with pytest.raises(WebhookRefusedError, match="text"):
        parse_webhook("application/x-www-form-urlencoded", b"sender=a%40b&body-plain=hi&body-plain=ho")


def test_paths_of_ones_own() -> None:
    reading = SourceReading(
        fields={
            "text": ["ticket.newest.body", "ticket.messages.*.body"],
            "customer_email": ["who"],
            "order_id": ["ticket.orders.0"],
            "attachments": ["ticket.files.*.label"],
        }
    )
    ticket = {
        "messages": [{"body": "one"}, {"body": "two"}],
        "orders": ["ORD-1", "ORD-2"],
        "files": [{"label": "a.pdf"}],
    }
    found = read({"who": "Mia Berg <mia@example.org>", "ticket": ticket}, reading)
    assert (found.text, found.order_id) == ("one\n\ntwo", "ORD-1")
    assert (found.customer_email, found.customer_name) == ("mia@example.org", "Mia Berg")
    assert [a.name for a in found.attachments] == ["a.pdf"]
    assert read({"text": "plain all the same"}, reading).text == "plain all the same"


def test_of_several_ids_none_is_guessed() -> None:
    reading = SourceReading(fields={"text": ["t"], "order_id": ["orders.*"]})
    assert read({"t": "x", "orders": ["ORD-1"]}, reading).order_id == "ORD-1"
    assert refused({"t": "x", "orders": ["ORD-1", "ORD-2"]}, reading).code == "bad_field"


@pytest.mark.parametrize(
    "given",
    [
        {"format": "pigeon"},
        {"fields": {"mood": ["a"]}},
        {"fields": {"text": []}},
        {"fields": {"text": ["a..b"]}},
        {"fields": {"text": [".".join("a" * 20)]}},
        {"fields": {"text": ["p"] * 40}},
        {"fields": []},
    ],
)
def test_a_reading_that_cannot_be_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        SourceReading.model_validate(given)


def test_a_reading_survives_the_pen() -> None:
    reading = SourceReading(format="zendesk", fields={"text": ["a.b"]})
    assert reading_of(reading.model_dump_json()) == reading
    assert reading_of("") is None


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b", [1]),
        ("a.c.1", [3]),
        ("a.c.*", [2, 3]),
        ("a.*", [1, [2, 3]]),
        ("x.y", ["whole"]),
        ("a.c.9", []),
        ("a.c.-1", []),
        ("a.b.c", []),
        ("empty", []),
        ("n", []),
        ("none.*", [0, False]),
        ("", []),
    ],
)
def test_paths(path: str, found: list[object]) -> None:
    assert (
        values_at(
            {"a": {"b": 1, "c": [2, 3]}, "x.y": "whole", "empty": " ", "n": None, "none": [[], {}, "", 0, False]}, path
        )
        == found
    )


@pytest.mark.parametrize(
    "value", [None, 5, "[", "{" * 5000, "[" * 100_000, [1, [2]], [["a", 1]], {"a": {}}, "no colon", [{"Name": "x"}]]
)
def test_headers_that_are_none_raise_nothing(value: object) -> None:
    assert header_pairs(value) == []
    assert head_of(header_pairs(value)) == EmailHead()


# --- services that sign in their own way ---


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("slack", {"event": {"text": "It leaks.", "thread_ts": "1.2", "ts": "3.4"}}, ("It leaks.", "", "1.2")),
        ("slack", {"event": {"text": "It leaks.", "ts": "3.4"}}, ("It leaks.", "", "3.4")),
        ("github", {"issue": {"title": "Kettle", "body": "It leaks."}}, ("It leaks.", "Kettle", None)),
        ("github", {"issue": {"title": "Kettle", "body": "a"}, "comment": {"body": "b"}}, ("b", "Kettle", None)),
        ("shopify", {"note": "Call me.", "email": "ann@example.com", "total_price": "9.00"}, ("Call me.", "", None)),
        ("stripe", {"text": "our own names", "type": "x"}, ("our own names", "", None)),
    ],
)
def test_services_that_sign_in_their_own_way_are_read_by_their_names(
    name: str, body: dict[str, object], said: tuple[str, str, str | None]
) -> None:
    message = read(body, SourceReading(format=name))
    assert (message.text, message.subject, message.thread_id) == said
    assert message.machine is None


@pytest.mark.parametrize("words", [{}, {"text": ""}])
def test_a_picture_alone_by_slack_is_a_message(words: dict[str, str]) -> None:
    event = {"type": "message", "ts": "3.4", **words}
    picture = {"id": "F1", "name": "broken.png", "mimetype": "image/png"}
    message = read({"event": {**event, "files": [picture]}}, SourceReading(format="slack"))
    assert (message.channel, message.text or "", [a.name for a in message.attachments]) == ("chat", "", ["broken.png"])
    with pytest.raises(WebhookRefusedError, match="empty_message"):
        read({"event": event}, SourceReading(format="slack"))


def test_a_picture_alone_by_twilio_is_a_message() -> None:
    body = urlencode({"Body": "", "NumMedia": "1", "MediaUrl0": "https://api.twilio.com/m/1"}).encode()
    message = parse_webhook("application/x-www-form-urlencoded", body, SourceReading(format="twilio"))
    assert (message.channel, len(message.attachments)) == ("sms", 1)
    empty = urlencode({"Body": "", "NumMedia": "0", "SmsStatus": "delivered"}).encode()
    with pytest.raises(WebhookRefusedError, match="empty_message"):
        parse_webhook("application/x-www-form-urlencoded", empty, SourceReading(format="twilio"))


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("slack", {"event": {"text": "hi", "bot_id": "B1"}}),
        ("slack", {"event": {"text": "hi", "subtype": "bot_message"}}),
        ("github", {"comment": {"body": "bumped"}, "sender": {"login": "renovate", "type": "Bot"}}),
    ],
)
def test_what_a_robot_posts_is_no_customers(name: str, body: dict[str, object]) -> None:
    message = read(body, SourceReading(format=name))
    assert (message.machine, message.machine_sure) == (Machine.OWN, True)


@pytest.mark.parametrize("name", ["stripe", "github", "shopify"])
def test_an_event_without_a_message_is_kept_whole_and_asks_for_nothing(name: str) -> None:
    """Whatever its words seem to want, a person looks at it."""
    body = {"type": "charge.dispute.created", "data": {"object": {"note": "Please refund 20.00", "amount": 2000}}}
    message = read(body, SourceReading(format=name))
    assert json.loads(message.text or "") == body
    assert (message.machine, message.machine_sure) == (Machine.OWN, False)
    assert name in message.machine_sign


@pytest.mark.parametrize("name", ["slack", "zendesk", "twilio"])
def test_of_others_it_is_refused(name: str) -> None:
    with pytest.raises(WebhookRefusedError, match="empty_message"):
        read({"type": "x", "detail": {"amount": 2000}}, SourceReading(format=name))


def test_no_body_is_taken_for_theirs_without_being_told() -> None:
    with pytest.raises(WebhookRefusedError, match="empty_message"):
        read({"event": {"text": "hi"}, "comment": {"body": "hi"}, "note": "hi", "Body": "hi"})
