"""Blueprints read from their folder: `blueprint.toml`, `prompts/*.md` and `knowledge.json`."""

import tomllib
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from domain.blueprint import Blueprint, blueprint_version
from domain.errors import ConfigurationError
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
        raise ConfigurationError(f"{path}: {_first(e)}") from e
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
    where = ".".join(str(part) for part in first["loc"]) or "the whole file"
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"key {where}: {first['msg']}, found {first['input']!r:.80}{more}"
