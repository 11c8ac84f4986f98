"""Messages in lines of JSON: a line that cannot be read costs itself alone."""

import json
import uuid
from collections.abc import Callable, Iterable, Iterator

from client.inflow.characters import SAVE_AS, bad_bytes
from client.inflow.message import WebhookMessage
from client.inflow.tables import signable
from domain.errors import ImpossibleError
from domain.inbound.webhook import JSON_TYPE

# What a webhook may say; anything else in a line (labels, notes, sources) is about the message and stays here.
_FIELDS = (
    "channel",
    "tenant",
    "lang",
    "subject",
    "text",
    "html",
    "customer",
    "customer_id",
    "customer_email",
    "customer_name",
    "order_id",
    "amount",
    "currency",
    "priority",
    "attachments",
    "thread_id",
)
_WANTED = 'expected an object in one line, such as {"text": "…"}'
_SHOWN = 40
_OTHER_WIDTHS = ("\udcff\udcfe", "\udcfe\udcff")  # the byte order marks of UTF-16


def read_lines(file: Iterable[str], name: str, skipped: Callable[[str], None]) -> Iterator[WebhookMessage]:
    """Yield the messages of a file that was opened with `characters.KEPT`; `skipped` is told of each line that cannot
    be sent: file, line, what is wrong and what to do.

    Raises:
        ImpossibleError: the whole file is UTF-16.
    """
    for number, line in enumerate(file, 1):
        if number == 1 and line.startswith(_OTHER_WIDTHS):
            raise ImpossibleError(f"{name}: it is UTF-16; {SAVE_AS}")
        if not line.strip():
            continue
        try:
            message = _message_of_text(line)
        except ValueError as error:
            skipped(f"{name}, line {number}: {error}")
        else:
            yield message


def _message_of_text(line: str) -> WebhookMessage:
    if bad := bad_bytes(line):
        raise ValueError(f"{bad}; {SAVE_AS}")
    try:
        content = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{_cut(line)}: no JSON ({error.msg} at character {error.pos + 1}); {_WANTED}") from None
    except RecursionError:
        raise ValueError(f"{_cut(line)}: nested too deep; {_WANTED}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{_cut(line)}: {_WANTED}")  # noqa: TRY004 - bad data
    return _message_of_line(content)


def _cut(line: str) -> str:
    said = line.strip()
    return repr(said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…")


def _message_of_line(content: dict[str, object]) -> WebhookMessage:
    event_id = _event_id(content)
    if isinstance(content.get("body"), str):
        kind = content.get("content_type", JSON_TYPE)
        return WebhookMessage(event_id=event_id, body=str(content["body"]).encode(), content_type=str(kind))
    data = content.get("data")
    if isinstance(data, dict) and "type" in content:
        envelope: dict[str, object] = {name: content[name] for name in ("type", "timestamp") if name in content}
        return WebhookMessage(event_id=event_id, body=to_json({**envelope, "data": _webhook_fields(data)}))
    return WebhookMessage(event_id=event_id, body=to_json(_webhook_fields(content)))


def _event_id(content: dict[str, object]) -> str:
    data = content.get("data")
    inside = data if isinstance(data, dict) else {}
    for given in (content.get("event_id"), content.get("id"), inside.get("event_id"), inside.get("id")):
        if given is None:
            continue
        return signable(str(given))
    return f"evt_{uuid.uuid4().hex}"


def _webhook_fields(fields: dict[str, object]) -> dict[str, object]:
    return {name: fields[name] for name in _FIELDS if name in fields}


def to_json(content: dict[str, object]) -> bytes:
    """Return the bytes of a webhook's body."""
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
