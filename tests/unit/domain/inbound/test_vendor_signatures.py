"""Signatures of services that sign in their own way: their own published examples pass, and nothing else does."""

import base64
import hashlib
import hmac
import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.case import EVENT_ID
from domain.errors import SignatureError
from domain.inbound.signing import SignatureFault
from domain.inbound.vendors.signatures import (
    GITHUB,
    SLACK,
    STRIPE,
    VENDORS,
    ZENDESK,
    SignedRequest,
    Vendor,
    challenge_of,
    vendor_event_id,
    verify_vendor,
)
from tests.unit.domain.inbound.vendor_examples import EXAMPLES, FORM, STRIPE_V1, TWILIO_URL

EACH = pytest.mark.parametrize("name", EXAMPLES)
ONE_EACH = pytest.mark.parametrize("name", VENDORS)
TIMED = pytest.mark.parametrize("name", ["stripe", "slack", "zendesk"])


def check(name: str, *, after_s: float = 0, keys: list[bytes] | None = None, **changes: object) -> str:
    vendor, key, now, request = EXAMPLES[name]
    changed = request._replace(**changes)
    signed = verify_vendor(vendor, [key] if keys is None else keys, changed, now=now + after_s, tolerance_s=300)
    return vendor_event_id(vendor, changed, signed)


def fault(name: str, **changes: object) -> SignatureFault:
    with pytest.raises(SignatureError) as caught:
        check(name, **changes)  # type: ignore[arg-type]
    return SignatureFault(caught.value.fault)


def with_headers(name: str, **headers: bytes) -> dict[bytes, bytes]:
    return {**EXAMPLES[name][3].headers, **{k.replace("_", "-").encode(): v for k, v in headers.items()}}


def signed(vendor: Vendor, key: bytes, content: bytes) -> bytes:
    code = hmac.new(key, content, vendor.digest).digest()
    return vendor.prefix + (base64.b64encode(code) if vendor.in_base64 else code.hex().encode())


@EACH
def test_the_services_own_example_passes(name: str) -> None:
    assert EVENT_ID.fullmatch(check(name))


@EACH
def test_with_another_key_body_or_none_it_does_not(name: str) -> None:
    body = EXAMPLES[name][3].body
    assert fault(name, body=body + b"0") is SignatureFault.WRONG
    assert fault(name, body=b"") is SignatureFault.WRONG
    assert fault(name, keys=[b"another secret"]) is SignatureFault.WRONG
    assert fault(name, keys=[]) is SignatureFault.WRONG


@EACH
def test_any_of_several_secrets_may_fit(name: str) -> None:
    key = EXAMPLES[name][1]
    assert check(name, keys=[b"the next one", key]) == check(name, keys=[key, b"the one before"]) == check(name)


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=lambda v: v.name)
def test_an_empty_secret_never_fits(vendor: Vendor) -> None:
    _, _, now, request = EXAMPLES[vendor.name]
    at = b"1533204620" if vendor is STRIPE else request.headers.get(vendor.time_header, b"")
    (first, *_) = vendor.signed(request, at)
    forged = signed(vendor, b"", first)
    headers = {**request.headers, vendor.signature: b"t=" + at + b",v1=" + forged if vendor is STRIPE else forged}
    with pytest.raises(SignatureError) as caught:
        verify_vendor(vendor, [b""], request._replace(headers=headers), now=now, tolerance_s=300)
    assert caught.value.fault is SignatureFault.WRONG


@ONE_EACH
@given(
    value=st.one_of(
        st.binary(max_size=80),
        st.sampled_from(
            [b"", b"v0=", b"sha256=", b"t=,v1=", b"t,v1=,v0=", b",,", b"t", b"=", b"\xff" * 40, b"a" * 60_000]
        ),
    )
)
def test_a_signature_of_any_other_shape_is_refused(name: str, value: bytes) -> None:
    vendor = VENDORS[name]
    assert fault(name, headers=with_headers(name) | {vendor.signature: value}) in SignatureFault


@ONE_EACH
def test_the_signature_of_another_service_is_not_read(name: str) -> None:
    mine = EXAMPLES[name][3]
    for other in VENDORS.values():
        if other.name != name:
            headers = {k: v for k, v in EXAMPLES[other.name][3].headers.items() if k != VENDORS[name].signature}
            assert fault(name, headers=headers) is SignatureFault.MISSING
            value = mine.headers[VENDORS[name].signature]
            with pytest.raises(SignatureError):
                verify_vendor(
                    other, [EXAMPLES[name][1]], mine._replace(headers={other.signature: value}), now=0, tolerance_s=9e12
                )


# --- the time ---


@TIMED
def test_the_tolerance_is_five_minutes_both_ways(name: str) -> None:
    assert check(name, after_s=300) == check(name, after_s=-300)
    assert fault(name, after_s=301) is SignatureFault.STALE
    assert fault(name, after_s=-301) is SignatureFault.FUTURE


