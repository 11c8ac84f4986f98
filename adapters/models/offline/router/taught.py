"""The file of a head that was taught here: the digest of what follows in one line, then the weights.

One file, put in place by one rename: a crash leaves the old one or the new one.
"""

import hashlib
import os
import tempfile
from pathlib import Path

from adapters.models.offline.router.features import VERSION
from adapters.models.offline.router.weights import Weights, unpacked
from domain.errors import ImpossibleError, WeightsError

_MOST_BYTES = 16 * 1024 * 1024
_REMEDY = "run `headgate router forget` to go back to the router that ships; then teach it again"


def read_taught(path: Path) -> Weights | None:
    """Return the weights of a file, None if there is none.

    Raises:
        WeightsError: it cannot be read, is not what its digest names, or was taught by a Headgate that read messages in
            another way.
    """
    try:
        with path.open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WeightsError(f"{str(path)!r} cannot be read: {error.strerror}; {_REMEDY}") from error
    digest, _, raw = content.partition(b"\n")
    if len(content) > _MOST_BYTES or hashlib.sha256(raw).hexdigest().encode() != digest:
        raise WeightsError(f"{str(path)!r} is not what its digest names: {_REMEDY}")
    weights = unpacked(raw)
    version = (weights.taught or {}).get("features")
    if version != VERSION:
        raise WeightsError(
            f"{str(path)!r} was taught with features {version!r}, this Headgate has {VERSION}: {_REMEDY}"
        )
    return weights


def write_taught(path: Path, raw: bytes) -> None:
    """Put weights in place, on the disk before they have the name. Raises ImpossibleError if they cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(hashlib.sha256(raw).hexdigest().encode() + b"\n" + raw)
                out.flush()
                os.fsync(out.fileno())
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise ImpossibleError(f"{str(path)!r} cannot be written: {error.strerror}; what was in use stays") from error


def forget_taught(path: Path) -> bool:
    """Remove the file; return whether there was one. Raises ImpossibleError if it cannot be removed."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ImpossibleError(f"{str(path)!r} cannot be removed: {error.strerror}") from error
    return True
