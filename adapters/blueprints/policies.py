"""The policies of a blueprint, read from `policy/KIND.toml`."""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from adapters.blueprints.files import decoded, entries, line_of, read_bytes
from domain.errors import ConfigurationError
from domain.installation.mistakes import mistake
from domain.policy.faults import Roles, first_policy_fault
from domain.policy.rules import ActionPolicy

DECIDED_ELSEWHERE = "refund"
"""The kind whose rules stand in `blueprint.toml`; a file of it would be read by nobody."""


def read_policies(folder: Path, roles: Roles) -> tuple[dict[str, ActionPolicy], dict[str, bytes]]:
    """Return the policies by kind of action, and the bytes of their files by path within the blueprint.

    Raises:
        ConfigurationError: a file cannot be read, or what it says cannot be kept; with line and remedy.
    """
    files = {path: read_bytes(path) for path in entries(folder / "policy")}
    policies = {path.stem: _policy(path, body, roles) for path, body in files.items()}
    return policies, {f"policy/{path.name}": body for path, body in files.items()}


def _policy(path: Path, body: bytes, roles: Roles) -> ActionPolicy:
    if path.suffix != ".toml":
        raise ConfigurationError(f"{path}: expected one file for each kind, as policy/wire.toml; rename or remove it")
    if path.stem == DECIDED_ELSEWHERE:
        raise ConfigurationError(
            f"{path}: refunds are decided by [refund] and [approval] in blueprint.toml; write it there, and remove this"
        )
    text = decoded(path, body)
    try:
        policy = ActionPolicy.model_validate(tomllib.loads(text), extra="forbid")
    except tomllib.TOMLDecodeError as e:
        raise ConfigurationError(f"{path}: no valid TOML: {e}") from e
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        keys = first["loc"]
        said = f"key {'.'.join(map(str, keys)) or 'the whole file'}: {mistake(first, ActionPolicy)}"
        raise ConfigurationError(f"{_place(path, text, keys)}: {said}") from e
    if (fault := first_policy_fault(path.stem, policy, roles)) is not None:
        raise ConfigurationError(f"{_place(path, text, fault.where)}: {fault.said}")
    return policy


def _place(path: Path, text: str, where: tuple[int | str, ...]) -> str:
    """Return the file, and the line of what is meant, or of what it stands in."""
    line = next((found for n in range(len(where), 0, -1) if (found := line_of(text, where[:n]))), None)
    return f"{path}, line {line}" if line else str(path)
