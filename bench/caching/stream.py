"""Questions in random order through the cache, as they would arrive: a hit or a miss, and each miss is learnt.

"False" is a hit whose answer is another than the question's label. Every question is some other customer's, all within
one day.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from adapters.cache.matrix import ScopeMatrix
from bench.caching.questions import LabelledQuestion, QuestionPair
from domain.cache.lexicon import GuardMarks, NearMissGuard
from domain.cache.nearness import NEARNESS, NEIGHBOURHOOD, Nearness
from domain.cache.neighbours import AnsweredQuestion, NearQuestion, decide_reuse
from domain.cache.standing import upper_share
from domain.model_steps import CACHE_WINDOW_S, CacheRule

_TAUGHT = 5  # customers who asked the first question of a pair
_NOW_S = 1_800_000_000.0

Vectors = Mapping[str, Sequence[float]]
Decide = Callable[[Sequence[NearQuestion], GuardMarks], str | None]


class StreamResult(NamedTuple):
    """What came of it."""

    n: int
    hits: int
    wrong: int

    def document(self) -> dict[str, float | int]:
        """Return it with shares, and the bound of the false ones."""
        return {
            "n": self.n,
            "hits": round(self.hits / max(self.n, 1), 4),
            "false_of_hits": round(self.wrong / max(self.hits, 1), 4),
            "false_upper95": round(upper_share(self.wrong, self.hits), 4),
            "calls_saved": self.hits,
        }


def by_rule(rule: CacheRule, nearness: Nearness | None = None) -> Decide:
    """Return the product's decision, or the same with other figures."""

    def decide(near: Sequence[NearQuestion], marks: GuardMarks) -> str | None:
        return decide_reuse(near, marks, rule, now_s=_NOW_S, window_s=CACHE_WINDOW_S, nearness=nearness).answer

    return decide


def by_cosine(threshold: float) -> Decide:
    """Return the plain baseline: the nearest question's answer from some cosine on."""

    def decide(near: Sequence[NearQuestion], _: GuardMarks) -> str | None:
        nearest = max(near, key=lambda n: n.cosine, default=None)
        return nearest.question.answer if nearest is not None and nearest.cosine >= threshold else None

    return decide


def run_stream(
    questions: Sequence[LabelledQuestion], vectors: Vectors, guard: NearMissGuard, decide: Decide, *, seed: int
) -> StreamResult:
    """Let all questions come in an order that the seed decides; each tenant and language has a scope of its own."""
    served = serve_stream(questions, vectors, guard, decide, seed=seed)
    hits = [answer == question.answer for question, answer in zip(questions, served, strict=True) if answer is not None]
    return StreamResult(len(questions), len(hits), hits.count(False))


def serve_stream(
    questions: Sequence[LabelledQuestion], vectors: Vectors, guard: NearMissGuard, decide: Decide, *, seed: int
) -> list[str | None]:
    """Do so and return what each question was answered with, in the order in which they are given; None: a call."""
    order = list(range(len(questions)))
    random.Random(seed).shuffle(order)
    scopes: dict[tuple[str, str], ScopeMatrix] = {}
    served: list[str | None] = [None] * len(questions)
    for number in order:
        question = questions[number]
        matrix = scopes.setdefault((question.tenant, question.lang), ScopeMatrix(len(order)))
        vector, marks = vectors[question.text], guard.marks(question.text)
        served[number] = decide(matrix.nearest(vector, _NOW_S, top=NEIGHBOURHOOD), marks)
        if served[number] is None:
            matrix.add(_answered(number, question.answer, marks), vector)
    return served


def run_pairs(
    pairs: Sequence[QuestionPair], vectors: Vectors, guard: NearMissGuard, decide: Decide
) -> dict[str, object]:
    """Let several customers ask the first question of each pair, then ask the second one, each pair by itself."""
    kinds: dict[str, dict[str, int]] = {}
    served: list[bool] = []
    for pair in pairs:
        hit = serve_pair(pair, vectors, guard, decide)
        kind = kinds.setdefault(f"{pair.lang} {pair.kind}".strip(), {"n": 0, "hits": 0, "false": 0})
        kind["n"] += 1
        kind["hits"] += hit
        kind["false"] += hit and not pair.same
        if hit:
            served.append(pair.same)
    wrong = served.count(False)
    return {**StreamResult(len(pairs), len(served), wrong).document(), "by_kind": kinds}


def serve_pair(pair: QuestionPair, vectors: Vectors, guard: NearMissGuard, decide: Decide) -> bool:
    """Return whether the second question of a pair is served the answer of the first."""
    matrix = ScopeMatrix()
    for number in range(_TAUGHT):
        matrix.add(_answered(number, "taught", guard.marks(pair.taught)), vectors[pair.taught])
    near = matrix.nearest(vectors[pair.asked], _NOW_S, top=NEIGHBOURHOOD)
    return decide(near, guard.marks(pair.asked)) is not None


def curve(
    questions: Sequence[LabelledQuestion], vectors: Vectors, guard: NearMissGuard, *, seed: int
) -> dict[str, list[dict[str, float | int]]]:
    """Return hits against false hits: the neighbourhood rule from lax to strict, and cosine alone."""
    points = [
        Nearness(threshold / 100, margin / 100, mean / 100)
        for threshold, margin, mean in ((65, 5, 0), (70, 5, 0), (75, 10, 6), (80, 12, 10), (85, 17, 15), (90, 22, 20))
    ]
    found: dict[str, list[dict[str, float | int]]] = {"neighbourhood": [], "cosine": []}
    for nearness in points:
        result = run_stream(questions, vectors, guard, by_rule(CacheRule.STRICT, nearness), seed=seed)
        found["neighbourhood"].append({**nearness._asdict(), **result.document()})
    for threshold in (0.70, 0.80, 0.85, 0.90, 0.95, 0.98):
        result = run_stream(questions, vectors, guard, by_cosine(threshold), seed=seed)
        found["cosine"].append({"threshold": threshold, **result.document()})
    return found


def languages(
    questions: Sequence[LabelledQuestion], vectors: Vectors, guard: NearMissGuard, *, seed: int
) -> dict[str, dict[str, dict[str, float | int]]]:
    """Return what each language comes to by each rule: the figures that `[[cache.measured]]` asks for."""
    found: dict[str, dict[str, dict[str, float | int]]] = {}
    for lang in sorted({q.lang for q in questions}):
        own = [q for q in questions if q.lang == lang]
        found[lang] = {
            rule.value: run_stream(own, vectors, guard, by_rule(rule), seed=seed).document() for rule in NEARNESS
        }
    return found


def _answered(number: int, answer: str, marks: GuardMarks) -> AnsweredQuestion:
    return AnsweredQuestion(
        entry_id=str(number),
        answer=answer,
        customer=f"c{number}",
        created_s=_NOW_S - 60,
        expires_s=_NOW_S + 60,
        marks=marks,
    )
