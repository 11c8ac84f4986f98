"""What is said of payloads as they come out of a broker."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from adapters.inbox.envelope import Opened
from domain.inbound.webhook import meaning_of
from domain.intake import REMEMBERED_S
from ports.incoming.accepted_log import AcceptedEvent, AcceptedLog
from ports.incoming.inbox import InboxItem

_LOG = logging.getLogger("headgate.inbox")


def as_event(item: InboxItem) -> AcceptedEvent:
    """Return what the log remembers of a payload."""
    return AcceptedEvent(item.case_id, item.digest, item.received_at, item.content_type, item.reading)


def given_up(opened: Opened) -> Opened:
    """Return what the broker gave up, with that as its fault."""
    why = f"the broker gave it up: it was handed out {opened.item.deliveries} times in vain"
    return replace(opened, item=replace(opened.item, fault=opened.item.fault or why))


def with_body(item: InboxItem, log: AcceptedLog) -> InboxItem:
    """Return an item whose body is in the store, with it."""
    body = log.body(item.case_id, item.digest)
    if body is None:
        return replace(item, fault="its body, which was too large for the broker, is not in the store any more")
    return replace(item, body=body)


def not_too_old(item: InboxItem) -> InboxItem:
    """Return the item; one that may have been done and forgotten is for a person."""
    if item.fault or item.received_at > datetime.now(UTC) - timedelta(seconds=REMEMBERED_S):
        return item
    return replace(item, fault="it came so long ago that nobody remembers whether it was worked")


def meaning(item: InboxItem) -> str:
    """Return the digest of what an item says, empty where it cannot be read."""
    try:
        return "" if item.fault else meaning_of(item.content_type, item.body, item.reading) or ""
    except Exception as e:  # noqa: BLE001 - a payload that meets a bug is a dead letter by now, and must not come back
        _LOG.error("what %s said cannot be remembered: %s", item.case_id, type(e).__name__)
        return ""
