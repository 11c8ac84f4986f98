"""Who is logged in: a signed cookie, and a token per form against requests forged by other sites.

A cookie says by itself whose it is, so its end has to be written down: a file beside the key holds the sessions that
ended before their time. Whoever reads cookies of one key reads that file, so a log-out counts as far as the key does:
for every gateway of a data dir, and after a restart.
"""

import fcntl
import logging
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from itsdangerous import BadData, Signer, URLSafeSerializer

from client.private_files import write_private

_LOG = logging.getLogger("headgate.gateway")
COOKIE = "headgate_session"
_KEY_BYTES = 32
_SIGNER = {"key_derivation": "hmac", "digest_method": sha256}


@dataclass(frozen=True)
class Session:
    """A browser: who is logged in there ("" = nobody yet), with which token, and a nonce that forms are bound to.

    `expires` is in Unix seconds.
    """

    name: str
    fingerprint: str
    nonce: str
    expires: float


class Sessions:
    """Issues and reads session cookies; `lifetime_s` is in seconds, `ended_file` holds the sessions that were ended."""

    def __init__(
        self, key: bytes, *, lifetime_s: float, ended_file: Path, clock: Callable[[], float] = time.time
    ) -> None:
        self._ended = EndedSessions(ended_file)
        self._cookies = URLSafeSerializer(key, salt="session", signer_kwargs=_SIGNER)
        self._forms = Signer(key, salt="form", key_derivation="hmac", digest_method=sha256)
        self._clock = clock
        self.lifetime_s = lifetime_s

    def issue(self, name: str = "", fingerprint: str = "") -> tuple[Session, str]:
        """Return a new session and its cookie's value."""
        session = Session(name, fingerprint, secrets.token_hex(16), self._clock() + self.lifetime_s)
        return session, self._cookies.dumps([session.name, session.fingerprint, session.nonce, session.expires])

    def end(self, session: Session) -> None:
        """End a session for good, here and in every other gateway of this key.

        Raises:
            OSError: it could not be written down: elsewhere its cookie still counts.
        """
        self._ended.add(session, now=self._clock())

    def read(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie, or None if it is forged, broken, too old or ended."""
        try:
            name, fingerprint, nonce, expires = self._cookies.loads(cookie or "")
        except (BadData, UnicodeError):  # a cookie may hold any character at all
            return None
        session = Session(name, fingerprint, nonce, expires)
        return session if self._clock() < expires and not self._ended.has(session) else None

    def form_token(self, session: Session, form: str) -> str:
        """Return the hidden value of a form: good for this session and this form only."""
        return self._forms.get_signature(f"{session.nonce}|{session.name}|{form}").decode()

    def is_form_token(self, session: Session, form: str, value: str) -> bool:
        """Return whether a form came from our own page."""
        try:
            return self._forms.verify_signature(f"{session.nonce}|{session.name}|{form}", value)
        except UnicodeError:
            return False


class EndedSessions:
    """The sessions that were ended before their time: a line for each, its nonce and when it would have expired.

    Written under a lock and to the disk before an ending counts; read again whenever it was changed. Without the file
    nobody has logged out yet; one that cannot be read ends all sessions.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._nonces: frozenset[str] = frozenset()

    def has(self, session: Session) -> bool:
        """Return whether a session was ended."""
        try:
            found = self._path.stat()
            stamp = found.st_mtime_ns, found.st_size, found.st_ino
            if stamp != self._stamp:
                lines = self._path.read_text("ascii").splitlines()
                self._nonces = frozenset(line.partition(" ")[0] for line in lines)
                self._stamp = stamp
        except FileNotFoundError:
            self._nonces, self._stamp = frozenset(), None
        except (OSError, ValueError) as e:
            _LOG.error("nobody counts as logged in: %s cannot be read: %s", self._path.name, e)
            return True
        return session.nonce in self._nonces

    def add(self, session: Session, *, now: float) -> None:
        """Write down that a session has ended; what expired meanwhile (`now` in Unix seconds) is dropped."""
        lock_path = self._path.with_name(f".{self._path.name}.lock")
        with os.fdopen(os.open(lock_path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lines = self._path.read_text("ascii").splitlines() if self._path.exists() else []
            kept = [line for line in lines if float(line.partition(" ")[2] or 0) > now]
            content = "".join(f"{line}\n" for line in [*kept, f"{session.nonce} {session.expires + 1:.0f}"])
            write_private(self._path, content.encode("ascii"))


def ensure_session_key(path: Path) -> bytes:
    """Return the key that cookies are signed with, made at first; all gateways of one data dir share it."""
    if not path.exists():
        write_private(path, secrets.token_bytes(_KEY_BYTES))
    return path.read_bytes()
