"""The address of a mailbox: `imaps://user@host:993/INBOX`."""

import ipaddress
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from domain.errors import UsageError

_PORTS = {"imaps": 993, "imap": 143}
_FORM = "expected imaps://user@host/FOLDER; an @ or a / in a name is written as %40 or %2F"


class MailboxAddress(NamedTuple):
    """Where a mailbox is. `tls`: from the first byte; else by STARTTLS, but for this machine."""

    host: str
    port: int
    tls: bool
    user: str
    folder: str

    @property
    def here(self) -> bool:
        """Whether it is on this machine, where nobody listens on the way."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"{self.folder!r} of {self.user!r} at {self.host}:{self.port}"


def mailbox_address(url: str) -> MailboxAddress:
    """Read the address of a mailbox; the folder is INBOX where none is named.

    Raises:
        UsageError: it is none, or holds a password, which everybody on this machine could see.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"mailbox: {error}; {_FORM}") from None
    if parts.password is not None:
        raise UsageError("the mailbox's address has a password in it: give it by HEADGATE_MAILBOX_PASSWORD_FILE")
    if parts.scheme not in _PORTS or not parts.hostname or not parts.username or parts.query or parts.fragment:
        raise UsageError(f"mailbox {url[:80]!r}: {_FORM}")
    folder, user = unquote(parts.path.removeprefix("/")) or "INBOX", unquote(parts.username)
    if not (folder + user).isprintable():
        raise UsageError(f"mailbox {url[:80]!r}: {_FORM}")
    return MailboxAddress(parts.hostname, port or _PORTS[parts.scheme], parts.scheme == "imaps", user, folder)
