"""Blueprints read from their folder: `blueprint.toml`, `prompts/*.md` and `knowledge.json`."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from domain.blueprint import Blueprint, blueprint_version
from domain.errors import CategoryError, ConfigurationError
from domain.knowledge import Article

_ARTICLES = TypeAdapter(list[Article])


def load_blueprint(folder: Path) -> Blueprint:
    """Return the blueprint of a folder, with its prompts by file name and its version over all files.

    Raises:
        ConfigurationError: a file is missing or unreadable, or a key is wrong; the message names file and key.
    """
    path = folder / "blueprint.toml"
    body = _read(path)
    try:
        values = tomllib.loads(_text(path, body))
    except tomllib.TOMLDecodeError as e:
        raise ConfigurationError(f"{path}: no valid TOML: {e}") from e
    for key in ("prompts", "version"):
        if key in values:
            raise ConfigurationError(f"{path}: the key {key!r} is made from the folder, take it out")
    prompts = {p.stem: (p, _read(p)) for p in sorted((folder / "prompts").glob("*.md"))}
    files = {"blueprint.toml": body} | {f"prompts/{p.name}": text for p, text in prompts.values()}
    knowledge = folder / "knowledge.json"
    if knowledge.is_file():
        files["knowledge.json"] = _read(knowledge)
    values["prompts"] = {name: _text(p, text) for name, (p, text) in prompts.items()}
    try:
        # A misspelt rule must not leave its default in force. The models themselves stay open: histories hold them.
        blueprint = Blueprint.model_validate(values, extra="forbid")
    except ValidationError as e:
        raise ConfigurationError(f"{_at(path, _text(path, body), e)}: {_first(e)}") from e
    if not prompts:
        raise ConfigurationError(f"{folder / 'prompts'}: expected the prompts of the steps, one .md file each")
    return blueprint.model_copy(update={"version": blueprint_version(blueprint.name, files)})


def load_knowledge(folder: Path) -> list[Article]:
    """Return the knowledge articles of a blueprint's folder; none if there is no `knowledge.json`.

    Raises:
        ConfigurationError: the file is no list of articles, or an id stands twice.
    """
    path = folder / "knowledge.json"
    if not path.is_file():
        return []
    try:
        articles = _ARTICLES.validate_json(_read(path), extra="forbid")
    except ValidationError as e:
        raise ConfigurationError(f"{path}: {_first(e)}") from e
    seen: set[str] = set()
    for article in articles:
        if article.article_id in seen:
            raise ConfigurationError(f"{path}: the article {article.article_id!r} stands twice, ids must be unique")
        seen.add(article.article_id)
    return articles


def load_all(folder: Path) -> tuple[Blueprint, list[Article]]:
    """Return a blueprint with its knowledge articles: of each area that a category names there is one.

    Raises:
        ConfigurationError: one of the two cannot be used, or they do not fit together.
    """
    blueprint, articles = load_blueprint(folder), load_knowledge(folder)
    there = {article.area for article in articles if article.approved}
    for number, category in enumerate(blueprint.categories):
        missing = [area for area in category.knowledge if area not in there]
        if missing:
            path, known = folder / "blueprint.toml", ", ".join(sorted(there)) or "none"
            line = line_of(_text(path, _read(path)), ("categories", number, "knowledge"))
            raise ConfigurationError(
                f"{path}, line {line}: category {category.name!r} names the knowledge area {missing[0]!r}, but no "
                f"approved article of {folder / 'knowledge.json'} has it; expected some of {known}"
            )
    return blueprint, articles


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise ConfigurationError(f"{path}: cannot be read ({e.strerror}); a blueprint needs it") from e


def _text(path: Path, body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as e:
        raise ConfigurationError(f"{path}: byte {e.start} is not UTF-8") from e


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False)
    first = found[0]
    if _category_error(error) is not None:
        return first["msg"].removeprefix("Value error, ")
    where = ".".join(str(part) for part in first["loc"]) or "the whole file"
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"key {where}: {first['msg']}, found {first['input']!r:.80}{more}"


def _category_error(error: ValidationError) -> CategoryError | None:
    found = error.errors(include_url=False)[0].get("ctx", {}).get("error")
    return found if isinstance(found, CategoryError) else None


def _at(path: Path, text: str, error: ValidationError) -> str:
    """Return file and line of the first thing that is wrong; without a line where it cannot be told."""
    category = _category_error(error)
    where = ("categories", category.number, category.key) if category else error.errors(include_url=False)[0]["loc"]
    line = line_of(text, where)
    return f"{path}, line {line}" if line else str(path)


def line_of(text: str, where: Sequence[int | str]) -> int | None:
    r"""Return the line of TOML, from 1, on which a value stands: that of its key, else that of its table.

    >>> line_of('name = "x"\n[[categories]]\n[[categories]]\nspecialist = "y"', ("categories", 1, "specialist"))
    4
    """
    names = [str(part) for part in where if not isinstance(part, int)]
    index = next((part for part in where if isinstance(part, int)), 0)
    lines = text.splitlines()
    for depth in range(len(names), 0, -1):
        table, key = ".".join(names[:depth]), names[depth] if depth < len(names) else None
        start = _nth(lines, rf"\[\[?\s*{re.escape(table)}\s*\]", index)
        if start is None:
            continue
        end = next((n for n in range(start + 1, len(lines)) if lines[n].lstrip().startswith("[")), len(lines))
        within = _nth(lines[start:end], rf"{re.escape(key)}\s*=", 0) if key else None
        return start + 1 + (within or 0)
    at = _nth(lines, rf"{re.escape(names[0])}\s*=", 0) if names else None
    return None if at is None else at + 1


def _nth(lines: Sequence[str], pattern: str, n: int) -> int | None:
    found = [number for number, line in enumerate(lines) if re.match(rf"\s*{pattern}", line)]
    return found[n] if n < len(found) else None
