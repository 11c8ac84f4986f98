"""Mail from a real IMAP server to the real gateway: what is taken, marked and refused."""

import asyncio
import time
from collections.abc import Callable

import httpx
import pytest

from client.mailboxes.feed import MailboxFeed, Taken
from client.which import SourceEndpoint
from domain.errors import NotReachableError, TransientError
from ports.incoming.mail_folder import MailFolder
from tests.dovecot import Dovecot
from tests.integration.gateway_served import MAX_BYTES, Gateway
from tests.integration.other_ways.mailbox_feeding import ENVIRON, REFUSED, eventually, feed, mail, running_feed, take
from workers.parts.outside_systems import mailbox_opener


def bodies(gateway: Gateway) -> list[bytes]:
    return sorted(item.body for item in asyncio.run(gateway.pen.lease(100, 60)))


# --- what is taken ---


def test_each_mail_becomes_one_case_and_is_seen_and_stays(gateway: Gateway, imap: Dovecot, user: str) -> None:
    imap.put(user, mail(1), mail(2))
    assert take(gateway, imap, user) == Taken(accepted=2)
    assert bodies(gateway) == [mail(1), mail(2)]
    assert imap.flags(user) == [{"\\Seen"}, {"\\Seen"}]
    assert take(gateway, imap, user) == Taken()


def test_what_somebody_has_seen_or_thrown_away_is_left_alone(gateway: Gateway, imap: Dovecot, user: str) -> None:
    imap.put(user, mail(1), mail(2), mail(3))
    with imap.client(user) as client:
        client.add_flags([1], [b"\\Seen"])
        client.add_flags([2], [b"\\Deleted"])
    assert take(gateway, imap, user) == Taken(accepted=1)
    assert imap.flags(user) == [{"\\Seen"}, {"\\Deleted"}, {"\\Seen"}]


