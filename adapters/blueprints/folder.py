"""Blueprints read from their folder: `blueprint.toml`, `prompts/*.md`, `letters/LANG/*.md`, `words/LANG.toml`,
`documents/*.toml`, `policy/KIND.toml` and `knowledge.json`.
"""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from adapters.blueprints.articles import check_articles, first_of_articles
from adapters.blueprints.documents import read_documents
from adapters.blueprints.files import decoded, line_of, read_bytes
from adapters.blueprints.letters import read_letters
from adapters.blueprints.policies import read_policies
from adapters.blueprints.words import read_words
from domain.blueprint import Blueprint, blueprint_version
from domain.blueprint_checks import check_rules
from domain.errors import CategoryError, ConfigurationError, RuleError
from domain.installation.mistakes import mistake
from domain.model_steps import ModelStep
from domain.reading.knowledge import Article
from domain.specialists import SPECIALISTS

_ARTICLES = TypeAdapter(list[Article])


def load_blueprint(folder: Path) -> Blueprint:
    """Return the blueprint of a folder, with its prompts by file name and its version over all files.

    Raises:
        ConfigurationError: a file is missing or unreadable, or a key is wrong; the message names file and key.
    """
    path = folder / "blueprint.toml"
    body = read_bytes(path)
    text = decoded(path, body)
    values = _values(path, text)
    prompts = {p.stem: (p, read_bytes(p)) for p in sorted((folder / "prompts").glob("*.md"))}
    values["prompts"] = {name: decoded(p, read) for name, (p, read) in prompts.items()}
    try:
        # A misspelt rule must not leave its default in force. The models themselves stay open: histories hold them.
        blueprint = Blueprint.model_validate(values, extra="forbid")
    except ValidationError as e:
        raise ConfigurationError(f"{_at(path, text, e)}: {_first(e, values)}") from e
    if not prompts:
        raise ConfigurationError(f"{folder / 'prompts'}: expected the prompts of the steps, one .md file each")
    letters, letter_files = read_letters(folder)
    words, word_files = read_words(folder)
    documents, document_files = read_documents(folder)
    policies, policy_files = read_policies(folder, blueprint.roles)
    files = {"blueprint.toml": body, **letter_files, **word_files, **document_files, **policy_files} | {
        f"prompts/{p.name}": read for p, read in prompts.values()
    }
    knowledge = folder / "knowledge.json"
    if knowledge.is_file():
        files["knowledge.json"] = read_bytes(knowledge)
    _check_fallback(path, text, blueprint.letters.fallback, letters)
    made = {
        "letters": blueprint.letters.model_copy(update={"texts": letters}),
        "words": words,
        "documents": documents,
        "policies": policies,
        "version": blueprint_version(blueprint.name, files),
    }
    return blueprint.model_copy(update=made)


def _check_fallback(path: Path, text: str, fallback: str, letters: Mapping[str, object]) -> None:
    if fallback not in letters:
        at, there = _place(path, text, ("letters", "fallback")), ", ".join(letters) or "none"
        raise ConfigurationError(
            f"{at}: letters.fallback is {fallback!r}, but there is no folder {path.parent / 'letters' / fallback}; add "
            f"it, or name a language that has letters ({there})"
        )


def _values(path: Path, text: str) -> dict[str, Any]:  # Any: TOML, checked by the models
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise ConfigurationError(f"{path}: no valid TOML: {e}") from e
    letters = values.get("letters")
    made: list[str] = [key for key in ("prompts", "words", "documents", "policies", "version") if key in values]
    if isinstance(letters, dict) and "texts" in letters:
        made.append("letters.texts")
    if made:
        raise ConfigurationError(f"{path}: the key {made[0]!r} is made from the folder, take it out")
    return values


def load_knowledge(folder: Path) -> list[Article]:
    """Return the knowledge articles of a blueprint's folder; none if there is no `knowledge.json`.

    Raises:
        ConfigurationError: the file is no list of articles, an id stands twice, or a value of one cannot be meant.
    """
    path = folder / "knowledge.json"
    if not path.is_file():
        return []
    try:
        articles = _ARTICLES.validate_json(read_bytes(path), extra="forbid")
    except ValidationError as e:
        raise ConfigurationError(f"{path}: {first_of_articles(e)}") from e
    check_articles(path, articles)
    return articles


def _require_prompts(folder: Path, blueprint: Blueprint) -> None:
    """Check that the router and every specialist of the table find their prompts: a model worker serves them all."""
    needed = ["route", *(name for specialist in SPECIALISTS.values() for name in specialist.prompts)]
    needed += [ModelStep.REPAIR.value] * blueprint.reads_documents
    missing = next((name for name in needed if name not in blueprint.prompts), None)
    if missing is not None:
        raise ConfigurationError(f"{folder / 'prompts' / missing}.md is missing: copy it from the default blueprint")


def load_all(folder: Path) -> tuple[Blueprint, list[Article]]:
    """Return a blueprint with its knowledge articles: of each area that a category names there is one.

    Raises:
        ConfigurationError: one of the two cannot be used, or they do not fit together.
    """
    blueprint, articles = load_blueprint(folder), load_knowledge(folder)
    _require_prompts(folder, blueprint)
    try:
        check_rules(blueprint, datetime.now(UTC).date())
    except RuleError as e:
        path = folder / "blueprint.toml"
        raise ConfigurationError(f"{_place(path, decoded(path, read_bytes(path)), e.where)}: {e}") from e
    there = {article.area for article in articles if article.approved}
    for number, category in enumerate(blueprint.categories):
        missing = [area for area in category.knowledge if area not in there]
        if missing:
            path, known = folder / "blueprint.toml", ", ".join(sorted(there)) or "none"
            line = line_of(decoded(path, read_bytes(path)), ("categories", number, "knowledge"))
            raise ConfigurationError(
                f"{path}, line {line}: category {category.name!r} names the knowledge area {missing[0]!r}, but no "
                f"approved article of {folder / 'knowledge.json'} has it; expected some of {known}"
            )
    return blueprint, articles


def _first(error: ValidationError, values: Mapping[str, Any]) -> str:  # Any: TOML
    found = error.errors(include_url=False)
    first = found[0]
    if _category_error(error) is not None:
        return first["msg"].removeprefix("Value error, ")
    where = ".".join(_keys_in_file(first["loc"], values)) or "the whole file"
    places = {one["loc"] for one in found}
    around = {place[:n] for place in places for n in range(len(place))}  # what is wrong there follows from within
    more = f" (and {len(places - around) - 1} more)" if len(places - around) > 1 else ""
    return f"key {where}: {mistake(first, Blueprint)}{more}"


def _keys_in_file(where: Sequence[int | str], values: Any) -> list[str]:  # noqa: ANN401 - TOML
    """Return keys and positions as the file has them: a table that stands alone has no position."""
    written = []
    for part in where:
        if isinstance(part, int) and not isinstance(values, list):
            continue
        written.append(str(part))
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            values = None
    return written


def _category_error(error: ValidationError) -> CategoryError | None:
    found = error.errors(include_url=False)[0].get("ctx", {}).get("error")
    return found if isinstance(found, CategoryError) else None


def _at(path: Path, text: str, error: ValidationError) -> str:
    """Return file and line of the first thing that is wrong; without a line where it cannot be told."""
    category = _category_error(error)
    where = ("categories", category.number, category.key) if category else error.errors(include_url=False)[0]["loc"]
    return _place(path, text, where)


def _place(path: Path, text: str, where: Sequence[int | str]) -> str:
    line = line_of(text, where)
    return f"{path}, line {line}" if line else str(path)
