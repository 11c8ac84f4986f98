"""Who is logged in: a signed cookie, and a token per form against requests forged by other sites."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from itsdangerous import BadData, Signer, URLSafeSerializer

from client.private_files import write_private

COOKIE = "headgate_session"
_KEY_BYTES = 32
_SIGNER = {"key_derivation": "hmac", "digest_method": sha256}


@dataclass(frozen=True)
class Session:
    """A browser: who is logged in there ("" = nobody yet), with which token, and a nonce that forms are bound to."""

    name: str
    fingerprint: str
    nonce: str


class Sessions:
    """Issues and reads session cookies; `lifetime_s` is in seconds."""

    def __init__(self, key: bytes, *, lifetime_s: float, clock: Callable[[], float] = time.time) -> None:
        self._cookies = URLSafeSerializer(key, salt="session", signer_kwargs=_SIGNER)
        self._forms = Signer(key, salt="form", key_derivation="hmac", digest_method=sha256)
        self._clock = clock
        self.lifetime_s = lifetime_s

    def issue(self, name: str = "", fingerprint: str = "") -> tuple[Session, str]:
        """Return a new session and its cookie's value."""
        session = Session(name, fingerprint, secrets.token_hex(16))
        expires = self._clock() + self.lifetime_s
        return session, self._cookies.dumps([session.name, session.fingerprint, session.nonce, expires])

    def read(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie, or None if it is forged, broken or too old."""
        try:
            name, fingerprint, nonce, expires = self._cookies.loads(cookie or "")
        except (BadData, UnicodeError):  # a cookie may hold any character at all
            return None
        return Session(name, fingerprint, nonce) if self._clock() < expires else None

    def form_token(self, session: Session, form: str) -> str:
        """Return the hidden value of a form: good for this session and this form only."""
        return self._forms.get_signature(f"{session.nonce}|{session.name}|{form}").decode()

    def is_form_token(self, session: Session, form: str, value: str) -> bool:
        """Return whether a form came from our own page."""
        try:
            return self._forms.verify_signature(f"{session.nonce}|{session.name}|{form}", value)
        except UnicodeError:
            return False


def ensure_session_key(path: Path) -> bytes:
    """Return the key that cookies are signed with, made at first; all gateways of one data dir share it."""
    if not path.exists():
        write_private(path, secrets.token_bytes(_KEY_BYTES))
    return path.read_bytes()
