"""Small JSON files with secrets in them: written whole and for the owner alone, read again when they change."""

import json
import logging
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

from domain.errors import ConfigurationError

_LOG = logging.getLogger("headgate.gateway")
_LOOK_EVERY_S = 0.5

_T = TypeVar("_T")


class WatchedFile(Generic[_T]):
    """A file that is read again when it was changed, so that secrets can be rotated without a restart.

    A change that cannot be read is reported and not taken: what was read before stays in force.
    """

    def __init__(self, path: Path, parse: Callable[[object], _T]) -> None:
        self._path = path
        self._parse = parse
        self._looked_at = float("-inf")
        self._stamp = self._stamp_now()
        self._value = self._read()

    def get(self) -> _T:
        """Return what is in the file, at most half a second old."""
        now = time.monotonic()
        if now - self._looked_at < _LOOK_EVERY_S:
            return self._value
        self._looked_at = now
        try:
            stamp = self._stamp_now()
            if stamp != self._stamp:
                self._stamp = stamp
                self._value = self._read()
                _LOG.info("read %s again", self._path.name)
        except ConfigurationError as e:
            _LOG.error("keeping what was read before: %s", e)
        return self._value

    def _stamp_now(self) -> tuple[int, int, int]:
        try:
            found = self._path.stat()
        except OSError as e:
            raise ConfigurationError(f"{str(self._path)!r} cannot be read: {e.strerror}; `headgate up` makes it") from e
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> _T:
        value = read_private(self._path, self._parse)
        with suppress(OSError):
            if self._path.stat().st_mode & 0o077:
                _LOG.warning("%s can be read by others: it holds secrets, chmod 600 it", self._path.name)
        return value


def read_private(path: Path, parse: Callable[[object], _T]) -> _T:
    """Read a private file and parse its JSON.

    Raises:
        ConfigurationError: it cannot be read, or is not as expected; the message names it and no secret.
    """
    try:
        return parse(json.loads(path.read_bytes()))
    except OSError as e:
        raise ConfigurationError(f"{str(path)!r} cannot be read: {e.strerror}") from e
    except (ValueError, KeyError, TypeError) as e:  # pydantic's errors are ValueErrors; ours never quote a secret
        raise ConfigurationError(f"{str(path)!r} is not as expected: {_without_input(e)}") from e


def _without_input(error: Exception) -> str:
    """Say what is wrong without repeating the value, which may be a secret."""
    errors = getattr(error, "errors", None)
    if errors is None:
        return f"{type(error).__name__} while reading it" if isinstance(error, KeyError | TypeError) else str(error)
    found = errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in found[:3])


def write_private(path: Path, content: bytes) -> None:
    """Write a file atomically, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
