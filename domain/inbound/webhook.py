"""What a webhook says: the body of any accepted type, read strictly into one `Inbound`.

JSON is read plain or in the Standard Webhooks envelope `{"type", "timestamp", "data": {…}}`; forms use the same names;
`text/plain`, `text/html` and `message/rfc822` bodies are the message itself. Whatever cannot be read is refused with an
RFC 9457 problem that says what is wrong and what to do.
"""

import re
from collections.abc import Sequence
from typing import Any, NoReturn

from pydantic import BaseModel, Field

from domain.case import Machine
from domain.errors import FormError, StrictJSONError, WebhookRefusedError
from domain.inbound import strict_json
from domain.inbound.email_head import ADDRESS, read_email_head
from domain.inbound.web_forms import FormField, read_multipart, read_urlencoded

JSON_TYPE = "application/json"
URLENCODED_TYPE = "application/x-www-form-urlencoded"
MULTIPART_TYPE = "multipart/form-data"
HTML_TYPE = "text/html"
PLAIN_TYPE = "text/plain"
EMAIL_TYPE = "message/rfc822"
ACCEPTED_TYPES = (JSON_TYPE, URLENCODED_TYPE, MULTIPART_TYPE, HTML_TYPE, PLAIN_TYPE, EMAIL_TYPE)

