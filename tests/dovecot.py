"""Starts a Dovecot of its own for tests: an IMAP server in a temporary folder, on free ports, stopped afterwards."""

import contextlib
import getpass
import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from imapclient import IMAPClient  # type: ignore[import-untyped]

PASSWORD = "of-everybody-here"
START_WITHIN_S = 30.0
_NEITHER_TLS = "ssl = no"
_CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail/%u
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/home/%u
}}
{more}
"""


@dataclass
class Dovecot:
    """A running server: every user has the same password, and an empty INBOX at first."""

    folder: Path
    port: int
    tls_port: int
    process: "subprocess.Popen[bytes] | None" = None

    def url(self, user: str, folder: str = "INBOX") -> str:
        return f"imap://{user}@127.0.0.1:{self.port}/{folder}"

    @contextlib.contextmanager
    def client(self, user: str, folder: str = "INBOX") -> Iterator[IMAPClient]:
        with IMAPClient("127.0.0.1", self.port, ssl=False, timeout=10) as client:
            client.login(user, PASSWORD)
            if not client.folder_exists(folder):
                client.create_folder(folder)
            client.select_folder(folder)
            yield client

    def put(self, user: str, *mails: bytes, folder: str = "INBOX") -> None:
        with self.client(user, folder) as client:
            for mail in mails:
                client.append(folder, mail)

    def flags(self, user: str, folder: str = "INBOX") -> list[set[str]]:
        """Return the flags of all messages, in their order, without those that every session sees."""
        with self.client(user, folder) as client:
            found = client.get_flags(client.search("ALL"))
            return [{flag.decode() for flag in found[uid]} - {"\\Recent"} for uid in sorted(found)]

    def allow(self, rights: str) -> None:
        """Put a file of rights (`acl = vfile:FOLDER/acl`) in place, readable by who serves mail: one that is not is a
        bug to Dovecot.
        """
        written = self.folder / "acl.new"
        written.write_text(rights)
        written.chmod(0o644)
        written.replace(self.folder / "acl")

    def start(self) -> None:
        with (self.folder / "output").open("ab") as output:
            command = [_program() or "dovecot", "-F", "-c", str(self.folder / "dovecot.conf")]
            self.process = subprocess.Popen(command, stdout=output, stderr=output, cwd="/")
        give_up_at = time.monotonic() + START_WITHIN_S
        while True:
            try:
                with self.client("nobody-yet"):
                    return
            except (OSError, IMAPClient.Error):
                if self.process.poll() is not None or time.monotonic() > give_up_at:
                    said = [(self.folder / name) for name in ("output", "log")]
                    text = "\n".join(path.read_text(errors="replace")[-2000:] for path in said if path.exists())
                    pytest.fail(f"Dovecot did not start: {text}")
                time.sleep(0.1)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=START_WITHIN_S)
            self.process = None


@contextlib.contextmanager
def running_dovecot(more: str = _NEITHER_TLS) -> Iterator[Dovecot]:
    """Run a server; `more` are lines of its configuration, `FOLDER` in them its folder.

    Skips the test where Dovecot is not installed, but fails it where CI is set.
    """
    if _program() is None:
        message = "Dovecot was not found: install Debian's `dovecot-imapd`"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    folder = Path(tempfile.mkdtemp(prefix="headgate-imap-"))
    try:
        server = _prepared(folder, more)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _prepared(folder: Path, more: str) -> Dovecot:
    # Its processes refuse to serve mail as root.
    user = "nobody" if os.getuid() == 0 else getpass.getuser()
    group = grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name
    folder.chmod(0o755)
    for name in ("mail", "home", "run"):
        (folder / name).mkdir()
        if name != "run" and os.getuid() == 0:
            shutil.chown(folder / name, user, group)
    ports = _free_ports()
    text = _CONFIG.format(
        folder=folder, user=user, group=group, port=ports[0], tls_port=ports[1], password=PASSWORD,
        more=more.replace("FOLDER", str(folder)),
    )  # fmt: skip
    (folder / "dovecot.conf").write_text(text)
    return Dovecot(folder, *ports)


def _program() -> str | None:
    return shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        for probe in (one, other):
            probe.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1]), int(other.getsockname()[1])
