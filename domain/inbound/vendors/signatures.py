"""How well-known services sign their webhooks: one table, one check.

| service | what is signed | header | its own id |
| --- | --- | --- | --- |
| stripe | `time.body` | `Stripe-Signature: t=…,v1=…`, hex | `id` in the body |
| slack | `v0:time:body` | `X-Slack-Signature: v0=…`, hex | `event_id`, `trigger_id` in the body |
| zendesk | time and body | `X-Zendesk-Webhook-Signature`, base64 | `id` in the body, else a header |
| github | the body | `X-Hub-Signature-256: sha256=…`, hex | in a header, unsigned |
| shopify | the body | `X-Shopify-Hmac-Sha256`, base64 | in a header, unsigned |
| twilio | address and sorted form | `X-Twilio-Signature`, base64, SHA-1 | in a header, unsigned |

All are HMACs, of SHA-256 but for the last, over bytes as they came. Where no time is signed a request can be sent again
for ever, and whoever caught one could write another delivery id into its headers, which nothing signs. There the id of
the event is a digest of what is signed: the same request is the same event, whatever stands beside it.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from domain.case import EVENT_ID
from domain.errors import FormError, SignatureError, StrictJSONError
from domain.inbound import strict_json
from domain.inbound.formats.paths import values_at
from domain.inbound.signing import SignatureFault
from domain.inbound.vendors.twilio import signed_by_twilio
from domain.inbound.web_forms import read_urlencoded

_MAX_SIGNATURES = 16  # tried of one header: services rotate with two
_MAX_CHALLENGE = 500  # characters
_UNIX = re.compile(rb"[0-9]{1,12}")
# Its end is sure, so no other cut of time and body has the same signature.
_ISO = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z")


class SignedRequest(NamedTuple):
    """What came: the headers by name in small letters, and the body as sent; `url` is what the sender was told."""

    headers: Mapping[bytes, bytes]
    body: bytes
    url: str = ""


class Vendor(NamedTuple):
    """How a service signs. `signed` yields what may be signed, given the time as it was sent (empty for none)."""

    name: str
    signature: bytes
    signed: Callable[[SignedRequest, bytes], Iterator[bytes]]
    prefix: bytes = b""
    digest: str = "sha256"
    in_base64: bool = False
    time_header: bytes = b""
    time_inside: bool = False  # beside the signatures, as `t=…,v1=…`
    time_form: re.Pattern[bytes] = _UNIX
    ids: Sequence[str] = ()  # where the body names the event
    id_type: str = ""  # how the body's `type` begins where it does: what users of a service write has ids, too
    id_header: bytes = b""

    @property
    def signs_time(self) -> bool:
        """Whether a captured request is refused after a while."""
        return bool(self.time_header) or self.time_inside


def verify_vendor(
    vendor: Vendor, keys: Sequence[bytes], request: SignedRequest, *, now: float, tolerance_s: float
) -> bytes:
    """Check a webhook against all active keys of its source and return the bytes that are signed.

    `now` is in Unix seconds; a time further off than `tolerance_s` is refused, in the past and in the future.

    Raises:
        SignatureError: it is unsigned, stale, from the future, or signed with none of the keys.
    """
    given = request.headers.get(vendor.signature)
    if not given:
        raise SignatureError(SignatureFault.MISSING, f"the header {_shown(vendor.signature)} is needed")
    if vendor.time_inside:
        at, signatures = _taken_apart(given)
    else:
        at, signatures = request.headers.get(vendor.time_header, b""), [given]
    if vendor.signs_time:
        _check_age(vendor, at, now, tolerance_s)
    for signed in vendor.signed(request, at):
        for key in filter(None, keys):  # whoever knows that there is none could sign with an empty one
            expected = _expected(vendor, key, signed)
            if any(hmac.compare_digest(expected, one) for one in signatures):
                return signed
    raise SignatureError(SignatureFault.WRONG, "the signature fits no active secret of this source")


def vendor_event_id(vendor: Vendor, request: SignedRequest, signed: bytes) -> str:
    """Return the id of an event whose signature was checked: the same for every delivery of it.

    What the service names in the signed body comes first. What only a header names is not signed: it counts where the
    signed time keeps a captured request from being sent again for long. Else it is a digest of what is signed.
    """
    if not vendor.signs_time:
        return _digest(signed)
    document = _document(request.body)
    paths = vendor.ids if str(document.get("type", "")).startswith(vendor.id_type) else ()
    found = next((v for path in paths for v in values_at(document, path) if isinstance(v, str)), "")
    named = found or request.headers.get(vendor.id_header, b"").decode("latin-1")
    if not named:
        return _digest(request.body)  # another try may be signed at another time
    return named if EVENT_ID.fullmatch(named) else _digest(named.encode("utf-8", "replace"))


def challenge_of(vendor: Vendor, body: bytes) -> str | None:
    """Return what Slack wants to hear back when an address is set up, None for all else. Check the signature before."""
    if vendor is not SLACK or b"url_verification" not in body:
        return None
    document = _document(body)
    if document.get("type") != "url_verification":
        return None
    challenge = document.get("challenge")
    is_text = isinstance(challenge, str) and not isinstance(challenge, strict_json.Number)
    return str(challenge) if is_text and len(str(challenge)) <= _MAX_CHALLENGE else None


def _taken_apart(header: bytes) -> tuple[bytes, list[bytes]]:
    """Return the time and the signatures of `t=1,v1=a,v1=b`; of two times none."""
    times, signatures = [], []
    for item in header.split(b",", _MAX_SIGNATURES + 1)[: _MAX_SIGNATURES + 1]:
        name, _, value = item.strip().partition(b"=")
        if name == b"t":
            times.append(value)
        elif name == b"v1":
            signatures.append(value)
    return times[0] if len(times) == 1 else b"", signatures


def _check_age(vendor: Vendor, at: bytes, now: float, tolerance_s: float) -> None:
    where = _shown(vendor.time_header or vendor.signature)
    if not at and not vendor.time_inside:
        raise SignatureError(SignatureFault.MISSING, f"the header {where} is needed")
    seconds = _seconds(at) if vendor.time_form.fullmatch(at) else None
    if seconds is None:
        raise SignatureError(SignatureFault.BAD_TIMESTAMP, f"the time in {where} cannot be read, or stands there twice")
    age = now - seconds
    if age > tolerance_s:
        raise SignatureError(SignatureFault.STALE, f"the time in {where} is older than {tolerance_s:.0f} seconds")
    if -age > tolerance_s:
        raise SignatureError(SignatureFault.FUTURE, f"the time in {where} is more than {tolerance_s:.0f} seconds ahead")


def _seconds(at: bytes) -> float | None:
    try:
        return int(at) if at.isdigit() else datetime.fromisoformat(at.decode("ascii")).timestamp()
    except (ValueError, OverflowError):
        return None  # the thirteenth month


def _expected(vendor: Vendor, key: bytes, signed: bytes) -> bytes:
    code = hmac.digest(key, signed, vendor.digest)
    return vendor.prefix + (base64.b64encode(code) if vendor.in_base64 else code.hex().encode())


def _document(body: bytes) -> Mapping[str, object]:
    """Return a JSON object, or the fields of a form; nothing for all else, which is refused later, with words."""
    try:
        found = strict_json.loads(body, halves=True)
    except StrictJSONError:
        try:
            return {field.name: field.value for field in read_urlencoded(body)}
        except FormError:
            return {}
    return found if isinstance(found, dict) else {}


def _digest(content: bytes) -> str:
    return f"msg_{hashlib.sha256(content).hexdigest()[:40]}"


def _shown(header: bytes) -> str:
    return header.decode("ascii")


def _body(request: SignedRequest, _: bytes) -> Iterator[bytes]:
    yield request.body


STRIPE = Vendor(
    "stripe",
    b"stripe-signature",
    lambda request, at: iter((at + b"." + request.body,)),
    time_inside=True,
    ids=("id",),
)
SLACK = Vendor(
    "slack",
    b"x-slack-signature",
    lambda request, at: iter((b"v0:" + at + b":" + request.body,)),
    prefix=b"v0=",
    time_header=b"x-slack-request-timestamp",
    ids=("event_id", "trigger_id"),
)
ZENDESK = Vendor(
    "zendesk",
    b"x-zendesk-webhook-signature",
    lambda request, at: iter((at + request.body,)),
    in_base64=True,
    time_header=b"x-zendesk-webhook-signature-timestamp",
    time_form=_ISO,
    ids=("id",),
    id_type="zen:event-type:",
    id_header=b"x-zendesk-webhook-invocation-id",
)
GITHUB = Vendor("github", b"x-hub-signature-256", _body, prefix=b"sha256=")
SHOPIFY = Vendor("shopify", b"x-shopify-hmac-sha256", _body, in_base64=True)
TWILIO = Vendor(
    "twilio",
    b"x-twilio-signature",
    lambda request, _: signed_by_twilio(request.url, request.headers, request.body),
    digest="sha1",
    in_base64=True,
)
VENDORS: Mapping[str, Vendor] = {v.name: v for v in (STRIPE, GITHUB, SLACK, SHOPIFY, ZENDESK, TWILIO)}
VENDOR_HEADERS = tuple(
    header
    for vendor in VENDORS.values()
    for header in (vendor.signature, vendor.time_header, vendor.id_header)
    if header
)
"""All headers that count here, as they are named on the wire: each may come once."""
