"""A message on its way to the gateway's webhook."""

import hashlib

from pydantic import BaseModel

from domain.inbound.email_head import read_email_head
from domain.inbound.webhook import EMAIL_TYPE, JSON_TYPE


class WebhookMessage(BaseModel):
    """One message, ready to be signed and sent.

    `other_id` is a second id for it, empty for none: it is sent under that where the first one is another message's.
    """

    event_id: str
    body: bytes
    content_type: str = JSON_TYPE
    other_id: str = ""


def mail_message(raw: bytes) -> WebhookMessage:
    """Return an e-mail as a message: the same mail has the same id, wherever and however often it is found.

    The id is made of its Message-ID. Of two mails with one Message-ID, the second goes by its bytes, as does a mail
    without.

    Raises:
        ValueError: it has no headers, so it is no e-mail.
    """
    head = read_email_head(raw)
    if head is None:
        raise ValueError("no e-mail: it has no headers (RFC 5322)")
    # Line ends are a matter of who keeps it: files often have one character, IMAP always two.
    by_bytes = "eml_" + _digest(raw.replace(b"\r\n", b"\n"))
    named = "mid_" + _digest(head.message_id.encode("utf-8", "surrogatepass")) if head.message_id else by_bytes
    return WebhookMessage(
        event_id=named, body=raw, content_type=EMAIL_TYPE, other_id=by_bytes if named != by_bytes else ""
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:40]
