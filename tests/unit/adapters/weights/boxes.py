"""Small models in small wheels, made here."""

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

from adapters.weights.manifest import LocalModel, WeightsFile

CONTENT = {"weights.bin": b"weights " * 1000, "tokenizer.json": b"{}"}


def model_of(content: Mapping[str, bytes] = CONTENT) -> LocalModel:
    """A model whose files have this content."""
    files = tuple(
        WeightsFile(name=name, member=f"tiny_box/model/{name}", size=len(data), sha256=hashlib.sha256(data).hexdigest())
        for name, data in content.items()
    )
    return LocalModel(
        name="tiny", does="tests", origin="here", licence="Apache-2.0", package="tiny-box", version="1.0",
        modules=(), files=files,
    )  # fmt: skip


def wheel_of(folder: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    """A wheel that holds this content, and code that must never run."""
    path = folder / "tiny_box-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tiny_box/__init__.py", f"open({str(folder / 'ran')!r}, 'w').close()\n")
        for name, data in content.items():
            archive.writestr(f"tiny_box/model/{name}", data)
        archive.writestr("tiny_box-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-box\nVersion: 1.0\n")
        archive.writestr(
            "tiny_box-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr("tiny_box-1.0.dist-info/RECORD", "")
    return path
