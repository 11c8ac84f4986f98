"""The keys of the surfaces that check people by themselves: the page, and the chat's callbacks.

Two files beside the approvers': `surface-secrets.json` (`{"secrets": {"page": "<hex>"}}`) is the gateway's alone;
`surface-keys.json` holds the public halves, with which workers check. A public half stays when its secret is made anew,
until somebody takes it out.
"""

import fcntl
import json
import logging
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from client.private_files import read_private, write_private
from domain.authority.signed import DecisionKey, SigningKey, surface_key
from domain.money.approval import Surface

SECRETS_FILE = "surface-secrets.json"
KEYS_FILE = "surface-keys.json"
_LOG = logging.getLogger("headgate.gateway")
_BY_THEMSELVES = (Surface.PAGE, Surface.SLACK)
_SECRET_BYTES = 32


class SurfaceSecrets(BaseModel):
    """The private file: a secret of 32 bytes in hex for each surface."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    secrets: dict[Surface, str] = Field(default_factory=dict)


class SurfaceKeys(BaseModel):
    """The public file."""

    model_config = ConfigDict(extra="forbid")

    keys: list[DecisionKey] = Field(default_factory=list)


def ensure_surface_keys(folder: Path) -> Mapping[Surface, SigningKey]:
    """Return the keys of the surfaces, made at first; all gateways of a data dir share them.

    Raises:
        ConfigurationError: a file there is not as expected.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(folder / f".{SECRETS_FILE}.lock", os.O_WRONLY | os.O_CREAT, 0o600), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = folder / SECRETS_FILE
        known = dict(read_private(path, _parse_secrets)) if path.exists() else {}
        missing = [surface for surface in _BY_THEMSELVES if surface not in known]
        if missing:
            known |= {surface: secrets.token_bytes(_SECRET_BYTES) for surface in missing}
            held = {surface: secret.hex() for surface, secret in known.items()}
            write_private(path, json.dumps({"secrets": held}, indent=2).encode() + b"\n")
            _LOG.debug("made keys that decisions are signed with (%s): keep %s", ", ".join(missing), path.name)
        found = {surface: surface_key(surface, secret) for surface, secret in known.items()}
        _publish(folder / KEYS_FILE, found.values())
    return found


def parse_surface_keys(content: object) -> Sequence[DecisionKey]:
    """Return the keys of the public file's content. Raises ValueError for one that no surface by itself may have."""
    keys = SurfaceKeys.model_validate(content).keys
    for key in keys:
        if key.surface not in _BY_THEMSELVES or len(bytes.fromhex(key.public)) != _SECRET_BYTES:
            raise ValueError(f"key {key.key_id!r}: expected 64 hex digits, and the surface page or slack")
    return keys


def _parse_secrets(content: object) -> Mapping[Surface, bytes]:
    held = SurfaceSecrets.model_validate(content).secrets
    found = {}
    for surface, secret in held.items():
        try:
            found[surface] = bytes.fromhex(secret)
        except ValueError:
            found[surface] = b""
        if len(found[surface]) != _SECRET_BYTES:
            raise ValueError(f"the secret of {surface}: expected 64 hex digits")
    return found


def _publish(path: Path, signing: Iterable[SigningKey]) -> None:
    known = list(read_private(path, parse_surface_keys)) if path.exists() else []
    ids = {key.key_id for key in known}
    new = [DecisionKey(key_id=k.key_id, surface=k.surface, public=k.public) for k in signing if k.key_id not in ids]
    if new:
        write_private(path, SurfaceKeys(keys=[*known, *new]).model_dump_json(indent=2).encode() + b"\n")
