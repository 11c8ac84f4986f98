"""Which holding pen the gateway of a data dir takes webhooks into: on record for commands that were given another one.

The file has no password in it. A gateway that runs holds it locked; the kernel lets go of that however it ends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from domain.errors import ConfigurationError, ImpossibleError
from workers.outside_systems import shown_pen
from workers.settings import Settings

PEN_IN_USE = "pen-in-use"
"""File in a data dir with the name of the pen of the gateway that was started last."""


@contextmanager
def pen_in_use(settings: Settings) -> Iterator[None]:
    """Keep on record which pen this gateway uses, and that it runs; a data dir that cannot be written has no record."""
    said = _name(settings).encode()
    with ExitStack() as held:
        with suppress(OSError):
            file = os.open(settings.data_dir / PEN_IN_USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            held.callback(os.close, file)
            os.pwrite(file, said, 0)
            os.ftruncate(file, len(said))
            fcntl.flock(file, fcntl.LOCK_SH)  # several may run; the last one's pen counts
        yield


def another_pen(settings: Settings) -> str:
    """Return how the pen of these settings differs from that of the data dir's gateway, with the remedy; else ""."""
    in_use = _in_use(settings.data_dir)
    try:
        own = _name(settings)
    except ConfigurationError:  # who opens it says so
        return ""
    if in_use in ("", own):
        return ""
    return (
        f"HEADGATE_INBOX names another holding pen here, {own}, than the gateway of "
        f"{str(settings.data_dir)!r} was started with, {in_use}: set it to the URL of that one (unset: a file in the "
        "data dir), or start `headgate up`, or gateway and workers, with this one"
    )


def require_pen_in_use(settings: Settings) -> None:
    """Check that the pen of these settings is that of the data dir's gateway, as far as that is on record.

    Raises:
        ImpossibleError: it is another one.
    """
    if said := another_pen(settings):
        raise ImpossibleError(said)


def require_drainable(settings: Settings, to: str) -> None:
    """Check that no gateway goes on filling the pen that is emptied, and that what is moved comes to be worked.

    Args:
        settings: name the pen that is emptied.
        to: URL of the other one. Where the gateway has that one already, the first is what it had before.

    Raises:
        ImpossibleError: a gateway runs with the first, or was started with neither of the two.
    """
    try:
        target = _name(settings.model_copy(update={"inbox": to}))
    except ConfigurationError:  # who opens it says so
        return
    if _in_use(settings.data_dir) == target:
        return
    require_pen_in_use(settings)
    if _gateway_runs(settings.data_dir):
        raise ImpossibleError(
            f"a gateway of {str(settings.data_dir)!r} still takes webhooks into {_name(settings)}: stop it (where "
            "`headgate up` runs it, stop that), or start the gateways with the other pen first; docs/pens.md has the "
            "steps of both"
        )


def _name(settings: Settings) -> str:
    """Return the pen as it is kept on record and shown; the data dir's own file has one name however it is given."""
    shown = shown_pen(settings)
    own = f"sqlite://{settings.inbox_file.absolute()}"
    return shown_pen(settings.model_copy(update={"inbox": ""})) if shown == own else shown


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
