"""The kinds of documents of a blueprint, read from `documents/NAME.toml`."""

import re
import tomllib
from pathlib import Path

from pydantic import ValidationError

from adapters.blueprints.files import decoded, entries, line_of, read_bytes
from domain.errors import ConfigurationError
from domain.installation.mistakes import mistake
from domain.repair.kinds import DocumentKind

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")


def read_documents(folder: Path) -> tuple[dict[str, DocumentKind], dict[str, bytes]]:
    """Return the kinds of documents by name, and the bytes of their files by path within the blueprint; none without
    the folder.

    Raises:
        ConfigurationError: a file cannot be read or used, or two are of one source.
    """
    if not (folder / "documents").is_dir():
        return {}, {}
    files = {path: read_bytes(path) for path in entries(folder / "documents")}
    kinds = {path.stem: _kind(path, body) for path, body in files.items()}
    senders: dict[str, str] = {}
    for name, kind in kinds.items():
        for source in kind.sources:
            if (other := senders.setdefault(source, name)) != name:
                raise ConfigurationError(
                    f"{folder / 'documents' / name}.toml: the source {source!r} sends documents of "
                    f"{other}.toml already; take it out of one of them"
                )
    return kinds, {f"documents/{path.name}": body for path, body in files.items()}


def _kind(path: Path, body: bytes) -> DocumentKind:
    if path.suffix != ".toml" or not _NAME.fullmatch(path.stem):
        raise ConfigurationError(
            f"{path}: expected one file for each kind of document, named in small letters, digits and _ as "
            "documents/return_request.toml; rename it or take it out"
        )
    text = decoded(path, body)
    try:
        return DocumentKind.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as e:
        raise ConfigurationError(f"{path}: no valid TOML: {e}") from e
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        keys = first["loc"]
        line = next((found for n in range(len(keys), 0, -1) if (found := line_of(text, keys[:n]))), None)
        where = f"{path}, line {line}" if line else str(path)
        said = f"key {'.'.join(map(str, keys))}: {mistake(first, DocumentKind)}" if keys else first["msg"]
        raise ConfigurationError(f"{where}: {said.removeprefix('Value error, ')}") from e
