"""Where an installation lives: in one data dir. A copy of that folder, or a second one on its store, is not it."""

from pydantic import BaseModel


class Home(BaseModel):
    """A data dir as its file system knows it.

    Attributes:
        path: absolute, without symbolic links.
        inode: number of the folder; a folder that is moved keeps it, a copy has another one.
    """

    path: str
    inode: int


def lives_in(recorded: Home, found: Home, *, twin: bool = False) -> bool:
    """Return whether a data dir is the one on record; it may have been moved within its file system.

    Args:
        recorded: where the installation lives.
        found: the data dir that is asked about.
        twin: at the path on record there still is a folder of that number, on another file system than `found`.

    >>> first = Home(path="/srv/headgate", inode=7)
    >>> lives_in(first, first), lives_in(first, Home(path="/srv/moved", inode=7))
    (True, True)
    >>> lives_in(first, Home(path="/srv/copy", inode=8)), lives_in(first, Home(path="/srv/headgate", inode=8))
    (False, False)
    """
    return found.inode == recorded.inode and not twin


def copied(instance: str, recorded: Home, found: Home) -> str:
    """Return in one line why nothing is done from a data dir that is not the one on record, and what to do."""
    place = "the folder that was here before" if found.path == recorded.path else repr(recorded.path)
    return (
        f"installation {instance} lives in {place}, not in the data dir {found.path!r}: two that work the same cases "
        "would not know of each other. A copy is not started and not used; name the data dir on record by --data-dir. "
        "If that one was moved here, or was lost and this is its backup: `headgate up "
        f"--data-dir {found.path} --moved`, once"
    )


def still_there(instance: str, recorded: Home, found: Home) -> str:
    """Return in one line why an installation has not moved."""
    return (
        f"installation {instance} has not moved to {found.path!r}: its data dir {recorded.path!r} is still there. Use "
        "that one; or stop what runs there, and remove it or rename it, if this one is to take its place"
    )
