"""The weights file: read once, digest checked before a byte of it is believed."""

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.errors import WeightsError

WEIGHTS = Path(__file__).with_name("weights.npz")
LABELS = ("Billing", "Technical Support", "Sales")
"""Order of the columns of the weights; one more column, the last, stands for messages that belong to none."""

_CODE = ("text.py", "lexicon.py", "lexicon.txt", "features.py", "model.py")


@dataclass(frozen=True)
class Weights:
    """What training leaves behind."""

    hashed: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    temperature: float
    abstain_below: float
    figures: dict[str, Any]  # JSON written by training: figures by source, as the README of this folder shows them
    digest: str


def digest_file(path: Path) -> Path:
    """Return where the digest of a weights file stands."""
    return path.with_suffix(".sha256")


def save_weights(
    path: Path,
    hashed: npt.NDArray[np.float32],
    bias: npt.NDArray[np.float32],
    head: dict[str, Any],  # JSON: temperature, abstain_below, figures
) -> None:
    """Write weights as signed bytes with one scale per column, and the digest beside them."""
    scale = np.abs(hashed).max(axis=0) / 127.0
    small = np.round(hashed / scale).astype(np.int8)
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps(head, sort_keys=True).encode(), dtype=np.uint8)
    np.savez_compressed(buffer, hashed=small, scale=scale.astype(np.float32), bias=bias.astype(np.float32), head=text)
    path.write_bytes(buffer.getvalue())
    digest_file(path).write_text(hashlib.sha256(buffer.getvalue()).hexdigest() + "\n", encoding="ascii")


def load_weights(path: Path = WEIGHTS) -> Weights:
    """Read weights; raises WeightsError if they are missing or are not those of the digest."""
    try:
        raw = path.read_bytes()
        wanted = digest_file(path).read_text(encoding="ascii").strip()
    except OSError as error:
        raise WeightsError(f"no router weights at {str(path)!r}, expected them and their .sha256: reinstall") from error
    found = hashlib.sha256(raw).hexdigest()
    if found != wanted:
        raise WeightsError(f"router weights {path.name!r} have digest {found!r}, expected {wanted!r}: reinstall")
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        head = json.loads(arrays["head"].tobytes())
        hashed = arrays["hashed"].astype(np.float32) * arrays["scale"]
        bias = arrays["bias"]
    return Weights(hashed, bias, head["temperature"], head["abstain_below"], head["figures"], found)


def fingerprint(weights: Weights) -> str:
    """Return what names this router: the same fingerprint gives the same answers."""
    total = hashlib.sha256(weights.digest.encode())
    for name in _CODE:
        total.update(Path(__file__).with_name(name).read_bytes())
    return total.hexdigest()[:16]
