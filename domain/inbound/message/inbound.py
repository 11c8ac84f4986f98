"""The message of a webhook, and whether two deliveries say the same."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, Field

from domain.case import Machine

DEFAULT_TENANT = "default"


class Attachment(BaseModel):
    """A file that came along, by name and type; its content stays in the raw body."""

    name: str = ""
    media_type: str = "application/octet-stream"


class Inbound(BaseModel):
    """A message from outside, as its sender put it: nothing here is cleaned, and none of it is to be trusted.

    `amount` is the text as given, an exact copy of the digits if it was a number. `email` says that the message is a
    raw e-mail, `mail`, whose parts are yet to be read. `machine` says that no person wrote it, `undecodable` that
    bytes of it were lost: who knows which words. `extra` keeps every field that has no name here.
    """

    tenant: str = DEFAULT_TENANT
    channel: str = "web"
    lang: str = "und"
    subject: str = ""
    text: str | None = None
    html: str | None = None
    email: bool = False
    mail: bytes | None = Field(default=None, repr=False)
    customer_id: str | None = None
    customer_email: str | None = None
    customer_name: str | None = None
    order_id: str | None = None
    amount: str | None = None
    currency: str | None = None
    attachments: list[Attachment] = Field(default_factory=list)
    priority: str | None = None  # in the sender's own word; the blueprint says what it means
    thread_id: str | None = None  # the sender's own name for the conversation
    message_id: str | None = None  # of an e-mail, without its angle brackets
    event_id: str | None = None  # the service's own name for the delivery, where it has one
    references: list[str] = Field(default_factory=list)  # ids of the e-mails that it answers, the nearest first
    machine: Machine | None = None
    machine_sure: bool = True  # otherwise a person may have written it all the same, and one looks at it
    machine_sign: str = ""  # which sign said that a machine wrote it, for people; no personal data
    from_address: str | None = None  # of an e-mail: what From says, where `customer_email` is who it stands for
    about_case: str | None = None  # the case whose letter came back, as a report of mail servers names it
    undecodable: bool = False
    wordless: bool = False  # `text` is its document, as there were no words of a customer
    notes: list[str] = Field(default_factory=list)  # what of the side fields was folded, for people
    extra: dict[str, Any] = Field(default_factory=dict)  # Any: JSON of the sender's own design

    def meaning(self) -> str:
        """Return a digest (SHA-256, hex) of what the message says: equal for two deliveries of the same event.

        The order of keys, white space between them, delivery counters and all else that lands in `extra` do not count,
        nor do the lines that mail servers add to the head of an e-mail on its way.
        """
        said = {
            "tenant": self.tenant,
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "customer": [self.customer_id, self.customer_email, self.customer_name],
            "order": [self.order_id, self.amount, self.currency],
            "attachments": [attachment.name for attachment in self.attachments],
            "thread": self.thread_id,
            "mail": None if self.mail is None else _mail_meaning(self.mail),
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


_SAYING = (b"from:", b"reply-to:", b"subject:", b"message-id:", b"content-type:", b"content-transfer-encoding:")


def _mail_meaning(raw: bytes) -> list[str]:
    """Return the lines of the head that say something, and a digest of the body; line ends do not count."""
    head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = head.replace(b"\n ", b" ").replace(b"\n\t", b" ").split(b"\n")
    said = [b" ".join(line.split()).decode("latin-1") for line in lines if line.lower().startswith(_SAYING)]
    return [*sorted(said), hashlib.sha256(body.rstrip(b"\n")).hexdigest()]
