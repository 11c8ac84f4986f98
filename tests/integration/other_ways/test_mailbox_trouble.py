"""A mailbox whose server breaks, or was named wrongly, and the command that takes it: nothing is lost or doubled."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from imapclient import IMAPClient  # type: ignore[import-untyped]

from adapters.mailbox.imap import ImapMailbox
from client.mailboxes.feed import Taken
from domain.errors import ConfigurationError, TransientError
from ports.incoming.mail_folder import MailFolder
from tests.dovecot import PASSWORD, Dovecot, running_dovecot
from tests.integration.gateway_served import Gateway
from tests.integration.other_ways.mailbox_feeding import ENVIRON, REFUSED, eventually, feed, mail, running_feed, take
from workers.parts.outside_systems import MAILBOX_PASSWORD, mailbox_opener

PROJECT = Path(__file__).parents[3]


# --- passwords ---

UMLAUTS = "schlüßel-für-post"
TAKES_UMLAUTS = f"ssl = no\npassdb {{\n  driver = static\n  args = password={UMLAUTS}\n}}"


def test_a_password_beyond_ascii_goes_by_auth_plain(gateway: Gateway, user: str) -> None:
    with running_dovecot(TAKES_UMLAUTS) as server:
        server.put(user, mail(1))
        opener = mailbox_opener(server.url(user), {MAILBOX_PASSWORD: UMLAUTS})
        assert feed(gateway, opener).run(once=True) == Taken(accepted=1)
        with pytest.raises(ConfigurationError, match="refuses the login"):
            mailbox_opener(server.url(user), {MAILBOX_PASSWORD: UMLAUTS + "x"})()


def test_where_a_server_takes_no_such_password_that_is_told_without_it(
    imap: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(IMAPClient, "has_capability", lambda _, name: name != "AUTH=PLAIN")
    with pytest.raises(ConfigurationError, match="beyond ASCII") as refused:
        mailbox_opener(imap.url(user), {MAILBOX_PASSWORD: UMLAUTS})()
    assert not any(letter in str(refused.value) for letter in "üß")


# --- what breaks ---


class Breaking:
    """A mailbox that breaks once, where it is told to."""

    broken: set[str]

    def __init__(self, inner: MailFolder, at: str, broken: set[str]) -> None:
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
        server.allow("INBOX owner lrs\n")
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
        server.allow("INBOX owner lr\n")
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
        with running_feed(gateway, opener, every_s=3600):  # IDLE through TLS
            for number in (3, 4):
                time.sleep(1.5)
                server.put(user, mail(number))
                eventually(lambda: {"\\Seen"} == server.flags(user)[-1])
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
