"""Mail from a real IMAP server to the real gateway: what is taken, marked, refused, and what happens in between."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import httpx
import pytest

from adapters.mailbox.imap import ImapMailbox
from client.mailboxes.feed import MailboxFeed, Stop, Taken
from client.which import SourceEndpoint
from domain.errors import ConfigurationError, NotReachableError, TransientError
from ports.mailbox import Mailbox
from tests.dovecot import PASSWORD, Dovecot, running_dovecot
from tests.integration.gateway_served import MAX_BYTES, Gateway
from workers.outside_systems import MAILBOX_PASSWORD, mailbox_opener

PROJECT = Path(__file__).parents[2]
REFUSED = "$HeadgateRefused"
ENVIRON = {MAILBOX_PASSWORD: PASSWORD}


@pytest.fixture(scope="module")
def imap() -> Iterator[Dovecot]:
    with running_dovecot() as server:
        yield server


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    """A user of the test's own, with an empty mailbox."""
    return "u" + "".join(c for c in request.node.name.lower() if c.isalnum())[-60:]


def mail(number: int, text: str = "It leaks.", message_id: str | None = None) -> bytes:
    named = f"m{number}@example.com" if message_id is None else message_id
    return (
        f"From: Ann <ann@example.com>\r\nSubject: Kettle {number}\r\nMessage-ID: <{named}>\r\n\r\n{text}\r\n".encode()
    )


