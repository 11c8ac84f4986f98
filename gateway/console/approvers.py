"""Who may log in to decide: names and the digests of their personal tokens, in one JSON file.

`{"approvers": {"ada": "<sha256 of the token, hex>"}, "keys": {"ada": "<public key, hex>"}}`. The key is made of the
token as well (`domain/authority/signed.py`); decisions by command are checked with it. What a person may approve is the
blueprint's business, not this file's. A token has 256 random bits, so its plain digest is no weaker than the token;
nothing here is a password that a person chose.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from client.private_files import WatchedFile, read_private, write_private
from domain.authority.signed import DecisionKey, approver_key, key_id_of_approver
from domain.money.approval import Surface

_FINGERPRINT_CHARS = 16


class ApproversFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    approvers: dict[str, str] = Field(default_factory=dict)
    keys: dict[str, str] = Field(default_factory=dict)


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
        given = _digest(token)
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


def approver_keys(content: object) -> list[DecisionKey]:
    """Return the public keys of the approvers in the file's content: of those only that are still listed."""
    file = ApproversFile.model_validate(content)
    return [
        DecisionKey(key_id=key_id_of_approver(name), surface=Surface.COMMAND, public=public, only_by=name)
        for name, public in file.keys.items()
        if name in file.approvers
    ]


def ensure_approvers(path: Path, names: Sequence[str], handed_out: Mapping[str, str] | None = None) -> dict[str, str]:
    """Make sure that each person is in the file; return the tokens of those that are new, which are stored nowhere.

    Args:
        path: the file.
        names: of the people.
        handed_out: tokens of earlier versions, whose keys are added where they are missing.

    Raises:
        ConfigurationError: the file there is not as expected.
    """
    file = read_private(path, ApproversFile.model_validate) if path.exists() else ApproversFile()
    known = file.approvers
    tokens = {name: secrets.token_urlsafe(32) for name in dict.fromkeys(names) if name not in known}
    older = {
        name: token
        for name, token in (handed_out or {}).items()
        if name not in file.keys and hmac.compare_digest(known.get(name, ""), _digest(token))
    }
    if tokens or older or not path.exists():
        known |= {name: _digest(token) for name, token in tokens.items()}
        kept = {name: public for name, public in file.keys.items() if name in known}
        keys = kept | {name: approver_key(name, token).public for name, token in (older | tokens).items()}
        content = json.dumps({"approvers": known, "keys": keys}, indent=2, ensure_ascii=False)
        write_private(path, content.encode() + b"\n")
    return tokens


def _digest(token: str) -> str:
    return hashlib.sha256(token.strip().encode("utf-8", "surrogatepass")).hexdigest()
