"""Texts of this folder's `texts`: sections in brackets, one text a line, comments behind `#`."""

from pathlib import Path

TEXTS = Path(__file__).parent / "texts"


def sections(name: str) -> list[tuple[str, str]]:
    """Return all texts of a file, each with its section."""
    found: list[tuple[str, str]] = []
    section = ""
    for line in (TEXTS / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif line and not line.startswith("#"):
            found.append((section, line))
    return found