def feed(
    gateway: Gateway, open_mailbox: Callable[[], Mailbox], *, stop: Stop | None = None, every_s: float = 60.0
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

    def __init__(self, gateway: Gateway, open_mailbox: Callable[[], Mailbox], *, every_s: float = 60.0) -> None:
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


def take_through(door: Refusing, gateway: Gateway, open_mailbox: Callable[[], Mailbox]) -> Taken:
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


# --- what breaks ---


class Breaking:
    """A mailbox that breaks once, where it is told to."""

    broken: set[str]

    def __init__(self, inner: Mailbox, at: str, broken: set[str]) -> None:
        self._inner, self._at, self._broken = inner, at, broken

    def __getattr__(self, name: str) -> object:
        if name == self._at and name not in self._broken:
            self._broken.add(name)
            raise TransientError("cut off")
        return getattr(self._inner, name)


@pytest.mark.parametrize("at", ["unseen", "fetch", "mark_seen", "mark_refused", "wait"])
def test_a_connection_that_breaks_anywhere_loses_nothing_and_doubles_nothing(
    gateway: Gateway, imap: Dovecot, user: str, at: str
) -> None:
    imap.put(user, b"just words\r\n", mail(1), mail(2))
    opener, broken = mailbox_opener(imap.url(user), ENVIRON), set[str]()
    with running_feed(gateway, lambda: Breaking(opener(), at, broken)):  # type: ignore[arg-type, return-value]
        eventually(lambda: imap.flags(user) == [{REFUSED}, {"\\Seen"}, {"\\Seen"}])
        imap.put(user, mail(3))
        eventually(lambda: imap.flags(user)[3] == {"\\Seen"})
    assert at in broken
    assert len(gateway.accepted()) == 3


def test_a_server_that_goes_and_comes_back_is_found_again(gateway: Gateway, user: str) -> None:
    with running_dovecot() as server:
        server.put(user, mail(1))
        with running_feed(gateway, mailbox_opener(server.url(user), ENVIRON)):
            eventually(lambda: server.flags(user) == [{"\\Seen"}])
            server.stop()
            time.sleep(1)
            server.start()
            server.put(user, mail(2))
            eventually(lambda: server.flags(user) == [{"\\Seen"}, {"\\Seen"}])
    assert len(gateway.accepted()) == 2


@pytest.mark.parametrize("more", ["ssl = no", "ssl = no\nimap_capability = IMAP4rev1 UIDPLUS"], ids=["IDLE", "polling"])
def test_new_mail_is_taken_while_it_waits(gateway: Gateway, user: str, more: str) -> None:
    with running_dovecot(more) as server:
        idle = "UIDPLUS" not in more
        with server.client(user) as client:
            assert client.has_capability("IDLE") is idle
        with running_feed(gateway, mailbox_opener(server.url(user), ENVIRON), every_s=3600 if idle else 1):
            for number in range(3):
                time.sleep(1.5)
                server.put(user, mail(number))
                eventually(lambda: server.flags(user) == [{"\\Seen"}] * (number + 1))  # noqa: B023 - called at once


def test_a_folder_that_keeps_no_marks_makes_no_loop_either(
    gateway: Gateway, user: str, caplog: pytest.LogCaptureFixture
) -> None:
    rights = "ssl = no\nmail_plugins = acl\nplugin {\n  acl = vfile:FOLDER/acl\n}\n"
    with running_dovecot(rights) as server:
        server.put(user, b"just words\r\n", mail(1))
        (server.folder / "acl").write_text("INBOX owner lrs\n")
        with running_feed(gateway, mailbox_opener(server.url(user), ENVIRON), every_s=1):
            eventually(lambda: server.flags(user) == [set(), {"\\Seen"}])
            time.sleep(4)
    assert caplog.text.count("refused for good") == 1


# --- mistakes ---


def test_a_wrong_password_folder_and_right_are_told(imap: Dovecot, user: str) -> None:
    with pytest.raises(ConfigurationError, match="refuses the login"):
        mailbox_opener(imap.url(user), {MAILBOX_PASSWORD: "another"})()
    with pytest.raises(ConfigurationError, match="folder cannot be opened"):
        mailbox_opener(imap.url(user, "Nowhere"), ENVIRON)()
    with pytest.raises(TransientError, match="refused"):
        mailbox_opener("imap://ann@127.0.0.1:9/INBOX", ENVIRON)()


def test_a_folder_that_may_only_be_read_is_told(gateway: Gateway, user: str) -> None:
    rights = "ssl = no\nmail_plugins = acl\nplugin {\n  acl = vfile:FOLDER/acl\n}\n"
    with running_dovecot(rights) as server:
        server.put(user, mail(1))
        (server.folder / "acl").write_text("INBOX owner lr\n")
        with pytest.raises(ConfigurationError, match="nothing can be marked"):
            take(gateway, server, user)
    assert gateway.accepted() == []


def test_a_certificate_that_nobody_vouches_for_is_refused_and_one_that_is_known_is_taken(
    gateway: Gateway, user: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert")],
        check=True, capture_output=True,
    )  # fmt: skip
    tls = f"ssl = yes\nssl_cert = <{tmp_path}/cert\nssl_key = <{tmp_path}/key\n"
    with running_dovecot(tls) as server:
        server.put(user, mail(1))
        opener = mailbox_opener(f"imaps://{user}@localhost:{server.tls_port}/INBOX", ENVIRON)
        with pytest.raises(ConfigurationError, match="not trusted"):
            opener()
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert"))
        assert feed(gateway, opener).run(once=True) == Taken(accepted=1)
        monkeypatch.setattr("adapters.mailbox.address.MailboxAddress.here", False)
        server.put(user, mail(2))
        by_starttls = mailbox_opener(f"imap://{user}@localhost:{server.port}/INBOX", ENVIRON)
        assert feed(gateway, by_starttls).run(once=True) == Taken(accepted=1)


def test_no_password_goes_out_in_the_clear(imap: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []
    monkeypatch.setattr("adapters.mailbox.address.MailboxAddress.here", False)
    monkeypatch.setattr("imapclient.IMAPClient.login", lambda *given: sent.append(given))
    with pytest.raises(ConfigurationError, match="no password goes there"):
        mailbox_opener(imap.url(user), ENVIRON)()
    assert sent == []


def test_the_password_is_read_again_for_each_connection(imap: Dovecot, user: str, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("old\n")
    opener = mailbox_opener(imap.url(user), {f"{MAILBOX_PASSWORD}_FILE": str(file)})
    with pytest.raises(ConfigurationError):
        opener()
    file.write_text(f"{PASSWORD}\n")
    opened = opener()
    assert isinstance(opened, ImapMailbox)
    opened.close()
    opened.close()


# --- the command ---


def command(gateway: Gateway, imap: Dovecot, user: str, *more: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [
            sys.executable, "-m", "commands.main", "mailbox", "--url", imap.url(user), "--gateway", gateway.url,
            "--data-dir", str(gateway.sources.parent), "--source", "mail", *more,
        ],
        cwd=PROJECT, env={**os.environ, **ENVIRON}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_the_command_takes_what_is_there_and_ends(gateway: Gateway, imap: Dovecot, user: str) -> None:
    imap.put(user, mail(1), b"just words\r\n")
    first = command(gateway, imap, user, "--once")
    stdout, stderr = first.communicate(timeout=100)
    assert (first.returncode, stdout) == (1, "1 accepted, 0 known already, 1 refused\n")
    assert "no headers" in stderr
    assert PASSWORD not in stderr
    second = command(gateway, imap, user, "--once")
    assert second.communicate(timeout=100)[0] == "0 accepted, 0 known already, 0 refused\n"
    assert second.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_goes_on_until_it_is_told_to_end(
    gateway: Gateway, imap: Dovecot, user: str, number: signal.Signals
) -> None:
    imap.put(user, mail(1))
    process = command(gateway, imap, user)
    try:
        eventually(lambda: imap.flags(user) == [{"\\Seen"}])
        imap.put(user, mail(2))
        eventually(lambda: imap.flags(user) == [{"\\Seen"}, {"\\Seen"}])
    finally:
        process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (0, "2 accepted, 0 known already, 0 refused\n"), stderr
    assert "Traceback" not in stderr


def test_it_ends_while_no_gateway_answers(gateway: Gateway, imap: Dovecot, user: str) -> None:
    imap.put(user, mail(1))
    with command(gateway, imap, user, "--gateway", "http://127.0.0.1:9") as process:
        lines = iter(process.stderr.readline, "")  # type: ignore[union-attr]
        assert any("no answer from the gateway" in line for line in lines)
        process.terminate()
        assert process.wait(60) == 0
    assert imap.flags(user) == [set()]
