"""Labelled questions for the cache, read from lines of JSON."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from client.inflow.text_lines import text_lines
from domain.errors import UsageError
from ports.models.embedding import Embedder

_AT_ONCE = 64


class LabelledQuestion(NamedTuple):
    """A question, what answers it, its language, and whose customer asks: other tenants are other scopes."""

    text: str
    answer: str
    lang: str
    tenant: str = ""


class QuestionPair(NamedTuple):
    """Two questions: may the second be served what answered the first?"""

    taught: str
    asked: str
    same: bool
    kind: str
    lang: str


def read_questions(path: Path) -> tuple[list[LabelledQuestion], list[QuestionPair]]:
    """Return the questions and the pairs of a file: lines of `{"text", "answer" or "intent", "lang"}` (with `tenant`
    or `source`, each of them has a scope of its own), or of `{"a", "b", "same", "kind", "lang"}`.

    Raises:
        UsageError: a line is neither; it is named.
        ImpossibleError: the file cannot be read; it and the line are named.
    """
    questions: list[LabelledQuestion] = []
    pairs: list[QuestionPair] = []
    for number, line in text_lines(path):
        try:
            row = json.loads(line)
            lang = str(row.get("lang", "en"))
            if "a" in row:
                pairs.append(QuestionPair(row["a"], row["b"], bool(row["same"]), str(row.get("kind", "")), lang))
            else:
                answer = row["answer"] if "answer" in row else row["intent"]
                tenant = str(row.get("tenant", row.get("source", "")))
                questions.append(LabelledQuestion(row["text"], str(answer), lang, tenant))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            said = f"{path}, line {number}: expected text and answer (or intent), or a, b and same: {error!r}"
            raise UsageError(said) from error
    if not questions and not pairs:
        raise UsageError(f"{path}: no question in it")
    return questions, pairs


async def embedded(embedder: Embedder, texts: Sequence[str]) -> dict[str, list[float]]:
    """Return the vectors of texts, each made once. Raises as `Embedder.embed`."""
    different = list(dict.fromkeys(texts))
    vectors: dict[str, list[float]] = {}
    for start in range(0, len(different), _AT_ONCE):
        some = different[start : start + _AT_ONCE]
        vectors |= zip(some, await embedder.embed(some), strict=True)
    return vectors
