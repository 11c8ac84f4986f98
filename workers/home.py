"""Makes sure that an installation is worked from one data dir: `headgate up` settles where, everything else asks."""

from datetime import UTC, datetime
from pathlib import Path

from client.which import ENDPOINTS_FILE
from domain.errors import OtherInstallationError
from domain.installation.home import Home, copied, lives_in, still_there
from workers.bootstrap import Parts


def home_of(data_dir: Path) -> Home:
    """Return the data dir as its file system knows it."""
    path = data_dir.resolve()
    return Home(path=str(path), inode=path.stat().st_ino)


def require_home(parts: Parts) -> None:
    """Check that the data dir is where the installation lives, where that is a matter of the data dir.

    It is not for workers of a Temporal of your own that share a store by its URL: they may be on any host.

    Raises:
        OtherInstallationError: the data dir is a copy, or a second one on the same store.
    """
    settings = parts.settings
    shared = bool(settings.store_url) and not (settings.data_dir / ENDPOINTS_FILE).exists()
    if shared or not settings.data_dir.is_dir():
        return
    recorded, found = parts.installation.home(), home_of(settings.data_dir)
    if recorded is not None and not _is_there(recorded, found):
        raise OtherInstallationError(copied(parts.installation.known_id() or "unknown", recorded, found))


def settle_home(parts: Parts, *, moved: bool = False) -> None:
    """Put on record that the installation lives in this data dir: the first time, and where somebody says it moved.

    Args:
        parts: of `headgate up`; the store is opened.
        moved: somebody says that the data dir was moved here, or is the backup of one that was lost.

    Raises:
        OtherInstallationError: it lives elsewhere, and nobody says that it moved; or the other data dir is still there.
    """
    recorded, found = parts.installation.home(), home_of(parts.settings.data_dir)
    if recorded == found:
        return
    if recorded is not None and not _is_there(recorded, found):
        instance = parts.installation.known_id() or "unknown"
        if not moved:
            raise OtherInstallationError(copied(instance, recorded, found))
        if _number_at(recorded.path) == recorded.inode:
            raise OtherInstallationError(still_there(instance, recorded, found))
    now_there = parts.installation.settle(found, instead_of=recorded, now=datetime.now(UTC))
    if now_there != found:  # of two that start at once, one
        raise OtherInstallationError(copied(parts.installation.known_id() or "unknown", now_there, found))


def _is_there(recorded: Home, found: Home) -> bool:
    twin = (
        recorded.path != found.path
        and _number_at(recorded.path) == recorded.inode
        and not Path(recorded.path).samefile(found.path)
    )
    return lives_in(recorded, found, twin=twin)


def _number_at(path: str) -> int | None:
    try:
        return Path(path).stat().st_ino
    except OSError:
        return None
