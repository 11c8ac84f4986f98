"""The head of an e-mail: who sent it and about what, what it answers, and whether a machine wrote it. The parts are the
cleaner's work.
"""

import email
import re
from collections.abc import Iterator, Sequence
from email.policy import Compat32
from typing import Any, NamedTuple

from domain.case import CASE_ID, Machine
from domain.inbound.machine import FEEDBACK, Fields, MachineVerdict, fields_of, machine_of
from domain.mail.addresses import ADDRESS, is_no_reply, is_own
from domain.mail.mailbox import NOBODY, Mailbox, as_utf8, plain_text, read_mailbox
from domain.mail.sending import CASE_HEADER

__all__ = ["ADDRESS", "EmailHead", "head_of", "headers_of", "read_email_head"]

MAX_REFERENCES = 20
_HEAD_CAP = 64 * 1024  # bytes in which the headers are looked for
_BODY_CAP = 256 * 1024  # bytes in which the letter that a report speaks of is looked for
_MAX_HEADERS = 500
_SUBJECT_CAP, _NAME_CAP = 1000, 200  # characters
_LINES = re.IGNORECASE | re.MULTILINE
_ID = re.compile(r"<\s?([^<>\s]{1,250})\s?>")
_IDS_CAP = 16 * 1024  # characters of one header with ids
_FOLD = re.compile(r"\r?\n[ \t]*|[\r\n]")
# The line that says a part is an invitation or an answer to one; a calendar file that is only attached has no method.
_CALENDAR = re.compile(
    rb"^content-type:[ \t]{0,9}text/calendar\b[^\n]{0,300}(?:\n[ \t][^\n]{0,300}){0,4}", re.IGNORECASE | re.MULTILINE
)
_METHOD = re.compile(rb"\bmethod=", re.IGNORECASE)
_ACTION = re.compile(rb"^action:[ \t]{0,9}([a-z]{1,20})[ \t]*$", _LINES)
_ARRIVED = {b"delivered", b"relayed", b"expanded"}
_REPORTED_ID = re.compile(rb"^message-id:[ \t]{0,9}\n?[ \t]{0,9}<([^<>\s]{1,250})>", _LINES)
_REPORTED_CASE = re.compile(
    rb"^" + CASE_HEADER.encode() + rb":[ \t]{0,9}\n?[ \t]{0,9}(\S{1,200})[ \t]*$", re.IGNORECASE | re.MULTILINE
)


class _AsItCame(Compat32):
    """Returns headers with their bytes; the library's own way loses those that are not ASCII (RFC 6532)."""

    def header_fetch_parse(self, name: str, value: str) -> str:  # noqa: ARG002 - the library's signature
        return value


_AS_IT_CAME = _AsItCame()


class EmailHead(NamedTuple):
    """What the head of a mail says.

    The sender is who wrote it: where From is one of our own addresses or takes no answers, who answers are wanted for.
    The address is None where two readers could take it for different ones, or none is left. `reply_to` is what
    Reply-To says, whoever sent it.
    """

    subject: str = ""
    sender_name: str = ""
    sender_address: str | None = None
    from_address: str | None = None  # what From says, whosever it is
    reply_to: str | None = None
    message_id: str | None = None
    references: tuple[str, ...] = ()  # ids of the mails that it answers or speaks of, the nearest first
    machine: MachineVerdict | None = None
    about_case: str | None = None  # the case whose letter a report speaks of

    def fields(self) -> dict[str, Any]:  # Any: fields of `Inbound`, of several types
        """Return what the head says by the names of the fields of `Inbound`."""
        return {
            "subject": self.subject[:_SUBJECT_CAP],
            "customer_email": self.sender_address,
            "customer_name": self.sender_name[:_NAME_CAP] or None,
            "from_address": self.from_address,
            "message_id": self.message_id,
            "references": list(self.references),
            "machine": self.machine.machine if self.machine else None,
            "machine_sure": self.machine.sure if self.machine else True,
            "machine_sign": self.machine.sign if self.machine else "",
            "about_case": self.about_case,
        }


def read_email_head(raw: bytes, *, own: Sequence[str] = ()) -> EmailHead | None:
    """Return the head of an e-mail, or None if there are no headers; never raises on hostile input.

    Args:
        raw: the mail as received.
        own: our own addresses, as in `MailRules.own`.
    """
    headers = headers_of(raw)
    if not headers:
        return None
    head = head_of(headers, own=own)
    body = raw[:_BODY_CAP].replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    if head.machine is None:
        return head._replace(machine=_calendar(body))
    if head.machine.machine is Machine.BOUNCE:
        return _with_report(head, head.machine, body)
    return head


