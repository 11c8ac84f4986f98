"""Who is logged in: a signed cookie, and a token per form against requests forged by other sites."""

import base64
import binascii
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from client.private_files import write_private

COOKIE = "headgate_session"
_KEY_BYTES = 32


@dataclass(frozen=True)
class Session:
    """A browser: who is logged in there ("" = nobody yet), with which token, and a nonce that forms are bound to."""

    name: str
    fingerprint: str
    nonce: str


class Sessions:
    """Issues and reads session cookies; `lifetime_s` is in seconds."""

    def __init__(self, key: bytes, *, lifetime_s: float, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock
        self.lifetime_s = lifetime_s

    def issue(self, name: str = "", fingerprint: str = "") -> tuple[Session, str]:
        """Return a new session and its cookie's value."""
        session = Session(name, fingerprint, secrets.token_hex(16))
        content = [session.name, session.fingerprint, session.nonce, self._clock() + self.lifetime_s]
        encoded = base64.urlsafe_b64encode(json.dumps(content).encode()).decode()
        return session, f"{encoded}.{self._mac('session', encoded)}"

    def read(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie, or None if it is forged, broken or too old."""
        encoded, dot, mac = (cookie or "").partition(".")
        if not dot or not hmac.compare_digest(mac.encode(), self._mac("session", encoded).encode()):
            return None
        try:
            name, fingerprint, nonce, expires = json.loads(base64.urlsafe_b64decode(encoded))
        except (binascii.Error, ValueError):
            return None
        return Session(name, fingerprint, nonce) if self._clock() < expires else None

    def form_token(self, session: Session, form: str) -> str:
        """Return the hidden value of a form: good for this session and this form only."""
        return self._mac("form", f"{session.nonce}|{session.name}|{form}")

    def is_form_token(self, session: Session, form: str, value: str) -> bool:
        """Return whether a form came from our own page."""
        return hmac.compare_digest(value.encode(), self.form_token(session, form).encode())

    def _mac(self, purpose: str, text: str) -> str:
        return hmac.digest(self._key, f"{purpose}\0{text}".encode(), "sha256").hex()


def ensure_session_key(path: Path) -> bytes:
    """Return the key that cookies are signed with, made at first; all gateways of one data dir share it."""
    if not path.exists():
        write_private(path, secrets.token_bytes(_KEY_BYTES))
    return path.read_bytes()
