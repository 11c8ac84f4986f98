"""The weights file: read once, digest checked before a byte of it is believed."""

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.cascade.calibration import Knot
from domain.errors import WeightsError

WEIGHTS = Path(__file__).with_name("weights.npz")
LABELS = ("Billing", "Technical Support", "Sales")
"""Order of the columns of the weights that ship; one more column, the last, stands for messages that belong to none."""

_CODE = ("text.py", "lexicon.py", "lexicon.txt", "features.py", "model.py")


@dataclass(frozen=True)
class Weights:
    """What training leaves behind: a column for each label, and the last for messages that belong to none."""

    hashed: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    temperature: float
    abstain_below: float
    calibration: tuple[Knot, ...]
    labels: tuple[str, ...]
    figures: dict[str, Any]  # JSON written by training: figures by source, as the README of this folder shows them
    digest: str
    taught: dict[str, Any] | None = None  # JSON, where it was taught here: by whom, when, what it came to


def digest_file(path: Path) -> Path:
    """Return where the digest of a weights file stands."""
    return path.with_suffix(".sha256")


def save_weights(
    path: Path,
    hashed: npt.NDArray[np.float32],
    bias: npt.NDArray[np.float32],
    head: dict[str, Any],  # JSON: temperature, abstain_below, calibration, labels, figures, taught
) -> None:
    """Write weights and the digest beside them."""
    raw = packed(hashed, bias, head)
    path.write_bytes(raw)
    digest_file(path).write_text(hashlib.sha256(raw).hexdigest() + "\n", encoding="ascii")


def packed(
    hashed: npt.NDArray[np.float32],
    bias: npt.NDArray[np.float32],
    head: dict[str, Any],  # JSON: as of `save_weights`
) -> bytes:
    """Return weights as a file has them: signed bytes with one scale per column."""
    scale = np.maximum(np.abs(hashed).max(axis=0), 1e-12) / 127.0
    small = np.round(hashed / scale).astype(np.int8)
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps(head, sort_keys=True).encode(), dtype=np.uint8)
    np.savez_compressed(buffer, hashed=small, scale=scale.astype(np.float32), bias=bias.astype(np.float32), head=text)
    return buffer.getvalue()


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
    return unpacked(raw)


def unpacked(raw: bytes) -> Weights:
    """Return the weights of a file whose digest was checked."""
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        head = json.loads(arrays["head"].tobytes())
        hashed = arrays["hashed"].astype(np.float32) * arrays["scale"]
        bias = arrays["bias"]
    return Weights(
        hashed=hashed,
        bias=bias,
        temperature=head["temperature"],
        abstain_below=head["abstain_below"],
        calibration=tuple((score, share) for score, share in head.get("calibration", [])),
        labels=tuple(head.get("labels", LABELS)),
        figures=head["figures"],
        digest=hashlib.sha256(raw).hexdigest(),
        taught=head.get("taught"),
    )


def fingerprint(weights: Weights) -> str:
    """Return what names this router: the same fingerprint gives the same answers."""
    total = hashlib.sha256(weights.digest.encode())
    for name in _CODE:
        total.update(Path(__file__).with_name(name).read_bytes())
    return total.hexdigest()[:16]
