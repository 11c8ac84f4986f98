"""The fields of a message, by our own names or by those of another service, made into one `Inbound`."""

import json
import re
from collections.abc import Mapping, Sequence

from domain.case import Machine
from domain.inbound import strict_json
from domain.inbound.email_head import EmailHead, head_of, read_email_head
from domain.inbound.formats.charsets import is_whole, mend, says_something
from domain.inbound.formats.headers import header_pairs, plain_id
from domain.inbound.formats.mapping import Many, SourceReading, Twice, map_fields
from domain.inbound.formats.services import FORMATS, recognise
from domain.inbound.message.inbound import DEFAULT_TENANT, Inbound
from domain.inbound.message.refusals import bad_field, refuse
from domain.inbound.side_fields import (
    NAME_CAP,
    SUBJECT_CAP,
    Notes,
    attachments_of,
    channel_of,
    lang_of,
    line,
    mended,
    plain,
    sender_of,
    thread_of,
)
from domain.mail.addresses import is_no_reply, is_own

MAX_FIELDS = 200

TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_STRICT = {"customer_id": 128, "order_id": 128, "amount": strict_json.MAX_NUMBER, "currency": 16}  # characters
_CUSTOMER = {"id": "customer_id", "email": "customer_email", "name": "customer_name"}
_SIDE = ("channel", "lang", "subject", "customer_email", "customer_name", "thread_id", "priority", "attachments")
_KNOWN = {"tenant", "text", "html", *_STRICT, *_SIDE}
# A mail without words, but with a subject or a picture, is a complaint all the same; a person reads it.
_WORDLESS = dict.fromkeys(("email", "sms", "chat"), ("subject", "attachments"))
_SAY_THE_FORMAT = "an operator names the source's format: headgate sources add SOURCE --format …"


def read_fields(
    document: dict[str, object],
    reading: SourceReading | None,
    *,
    form: bool = False,
    own: Sequence[str] = (),
    needs_words: bool = True,
) -> Inbound:
    """Read a JSON object or a form (`form`). Without words there is no message, unless `needs_words` is False.

    A source's own names come first (`reading`); without them a body that is unmistakably of one service is read by that
    service's names, every other one by ours.

    Raises:
        WebhookRefusedError: 400, the message, an id, an amount or the tenant cannot be read for sure.
    """
    if len(document) > MAX_FIELDS:
        refuse("too_many_fields", f"{len(document)} fields: at most {MAX_FIELDS} are read", "send fewer fields")
    service = reading.format if reading is not None else _recognised(document, form=form)
    if reading is None and service is None:
        return _from_fields(*_split(_unwrap(document)), own, wordless=not needs_words)
    mapped = map_fields(document, reading.paths() if reading is not None else FORMATS[str(service)].paths)
    channel = FORMATS[service].channel if service else None
    wordless = channel in _WORDLESS and any(name in mapped.fields for name in _WORDLESS[channel])
    if not mapped.has_words and not wordless and not form and service not in recognise(document, form=False):
        # Not so in a form: a customer may have chosen its names, as Mailgun posts each header of a mail as a field.
        if service is None or not FORMATS[service].whole or document.keys() & {"text", "html"}:
            return _from_fields(*_split(_unwrap(document)), own, wordless=not needs_words)
        return _whole(document, mapped.fields, service, own)
    fields = {**dict.fromkeys(_KNOWN), "channel": channel, **mapped.fields}
    inbound = _from_fields(fields, mapped.rest, own, wordless=wordless or not needs_words)
    if service and FORMATS[service].not_a_customer(document):
        inbound.machine = Machine.OWN
        inbound.notes.append(f"{service} says that a colleague wrote it, no customer")
    return inbound


def _whole(document: dict[str, object], fields: dict[str, object], service: str, own: Sequence[str]) -> Inbound:
    """Return an event that no customer wrote, as its own JSON: a person looks at it, as a machine's words ask for
    nothing.
    """
    said = {name: value for name, value in document.items() if name not in FORMATS[service].deliveries}
    text = json.dumps(plain(said, Notes()), ensure_ascii=False, indent=1, sort_keys=True)
    inbound = _from_fields({**dict.fromkeys(_KNOWN), **fields, "text": text}, {}, own)
    inbound.machine, inbound.machine_sure = Machine.OWN, False
    inbound.machine_sign = f"an event of {service} without a message in it"
    return inbound