@TIMED
@pytest.mark.parametrize(
    "at",
    [b"", b"now", b"-1", b"1e9", b"nan", b"1533204620.5", b"9" * 13, b" 1", "٣".encode(), b"2021-13-25T05:09:27Z",
     b"2021-03-25T05:09:27", b"2021-03-25", b"2021-03-25T05:09:27+00:00", b"0001-01-01T00:00:00Z2", b"\xff\xff"],
)  # fmt: skip
def test_times_in_another_grammar_are_refused(name: str, at: bytes) -> None:
    vendor = VENDORS[name]
    told = b"t=" + at + b",v1=" + STRIPE_V1 if vendor is STRIPE else at
    headers = with_headers(name) | {vendor.time_header or vendor.signature: told}
    assert fault(name, headers=headers) in (SignatureFault.BAD_TIMESTAMP, SignatureFault.MISSING)


@TIMED
def test_another_time_breaks_the_signature(name: str) -> None:
    vendor = VENDORS[name]
    other = {"stripe": b"t=1533204621,v1=" + STRIPE_V1, "slack": b"1531420619", "zendesk": b"2021-03-25T05:09:28Z"}[
        name
    ]
    headers = with_headers(name) | {vendor.time_header or vendor.signature: other}
    assert fault(name, headers=headers) is SignatureFault.WRONG


def test_of_zendesk_no_other_cut_of_time_and_body_passes() -> None:
    """Time and body stand side by side: a time must have one end."""
    vendor, _, _, request = EXAMPLES["zendesk"]
    at = request.headers[vendor.time_header]
    for cut in (len(at) - 1, len(at) + 1, 10):
        whole = at + request.body
        headers = {**request.headers, vendor.time_header: whole[:cut]}
        assert fault("zendesk", headers=headers, body=whole[cut:]) is SignatureFault.BAD_TIMESTAMP


# --- the header of Stripe ---


@pytest.mark.parametrize(
    "header",
    [
        b"t=1533204620,v1=" + b"0" * 64 + b",v1=" + STRIPE_V1,
        b"v1=" + STRIPE_V1 + b",t=1533204620",
        b"t=1533204620, v1=" + STRIPE_V1 + b",v9=x,,",
    ],
)
def test_of_several_signatures_one_has_to_fit(header: bytes) -> None:
    assert check("stripe", headers={b"stripe-signature": header}) == "evt_123"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b"t=1533204620,v0=" + STRIPE_V1, SignatureFault.WRONG),
        (b"t=1533204620", SignatureFault.WRONG),
        (b"v1=" + STRIPE_V1, SignatureFault.BAD_TIMESTAMP),
        (b"t=1533204620,t=1533204620,v1=" + STRIPE_V1, SignatureFault.BAD_TIMESTAMP),
        (b"t=1533204620" + b",v1=00" * 40 + b",v1=" + STRIPE_V1, SignatureFault.WRONG),
    ],
)
def test_what_is_missing_or_twice_there_is_refused(header: bytes, code: SignatureFault) -> None:
    assert fault("stripe", headers={b"stripe-signature": header}) is code


# --- Twilio ---


@pytest.mark.parametrize("behind", ["", "?foo=1", "?foo=1&bar=2&bar=2", "?bar=2&foo=1", "?foo=1&bar=2#rc=2"])
def test_another_address_than_twilio_was_told_breaks_the_signature(behind: str) -> None:
    assert fault("twilio", url=f"https://mycompany.com/myapp.php{behind}") is SignatureFault.WRONG


@pytest.mark.parametrize("kind", [b"application/json", b"text/plain", b"", b"multipart/form-data; boundary=x"])
def test_a_body_that_twilio_did_not_sign_is_refused(kind: bytes) -> None:
    """An address that was signed with no fields would else let any body in that is no form."""
    vendor, key, _, _ = EXAMPLES["twilio"]
    bare = signed(vendor, key, b"https://mycompany.com/myapp.php?foo=1&bar=2")
    headers = {b"content-type": kind, b"x-twilio-signature": bare}
    assert fault("twilio", headers=headers, body=b'{"text": "pay me"}') is SignatureFault.WRONG


def test_who_writes_to_a_customer_cannot_have_another_body_signed() -> None:
    """A text that looks like the end of an address is signed as a text."""
    vendor, key, _, _ = EXAMPLES["twilio"]
    forged = b'{"Body": "pay me"}'
    text = f"hi&bodySHA256={hashlib.sha256(forged).hexdigest()}"
    caught = signed(vendor, key, f"{TWILIO_URL}Body{text}".encode())
    headers = {b"content-type": b"application/json", b"x-twilio-signature": caught}
    assert fault("twilio, JSON", headers=headers, body=forged) is SignatureFault.WRONG
    check("twilio", headers=FORM | {b"x-twilio-signature": caught}, body=urlencode({"Body": text}).encode())


def test_a_form_of_too_many_fields_is_refused() -> None:
    assert fault("twilio", body=b"a=1&" * 201) is SignatureFault.WRONG


