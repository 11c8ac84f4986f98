"""The neighbourhood rule: a question is answered as several near ones were that agree, or not at all.

One near question alone says little: of pairs as similar as .97, one in ten asks something else.
"""

from collections.abc import Sequence

from pydantic import BaseModel, Field

from domain.cache.lexicon import GuardMarks, names_another, why_apart
from domain.cache.nearness import NEARNESS, NEIGHBOURHOOD, Nearness
from domain.model_steps import CacheRule

CUSTOMERS = 2
"""So many customers on record must have had an answer before it serves others: one alone cannot plant it."""

_MOST_SPENT = 10**15  # of what others may have written, too: it goes on record


class AnsweredQuestion(BaseModel):
    """A question that was answered from an article, without its words.

    Attributes:
        entry_id: its own.
        answer: `article@version`.
        customer: digest of who asked, by their id on record; empty: on none, and then it vouches for nothing.
        created_s: when it was answered, seconds since 1970.
        expires_s: from when on it is not used.
        marks: what the guard saw in it.
        cost_micros: what the answer cost, millionths of a US dollar.
        tokens: that it took, in and out.
    """

    entry_id: str
    answer: str
    customer: str
    created_s: float
    expires_s: float
    marks: GuardMarks
    cost_micros: int = Field(default=0, ge=0, le=_MOST_SPENT)
    tokens: int = Field(default=0, ge=0, le=_MOST_SPENT)


class NearQuestion(BaseModel):
    """One of them, and how similar it is to the question at hand: cosine, -1 to 1."""

    question: AnsweredQuestion
    cosine: float


class CacheDecision(BaseModel):
    """What the neighbourhood says: an answer, or why there is none. For records and traces, never for senders: the time
    and the figures of a hit tell what others asked.
    """

    answer: str | None = None
    why: str
    rule: CacheRule
    cosine: float = 0.0
    margin: float = 0.0
    agree: int = 0
    saved_micros: int = 0
    saved_tokens: int = 0


def decide_reuse(
    near: Sequence[NearQuestion],
    asked: GuardMarks,
    rule: CacheRule,
    *,
    now_s: float,
    window_s: float,
    nearness: Nearness | None = None,
) -> CacheDecision:
    """Return whether a question may be answered as its neighbours were.

    Args:
        near: the nearest five or more, and the nearest one with another answer than the nearest of all, in any order.
        asked: what the guard saw in the question.
        rule: how near.
        now_s: seconds since 1970.
        window_s: for how long an answer is used; checked here whatever the store kept.
        nearness: other figures than those of the rule, for measurements.
    """
    live = [n for n in near if n.question.created_s <= now_s < _ends(n.question, window_s)]
    live.sort(key=lambda n: (-n.cosine, n.question.entry_id))
    if not live:
        return CacheDecision(why="nothing near", rule=rule)
    nearest, wanted = live[0], nearness or NEARNESS[rule]
    answer, top = nearest.question.answer, live[:NEIGHBOURHOOD]
    having = [n for n in top if n.question.answer == answer]
    mean = sum(n.cosine for n in having) / len(having)
    agreeing = [n.question for n in having]
    # What parts it from some that have the answer, and not from others, makes no difference to this answer.
    apart = [why_apart(asked, question.marks) for question in agreeing]
    other = max((n.cosine for n in live if n.question.answer != answer), default=-1.0)
    margin = nearest.cosine - other
    known = {question.customer for question in agreeing if question.customer}
    if not nearest.cosine >= wanted.threshold:  # one that is no number is not near
        why = "too far"
    elif len(agreeing) < wanted.agree:
        why = "too few agree"
    elif not margin >= wanted.margin:
        why = "another answer is as near"
    elif not mean - other >= wanted.mean_margin:
        why = "another answer is as near as most that agree"
    elif None not in apart:
        why = f"near miss: {apart[0]}"
    elif names_another(asked, [question.marks for question in agreeing]):
        why = "near miss: another word"
    elif len(known) < CUSTOMERS:
        why = "on probation"
    else:
        why = ""
    decision = CacheDecision(
        why=why or "hit", rule=rule, cosine=round(nearest.cosine, 4), margin=round(margin, 4), agree=len(agreeing)
    )
    if why:
        return decision
    saved = {"saved_micros": nearest.question.cost_micros, "saved_tokens": nearest.question.tokens}
    return decision.model_copy(update={"answer": answer, **saved})


def _ends(question: AnsweredQuestion, window_s: float) -> float:
    return min(question.expires_s, question.created_s + window_s)
