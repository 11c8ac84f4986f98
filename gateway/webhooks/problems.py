"""The gateway's refusals as RFC 9457 problems; without a framework, because the hot path has none."""

import json
import math
from typing import Any

from starlette.types import Send

from domain.errors import WebhookRefusedError
from domain.inbound.webhook import problem_of

PROBLEM_TYPE = b"application/problem+json"


class RefusedAnswerError(WebhookRefusedError):
    """A refusal with headers of its own, such as Retry-After (seconds) or WWW-Authenticate."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str,
        remedy: str,
        *,
        retry_after_s: float | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(status, code, title, detail, remedy)
        self.headers = headers
        if retry_after_s is not None:
            self.headers += ((b"retry-after", str(max(1, math.ceil(retry_after_s))).encode()),)


def ambiguous_head(code: str, title: str, detail: str, remedy: str) -> RefusedAnswerError:
    """Return the refusal of a head that two programs could read in two ways, and of what may stand behind it."""
    return RefusedAnswerError(400, code, title, detail, remedy, headers=((b"connection", b"close"),))


def unknown_source() -> RefusedAnswerError:
    """Return the refusal of an unknown source."""
    return RefusedAnswerError(
        404,
        "unknown_source",
        "Unknown source",
        "no source of this name is set up here",
        "check the address: POST /webhooks/{source}",
    )


def wrong_method() -> RefusedAnswerError:
    """Return the refusal of anything but POST."""
    return RefusedAnswerError(
        405,
        "wrong_method",
        "Method not allowed",
        "webhooks are taken by POST only",
        "send the event with POST",
        headers=((b"allow", b"POST"),),
    )


_SHOW_YOURSELF = {
    b"StandardWebhooks": "sign id, timestamp and body as Standard Webhooks says, with an active secret and a clock "
    "that is right",
    b"Bearer": "send one of the source's tokens as 'Authorization: Bearer TOKEN', or as the password of the address, "
    "https://any:TOKEN@HOST/webhooks/SOURCE",
}


def unauthorized(code: str, detail: str, scheme: bytes) -> RefusedAnswerError:
    """Return the refusal of a sender that is not authenticated; `scheme` names what it should have done."""
    remedy = f"an operator puts the secret that {scheme.decode()} signs with into sources.json, see docs/sources.md"
    return RefusedAnswerError(
        401,
        code,
        "The sender is not known",
        detail,
        _SHOW_YOURSELF.get(scheme, remedy),
        headers=((b"www-authenticate", scheme),),
    )


def other_tenant(source: str) -> RefusedAnswerError:
    """Return the refusal of a payload for a tenant that is not the source's."""
    return RefusedAnswerError(
        403,
        "other_tenant",
        "Not a tenant of this source",
        f"source {source!r} may not send events of the tenant that the body names",
        "leave the tenant out or name one of the source's own; an operator adds it to 'tenants' in sources.json",
    )


def bad_event_id(detail: str) -> RefusedAnswerError:
    """Return the refusal of an event id that could not be part of a case id."""
    return RefusedAnswerError(
        400, "bad_event_id", "The event id cannot be used", detail, "send another webhook-id, the same for every retry"
    )


def conflict(event_id: str) -> RefusedAnswerError:
    """Return the refusal of a second body under an id that is taken."""
    return RefusedAnswerError(
        409,
        "event_id_taken",
        "The event id is taken",
        f"event {event_id!r} was received before with another body; the first one stands",
        "send a changed message under a new id",
    )


def unsupported_encoding(name: str, accepted: tuple[str, ...]) -> RefusedAnswerError:
    """Return the refusal of a content-encoding."""
    return RefusedAnswerError(
        415,
        "unsupported_encoding",
        "Content encoding not accepted",
        f"content-encoding {name[:40]!r} is not accepted",
        f"send the body with content-encoding {' or '.join(accepted[:-1])}, or without one",
        headers=((b"accept-encoding", ", ".join(accepted).encode()),),
    )


def too_many(wait_s: float) -> RefusedAnswerError:
    """Return the refusal of a source that sends faster than it may."""
    return RefusedAnswerError(
        429,
        "too_many",
        "Too many webhooks",
        "this source sends faster than it is allowed to",
        "wait as Retry-After says, then send the event again under the same id",
        retry_after_s=wait_s,
    )


def too_slow(within_s: float) -> RefusedAnswerError:
    """Return the refusal of a body that does not arrive in time."""
    return RefusedAnswerError(
        408,
        "too_slow",
        "The body came too slowly",
        f"the body was not complete within {within_s:g} seconds",
        "send the event again under the same id",
        headers=((b"connection", b"close"),),
    )


def unavailable(retry_after_s: float, detail: str = "the event could not be stored just now") -> RefusedAnswerError:
    """Return the answer when the holding pen refuses, or something broke."""
    return RefusedAnswerError(
        503,
        "unavailable",
        "Not available just now",
        detail,
        "wait as Retry-After says, then send the event again under the same id",
        retry_after_s=retry_after_s,
    )


async def send_json(
    send: Send,
    status: int,
    body: bytes,
    *,
    media_type: bytes = b"application/json",
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> None:
    """Send a complete JSON answer."""
    start: dict[str, Any] = {  # Any: ASGI messages are free-form
        "type": "http.response.start",
        "status": status,
        "headers": [(b"content-type", media_type), (b"content-length", str(len(body)).encode()), *headers],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body})


async def send_problem(send: Send, refused: WebhookRefusedError) -> None:
    """Send a refusal."""
    headers = refused.headers if isinstance(refused, RefusedAnswerError) else ()
    body = json.dumps(problem_of(refused)).encode()
    await send_json(send, refused.status, body, media_type=PROBLEM_TYPE, headers=headers)
