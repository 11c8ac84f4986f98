"""Which questions may be answered from the cache, and which answers may be kept for others: what is not plain is not.

The unit is an approved article in one version. So a hit serves wording only, and nothing that is anybody's own.
"""

import re

from domain.cascade.stepping import AnsweredBy
from domain.case import CaseInput
from domain.inbound.cleaned import TOKEN, CleanFlag
from domain.model_call import Usage
from domain.model_steps import REUSABLE, CacheRules, ModelStep
from domain.routing import folded

LONGEST_CHARS = 600
"""A longer message is a story, of which an embedding sees the beginning."""
_HARMLESS = frozenset({CleanFlag.SIGNATURE, CleanFlag.DISCLAIMER, CleanFlag.MIXED_ENCODING})
_TWO_SCRIPTS = re.compile(r"[A-Za-z][\u0370-\u03ff\u0400-\u04ff]|[\u0370-\u03ff\u0400-\u04ff][A-Za-z]")
_OWN_NUMBER = re.compile(r"\d(?:[ ./-]?\d){4}")  # of an order, an invoice, an account


def why_not_cached(case: CaseInput, step: ModelStep, category: str, rules: CacheRules) -> str | None:
    """Return why a case's question is neither answered from the cache nor kept there; None: it may be.

    Args:
        case: with its message as the model would see it, personal data replaced.
        step: the question.
        category: of the case.
        rules: of the blueprint.
    """
    if step not in rules.steps or step not in REUSABLE:
        return "its step is not reused"
    if folded(category) not in {folded(name) for name in rules.categories}:
        return "its category is not reused"
    text = f"{case.subject}\n{case.text}"
    if case.answers or case.continues or case.open_about or case.replay:
        return "it is part of a longer conversation"
    if case.suspicious or set(case.flags) - _HARMLESS or case.edited_by or case.machine or case.skip_to_human:
        return "the message is flagged"
    if case.order_id or case.amount or _OWN_NUMBER.search(text):
        return "it is about something of the sender's own"
    if TOKEN.search(text):
        return "it holds personal data"
    if _TWO_SCRIPTS.search(text):  # "nоt" with a Cyrillic o: no list of words knows it
        return "a word of it is written in two scripts"
    if len(text) > LONGEST_CHARS or not any(c.isalnum() for c in text):
        return "it is no short question"
    return None


def why_not_kept(*, approved: bool, usage: Usage, by: AnsweredBy | None) -> str | None:
    """Return why an answer serves nobody else; None: it may be kept.

    Args:
        approved: whether it is one approved article.
        usage: of all calls for it.
        by: who answered.
    """
    if not approved:
        return "no approved article"
    if usage.degraded or by is None or by.stands_in_for or by.money_short:
        return "another than the step's own model answered"
    return None


def answer_named(article_id: str, version: int) -> str:
    """Return what an answer is called: the article in one version.

    >>> answer_named("kb-vpn", 2)
    'kb-vpn@2'
    """
    return f"{article_id}@{version}"


def is_of_article(answer: str, article: str) -> bool:
    """Return whether an answer is an article: of its id in any version, or of one version.

    >>> is_of_article("kb-vpn@2", "kb-vpn"), is_of_article("kb-vpn@2", "kb-vpn@1"), is_of_article("kb-vpn@2", "kb")
    (True, False, False)
    """
    return article in (answer, answer.rpartition("@")[0])
