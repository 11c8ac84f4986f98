r"""What stands in a broker's message: a line that vouches for it, a line about the payload, the body as it came.

    headgate/1 HMAC-SHA256\n
    {"case_id": …, "source": …, …}\n
    the body's own bytes

The key of the HMAC is in the store. So nobody who can only write to the broker can have a payload worked that no
gateway let in, or one that was changed.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from domain.case import case_id as case_id_of
from domain.turns import Priority
from ports.incoming.inbox import InboxItem

_MAGIC = b"headgate/1 "
_MAC_CHARS = 64
_ENCODER = json.JSONEncoder(separators=(",", ":"))
HEAD_BYTES = 2048  # more than the two lines take: ids are short
FOREIGN_SOURCE = "holding-pen"
"""Dead letters of messages that no gateway put there have this source."""


class _Head(BaseModel):
    model_config = ConfigDict(extra="forbid")

    source: str
    event_id: str
    content_type: str
    digest: str
    received_at: datetime
    reading: str = ""
    tenant: str
    priority: Priority
    kept: bool = False  # the body is in the store


@dataclass(frozen=True, slots=True)
class Opened:
    """A payload out of a message; `kept`: its body is in the store, and not here."""

    item: InboxItem
    kept: bool = False


def seal(item: InboxItem, key: bytes, *, kept: bool = False) -> bytes:
    """Return the message for a payload; `kept`: without the body, which is in the store."""
    head: dict[str, object] = {
        "source": item.source,
        "event_id": item.event_id,
        "content_type": item.content_type,
        "digest": item.digest,
        "received_at": item.received_at.isoformat(),
        "tenant": item.tenant,
        "priority": item.priority,
    }
    if item.reading:
        head["reading"] = item.reading
    if kept:
        head["kept"] = True
    rest = _ENCODER.encode(head).encode() + b"\n" + (b"" if kept else item.body)
    return _MAGIC + _mac(key, rest) + b"\n" + rest


def unseal(content: bytes, key: bytes, deliveries: int) -> Opened:
    """Return the payload of a message; of one that is none of ours an item with its bytes and what is wrong with it."""
    vouched, _, rest = content.partition(b"\n")
    if not vouched.startswith(_MAGIC) or len(vouched) != len(_MAGIC) + _MAC_CHARS:
        return foreign(content, deliveries, "it is no message of Headgate's: somebody else put it into the broker")
    if not hmac.compare_digest(vouched[len(_MAGIC) :], _mac(key, rest)):
        why = "it was put into the broker by somebody else, or by an installation with another store, or was changed"
        return foreign(content, deliveries, why)
    about, _, body = rest.partition(b"\n")
    try:
        head = _Head.model_validate_json(about)
        case_id = case_id_of(head.source, head.event_id)
    except (ValidationError, ValueError):
        return foreign(content, deliveries, "it is of a newer version of Headgate than this one: update the workers")
    item = InboxItem(
        case_id=case_id,
        source=head.source,
        event_id=head.event_id,
        content_type=head.content_type,
        body=body,
        digest=head.digest,
        received_at=head.received_at,
        deliveries=deliveries,
        reading=head.reading,
        tenant=head.tenant,
        priority=head.priority,
    )
    return Opened(item, head.kept)


def foreign(content: bytes, deliveries: int, why: str) -> Opened:
    """Return an item for bytes that cannot be worked; the same bytes are the same item."""
    digest = hashlib.sha256(content).hexdigest()
    event_id = f"raw-{digest[:40]}"
    return Opened(
        InboxItem(
            case_id=case_id_of(FOREIGN_SOURCE, event_id),
            source=FOREIGN_SOURCE,
            event_id=event_id,
            content_type="application/octet-stream",
            body=content,
            digest=digest,
            received_at=datetime.now().astimezone(),
            deliveries=deliveries,
            fault=why,
        )
    )


def _mac(key: bytes, rest: bytes) -> bytes:
    return hmac.digest(key, rest, "sha256").hex().encode()
