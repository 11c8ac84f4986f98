"""The letters of a blueprint, read from `letters/LANG/*.md`: which files may be there."""

from pathlib import Path

from adapters.blueprints.files import decoded, entries, is_language, read_bytes
from domain.errors import ConfigurationError
from domain.letters import TEMPLATES


def read_letters(folder: Path) -> tuple[dict[str, dict[str, str]], dict[str, bytes]]:
    """Return the templates by language and name, and the bytes of their files by path within the blueprint.

    Raises:
        ConfigurationError: a file or folder that is no letter or language, or that cannot be read.
    """
    texts: dict[str, dict[str, str]] = {}
    files: dict[str, bytes] = {}
    for language in entries(folder / "letters"):
        if not language.is_dir() or not is_language(language.name):
            raise ConfigurationError(
                f"{language}: expected one folder for each language, named by its code in small letters as in "
                "letters/de or letters/pt-br; rename it or take it out"
            )
        letters = texts.setdefault(language.name, {})
        for path in entries(language):
            if path.suffix != ".md" or path.stem not in TEMPLATES:
                raise ConfigurationError(
                    f"{path}: there is no such letter, expected one of {', '.join(f'{n}.md' for n in TEMPLATES)}; "
                    "rename it or take it out"
                )
            body = read_bytes(path)
            files[f"letters/{language.name}/{path.name}"] = body
            letters[path.stem] = decoded(path, body).removeprefix("\ufeff")
    return texts, files
