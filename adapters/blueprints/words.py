"""The words of a blueprint, read from `words/LANG.toml` and joined."""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from adapters.blueprints.files import decoded, entries, is_language, line_of, read_bytes
from domain.errors import ConfigurationError
from domain.installation.mistakes import mistake
from domain.reading.words import Words, joined, lists_of


def read_words(folder: Path) -> tuple[Words, dict[str, bytes]]:
    """Return the words of all languages, and the bytes of their files by path within the blueprint.

    Raises:
        ConfigurationError: a file cannot be read or used, or a list has no word in any language: rules rely on them.
    """
    files = {path: read_bytes(path) for path in entries(folder / "words")}
    words = joined([_words(path, body) for path, body in files.items()])
    for name, phrases in lists_of(words).items():
        if not phrases:
            raise ConfigurationError(
                f"{folder / 'words'}: no language has words for {name!r}, which rules rely on; write them into its "
                "LANG.toml, or copy the folder of the default blueprint"
            )
    if not words.claim:
        raise ConfigurationError(
            f"{folder / 'words'}: no language has words for 'claim.LANG', by which claims are checked; write them into "
            "its LANG.toml, or copy the folder of the default blueprint"
        )
    return words, {f"words/{path.name}": body for path, body in files.items()}


def _words(path: Path, body: bytes) -> Words:
    if path.suffix != ".toml" or not is_language(path.stem):
        raise ConfigurationError(
            f"{path}: expected one file for each language, named by its code in small letters as words/de.toml; rename "
            "it or take it out"
        )
    text = decoded(path, body)
    try:
        words = Words.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as e:
        raise ConfigurationError(f"{path}: no valid TOML: {e}") from e
    except ValidationError as e:
        raise ConfigurationError(_said(path, text, e)) from e
    other = next((lang for lang in words.claim if lang not in (path.stem, path.stem.partition("-")[0])), None)
    if other is not None:  # it would be looked at in no message
        line = line_of(text, ("claim", other)) or 1
        raise ConfigurationError(
            f"{path}, line {line}: key claim.{other}: this file is of the language {path.stem!r}; write "
            f"[claim.{path.stem}]"
        )
    return words


def _said(path: Path, text: str, error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    keys = [part for part in first["loc"] if isinstance(part, str)]
    line = line_of(text, keys)
    place = f"{path}, line {line}" if line else str(path)
    key = ".".join(str(part) for part in first["loc"])
    known = ", ".join(lists_of(Words()))
    return f"{place}: key {key}: {mistake(first)}; expected lists of texts by {known}"
