"""What a webhook says is read strictly, or refused with words that help."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import StrictJSONError, WebhookRefusedError
from domain.inbound.email_head import read_email_head
from domain.inbound.reference_ids import usable_id
from domain.inbound.strict_json import MAX_DEPTH, loads
from domain.inbound.webhook import MAX_BODY_BYTES, Inbound, parse_webhook, problem, problem_of
from domain.reading.written import read_amount


def parse(fields: object, content_type: str = "application/json") -> Inbound:
    return parse_webhook(content_type, json.dumps(fields).encode())


def refusal(content_type: str, body: bytes) -> WebhookRefusedError:
    with pytest.raises(WebhookRefusedError) as caught:
        parse_webhook(content_type, body)
    return caught.value


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty_body"),
        (b" \r\n\t ", "empty_body"),
        (b"{", "bad_json"),
        (b"[]", "bad_json"),
        (b'"text"', "bad_json"),
        (b'{"text": "a"} {"text": "b"}', "bad_json"),
        (b'{"text": "hi", "amount": NaN}', "bad_json"),
        (b'{"text": "hi", "amount": Infinity}', "bad_json"),
        (b'{"text": "hi", "amount": -Infinity}', "bad_json"),
        (b'{"text": "a", "text": "b"}', "bad_json"),
        (b'{"text": "a", "customer": {"id": "1", "id": "2"}}', "bad_json"),
        (b'{"text": "nul \x00 byte"}', "bad_json"),
        (b'{"text": "\xff\xfe"}', "bad_json"),
        ('{"text": "é"}'.encode("latin-1"), "bad_json"),
        (b'{"text": "ok", "n": ' + b"9" * 65 + b"}", "bad_json"),
        (b'{"text": "ok", "n": 0.' + b"9" * 65 + b"}", "bad_json"),
        (b'{"text": "ok", "deep": ' + b"[" * 40 + b"]" * 40 + b"}", "bad_json"),
        (b"[" * 200_000, "bad_json"),
        (b'{"a":' * 100_000, "bad_json"),
        (b"{}", "empty_message"),
        (b'{"text": "  \\n"}', "empty_message"),
        (b'{"html": null, "text": ""}', "empty_message"),
        (b'{"text": ["a"]}', "bad_field"),
        (b'{"text": true}', "bad_field"),
        (b'{"text": "a", "order_id": "\\ud83d"}', "bad_field"),
        (b'{"text": "a", "amount": "2\\udc000"}', "bad_field"),
        (b'{"text": "a", "tenant": "a\\ud800"}', "bad_field"),
        (b'{"text": "a", "customer_id": "C\\u0000"}', "bad_field"),
        (b'{"text": "a", "currency": "US\\u0000D"}', "bad_field"),
        (b'{"text": "a", "amount": {"value": 1}}', "bad_field"),
        (b'{"text": "a", "amount": true}', "bad_field"),
        (b'{"text": "a", "customer": {"id": "1"}, "customer_id": "2"}', "bad_field"),
        (b'{"text": "a", "tenant": "../etc"}', "bad_field"),
        (b'{"text": "a", "tenant": "' + b"x" * 65 + b'"}', "bad_field"),
        (b'{"text": "a", "order_id": "' + b"x" * 129 + b'"}', "bad_field"),
        (b'{"text": "a", "order_id": "a\\u0000b"}', "bad_field"),
        (b'{"type": "ticket", "data": []}', "bad_field"),
        (json.dumps({"text": "a", **{f"f{i}": i for i in range(300)}}).encode(), "too_many_fields"),
    ],
)
def test_json_that_cannot_be_read_is_refused_by_name(body: bytes, code: str) -> None:
    refused = refusal("application/json", body)
    assert (refused.status, refused.code) == (400, code)
    assert refused.detail
    assert refused.remedy


def test_a_problem_says_what_and_what_to_do() -> None:
    found = problem_of(refusal("application/json", b'{"text": "a", "text": "b"}'))
    assert found["type"] == "urn:headgate:problem:bad_json"
    assert found["status"] == 400
    assert "'text'" in str(found["detail"])
    assert set(problem(404, "c", "t", "d", "r")) == {"type", "title", "status", "detail", "code", "remedy"}


@pytest.mark.parametrize(
    "kind", ["application/pdf", "image/png", "application/octet-stream", "", "text", "application/xml"]
)
def test_other_types_are_refused_with_the_accepted_ones(kind: str) -> None:
    refused = refusal(kind, b"x")
    assert refused.status == 415
    assert "application/json" in refused.remedy


def test_a_body_above_the_cap_is_refused() -> None:
    assert refusal("text/plain", b"a" * (MAX_BODY_BYTES + 1)).status == 413


def test_plain_json_is_read_with_every_field() -> None:
    found = parse(
        {
            "channel": "chat",
            "tenant": "acme",
            "lang": "pt_BR",
            "subject": "twice\r\ncharged",
            "text": "I was charged twice",
            "customer": {"id": "C-1", "email": "ann@example.com", "name": "Ann", "vip": True},
            "order_id": "ORD-1",
            "amount": "20.00",
            "currency": "USD",
            "attachments": [{"name": "bill.pdf", "media_type": "application/pdf", "content_base64": "AAAA"}],
            "mood": {"score": 3, "exact": 1},
        }
    )
    assert found.tenant == "acme"
    assert found.lang == "pt-BR"
    assert found.subject == "twice  charged"
    assert (found.customer_id, found.customer_email, found.customer_name) == ("C-1", "ann@example.com", "Ann")
    assert (found.order_id, found.amount, found.currency) == ("ORD-1", "20.00", "USD")
    assert found.attachments[0].model_dump() == {"name": "bill.pdf", "media_type": "application/pdf"}
    assert found.extra == {"mood": {"score": 3, "exact": 1}, "customer.vip": True}


def test_the_envelope_of_standard_webhooks_is_opened() -> None:
    found = parse(
        {"type": "ticket.created", "timestamp": "2026-01-01T00:00:00Z", "data": {"text": "hi", "tenant": "t1"}}
    )
    assert (found.text, found.tenant) == ("hi", "t1")
    assert found.extra == {"envelope.type": "ticket.created", "envelope.timestamp": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("literal", "amount"),
    [
        (b"20", "20"),
        (b"20.50", "20.50"),
        (b"1e3", "1e3"),
        (b"-5", "-5"),
        (b"0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        (b'"twenty dollars"', "twenty dollars"),
        (b'"NaN"', "NaN"),
        (b'"-5.00"', "-5.00"),
        ('"٢٠"'.encode(), "٢٠"),
    ],
)
def test_an_amount_stays_the_text_that_was_sent(literal: bytes, amount: str) -> None:
    found = parse_webhook("application/json", b'{"text": "refund me", "amount": ' + literal + b"}").amount
    assert found == amount
    assert type(found) is str


@pytest.mark.parametrize("lang", ["de", "es", "it", "nl", "pt", "da", "en", "fr", "und"])
def test_the_point_of_a_number_is_one_of_thousands_in_no_language(lang: str) -> None:
    found = parse_webhook("application/json", b'{"text": "a", "amount": 1.234, "currency": "EUR"}')
    assert found.amount is not None
    with pytest.raises(ValueError, match="at most two decimals"):
        read_amount(found.amount, currency=found.currency, lang=lang)
    found = parse_webhook("application/json", b'{"text": "a", "amount": 1234.50, "currency": "EUR"}')
    assert read_amount(str(found.amount), currency="EUR", lang=lang).minor == 123_450


def test_words_for_an_amount_are_read_in_their_language() -> None:
    found = parse_webhook("application/json", b'{"text": "a", "amount": "1.234", "currency": "EUR"}')
    assert read_amount(str(found.amount), currency="EUR", lang="de").minor == 123_400


def test_nulls_count_as_absent() -> None:
    found = parse({"text": "a", "tenant": None, "customer": None, "amount": None, "attachments": None, "lang": ""})
    assert (found.tenant, found.customer_id, found.amount, found.lang) == ("default", None, None, "und")


def test_numbers_of_unknown_fields_lose_nothing() -> None:
    found = parse_webhook("application/json", b'{"text": "a", "big": 9007199254740993, "small": 7, "half": 0.5}').extra
    assert found == {"big": "9007199254740993", "small": 7, "half": "0.5"}


def test_a_mistyped_address_is_kept_but_not_used() -> None:
    found = parse({"text": "a", "customer": {"email": "ann at example.com"}})
    assert found.customer_email is None
    assert found.extra == {"customer.email": "ann at example.com"}


def test_a_byte_order_mark_and_pairs_of_surrogates_are_fine() -> None:
    assert parse_webhook("application/json", b'\xef\xbb\xbf{"text": "\\ud83d\\ude00"}').text == "😀"
    assert parse_webhook("application/vnd.shop+json; charset=UTF-8", b'{"text": "x"}').text == "x"


def test_json_in_another_charset_is_refused() -> None:
    assert refusal("application/json; charset=utf-16", '{"text": "x"}'.encode("utf-16")).code == "bad_charset"


def test_depth_up_to_the_cap_is_read() -> None:
    assert loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    with pytest.raises(StrictJSONError, match="nested"):
        loads(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))


def test_many_shallow_brackets_are_no_depth() -> None:
    assert loads(b"[" + b",".join([b"{}"] * 500) + b"]") == [{}] * 500


# --- forms ---


def test_a_form_is_read_with_the_same_names() -> None:
    body = b"text=charged+twice&customer.id=C-1&customer%5Bemail%5D=ann%40example.com&amount=20.00&tenant=acme&mood=bad"
    found = parse_webhook("application/x-www-form-urlencoded", body)
    assert (found.text, found.customer_id, found.customer_email) == ("charged twice", "C-1", "ann@example.com")
    assert (found.amount, found.tenant, found.extra) == ("20.00", "acme", {"mood": "bad"})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"text=a&text=b", "bad_field"),
        (b"customer.id=1&customer_id=2&text=x", "bad_field"),
        (b"text", "bad_form"),
        (b"&".join(b"f%d=1" % i for i in range(500)), "bad_form"),
        (b"subject=only", "empty_message"),
    ],
)
def test_forms_that_cannot_be_read_are_refused(body: bytes, code: str) -> None:
    assert refusal("application/x-www-form-urlencoded", body).code == code


def multipart(*parts: bytes) -> bytes:
    return b"".join(b"--B\r\n" + p + b"\r\n" for p in parts) + b"--B--\r\n"


def test_a_multipart_form_is_read_and_files_become_attachments() -> None:
    body = multipart(
        b'Content-Disposition: form-data; name="text"\r\n\r\nline one\r\n--not a boundary\r\n',
        b'Content-Disposition: form-data; name="customer[id]"\r\n\r\nC-1',
        b'Content-Disposition: form-data; name="f"; filename="a \\"b\\".png"\r\nContent-Type: image/png\r\n'
        b"\r\n\x89PNG\r\n",
    )
    found = parse_webhook("multipart/form-data; boundary=B", body)
    assert found.text == "line one\r\n--not a boundary\r\n"
    assert found.customer_id == "C-1"
    assert [a.model_dump() for a in found.attachments] == [{"name": 'a "b".png', "media_type": "image/png"}]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", multipart(b'Content-Disposition: form-data; name="text"\r\n\r\nx')),
        ("multipart/form-data; boundary=C", multipart(b'Content-Disposition: form-data; name="text"\r\n\r\nx')),
        ("multipart/form-data; boundary=B", b'--B\r\nContent-Disposition: form-data; name="text"\r\n\r\nx'),
        ("multipart/form-data; boundary=B", multipart(b"no headers at all")),
        ("multipart/form-data; boundary=B", multipart(b"Content-Disposition: form-data\r\n\r\nx")),
        ("multipart/form-data; boundary=B", multipart(*[b'Content-Disposition: form-data; name="a"\r\n\r\n'] * 300)),
    ],
)
def test_multipart_forms_that_cannot_be_read_are_refused(content_type: str, body: bytes) -> None:
    assert refusal(content_type, body).code == "bad_form"


# --- text and e-mail ---


def test_text_bodies_are_the_message() -> None:
    assert parse_webhook("text/plain", "Grüße".encode()).text == "Grüße"
    assert parse_webhook("text/plain; charset=iso-8859-1", "Grüße".encode("latin-1")).text == "Grüße"
    assert parse_webhook("text/html; charset=utf-8", b"<p>hi</p>").html == "<p>hi</p>"


@pytest.mark.parametrize(
    ("content_type", "body", "code"),
    [
        ("text/plain; charset=utf-7", b"+AGE-", "bad_charset"),
        ("text/plain; charset=idna", b"a", "bad_charset"),
        ("text/html; charset=utf-16", b"\xff\xfe \x00", "empty_message"),
    ],
)
def test_text_in_a_wrong_charset_is_refused(content_type: str, body: bytes, code: str) -> None:
    assert refusal(content_type, body).code == code


def test_an_email_names_its_sender() -> None:
    head = b"From: =?utf-8?q?Ann_M=C3=BCller?= <ann@example.com>\r\nSubject: twice\r\n charged\r\n"
    raw = head + b"\r\nFrom: x@example.com\r\n"
    found = parse_webhook("message/rfc822", raw)
    assert found.email
    assert (found.customer_name, found.customer_email, found.subject) == (
        "Ann Müller",
        "ann@example.com",
        "twice charged",
    )


@pytest.mark.parametrize(
    "header",
    [
        "a@example.org, b@example.org",
        "<a@example.org> b@example.org",
        "victim@example.org <a@example.org>",
        "a@example.org)b@evil.example",
        "<a@example.org><b@example.org>",
        "=?utf-8?q?x?= <",
        "",
    ],
)
def test_an_ambiguous_sender_has_no_address(header: str) -> None:
    head = read_email_head(f"From: {header}\r\nSubject: s\r\n\r\nbody".encode())
    assert head is not None
    assert head.sender_address is None


def test_a_body_without_headers_is_no_email() -> None:
    assert refusal("message/rfc822", b"just some words\r\n\r\nmore").code == "bad_email"


def outcome(kind: str, body: bytes) -> int:
    try:
        parse_webhook(kind, body)
    except WebhookRefusedError as refused:
        return refused.status
    return 200


@settings(max_examples=300, deadline=None)
@given(raw=st.binary(max_size=300))
def test_no_bytes_make_reading_fail_otherwise(raw: bytes) -> None:
    """Whatever comes, the answer is an `Inbound` or a refusal."""
    for kind in (
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=B",
        "message/rfc822",
    ):
        for body in (raw, b"From: " + raw, b'{"text": "' + raw + b'"}', b"--B\r\n" + raw + b"\r\n--B--"):
            assert outcome(kind, body) in (200, 400)
            json.dumps(read_email_head(body))


# --- ids ---


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "ann@example.com",
        "4111111111111111",
        "4111-1111-1111-1111",
        "123-45-6789",
        "GB29NWBK60161331926819",
        "a b",
        "x" * 65,
        "é",
    ],
)
def test_personal_data_is_no_id(value: str | None) -> None:
    assert usable_id(value) is None


@pytest.mark.parametrize(
    "value", ["C-1001", "#W1234567", "740412883", "cus_Nffrz", "550e8400-e29b-41d4-a716-446655440000"]
)
def test_ids_of_the_trade_are_usable(value: str) -> None:
    assert usable_id(value) == value


@pytest.mark.timeout(20)
def test_a_key_that_comes_twice_among_very_many_is_found_at_once() -> None:
    """A body at the size limit must not keep the gateway busy for minutes."""
    pairs = ",".join(f'"k{n}":1' for n in range(90_000))
    with pytest.raises(StrictJSONError, match="'k89999' stands twice"):
        loads(f'{{{pairs},"k89999":1}}'.encode())
