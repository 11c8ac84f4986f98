"""Secrets in variables, or in files that variables name: as Docker and Kubernetes hand them out."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from domain.errors import ConfigurationError


def read_secret(variable: str, environ: Mapping[str, str]) -> str:
    """Return the secret in a variable, or in the file that `<variable>_FILE` names; empty if neither is set.

    Raises:
        ConfigurationError: both are set, or the file cannot be read or is empty; the message names the variable.
    """
    value = environ.get(variable, "").strip()
    in_file = f"{variable}_FILE"
    named = environ.get(in_file, "").strip()
    if not named:
        return value
    if value:
        raise ConfigurationError(f"both {variable} and {in_file} are set: unset one of them")
    try:
        content = Path(named).read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a text in UTF-8"
        raise ConfigurationError(f"{in_file}={named!r} cannot be read ({why}): name a file with the secret") from error
    if not content:
        raise ConfigurationError(f"{in_file}={named!r} is empty: name a file with the secret")
    return content


def secrets_in(environ: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function from the name of a variable to its secret, as `read_secret` finds it in `environ`."""
    return partial(read_secret, environ=environ)