def headers_of(raw: bytes) -> list[tuple[str, str]]:
    r"""Return the headers of a mail or of a block of headers, unfolded, not decoded; never raises.

    >>> headers_of(b"Subject: Lamp\r\n broken\r\n\r\nHello")
    [('Subject', 'Lamp broken')]
    """
    lines = raw[:_HEAD_CAP].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    found = email.message_from_bytes(lines, policy=_AS_IT_CAME).items()
    return [(name, _FOLD.sub(" ", as_utf8(value))) for name, value in found[:_MAX_HEADERS]]


def head_of(headers: Sequence[tuple[str, str]], *, own: Sequence[str] = ()) -> EmailHead:
    """Return what headers say, wherever they come from: a mail, or a mail service's webhook. Never raises.

    Args:
        headers: names and values, unfolded, decoded or not.
        own: our own addresses.
    """
    fields = fields_of(headers)
    whole = {name.strip().lower(): value for name, value in reversed(headers)}  # ids need more room than other headers
    sender, reply_to = _mailbox(fields, "from"), _mailbox(fields, "reply-to")
    writer = _writer(fields, sender, reply_to, own)
    answered = [*_ids(whole.get("in-reply-to", "")), *reversed(_ids(whole.get("references", "")))]
    return EmailHead(
        subject=plain_text(next(iter(fields.get("subject", ())), "")),
        sender_name=writer.name,
        sender_address=writer.address,
        from_address=sender.address,
        reply_to=reply_to.address,
        message_id=next(iter(_ids(whole.get("message-id", ""))), None),
        references=_first(tuple(answered)),
        machine=machine_of(headers, own=own),
    )


def _writer(fields: Fields, sender: Mailbox, reply_to: Mailbox, own: Sequence[str]) -> Mailbox:
    """Return who wrote a mail: From, and behind our own groups and forms, and behind mailboxes that take no answers,
    the first of those who are named there.
    """
    if sender.address is None or not _stands_for_others(sender.address, own):
        return sender
    others = (reply_to, _mailbox(fields, "x-original-from"), _mailbox(fields, "x-original-sender"))
    return next((other for other in others if other.address and not _stands_for_others(other.address, own)), NOBODY)


def _stands_for_others(address: str, own: Sequence[str]) -> bool:
    return is_own(address, own) or is_no_reply(address)


def _mailbox(fields: Fields, name: str) -> Mailbox:
    """Read a header that may stand only once: of two nobody knows which one counts."""
    values = fields.get(name, ())
    return read_mailbox(values[0]) if len(values) == 1 else NOBODY


def _ids(value: str) -> list[str]:
    return [found for found in _ID.findall(value[-_IDS_CAP:]) if found.isprintable()]


def _first(ids: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))[:MAX_REFERENCES]


def _calendar(body: bytes) -> MachineVerdict | None:
    """Return whether a part of a mail invites, or answers an invitation: a person's words may stand beside it."""
    part = _CALENDAR.search(body)
    if part is None or not _METHOD.search(part.group()):
        return None
    return MachineVerdict(Machine.CALENDAR, sure=False, sign="an invitation, or an answer to one")


def _with_report(head: EmailHead, verdict: MachineVerdict, body: bytes) -> EmailHead:
    """Return the head of a report with the ids of the letter that it brings back, and with the case that the letter
    names as ours, if it failed to arrive: there are reports of letters that are late, that arrived, and of complaints.
    """
    ids = tuple(found.decode("ascii", "replace") for found in _limited(_REPORTED_ID, body))
    named = next(_limited(_REPORTED_CASE, body), b"").decode("ascii", "replace")
    actions = {found.lower() for found in _limited(_ACTION, body)}
    failed = b"failed" in actions if actions else FEEDBACK not in verdict.sign
    if actions and actions <= _ARRIVED:
        verdict = verdict._replace(machine=Machine.RECEIPT)
    return head._replace(
        machine=verdict,
        references=_first(head.references + ids),
        about_case=named if failed and CASE_ID.fullmatch(named) else None,
    )


def _limited(pattern: re.Pattern[bytes], body: bytes) -> Iterator[bytes]:
    for number, found in enumerate(pattern.finditer(body)):
        if number >= MAX_REFERENCES:
            return
        yield found.group(1)
