"""The tasks `diagnosis` and `article`: the article of the request whose symptoms the message shares most words with."""

import math
from functools import cache
from pathlib import Path
from typing import Any

from adapters.blueprints.words import read_words
from adapters.models.offline.task import Answer, Task
from domain.reading.knowledge import Fitting

_WORTH_SAYING = 0.2
_BLUEPRINT = Path(__file__).parents[3] / "blueprints" / "default"  # the figures below are measured with its words

# A logistic fit of "the best article is the right one" on fit and lead over the second, from 972 technical messages
# of four sources (Banking77, MultiDoGO, Bitext, Rasa helpdesk), 243 of other queues and 100 off-topic ones. With the
# source left out of the fit, those accepted at 0.5 were right for 72 % (Rasa helpdesk, 48 messages) to 92 % (Bitext,
# 220).
_BIAS, _PER_FIT, _PER_LEAD = -2.8, 7.0, 0.9


def choose_article(task: Task) -> Answer:
    """Answer with an article, its cause and steps word for word, and how often a match this good is the right one."""
    articles = _articles(task.block("articles"))
    words = fitting()
    message = words.content_words(task.ticket)
    fits = [words.fit(message, title=str(a.get("title", "")), symptoms=_texts(a.get("symptoms"))) for a in articles]
    if not any(fits):
        return _none()
    best = max(range(len(fits)), key=lambda i: fits[i])  # of equals the first, as retrieval ranked them
    lead = fits[best] - max((f for i, f in enumerate(fits) if i != best), default=0.0)
    confidence = round(1 / (1 + math.exp(-(_BIAS + _PER_FIT * fits[best] + _PER_LEAD * lead))), 3)
    if confidence < _WORTH_SAYING:
        return _none()
    article = articles[best]
    return Answer(
        value={
            "article_id": article["article_id"],
            "cause": str(article.get("cause", ""))[:1000],
            "steps": [step[:500] for step in _texts(article.get("steps"))[:20]],
            "confidence": confidence,
        }
    )


def name_article(task: Task) -> Answer:
    """Answer the task `article`: as `choose_article`, but only the article's id and the confidence."""
    chosen = choose_article(task).value or {}
    return Answer(value={name: chosen.get(name) for name in ("article_id", "confidence")})


@cache
def fitting() -> Fitting:
    """Return how well messages fit articles, by the words of the default blueprint."""
    return Fitting(read_words(_BLUEPRINT)[0].common)


def _none() -> Answer:
    return Answer(value={"article_id": None, "cause": "", "steps": [], "confidence": 0.0})


def _articles(block: object) -> list[dict[str, Any]]:  # Any: the request's own JSON
    if not isinstance(block, list):
        return []
    return [a for a in block if isinstance(a, dict) and isinstance(a.get("article_id"), str)]


def _texts(value: object) -> list[str]:
    return [t for t in value if isinstance(t, str)] if isinstance(value, list) else []
