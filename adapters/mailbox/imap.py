"""A mailbox by IMAP (RFC 3501), with IDLE (RFC 2177) where the server has it."""

import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from imapclient import IMAPClient  # type: ignore[import-untyped]
from imapclient.exceptions import (  # type: ignore[import-untyped]
    CapabilityError,
    IMAPClientError,
    LoginError,
)

from adapters.mailbox.address import MailboxAddress
from domain.errors import ConfigurationError, TransientError

REFUSED = b"$HeadgateRefused"
_SEEN = b"\\Seen"
_ANY_KEYWORD = b"\\*"
_TIMEOUT_S = 30.0
_WINDOW = 20_000  # numbers asked for at once: a server answers with one line, and no line may be endless
_LOOK_UP_S = 1.0  # how long a wait goes on after it was told to stop
# Of an answer to LOGIN, these say that it may go well later (RFC 5530, RFC 9051).
_LATER = ("[UNAVAILABLE]", "[INUSE]", "[SERVERBUG]", "[LIMIT]", "[CONTACTADMIN]")


class ImapMailbox:
    """A connection to a folder, as `ports.incoming.mail_folder.MailFolder` says. Times in seconds; for one thread.

    Raises:
        TransientError: nobody answers, or not now.
        ConfigurationError: the password or the certificate is not right, there is no such folder, or it may only be
            read.
    """

    def __init__(self, address: MailboxAddress, password: str) -> None:
        self._address = address
        with self._told():
            self._imap = IMAPClient(address.host, address.port, ssl=address.tls, timeout=_TIMEOUT_S)
        try:
            self._log_in(password)
            self._select()
        except BaseException:
            self.close()
            raise

    def _log_in(self, password: str) -> None:
        with self._told():
            if not self._address.tls and not self._address.here:
                try:
                    self._imap.starttls(ssl.create_default_context())
                except CapabilityError:
                    raise ConfigurationError(f"{self._address}: no TLS, so no password goes there: use imaps") from None
            try:
                self._send_password(password)
            except LoginError as error:
                cut_off = isinstance(error.__context__, IMAPClient.AbortError)
                if cut_off or any(word in str(error).upper() for word in _LATER):
                    raise TransientError(f"{self._address}: no login just now: {error}") from error
                raise ConfigurationError(
                    f"{self._address}: the server refuses the login ({_said(error)}): is that the user, and the "
                    "password in HEADGATE_MAILBOX_PASSWORD?"
                ) from error
            self._idles = bool(self._imap.has_capability("IDLE"))

    def _send_password(self, password: str) -> None:
        """Log in; the command LOGIN is in ASCII, so a password beyond it needs AUTH=PLAIN (RFC 4616).

        Raises:
            ConfigurationError: the server has no AUTH=PLAIN.
            LoginError: the server refuses.
        """
        user = self._address.user
        if (user + password).isascii():
            self._imap.login(user, password)
        elif self._imap.has_capability("AUTH=PLAIN"):
            self._imap.plain_login(user, password)
        else:
            raise ConfigurationError(
                f"{self._address}: user or password has characters beyond ASCII, and the server does not offer "
                "AUTH=PLAIN, which could take them: give this user a password in ASCII"
            )

    def _select(self) -> None:
        with self._told():
            try:
                found = self._imap.select_folder(self._address.folder)
            except IMAPClient.ReadOnlyError as error:
                raise self._read_only() from error
            except IMAPClient.AbortError:
                raise
            except IMAPClientError as error:
                raise ConfigurationError(f"{self._address}: the folder cannot be opened ({_said(error)})") from error
        lasting = found.get(b"PERMANENTFLAGS", ())
        if b"READ-WRITE" not in found or _SEEN.lower() not in {flag.lower() for flag in lasting}:
            raise self._read_only()
        self._keeps_marks = bool({_ANY_KEYWORD, REFUSED} & set(lasting))
        self._validity = int(found.get(b"UIDVALIDITY", 0))
        self._next = int(found.get(b"UIDNEXT", 0))

    def _read_only(self) -> ConfigurationError:
        return ConfigurationError(f"{self._address}: nothing can be marked as seen there; this user needs the right to")

    @property
    def validity(self) -> int:
        """Return the folder's UIDVALIDITY."""
        return self._validity

    def unseen(self) -> Sequence[int]:
        """Return UIDs, as the port says."""
        found: set[int] = set()
        with self._told():
            self._imap.noop()  # some servers look for new mail here
            for first in range(1, max(self._next, 1) + 1, _WINDOW):
                last = first + _WINDOW - 1
                span = f"{first}:{last if last < self._next else '*'}"
                found.update(self._imap.search(["UNSEEN", "UNDELETED", "UNKEYWORD", REFUSED.decode(), "UID", span]))
        return sorted(found)

    def fetch(self, number: int, limit: int) -> bytes | None:
        """Return a message, as the port says; of a large one no more than `limit` comes over the wire."""
        with self._told():
            found = self._imap.fetch([number], [f"BODY.PEEK[]<0.{limit}>"])
        body = found.get(number, {}).get(b"BODY[]<0>")
        return body if isinstance(body, bytes) else None

    def mark_seen(self, number: int) -> None:
        """Set the flag Seen."""
        with self._told():
            self._imap.add_flags([number], [_SEEN], silent=True)

    def mark_refused(self, number: int) -> bool:
        """Set the keyword `$HeadgateRefused` where the folder keeps keywords."""
        if self._keeps_marks:
            with self._told():
                self._imap.add_flags([number], [REFUSED], silent=True)
        return self._keeps_marks

    def wait(self, seconds: float, stopped: Callable[[], bool]) -> None:
        """Wait, as the port says: by IDLE, or by looking again after `seconds`."""
        until = time.monotonic() + seconds
        if not self._idles:
            while not stopped() and (left := until - time.monotonic()) > 0:
                time.sleep(min(left, _LOOK_UP_S))
            return
        with self._told():
            self._imap.idle()
            while not stopped() and (left := until - time.monotonic()) > 0:
                began = time.monotonic()
                slice_s = min(left, _LOOK_UP_S)
                # Nothing, and too early, is how a closed connection looks: ending the wait tells.
                if self._imap.idle_check(timeout=slice_s) or time.monotonic() - began < slice_s / 2:
                    break
            self._imap.idle_done()

    def close(self) -> None:
        """Log out and close."""
        with suppress(OSError, IMAPClientError):
            self._imap.logout()
            return
        with suppress(OSError, IMAPClientError):
            self._imap.shutdown()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell what goes wrong on the wire in our own errors."""
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            raise ConfigurationError(
                f"{self._address}: its certificate is not trusted ({error.verify_message}): SSL_CERT_FILE names an "
                "authority of your own"
            ) from error
        except OSError as error:
            raise TransientError(f"{self._address}: {error.strerror or str(error) or type(error).__name__}") from error
        except IMAPClientError as error:
            raise TransientError(f"{self._address}: {_said(error)}") from error


def _said(error: Exception) -> str:
    """Return what a server said, on one line and not too long."""
    return " ".join(str(error).split())[:200]
