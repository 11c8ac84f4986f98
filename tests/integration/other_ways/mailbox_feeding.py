"""Takes mail from a mailbox to a gateway that runs."""

import threading
import time
from collections.abc import Callable
from typing import Self

from client.mailboxes.feed import MailboxFeed, Stop, Taken
from client.which import SourceEndpoint
from ports.incoming.mail_folder import MailFolder
from tests.dovecot import PASSWORD, Dovecot
from tests.integration.gateway_served import MAX_BYTES, Gateway
from workers.parts.outside_systems import MAILBOX_PASSWORD, mailbox_opener

REFUSED = "$HeadgateRefused"
ENVIRON = {MAILBOX_PASSWORD: PASSWORD}


def mail(number: int, text: str = "It leaks.", message_id: str | None = None) -> bytes:
    named = f"m{number}@example.com" if message_id is None else message_id
    return (
        f"From: Ann <ann@example.com>\r\nSubject: Kettle {number}\r\nMessage-ID: <{named}>\r\n\r\n{text}\r\n".encode()
    )


def feed(
    gateway: Gateway, open_mailbox: Callable[[], MailFolder], *, stop: Stop | None = None, every_s: float = 60.0
) -> MailboxFeed:
    return MailboxFeed(
        open_mailbox,
        lambda: (gateway.url, SourceEndpoint(name="mail", secret=gateway.secret)),
        limit_bytes=MAX_BYTES,
        every_s=every_s,
        stop=stop,
    )


def take(gateway: Gateway, imap: Dovecot, user: str) -> Taken:
    return feed(gateway, mailbox_opener(imap.url(user), ENVIRON)).run(once=True)


class running_feed:  # noqa: N801 - reads as a word
    """A feed that goes on in a thread until the block ends."""

    def __init__(self, gateway: Gateway, open_mailbox: Callable[[], MailFolder], *, every_s: float = 60.0) -> None:
        self.stop = Stop()
        self._feed = feed(gateway, open_mailbox, stop=self.stop, every_s=every_s)
        self._thread = threading.Thread(target=self._run)
        self.taken: Taken | None = None

    def _run(self) -> None:
        self.taken = self._feed.run()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()


def eventually(holds: Callable[[], bool], within_s: float = 60.0) -> None:
    give_up_at = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < give_up_at, "it did not happen"
        time.sleep(0.1)
