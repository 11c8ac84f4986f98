"""What a webhook says: the body of any accepted type, read strictly into one `Inbound`.

JSON is read plain, in the Standard Webhooks envelope `{"type", "timestamp", "data": {…}}`, or by the names of another
service (`formats/`); forms likewise; `text/plain`, `text/html` and `message/rfc822` bodies are the message itself. What
could be taken for another message, customer, order, amount or tenant is refused with an RFC 9457 problem that says what
is wrong and what to do; everything beside the message is folded and noted (`side_fields.py`).
"""

import codecs
import re
from collections.abc import Sequence

from domain.errors import FormError, StrictJSONError, WebhookRefusedError
from domain.inbound import strict_json
from domain.inbound.email_head import read_email_head
from domain.inbound.fields import TENANT, read_fields, read_raw_mail
from domain.inbound.formats.charsets import decode_document, says_something
from domain.inbound.formats.labels import web_codec
from domain.inbound.formats.mapping import SourceReading, Twice, reading_of
from domain.inbound.message.inbound import DEFAULT_TENANT, Attachment, Inbound
from domain.inbound.message.refusals import problem, problem_of, refuse, too_large, unsupported_type
from domain.inbound.side_fields import Notes, mended
from domain.inbound.web_forms import FormField, decoded, form_charset, read_multipart, read_urlencoded

__all__ = [
    "ACCEPTED_TYPES", "DEFAULT_TENANT", "JSON_TYPE", "MAX_BODY_BYTES", "TENANT", "Attachment", "Inbound",
    "media_type", "parse_webhook", "problem", "problem_of", "too_large",
]  # fmt: skip

JSON_TYPE = "application/json"
URLENCODED_TYPE = "application/x-www-form-urlencoded"
MULTIPART_TYPE = "multipart/form-data"
HTML_TYPE = "text/html"
PLAIN_TYPE = "text/plain"
EMAIL_TYPE = "message/rfc822"
ACCEPTED_TYPES = (JSON_TYPE, URLENCODED_TYPE, MULTIPART_TYPE, HTML_TYPE, PLAIN_TYPE, EMAIL_TYPE)

MAX_BODY_BYTES = 1024 * 1024


def media_type(content_type: str) -> str:
    """Return the media type of a Content-Type header, lower case; JSON dialects (`application/x+json`) are JSON.

    >>> media_type("Application/JSON; charset=utf-8")
    'application/json'
    """
    name = content_type.partition(";")[0].strip().lower()
    return JSON_TYPE if name.startswith("application/") and name.endswith("+json") else name


def parse_webhook(
    content_type: str, body: bytes, reading: SourceReading | None = None, *, own: Sequence[str] = ()
) -> Inbound:
    """Read the body of a webhook, by its source's own names where it has some (`reading`).

    Mail from one of our `own` addresses is from whom it stands for.

    Raises:
        WebhookRefusedError: 415 for a type that is not accepted, 413 above `MAX_BODY_BYTES`, 400 for the unreadable.
    """
    kind = media_type(content_type)
    if kind not in ACCEPTED_TYPES:
        raise unsupported_type(kind, ACCEPTED_TYPES)
    if len(body) > MAX_BODY_BYTES:
        raise too_large(MAX_BODY_BYTES)
    if not body or body.isspace():
        refuse("empty_body", "the body is empty", "send the message as JSON with a field 'text' or 'html'")
    match kind:
        case "application/json":
            return read_fields(_json_object(content_type, body), reading, own=own)
        case "application/x-www-form-urlencoded" | "multipart/form-data":
            return read_fields(_form_object(kind, content_type, body), reading, form=True, own=own)
        case "message/rfc822":
            return _from_email(body, own)
    return _from_text(kind, content_type, body)


def meaning_of(content_type: str, body: bytes, reading: str = "") -> str | None:
    """Return a digest of what a body says (`Inbound.meaning`), None if it cannot be read.

    `reading` is what the holding pen keeps beside the body.
    """
    try:
        how = reading_of(reading)
        return parse_webhook(content_type, body, how and how.of_the_source()).meaning()
    except (WebhookRefusedError, ValueError):
        return None


def _from_text(kind: str, content_type: str, body: bytes) -> Inbound:
    label = _parameter(content_type, "charset")
    if label is not None and web_codec(label) is None:
        refuse("bad_charset", f"charset {label[:40]!r} is not known here", "send UTF-8, or one that browsers know")
    notes = Notes()
    text = mended("body", decode_document(body, label), notes)
    if not says_something(text):
        refuse("empty_message", "the body holds nothing that can be read", "send the message itself, in UTF-8")
    if kind == HTML_TYPE:
        return Inbound(channel="email", html=text, notes=notes, undecodable=notes.undecodable)
    return Inbound(text=text, notes=notes, undecodable=notes.undecodable)


def _parameter(content_type: str, name: str) -> str | None:
    for part in content_type.split(";")[1:]:
        key, _, value = part.partition("=")
        if key.strip().lower() == name:
            return value.strip().strip('"').lower()
    return None


def _json_object(content_type: str, body: bytes) -> dict[str, object]:
    charset = _parameter(content_type, "charset") if ";" in content_type else None
    if charset not in (None, "utf-8", "utf8", "us-ascii", "ascii"):
        refuse("bad_charset", f"charset {charset[:40]!r}: JSON is UTF-8", "send the JSON as UTF-8")
    try:
        value = strict_json.loads(body, halves=True)
    except StrictJSONError as e:
        remedy = "mend the JSON and send the event again under the same id"
        refuse("bad_json", f"the body is no strict JSON: {e}", remedy)
    if not isinstance(value, dict):
        refuse("bad_json", "the body is JSON, but no object", 'send an object such as {"text": "…"}')
    return value


def _form_object(kind: str, content_type: str, body: bytes) -> dict[str, object]:
    body = body.removeprefix(codecs.BOM_UTF8)
    try:
        form = read_urlencoded(body) if kind == URLENCODED_TYPE else read_multipart(content_type, body)
    except FormError as e:
        refuse("bad_form", f"the form cannot be read: {e}", "mend the form and send the event again under the same id")
    fields: dict[str, object] = {}
    for field, text in decoded(form, form_charset(content_type)):
        _put_form_field(fields, field, text)
    files = [{"name": field.file_name, "media_type": field.media_type} for field in form if field.file_name is not None]
    if files:
        fields["attachments"] = files
    return fields


def _put_form_field(fields: dict[str, object], field: FormField, text: str) -> None:
    # Browsers cannot nest: `customer.id` and `customer[id]` mean the JSON field customer {id}.
    name = re.sub(r"\Acustomer(?:\.|\[)(id|email|name)\]?\Z", r"customer_\1", field.name)
    value: object = field.raw if name in ("email", "body-mime") and _is_mail(field.raw) else text
    known = fields.get(name)
    if known is None:
        fields[name] = value
    else:
        fields[name] = Twice([*(known if isinstance(known, Twice) else [known]), value])


def _is_mail(raw: bytes) -> bool:
    return b"\n" in raw and read_email_head(raw) is not None


def _from_email(body: bytes, own: Sequence[str]) -> Inbound:
    notes = Notes()
    read = read_raw_mail(body.removeprefix(codecs.BOM_UTF8), notes, own)
    if read is None:
        refuse("bad_email", "the body has no e-mail headers", "send the e-mail as received, headers first (RFC 5322)")
    return read
