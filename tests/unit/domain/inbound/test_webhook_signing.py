"""Signatures of Standard Webhooks: ours and the reference library's agree, and nothing else passes."""

import base64
import hmac
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from domain.errors import SignatureError
from domain.inbound.signing import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    SignatureFault,
    decode_secret,
    new_secret,
    sign,
    signed_headers,
    verify,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = 1_760_000_000
NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")
BODY = '{"text": "Grüße"}'.encode()


def signed(**changes: str) -> dict[str, str]:
    return sign(SECRET, "evt_1", BODY, timestamp=NOW) | {
        name.replace("_", "-"): value for name, value in changes.items()
    }


def fault(
    headers: dict[str, str], *, body: bytes = BODY, now: float = NOW, keys: list[bytes] | None = None
) -> SignatureFault:
    with pytest.raises(SignatureError) as caught:
        verify(keys if keys is not None else [decode_secret(SECRET)], headers, body, now=now)
    return caught.value.fault


def test_the_reference_library_accepts_ours() -> None:
    headers = sign(SECRET, "evt_1", BODY)
    assert Webhook(SECRET).verify(BODY, headers) == json.loads(BODY)


def test_ours_accepts_the_reference_library() -> None:
    signature = Webhook(SECRET).sign("evt_1", datetime.fromtimestamp(NOW, UTC), BODY.decode())
    assert signature == sign(SECRET, "evt_1", BODY, timestamp=NOW)[SIGNATURE_HEADER]
    verify([decode_secret(SECRET)], signed(webhook_signature=signature), BODY, now=NOW)


@given(body=st.binary(max_size=200))
def test_a_signature_fits_its_own_body_only(body: bytes) -> None:
    headers = sign(SECRET, "e", body, timestamp=NOW)
    verify([decode_secret(SECRET)], headers, body, now=NOW)
    assert fault(headers, body=body + b" ") is SignatureFault.WRONG


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_each_header_is_needed(name: str) -> None:
    headers = signed()
    del headers[name]
    assert fault(headers) is SignatureFault.MISSING
    assert fault({**headers, name: ""}) is SignatureFault.MISSING


def test_another_id_or_time_breaks_the_signature() -> None:
    assert fault(signed(webhook_id="evt_2")) is SignatureFault.WRONG
    assert fault(signed(webhook_timestamp=str(NOW + 1))) is SignatureFault.WRONG


@pytest.mark.parametrize("event_id", ["evt.1", f"evt.{NOW}", ".", "evt_1."])
def test_an_id_in_which_a_signature_could_shift_is_refused_and_never_signed(event_id: str) -> None:
    """What is signed is `id.time.body`: with a full stop in the id, another cut of it is another webhook."""
    shifted = hmac.digest(decode_secret(SECRET), f"{event_id}.{NOW}.".encode() + BODY, "sha256")
    headers = signed(webhook_id=event_id, webhook_signature="v1," + base64.b64encode(shifted).decode())
    assert fault(headers) is SignatureFault.AMBIGUOUS_ID
    with pytest.raises(ValueError, match="full stop"):
        sign(SECRET, event_id, BODY)


def test_the_tolerance_is_five_minutes_both_ways() -> None:
    keys = [decode_secret(SECRET)]
    verify(keys, signed(), BODY, now=NOW + 300)
    verify(keys, signed(), BODY, now=NOW - 300)
    assert fault(signed(), now=NOW + 301) is SignatureFault.STALE
    assert fault(signed(), now=NOW - 301) is SignatureFault.FUTURE


@pytest.mark.parametrize("timestamp", ["now", "1.5", "-1", "1e9", "٣", " 1760000000", "9" * 13, "nan"])
def test_times_in_another_grammar_are_refused(timestamp: str) -> None:
    assert fault({**signed(), TIMESTAMP_HEADER: timestamp}) is SignatureFault.BAD_TIMESTAMP


def test_any_of_several_signatures_and_secrets_may_fit() -> None:
    other = new_secret()
    listed = "v1a,xxxx v1,AAAA " + signed()[SIGNATURE_HEADER]
    verify([decode_secret(other), decode_secret(SECRET)], signed(webhook_signature=listed), BODY, now=NOW)
    assert fault(signed(), keys=[decode_secret(other)]) is SignatureFault.WRONG
    assert fault(signed(), keys=[]) is SignatureFault.WRONG


@pytest.mark.parametrize("signature", ["v1,", "v2,AAAA", "AAAA", "v1,é", "v1, ", "v1," + "A" * 44])
def test_signatures_of_another_shape_are_wrong(signature: str) -> None:
    assert fault(signed(webhook_signature=signature)) is SignatureFault.WRONG


def test_a_flood_of_signatures_is_not_tried() -> None:
    flood = "v1,AAAA " * 40 + signed()[SIGNATURE_HEADER]
    assert fault(signed(webhook_signature=flood)) is SignatureFault.WRONG


@pytest.mark.parametrize(
    "secret", ["whsec_", "whsec_AAAA", "not base64!", "whsec_" + base64.b64encode(b"short").decode()]
)
def test_a_secret_that_is_none_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(ValueError, match="make a new one") as caught:
        decode_secret(secret)
    assert secret not in str(caught.value) or secret == "whsec_"


def test_fresh_secrets_differ_and_work() -> None:
    first, second = new_secret(), new_secret()
    assert first != second
    assert len(decode_secret(first)) == 32


# --- the headers, in two spellings ---


def raw(headers: dict[str, str], prefix: str = "webhook-") -> dict[bytes, bytes]:
    return {name.replace("webhook-", prefix).encode(): value.encode() for name, value in headers.items()}


def test_either_spelling_is_read() -> None:
    assert signed_headers(raw(signed())) == signed()
    assert signed_headers(raw(signed(), "svix-")) == signed()
    assert signed_headers(raw(signed()) | raw(signed(), "svix-")) == signed()


@given(ours=st.sets(st.sampled_from(NAMES)), theirs=st.sets(st.sampled_from(NAMES)), same=st.booleans())
def test_no_header_of_one_set_is_read_with_another_set(ours: set[str], theirs: set[str], same: bool) -> None:
    """What comes back is one set as it was sent, or nothing that `verify` would take."""
    mine = {name: value for name, value in signed().items() if name in ours}
    others = signed() if same else sign(SECRET, "evt_2", BODY, timestamp=NOW)
    both = raw(mine) | raw({name: value for name, value in others.items() if name in theirs}, "svix-")
    if len(ours) == len(theirs) == len(NAMES) and not same:
        with pytest.raises(SignatureError, match="do not say the same") as caught:
            signed_headers(both)
        assert caught.value.fault is SignatureFault.DISAGREE
        return
    found = signed_headers(both)
    assert found == (others if len(theirs) == len(NAMES) else mine)


def test_an_empty_header_makes_no_set() -> None:
    assert signed_headers(raw(signed()) | raw({**signed(), "webhook-id": ""}, "svix-")) == signed()
    assert fault(signed_headers(raw({**signed(), "webhook-id": ""}))) is SignatureFault.MISSING
