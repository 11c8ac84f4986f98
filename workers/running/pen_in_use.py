"""Which holding pen the gateway of a data dir takes webhooks into: on record for commands that were given another one.

The file has no password in it. A gateway that runs holds it locked; the kernel lets go of that however it ends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from domain.errors import ImpossibleError

PEN_IN_USE = "pen-in-use"
"""File in a data dir with the name of the pen of the gateway that was started last."""


@contextmanager
def pen_in_use(data_dir: Path, pen: str) -> Iterator[None]:
    """Keep on record which pen this gateway uses, and that it runs; a data dir that cannot be written has no record."""
    said = pen.encode()
    with ExitStack() as held:
        with suppress(OSError):
            file = os.open(data_dir / PEN_IN_USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            held.callback(os.close, file)
            os.pwrite(file, said, 0)
            os.ftruncate(file, len(said))
            fcntl.flock(file, fcntl.LOCK_SH)  # several may run; the last one's pen counts
        yield


def another_pen(data_dir: Path, pen: str) -> str:
    """Return how a pen differs from that of the data dir's gateway, with the remedy; "" where it does not."""
    in_use = _in_use(data_dir)
    if in_use in ("", pen):
        return ""
    return (
        f"HEADGATE_INBOX names another holding pen here, {pen}, than the gateway of {str(data_dir)!r} was started "
        f"with, {in_use}: set it to the URL of that one (unset: a file in the data dir), or start `headgate up`, "
        "or gateway and workers, with this one"
    )


def require_drainable(data_dir: Path, pen: str, to: str) -> None:
    """Check that no gateway goes on filling the pen that is emptied, and that what is moved comes to be worked.

    Args:
        data_dir: of the gateway.
        pen: the one that is emptied.
        to: the other one. Where the gateway has that one already, the first is what it had before.

    Raises:
        ImpossibleError: a gateway runs with the first, or was started with neither of the two.
    """
    if _in_use(data_dir) == to:
        return
    if other := another_pen(data_dir, pen):
        raise ImpossibleError(other)
    if _gateway_runs(data_dir):
        raise ImpossibleError(
            f"a gateway of {str(data_dir)!r} still takes webhooks into {pen}: stop it (where `headgate up` runs it, "
            "stop that), or start the gateways with the other pen first; docs/pens.md has the steps of both"
        )


def _in_use(data_dir: Path) -> str:
    try:
        return (data_dir / PEN_IN_USE).read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""


def _gateway_runs(data_dir: Path) -> bool:
    try:
        with (data_dir / PEN_IN_USE).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