@pytest.mark.parametrize("window", [1, 2, 3, 5, 6])
def test_a_mailbox_of_very_many_is_asked_in_parts(
    gateway: Gateway, imap: Dovecot, user: str, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.mailbox.imap._WINDOW", window)
    imap.put(user, *(mail(n) for n in range(5)))
    opened = mailbox_opener(imap.url(user), ENVIRON)()
    assert list(opened.unseen()) == [1, 2, 3, 4, 5]
    imap.put(user, mail(6))
    assert list(opened.unseen()) == [1, 2, 3, 4, 5, 6]
    opened.close()
    assert take(gateway, imap, user) == Taken(accepted=6)


def test_the_same_mail_twice_is_one_case_and_another_under_its_id_is_its_own(
    gateway: Gateway, imap: Dovecot, user: str
) -> None:
    again = b"Received: by mx.example.com\r\n" + mail(1)
    bare = mail(4).replace(b"Message-ID: <m4@example.com>\r\n", b"")
    imap.put(user, mail(1), again, mail(1, "It burns."), mail(1, "It burns."), bare, bare)
    assert take(gateway, imap, user) == Taken(accepted=3, duplicates=3)
    assert imap.flags(user) == [{"\\Seen"}] * 6


def test_two_at_once_make_no_second_case(gateway: Gateway, imap: Dovecot, user: str) -> None:
    imap.put(user, *(mail(n) for n in range(20)))
    opener = mailbox_opener(imap.url(user), ENVIRON)
    with running_feed(gateway, opener) as one, running_feed(gateway, opener) as other:
        eventually(lambda: imap.flags(user) == [{"\\Seen"}] * 20)
    assert one.taken is not None
    assert other.taken is not None
    assert one.taken.accepted + other.taken.accepted == 20
    assert len(gateway.accepted()) == 20


def test_another_folder_made_anew_is_read_again_without_a_second_case(
    gateway: Gateway, imap: Dovecot, user: str
) -> None:
    """The numbers of a folder that was made anew name other messages: its UIDVALIDITY is another one."""
    opener = mailbox_opener(imap.url(user, "Help%20desk"), ENVIRON)
    imap.put(user, mail(1), mail(2), folder="Help desk")
    assert feed(gateway, opener).run(once=True) == Taken(accepted=2)
    with imap.client(user) as client:
        client.delete_folder("Help desk")
    imap.put(user, mail(3), mail(1), folder="Help desk")
    assert feed(gateway, opener).run(once=True) == Taken(accepted=1, duplicates=1)


# --- what is refused ---


def test_what_can_never_go_in_is_marked_once_and_told(
    gateway: Gateway, imap: Dovecot, user: str, caplog: pytest.LogCaptureFixture
) -> None:
    imap.put(user, b"just words, no headers\r\n", mail(2, "x" * MAX_BYTES), mail(3))
    assert take(gateway, imap, user) == Taken(accepted=1, refused=2)
    assert imap.flags(user) == [{REFUSED}, {REFUSED}, {"\\Seen"}]
    told = [record.message for record in caplog.records if "refused for good" in record.message]
    assert [text.rpartition(": ")[2] for text in told] == [
        "it has no headers (RFC 5322)", f"larger than {MAX_BYTES} bytes"
    ]  # fmt: skip
    assert take(gateway, imap, user) == Taken()


class Refusing:
    """A transport that answers with each status once, then as the gateway does."""

    def __init__(self, gateway: Gateway, *statuses: int, retry_after: str = "0") -> None:
        self.statuses = list(statuses)
        self.times: list[float] = []
        self._retry_after = retry_after
        self._gateway = gateway

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.times.append(time.monotonic())
        if self.statuses:
            headers = {"retry-after": self._retry_after}
            return httpx.Response(self.statuses.pop(0), json={"code": "not_now"}, headers=headers)
        return self._gateway.http.post(request.url.path, content=request.content, headers=dict(request.headers))


def take_through(door: Refusing, gateway: Gateway, open_mailbox: Callable[[], MailFolder]) -> Taken:
    return MailboxFeed(
        open_mailbox,
        lambda: (gateway.url, SourceEndpoint(name="mail", secret=gateway.secret)),
        limit_bytes=MAX_BYTES,
        every_s=60,
        transport=httpx.MockTransport(door),
    ).run(once=True)


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_a_refusal_of_the_message_is_no_loop(gateway: Gateway, imap: Dovecot, user: str, status: int) -> None:
    imap.put(user, mail(1), mail(2))
    door = Refusing(gateway, status)
    assert take_through(door, gateway, mailbox_opener(imap.url(user), ENVIRON)) == Taken(accepted=1, refused=1)
    assert imap.flags(user) == [{REFUSED}, {"\\Seen"}]


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 502, 503, 302])
def test_what_is_no_fault_of_the_message_is_tried_again(
    gateway: Gateway, imap: Dovecot, user: str, status: int
) -> None:
    """A secret that was changed, or a pen that is full, must cost no mail."""
    imap.put(user, mail(1))
    door = Refusing(gateway, status, status)
    assert take_through(door, gateway, mailbox_opener(imap.url(user), ENVIRON)) == Taken(accepted=1)
    assert imap.flags(user) == [{"\\Seen"}]


def test_it_waits_as_retry_after_says(gateway: Gateway, imap: Dovecot, user: str) -> None:
    imap.put(user, mail(1))
    door = Refusing(gateway, 503, retry_after="2")
    take_through(door, gateway, mailbox_opener(imap.url(user), ENVIRON))
    assert door.times[1] - door.times[0] >= 2


def test_a_pen_that_fails_leaves_the_mail_unseen_until_it_works(gateway: Gateway, imap: Dovecot, user: str) -> None:
    gateway.pen.failure = TransientError("the disk is full")
    imap.put(user, mail(1))
    with running_feed(gateway, mailbox_opener(imap.url(user), ENVIRON)):
        time.sleep(2)
        assert imap.flags(user) == [set()]
        gateway.pen.failure = None
        eventually(lambda: imap.flags(user) == [{"\\Seen"}])


def test_once_ends_with_a_word_where_no_gateway_is(imap: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client.mailboxes.feed._FIRST_WAIT_S", 0.01)
    imap.put(user, mail(1))
    nobody = MailboxFeed(
        mailbox_opener(imap.url(user), ENVIRON),
        lambda: ("http://127.0.0.1:9", SourceEndpoint(name="mail", secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")),
        limit_bytes=MAX_BYTES,
        every_s=60,
    )
    with pytest.raises(NotReachableError, match="stays unseen"):
        nobody.run(once=True)
    assert imap.flags(user) == [set()]