def test_names_and_values_are_signed_as_they_decode() -> None:
    vendor, key, _, _ = EXAMPLES["twilio"]
    plain = "https://mycompany.com/myapp.php?foo=1&bar=2BodyGrüße & Küsse+ZZ".encode()
    headers = FORM | {b"x-twilio-signature": signed(vendor, key, plain)}
    check("twilio", headers=headers, body=b"ZZ=&Body=Gr%C3%BC%C3%9Fe+%26%20K%C3%BCsse%2B")


# --- ids ---


def test_what_the_signed_body_names_is_the_id() -> None:
    assert check("stripe") == "evt_123"
    assert check("slack") == "398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    assert check("zendesk") == "8350205582"


@pytest.mark.parametrize("name", ["github", "shopify", "twilio"])
def test_without_a_signed_time_no_header_makes_another_event_of_it(name: str) -> None:
    """Whoever caught a request can send it again for ever: it is the same event, whatever its headers say."""
    renamed = with_headers(
        name, x_github_delivery=b"new", x_shopify_webhook_id=b"new", x_shopify_event_id=b"new",
        i_twilio_idempotency_token=b"new",
    )  # fmt: skip
    assert check(name, headers=renamed) == check(name)
    assert not VENDORS[name].signs_time


def test_of_twilio_another_cut_of_the_same_signed_bytes_is_the_same_event() -> None:
    """Names and values stand side by side, so a signature fits several forms: they are one event."""
    shifted = b"CallSid=CA1234567890ABCDE&Digits=1234From%2B14158675309To%2B18005551212&Caller=%2B14158675309"
    assert check("twilio", body=shifted) == check("twilio")


def made(vendor: Vendor, body: bytes, **headers: bytes) -> str:
    """The id of an event that is signed by the service."""
    key, at = b"0123456789abcdef", b"2021-03-25T05:09:27Z" if vendor is ZENDESK else b"1616648967"
    beside = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    request = SignedRequest(beside | ({vendor.time_header: at} if vendor.time_header else {}), body)
    (first,) = vendor.signed(request, at)
    shown = signed(vendor, key, first)
    told = {vendor.signature: b"t=" + at + b",v1=" + shown if vendor is STRIPE else shown}
    request = request._replace(headers={**request.headers, **told})
    return vendor_event_id(vendor, request, verify_vendor(vendor, [key], request, now=1616648967, tolerance_s=300))


@pytest.mark.parametrize("body", [b"", b"\xff", b"[1]", b"{", b'{"id": null}', b'{"id": " "}', b"a&b", b"[" * 9000])
@pytest.mark.parametrize("vendor", [STRIPE, SLACK, ZENDESK], ids=lambda v: v.name)
def test_without_a_usable_id_it_is_made_of_the_body(vendor: Vendor, body: bytes) -> None:
    assert made(vendor, body).startswith("msg_")


@pytest.mark.parametrize("named", ["a/b", "../x", "é", "x" * 129, "-x", "a\nb"])
def test_an_id_of_another_grammar_is_folded_to_one_that_may_stand_in_a_case(named: str) -> None:
    found = made(STRIPE, json.dumps({"id": named}).encode())
    assert EVENT_ID.fullmatch(found)
    assert found == made(STRIPE, json.dumps({"id": named, "more": 1}).encode())
    assert EVENT_ID.fullmatch(made(ZENDESK, b"{}", x_zendesk_webhook_invocation_id=named.encode()))


def test_of_zendesk_the_id_of_an_event_counts_and_not_what_a_trigger_calls_id() -> None:
    """A trigger's body is written by its users: `id` may be the ticket's, the same for each of its messages."""
    event = b'{"type": "zen:event-type:ticket.created", "id": "01JCD", "detail": {"id": "77"}}'
    assert made(ZENDESK, event, x_zendesk_webhook_invocation_id=b"1") == "01JCD"
    assert made(ZENDESK, b'{"id": "77", "text": "hi"}', x_zendesk_webhook_invocation_id=b"1") == "1"


def test_a_retry_of_slack_is_the_same_event() -> None:
    body = b'{"type": "event_callback", "event_id": "Ev08MFMKH6", "event": {"type": "message", "text": "hi"}}'
    assert (
        made(SLACK, body)
        == made(SLACK, body, x_slack_retry_num=b"1", x_slack_retry_reason=b"http_timeout")
        == "Ev08MFMKH6"
    )


# --- Slack's question ---


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"type": "url_verification", "token": "x", "challenge": "3eZbrw1aB"}', "3eZbrw1aB"),
        (b'{"type": "event_callback", "challenge": "x", "event": {"text": "url_verification"}}', None),
        (b'{"type": "url_verification"}', None),
        (b'{"type": "url_verification", "challenge": 7}', None),
        (b'{"type": "url_verification", "challenge": "' + b"x" * 501 + b'"}', None),
        (b'["url_verification"]', None),
        (b"url_verification", None),
    ],
)
def test_a_challenge_is_given_back_and_nothing_else(body: bytes, told: str | None) -> None:
    assert challenge_of(SLACK, body) == told
    assert challenge_of(GITHUB, body) is None
