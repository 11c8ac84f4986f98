"""Standard Webhooks signatures, version 1 (https://www.standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`.

Our own code: the reference library raises on bodies that are not UTF-8 and on garbage headers, takes junk inside
base64, and has no clock to inject (docs/decisions/0010). A test checks one against the other.
"""

import base64
import binascii
import functools
import hmac
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum

from domain.errors import SignatureError

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"
TOLERANCE_S = 300
SECRET_PREFIX = "whsec_"  # noqa: S105 - the public prefix of all secrets, not one of them
_OURS = tuple((name.encode(), name) for name in (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER))
_SVIX = tuple((raw.replace(b"webhook-", b"svix-"), name) for raw, name in _OURS)
SIGNING_HEADERS = tuple(raw for raw, _ in (*_OURS, *_SVIX))
"""All headers that a signature may come in, as they are named on the wire."""
_MIN_KEY_BYTES = 16
_MAX_SIGNATURES = 16  # tried of one header: senders rotate with two or three
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


class SignatureFault(StrEnum):
    """Why a signature does not count. None of them tells more than the sender sent."""

    MISSING = "signature_missing"
    DISAGREE = "signature_headers_disagree"
    WRONG = "signature_wrong"
    STALE = "signature_stale"
    FUTURE = "signature_from_future"
    BAD_TIMESTAMP = "bad_timestamp"
    AMBIGUOUS_ID = "signature_ambiguous_id"


def new_secret() -> str:
    """Return a fresh secret: `whsec_` and 32 random bytes in base64."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def decode_secret(secret: str) -> bytes:
    """Return the key behind a secret; the prefix may be left out.

    Raises:
        ValueError: it is no base64, or too short to be a secret. The message does not repeat it.
    """
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"a secret is no base64: expected {SECRET_PREFIX!r} and base64, make a new one") from None
    if len(key) < _MIN_KEY_BYTES:
        raise ValueError(f"a secret has {len(key)} bytes: at least {_MIN_KEY_BYTES} are needed, make a new one")
    return key


def sign(secret: str, event_id: str, body: bytes, *, timestamp: int | None = None) -> dict[str, str]:
    """Return the three headers that a sender adds; `timestamp` is in Unix seconds, now if it is left out.

    Raises:
        ValueError: the secret is none (see `decode_secret`), or the id has a full stop (see `verify`).
    """
    if "." in event_id:
        raise ValueError(f"event id {event_id[:48]!r}: no full stop may stand in an id that is signed")
    at = int(time.time()) if timestamp is None else timestamp
    return {
        ID_HEADER: event_id,
        TIMESTAMP_HEADER: str(at),
        SIGNATURE_HEADER: _signature(decode_secret(secret), event_id, str(at), body).decode(),
    }


def signed_headers(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """Return the headers of a signature under their names here, whether they came as `webhook-…` or as `svix-…`.

    One complete set counts, and only as a whole: an id of one set is never read with a signature of the other. If both
    are complete they must be the same, as whoever stands between may have looked at the other one. Without a complete
    set it is what came as `webhook-…`, for `verify` to say what is missing.

    Raises:
        SignatureError: both sets are complete, and not the same.
    """
    ours = {name: found.decode("latin-1") for raw, name in _OURS if (found := headers.get(raw))}
    if b"svix-signature" not in headers:
        return ours
    theirs = {name: found.decode("latin-1") for raw, name in _SVIX if (found := headers.get(raw))}
    if len(theirs) < len(_SVIX):
        return ours
    if len(ours) == len(_OURS) and ours != theirs:
        raise SignatureError(SignatureFault.DISAGREE, "the headers webhook-… and svix-… do not say the same")
    return theirs


def verify(
    keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, *, now: float, tolerance_s: float = TOLERANCE_S
) -> None:
    """Check a webhook against all active keys of its source; `now` is in Unix seconds.

    An id with a full stop is refused: id, time and body are signed with full stops between them, so the signature of
    `a.1` at 2 would also be that of `a` at 1 with another body.

    Raises:
        SignatureError: it is unsigned, stale, from the future, signed with none of the keys, or could be another one.
    """
    event_id, timestamp = headers.get(ID_HEADER), headers.get(TIMESTAMP_HEADER)
    signatures = headers.get(SIGNATURE_HEADER)
    if not event_id or not timestamp or not signatures:
        raise SignatureError(SignatureFault.MISSING, "the headers webhook-id, -timestamp and -signature are all needed")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise SignatureError(SignatureFault.BAD_TIMESTAMP, "webhook-timestamp is no whole number of Unix seconds")
    if "." in event_id:
        raise SignatureError(SignatureFault.AMBIGUOUS_ID, "webhook-id has a full stop, which separates what is signed")
    age = now - int(timestamp)
    if age > tolerance_s:
        raise SignatureError(SignatureFault.STALE, f"webhook-timestamp is older than {tolerance_s:.0f} seconds")
    if -age > tolerance_s:
        raise SignatureError(SignatureFault.FUTURE, f"webhook-timestamp is more than {tolerance_s:.0f} seconds ahead")
    given = signatures.encode("latin-1", "replace").split(b" ", _MAX_SIGNATURES)
    for key in keys:
        expected = _signature(key, event_id, timestamp, body)
        for one in given:
            if hmac.compare_digest(expected, one):
                return
    raise SignatureError(SignatureFault.WRONG, "no signature fits any active secret of this source")


def _signature(key: bytes, event_id: str, timestamp: str, body: bytes) -> bytes:
    digest = _keyed(key).copy()
    digest.update(f"{event_id}.{timestamp}.".encode("latin-1", "replace") + body)
    return b"v1," + binascii.b2a_base64(digest.digest(), newline=False)


@functools.lru_cache(maxsize=256)
def _keyed(key: bytes) -> hmac.HMAC:
    """Return an HMAC that has taken in its key; to be copied, never updated.

    Unlike `hmac.digest` a copy keeps the interpreter lock for a short body: a gateway whose other thread writes to disk
    would have to win it back for every webhook.
    """
    return hmac.new(key, digestmod="sha256")
