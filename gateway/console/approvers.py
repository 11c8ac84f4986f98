"""Who may log in to decide: names and the digests of their personal tokens, in one JSON file.

`{"approvers": {"ada": "<sha256 of the token, hex>"}}`. What a person may approve is the blueprint's business, not this
file's. A token has 256 random bits, so its plain digest is no weaker than the token; nothing here is a password that a
person chose.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from client.private_files import WatchedFile, read_private, write_private

_FINGERPRINT_CHARS = 16


class ApproversFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    approvers: dict[str, str] = Field(default_factory=dict)


class ApproverRegistry:
    """The approvers of a file, read again when it changes.

    Raises:
        ConfigurationError: the file is missing or not as expected.
    """

    def __init__(self, path: Path) -> None:
        self._file: WatchedFile[Mapping[str, str]] = WatchedFile(path, _parse_approvers)

    def log_in(self, name: str, token: str) -> str | None:
        """Return a fingerprint of the token if it is this person's, else None; takes as long for unknown names."""
        expected = self._file.get().get(name, "")
        given = hashlib.sha256(token.strip().encode()).hexdigest()
        return given[:_FINGERPRINT_CHARS] if hmac.compare_digest(given, expected.ljust(64)) else None

    def is_current(self, name: str, fingerprint: str) -> bool:
        """Return whether this person is still listed with the token of their log-in."""
        expected = self._file.get().get(name, "")[:_FINGERPRINT_CHARS]
        return bool(expected) and hmac.compare_digest(expected, fingerprint)


def _parse_approvers(content: object) -> Mapping[str, str]:
    found = ApproversFile.model_validate(content).approvers
    for name, digest in found.items():
        if len(digest) != 64 or not digest.isascii():
            raise ValueError(f"approver {name[:48]!r}: expected the SHA-256 of a token in hex, 64 characters")
    return {name: digest.lower() for name, digest in found.items()}


def ensure_approvers(path: Path, names: Sequence[str]) -> dict[str, str]:
    """Make sure that each person is in the file; return the tokens of those that are new, which are stored nowhere.

    Raises:
        ConfigurationError: the file there is not as expected.
    """
    known = dict(read_private(path, ApproversFile.model_validate).approvers) if path.exists() else {}
    tokens = {name: secrets.token_urlsafe(32) for name in dict.fromkeys(names) if name not in known}
    if tokens or not path.exists():
        known |= {name: hashlib.sha256(token.encode()).hexdigest() for name, token in tokens.items()}
        write_private(path, json.dumps({"approvers": known}, indent=2, ensure_ascii=False).encode() + b"\n")
    return tokens