MAX_BODY_BYTES = 1024 * 1024
MAX_FIELDS = 200
MAX_ATTACHMENTS = 20
SAFE_INTEGER = 2**53

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_CHANNEL = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
_LANG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8}){0,4}", re.ASCII)
_CHARSETS = {"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "latin-1", "windows-1252", "utf-16"}
_CAPS = {  # characters
    "subject": 1000,
    "customer_id": 128,
    "customer_email": 254,
    "customer_name": 200,
    "order_id": 128,
    "amount": strict_json.MAX_NUMBER,
    "currency": 16,
}
_CUSTOMER = {"id": "customer_id", "email": "customer_email", "name": "customer_name"}
DEFAULT_TENANT = "default"
_KNOWN = {"channel", "tenant", "lang", "text", "html", "attachments", *_CAPS}


class Attachment(BaseModel):
    """A file that came along, by name and type; its content stays in the raw body."""

    name: str = ""
    media_type: str = "application/octet-stream"


class Inbound(BaseModel):
    """A message from outside, as its sender put it: nothing here is cleaned, and none of it is to be trusted.

    `amount` is the text as given, an exact copy of the digits if it was a number. `email` says that the body is a raw
    e-mail whose parts are yet to be read. `machine` says that no person wrote it. `extra` keeps every field that has no
    name here.
    """

    tenant: str = DEFAULT_TENANT
    channel: str = "web"
    lang: str = "und"
    subject: str = ""
    text: str | None = None
    html: str | None = None
    email: bool = False
    customer_id: str | None = None
    customer_email: str | None = None
    customer_name: str | None = None
    order_id: str | None = None
    amount: str | None = None
    currency: str | None = None
    attachments: list[Attachment] = Field(default_factory=list)
    thread_id: str | None = None  # the sender's own name for the conversation
    message_id: str | None = None  # of an e-mail, without its angle brackets
    references: list[str] = Field(default_factory=list)  # ids of the e-mails that it answers, the nearest first
    machine: Machine | None = None
    machine_sure: bool = True  # otherwise a person may have written it all the same, and one looks at it
    machine_sign: str = ""  # which sign said that a machine wrote it, for people; no personal data
    from_address: str | None = None  # of an e-mail: what From says, where `customer_email` is who it stands for
    about_case: str | None = None  # the case whose letter came back, as a report of mail servers names it
    notes: list[str] = Field(default_factory=list)  # what of the side fields was folded, for people
    extra: dict[str, Any] = Field(default_factory=dict)  # Any: JSON of the sender's own design


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


def media_type(content_type: str) -> str:
    """Return the media type of a Content-Type header, lower case; JSON dialects (`application/x+json`) are JSON.

    >>> media_type("Application/JSON; charset=utf-8")
    'application/json'
    """
    name = content_type.partition(";")[0].strip().lower()
    return JSON_TYPE if name.startswith("application/") and name.endswith("+json") else name


def parse_webhook(content_type: str, body: bytes, *, own: Sequence[str] = ()) -> Inbound:
    """Read the body of a webhook. Mail from one of our `own` addresses is from whom it stands for.

    Raises:
        WebhookRefusedError: 415 for a type that is not accepted, 413 above `MAX_BODY_BYTES`, 400 for the unreadable.
    """
    kind = media_type(content_type)
    if kind not in ACCEPTED_TYPES:
        raise unsupported_type(kind)
    if len(body) > MAX_BODY_BYTES:
        raise too_large(MAX_BODY_BYTES)
    if not body or body.isspace():
        _refuse("empty_body", "the body is empty", "send the message as JSON with a field 'text' or 'html'")
    match kind:
        case "application/json":
            return _from_json(content_type, body)
        case "application/x-www-form-urlencoded" | "multipart/form-data":
            return _from_form(kind, content_type, body)
        case "message/rfc822":
            return _from_email(body, own)
    text = _decode(content_type, body)
    if not text.strip():
        _refuse("empty_message", "the body holds only blanks", "send the message itself")
    return Inbound(channel="email", html=text) if kind == HTML_TYPE else Inbound(text=text)


def unsupported_type(kind: str) -> WebhookRefusedError:
    """Return the refusal of a media type."""
    document = kind == "application/pdf" or kind.startswith("image/")
    later = " (documents such as invoices come with a later release)" if document else ""
    return WebhookRefusedError(
        415,
        "unsupported_type",
        "Content type not accepted",
        f"content-type {kind[:80]!r} is not accepted{later}",
        f"send one of {', '.join(ACCEPTED_TYPES)}",
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


def _refuse(code: str, detail: str, remedy: str) -> NoReturn:
    raise WebhookRefusedError(400, code, "The webhook cannot be read", detail, remedy)


def _field(name: str, detail: str) -> NoReturn:
    _refuse("bad_field", f"{name}: {detail}", f"correct the field {name!r} and send the event again under the same id")


def _decode(content_type: str, body: bytes) -> str:
    charset = _parameter(content_type, "charset") or "utf-8"
    if charset not in _CHARSETS:
        known = ", ".join(sorted(_CHARSETS))
        _refuse("bad_charset", f"charset {charset[:40]!r} is not known here", f"send UTF-8, or one of {known}")
    if charset in ("utf-8", "utf8"):
        charset = "utf-8-sig"
    try:
        return body.decode(charset)
    except UnicodeDecodeError as e:
        remedy = "send UTF-8, or say the right charset in content-type"
        _refuse("undecodable", f"byte {e.start} of the body is not {charset}", remedy)


def _parameter(content_type: str, name: str) -> str | None:
    for part in content_type.split(";")[1:]:
        key, _, value = part.partition("=")
        if key.strip().lower() == name:
            return value.strip().strip('"').lower()
    return None


def _from_json(content_type: str, body: bytes) -> Inbound:
    charset = _parameter(content_type, "charset") if ";" in content_type else None
    if charset not in (None, "utf-8", "utf8", "us-ascii", "ascii"):
        _refuse("bad_charset", f"charset {charset[:40]!r}: JSON is UTF-8", "send the JSON as UTF-8")
    try:
        value = strict_json.loads(body)
    except StrictJSONError as e:
        remedy = "mend the JSON and send the event again under the same id"
        _refuse("bad_json", f"the body is no strict JSON: {e}", remedy)
    if not isinstance(value, dict):
        _refuse("bad_json", "the body is JSON, but no object", 'send an object such as {"text": "…"}')
    return _from_fields(_unwrap(value))


def _unwrap(value: dict[str, object]) -> dict[str, object]:
    """Take the message out of the envelope of Standard Webhooks, keeping what stands beside it."""
    if "data" not in value or "type" not in value or "text" in value or "html" in value:
        return value
    data = value["data"]
    if not isinstance(data, dict):
        _field("data", "expected an object with the message's fields")
    beside = {f"envelope.{name}": v for name, v in value.items() if name != "data"}
    return {**beside, **data}


def _from_email(body: bytes, own: Sequence[str]) -> Inbound:
    head = read_email_head(body, own=own)
    if head is None:
        _refuse("bad_email", "the body has no e-mail headers", "send the e-mail as received, headers first (RFC 5322)")
    return Inbound(channel="email", email=True, **head.fields())


def _from_form(kind: str, content_type: str, body: bytes) -> Inbound:
    try:
        form = read_urlencoded(body) if kind == URLENCODED_TYPE else read_multipart(content_type, body)
    except FormError as e:
        _refuse("bad_form", f"the form cannot be read: {e}", "mend the form and send the event again under the same id")
    fields: dict[str, object] = {}
    files: list[dict[str, object]] = []
    for field in form:
        if field.file_name is not None:
            files.append({"name": field.file_name, "media_type": field.media_type})
        else:
            _put_form_field(fields, field)
    if files:
        fields["attachments"] = files
    return _from_fields(fields)


def _put_form_field(fields: dict[str, object], field: FormField) -> None:
    # Browsers cannot nest: `customer.id` and `customer[id]` mean the JSON field customer {id}.
    name = re.sub(r"\Acustomer(?:\.|\[)(id|email|name)\]?\Z", r"customer_\1", field.name)
    if name in fields:
        _field(field.name, "stands twice in the form")
    fields[name] = field.value


def _from_fields(fields: dict[str, object]) -> Inbound:
    if len(fields) > MAX_FIELDS:
        _refuse("too_many_fields", f"{len(fields)} fields: at most {MAX_FIELDS} are read", "send fewer fields")
    fields, extra = _split(fields)
    text, html = _body_text(fields, "text"), _body_text(fields, "html")
    if not ((text and not text.isspace()) or (html and not html.isspace())):
        _refuse("empty_message", "neither 'text' nor 'html' holds anything", "send the message in 'text' or 'html'")
    values: dict[str, str | None] = {name: _short(fields, name) for name in _CAPS}
    address = values["customer_email"]
    if address is not None and not ADDRESS.fullmatch(address):
        # A mistyped address must not cost the customer the complaint; it is kept, but nothing is sent there.
        extra["customer.email"] = address
        values["customer_email"] = None
    return Inbound(
        tenant=_grammar(fields, "tenant", TENANT, "letters, digits, '.', '_' and '-', at most 64") or DEFAULT_TENANT,
        channel=_grammar(fields, "channel", _CHANNEL, "lower-case letters, digits, '_' and '-', at most 40") or "web",
        lang=_grammar(fields, "lang", _LANG, "a language tag such as 'en' or 'pt-BR'").replace("_", "-") or "und",
        text=text,
        html=html,
        attachments=_attachments(fields["attachments"]),
        extra=extra,
        **{name: value for name, value in values.items() if value is not None},  # type: ignore[arg-type]
    )


def _split(fields: dict[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """Part the fields that have a name here from those that are only kept."""
    known: dict[str, object] = dict.fromkeys(_KNOWN)
    extra: dict[str, object] = {}
    for name, value in fields.items():
        if name == "customer" and value is not None:
            _read_customer(value, known, extra)
        elif name not in _KNOWN:
            extra[name] = _plain(value)
        elif value is not None:
            if known[name] is not None and known[name] != value:
                _field(name, "is given twice, with two values")
            known[name] = value
    return known, extra


def _read_customer(value: object, known: dict[str, object], extra: dict[str, object]) -> None:
    if not isinstance(value, dict):
        _field("customer", "expected an object with id, email and name")
    for key, inner in value.items():
        name = _CUSTOMER.get(key)
        if name is None:
            extra[f"customer.{key}"] = _plain(inner)
        elif inner is not None:
            if known[name] is not None and known[name] != inner:
                _field(name, "is given twice, with two values")
            known[name] = inner


def _plain(value: object) -> object:
    """Turn numbers of an unknown field into integers where nothing is lost, into their text otherwise."""
    if isinstance(value, strict_json.Number):
        digits = value.removeprefix("-")
        return int(value) if digits.isdecimal() and len(digits) < 17 and abs(int(value)) <= SAFE_INTEGER else str(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _body_text(fields: dict[str, object], name: str) -> str | None:
    value = fields[name]
    if value is None or (isinstance(value, str) and not isinstance(value, strict_json.Number)):
        return value
    _field(name, f"expected a string, not {_kind(value)}")


def _short(fields: dict[str, object], name: str) -> str | None:
    value = fields[name]
    if value is None:
        return None
    if not isinstance(value, str):  # a Number is a str: ids and amounts may come as bare numbers
        _field(name, f"expected a string, not {_kind(value)}")
    if len(value) > _CAPS[name]:
        _field(name, f"{len(value)} characters: at most {_CAPS[name]} are read")
    value = str(value).strip()
    if _CONTROL.search(value):
        if name != "subject":
            _field(name, "holds control characters")
        value = _CONTROL.sub(" ", value)
    return value or None


def _grammar(fields: dict[str, object], name: str, grammar: re.Pattern[str], words: str) -> str:
    value = fields[name]
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        _field(name, f"expected a string, not {_kind(value)}")
    if not grammar.fullmatch(value):
        _field(name, f"{value[:48]!r}: expected {words}")
    return str(value)


def _attachments(value: object) -> list[Attachment]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > MAX_ATTACHMENTS:
        _field("attachments", f"expected a list of at most {MAX_ATTACHMENTS}")
    found = []
    for item in value:
        if not isinstance(item, dict):
            _field("attachments", "expected objects with name and media_type")
        found.append(Attachment(name=_label(item.get("name"), 255), media_type=_label(item.get("media_type"), 100)))
    return found


def _label(value: object, cap: int) -> str:
    return _CONTROL.sub(" ", value[:cap]) if isinstance(value, str) else ""


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case strict_json.Number():
            return "a number"
        case dict():
            return "an object"
        case list():
            return "a list"
    return type(value).__name__
