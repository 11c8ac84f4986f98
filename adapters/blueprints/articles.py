"""What can be wrong with the articles of `knowledge.json`, in words."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from adapters.blueprints.files import is_language
from domain.errors import ConfigurationError
from domain.installation.mistakes import mistake
from domain.reading.knowledge import Article


def check_articles(path: Path, articles: Sequence[Article]) -> None:
    """Check what no type says of articles; histories may hold older ones, which were not checked.

    Raises:
        ConfigurationError: the message names the file, the article, the key and the remedy.
    """
    seen: set[str] = set()
    for article in articles:
        if article.article_id in seen:
            raise ConfigurationError(f"{path}: the article {article.article_id!r} stands twice, ids must be unique")
        seen.add(article.article_id)
        if wrong := _wrong(article):
            raise ConfigurationError(f"{path}: article {article.article_id!r}, {wrong}")


def _wrong(article: Article) -> str | None:
    if not article.article_id.strip():
        return "key article_id: it is empty; give it a name of its own"
    if article.version < 1:
        return f"key version: found {article.version}, expected 1 or more; count it up with each change"
    if article.lang and not is_language(article.lang):
        return f"key lang: found {article.lang!r}, expected a language as de or pt-br; leave it out for the default one"
    if article.owner and (not article.owner.strip() or not article.owner.isprintable()):
        return f"key owner: found {article.owner!r}, expected a name in one line; leave it out if there is none"
    begin, end = article.valid_from, article.valid_until
    if begin is not None and end is not None and end < begin:
        return f"key valid_until: {end} is before valid_from, {begin}; it would never be quoted"
    return None


def first_of_articles(error: ValidationError) -> str:
    """Tell the first mistake by the number of its article, from 1: a file of articles has no names for its places."""
    first = error.errors(include_url=False)[0]
    if not first["loc"]:
        return f"{mistake(first)} with the articles in it"
    number, *where = first["loc"]
    key = ".".join(str(part) for part in where)
    said = mistake({**first, "loc": tuple(where)}, Article) if where else mistake(first)
    return (
        f"article {int(number) + 1}{f', key {key}' if key else ''}: {said}; "
        "an article has article_id, area, title, symptoms, cause and steps, and may have version, escalate_if, "
        "approved, owner, lang, valid_from and valid_until"
    )
