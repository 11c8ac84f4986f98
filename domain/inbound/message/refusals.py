"""How a webhook is refused: RFC 9457 problems that say what is wrong and what the sender can do."""

from typing import NoReturn

from domain.errors import WebhookRefusedError

MALFORMED = frozenset(
    {"bad_json", "bad_field", "bad_form", "bad_email", "bad_charset", "ambiguous", "empty_message", "too_many_fields"}
)
"""What is wrong with a body that is taken in all the same where its source says so: mended, or seen by a person."""


def problem(status: int, code: str, title: str, detail: str, remedy: str) -> dict[str, object]:
    """Return an RFC 9457 problem; `code` names the kind for programs, `remedy` says what the sender can do.

    >>> problem(404, "unknown_source", "Unknown source", "no source 'x'", "check the address")["type"]
    'urn:headgate:problem:unknown_source'
    """
    return {
        "type": f"urn:headgate:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "remedy": remedy,
    }


def problem_of(refused: WebhookRefusedError) -> dict[str, object]:
    """Return the problem by which a sender is told of a refusal."""
    return problem(refused.status, refused.code, refused.title, refused.detail, refused.remedy)


def unsupported_type(kind: str, accepted: tuple[str, ...]) -> WebhookRefusedError:
    """Return the refusal of a media type."""
    document = kind == "application/pdf" or kind.startswith("image/")
    later = " (documents such as invoices come with a later release)" if document else ""
    return WebhookRefusedError(
        415,
        "unsupported_type",
        "Content type not accepted",
        f"content-type {kind[:80]!r} is not accepted{later}",
        f"send one of {', '.join(accepted)}",
    )


def too_large(limit: int) -> WebhookRefusedError:
    """Return the refusal of a body above `limit` bytes."""
    return WebhookRefusedError(
        413,
        "too_large",
        "Body too large",
        f"the body is larger than {limit} bytes",
        "send a shorter message, and attachments by reference",
    )


def refuse(code: str, detail: str, remedy: str) -> NoReturn:
    """Refuse a body that cannot be read: 400."""
    raise WebhookRefusedError(400, code, "The webhook cannot be read", detail, remedy)


def bad_field(name: str, detail: str) -> NoReturn:
    """Refuse a field without which the message could be taken for another: 400."""
    refuse("bad_field", f"{name}: {detail}", f"correct the field {name!r} and send the event again under the same id")