def _recognised(document: dict[str, object], *, form: bool) -> str | None:
    """Return the service that a body is unmistakably of; what may be two things is refused.

    Raises:
        WebhookRefusedError: it is of two services, or holds a message under our own names too.
    """
    found = recognise(document, form=form)
    own = any(isinstance(document.get(name), str) for name in ("text", "html")) and found != ["sendgrid"]
    # The names of a form may be a customer's doing: Mailgun posts each header of a mail as a field.
    if len(found) > 1 or (own and form and found):
        refuse("ambiguous", f"the body has the fields of {' and of '.join(found)}, and others", _SAY_THE_FORMAT)
    return found[0] if found and not own else None


def _unwrap(value: dict[str, object]) -> dict[str, object]:
    """Take the message out of the envelope of Standard Webhooks, keeping what stands beside it."""
    if "data" not in value or "type" not in value or "text" in value or "html" in value:
        return value
    data = value["data"]
    if not isinstance(data, dict):
        bad_field("data", "expected an object with the message's fields")
    beside = {f"envelope.{name}": v for name, v in value.items() if name != "data"}
    return {**beside, **data}


def _split(fields: dict[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """Part the fields that have a name here from those that are only kept."""
    known: dict[str, object] = dict.fromkeys(_KNOWN)
    extra: dict[str, object] = {}
    for name, value in fields.items():
        if name == "customer" and value is not None:
            _read_customer(value, known, extra)
        elif name not in _KNOWN:
            extra[name] = value
        elif value is not None:
            _put(known, name, value)
    return known, extra


def _read_customer(value: object, known: dict[str, object], extra: dict[str, object]) -> None:
    if isinstance(value, str) and not isinstance(value, strict_json.Number):
        if value.strip():
            _put(known, "customer_email" if "@" in value else "customer_name", value)
        return
    if not isinstance(value, dict):
        extra["customer"] = value
        return
    for key, inner in value.items():
        name = _CUSTOMER.get(key)
        if name is None:
            extra[f"customer.{key}"] = inner
        elif inner is not None:
            _put(known, name, inner)


def _put(known: dict[str, object], name: str, value: object) -> None:
    """Set a field; one that is given twice, with two values, is `Twice`."""
    known[name] = value if known[name] in (None, value) else Twice([known[name], value])


def _from_fields(
    fields: dict[str, object], extra: dict[str, object], own: Sequence[str], *, wordless: bool = False
) -> Inbound:
    notes = Notes()
    if "customer" in extra:
        notes.add("customer", "left out, it is neither a name nor an object with id, email and name")
    mail = _mail(fields, notes, own)
    text, html = _body_text(fields, "text", notes), _body_text(fields, "html", notes)
    if mail is None and not wordless and not (says_something(text) or says_something(html)):
        detail = "there is no message: neither 'text' nor 'html' holds anything that can be read"
        remedy = f"send the message as 'text' or 'html'; if it has another name in your system, {_SAY_THE_FORMAT}"
        refuse("empty_message", detail, remedy)
    single = {name: _single(name, fields[name], notes) for name in _SIDE if name != "attachments"}
    address, shown, mistyped = sender_of(single["customer_email"], single["customer_name"], notes)
    if mistyped:
        # It must not cost the customer the complaint; it is kept, but nothing is sent there.
        extra["customer.email"] = mistyped
    read = mail or Inbound()
    head = head_of(header_pairs(fields.get("headers")), own=own)
    if address is not None and head.sender_address is not None and (is_own(address, own) or is_no_reply(address)):
        read.from_address, address = address, head.sender_address
    return read.model_copy(
        update={
            **_of_headers(head, read),
            "tenant": _tenant(fields["tenant"]),
            "channel": channel_of(single["channel"] or ("email" if mail else None), notes),
            "lang": lang_of(single["lang"], notes),
            "subject": line("subject", single["subject"], SUBJECT_CAP, notes) or read.subject,
            "text": text,
            "html": html,
            "customer_email": address or read.customer_email,
            "customer_name": shown or read.customer_name,
            "attachments": attachments_of(fields["attachments"], notes),
            "thread_id": thread_of(single["thread_id"], notes),
            "priority": line("priority", single["priority"], 64, Notes()) or None,
            "message_id": head.message_id or read.message_id or _message_id(fields),
            "event_id": line("event_id", fields.get("event_id"), 200, Notes()) or None,
            "undecodable": notes.undecodable,
            "notes": notes,
            "extra": {mend(name): plain(value, notes) for name, value in extra.items()},
            **{name: _id_or_amount(name, fields[name], cap) for name, cap in _STRICT.items()},
        }
    )


def _of_headers(head: EmailHead, read: Inbound) -> dict[str, object]:
    """Return what the headers that a service hands on say beside the mail itself."""
    said = head.fields()
    found: dict[str, object] = {"references": said["references"] or read.references}
    if read.machine is None and head.machine is not None:
        found |= {name: said[name] for name in ("machine", "machine_sure", "machine_sign", "about_case")}
    return found


def _mail(fields: Mapping[str, object], notes: Notes, own: Sequence[str]) -> Inbound | None:
    """Read a whole e-mail that stands in a field; it is the message, and wins over texts beside it."""
    value = fields.get("mail")
    if value is None:
        return None
    raw = mend(value).encode() if isinstance(value, str) else value
    read = read_raw_mail(raw, notes, own) if isinstance(raw, bytes) else None
    if read is None:
        bad_field("mail", "expected one e-mail as received, headers first (RFC 5322)")
    return read


def _message_id(fields: Mapping[str, object]) -> str | None:
    value = fields.get("message_id")
    return plain_id(value) or None if isinstance(value, str) else None


def _single(name: str, value: object, notes: Notes) -> object:
    """Return the one value of a side field; of two senders none is believed, of other things the first counts."""
    if not isinstance(value, Many):
        return value
    notes.add(name, "given twice, with two values")
    return None if name in ("customer_email", "thread_id") else value[0]


def _body_text(fields: Mapping[str, object], name: str, notes: Notes) -> str | None:
    value = fields[name]
    if isinstance(value, Many) and not isinstance(value, Twice) and all(isinstance(part, str) for part in value):
        value = "\n\n".join(map(str, value))
    if value is None:
        return None
    if isinstance(value, strict_json.Number):
        notes.add(name, "was a number")
    elif not isinstance(value, str):
        bad_field(name, f"expected a string, not {_kind(value)}")
    return mended(name, value, notes)


def _id_or_amount(name: str, value: object, cap: int) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):  # a Number is a str: ids and amounts may come as bare numbers
        bad_field(name, f"expected a string, not {_kind(value)}")
    if len(value) > cap:
        bad_field(name, f"{len(value)} characters: at most {cap} are read")
    if name == "amount" and isinstance(value, strict_json.Number):
        value = strict_json.in_any_language(value)
    value = str(value).strip()
    if not is_whole(value):
        bad_field(name, "holds characters that cannot be read")
    if _CONTROL.search(value):
        bad_field(name, "holds control characters")
    return value or None


def _tenant(value: object) -> str:
    if value is None or value == "":
        return DEFAULT_TENANT
    if not isinstance(value, str):
        bad_field("tenant", f"expected a string, not {_kind(value)}")
    if not TENANT.fullmatch(value):
        bad_field("tenant", "expected letters, digits, '.', '_' and '-', at most 64")
    return str(value)


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case strict_json.Number():
            return "a number"
        case Many():
            return "several values"
        case dict():
            return "an object"
        case list():
            return "a list"
    return type(value).__name__


def read_raw_mail(raw: bytes, notes: Notes, own: Sequence[str] = ()) -> Inbound | None:
    """Read the head of a raw e-mail, None if it has no headers; its parts are the cleaner's work."""
    head = read_email_head(raw, own=own)
    if head is None:
        return None
    read = Inbound(channel="email", email=True, mail=raw, notes=notes, **head.fields())
    read.subject = line("subject", head.subject, SUBJECT_CAP, notes)
    read.customer_name = line("customer_name", head.sender_name, NAME_CAP, notes) or None
    return read
