"""An approver's own token, by which their decisions on the command line are signed."""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter

from client.private_files import read_private
from domain.authority.signed import SigningKey, approver_key
from domain.errors import UsageError

VARIABLE = "HEADGATE_APPROVER_TOKEN"
HANDED_OUT = "approver-tokens.json"
_TOKENS = TypeAdapter(dict[str, str])


def own_key(name: str, data_dir: Path, env: Mapping[str, str] = os.environ) -> SigningKey:
    """Return the key by which a person signs: made of the token in HEADGATE_APPROVER_TOKEN, or in the file that
    HEADGATE_APPROVER_TOKEN_FILE names; else of the one that still lies in the data dir, to be handed out.

    Raises:
        UsageError: there is none, or its file cannot be read.
        ConfigurationError: the file in the data dir is not as expected.
    """
    by = name.strip()
    token = (
        env.get(VARIABLE)
        or _from_file(env.get(f"{VARIABLE}_FILE", ""))
        or read_handed_out(data_dir / HANDED_OUT).get(by)
    )
    if not token or not token.strip():
        raise UsageError(
            f"no token of {by!r} to sign the decision with: set {VARIABLE} or {VARIABLE}_FILE to the one that was "
            "handed out, or decide on the approvals page"
        )
    return approver_key(by, token)


def read_handed_out(path: Path) -> dict[str, str]:
    """Return the tokens that wait in a data dir to be handed out; none where the file is gone or not for this user.

    Raises:
        ConfigurationError: the file is not as expected.
    """
    return read_private(path, _TOKENS.validate_python) if os.access(path, os.R_OK) else {}


def _from_file(name: str) -> str:
    if not name:
        return ""
    try:
        return Path(name).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{VARIABLE}_FILE={name!r} cannot be read: {error}") from error
