"""How long decisions of the answer cache take, by the clock and in time of the processor (`cpu_`), and whether a scope
ever sees another's.
"""

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import fields, replace

import numpy as np
import numpy.typing as npt

from adapters.cache.memory import CacheInMemory
from adapters.cache.redis import CacheInRedis
from adapters.cache.redis_server import CacheServer
from adapters.inbox.brokers.redis_server import redis_address
from domain.cache.lexicon import GuardMarks
from domain.cache.nearness import NEIGHBOURHOOD
from domain.cache.neighbours import AnsweredQuestion, decide_reuse
from domain.cache.scope import CacheScope
from domain.model_steps import CACHE_WINDOW_S, CacheRule
from ports.models.cache import CacheStore

_SIZE = 384
_ANSWERS = 200
_SPREAD = 0.35  # of the questions around their answer's: about as those of real ones
_SCOPE = CacheScope(
    tenant="acme", locale="en", route="support", audience="web", step="diagnosis", case_rules="d@1", blueprint="d@1",
    knowledge="k", model="m", embedder="made",
)  # fmt: skip

Vectors = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]
Baseline = Callable[[Vector], Awaitable[None]]


async def bench_cache(entries: int, decisions: int, probes: int, redis_url: str) -> dict[str, object]:
    """Return how long decisions take in process, and in a Redis where its URL is given, each beside a plain baseline in
    the same run, and how many of the probes of other scopes were answered.

    Args:
        entries: of the scope that is asked.
        decisions: that are timed, each beside one of the baseline.
        probes: questions whose very vector another scope has.
        redis_url: of a Redis; keys of this run's own are made there and dropped.
    """
    vectors, answers = _made(entries, seed=1)
    asked, _ = _made(decisions, seed=2)
    document: dict[str, object] = {"entries": entries, "decisions": decisions}
    here = CacheInMemory()
    await _fill(here, vectors, answers)
    document |= await _timed(here, asked, "in process", "plain cosine", _plain(vectors))
    document["probes of other scopes"] = probes
    document["answered across scopes"] = await _crossed(here, vectors, probes)
    if redis_url:
        address = redis_address(redis_url, variable="--redis")
        shared = CacheInRedis(address.client, f"{address.prefix}:bench", server=CacheServer(within_s=30.0))

        async def ping(_: Vector) -> None:
            await address.client.ping()

        try:
            await _fill(shared, vectors, answers)
            document |= await _timed(shared, asked, "in Redis", "one PING", ping)
            document["answered across scopes in Redis"] = await _crossed(shared, vectors, probes)
        finally:
            await shared.drop(_SCOPE.tenant)
            await address.client.aclose()
    return document


def _made(n: int, *, seed: int) -> tuple[Vectors, list[int]]:
    """Return questions around so many answers, the same answers for every seed."""
    centres = np.random.default_rng(0).standard_normal((_ANSWERS, _SIZE))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    drawn = np.random.default_rng(seed)
    answers = drawn.integers(0, _ANSWERS, n)
    noise = drawn.standard_normal((n, _SIZE)) / np.sqrt(_SIZE)
    vectors = centres[answers] + noise * drawn.uniform(_SPREAD, 1.5, (n, 1))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), [int(a) for a in answers]


async def _fill(cache: CacheStore, vectors: Vectors, answers: Sequence[int]) -> None:
    now_s = time.time()
    for n, (vector, answer) in enumerate(zip(vectors, answers, strict=True)):
        question = AnsweredQuestion(
            entry_id=f"e{n}", answer=f"kb-{answer}@1", customer=f"c{n}", created_s=now_s,
            expires_s=now_s + CACHE_WINDOW_S, marks=GuardMarks(),
        )  # fmt: skip
        await cache.add(_SCOPE, question, vector.tolist())


async def _decided(cache: CacheStore, scope: CacheScope, vector: Sequence[float]) -> bool:
    """Decide as the product does: look, decide, ask how the answer stands."""
    now_s = time.time()
    near = await cache.nearest(scope, vector, now_s, top=NEIGHBOURHOOD)
    decision = decide_reuse(near, GuardMarks(), CacheRule.STRICT, now_s=now_s, window_s=CACHE_WINDOW_S)
    if decision.answer is None:
        return False
    return (await cache.standing(scope, decision.answer)).rule(decision.rule) is not None


async def _timed(cache: CacheStore, asked: Vectors, name: str, beside: str, baseline: Baseline) -> dict[str, object]:
    """Time each decision, and right after it a baseline: whatever else runs on the machine meets both."""
    await cache.nearest(_SCOPE, asked[0].tolist(), time.time(), top=NEIGHBOURHOOD)  # Redis: what is there is read once
    took, worked, least, least_worked, hits = [], [], [], [], 0
    for vector in asked:
        values = vector.tolist()
        began, at_work = time.perf_counter(), time.thread_time()
        hits += await _decided(cache, _SCOPE, values)
        worked.append(time.thread_time() - at_work)
        took.append(time.perf_counter() - began)
        began, at_work = time.perf_counter(), time.thread_time()
        await baseline(vector)
        least_worked.append(time.thread_time() - at_work)
        least.append(time.perf_counter() - began)
    return {
        name: {**_in_ms(took), "hits": round(hits / len(asked), 3), **_in_ms(worked, "cpu_")},
        f"{beside}, beside {name}": {**_in_ms(least), **_in_ms(least_worked, "cpu_")},
    }


def _plain(vectors: Vectors) -> Baseline:
    """The least that a search of plain numpy takes: one product, and the largest of it."""

    async def search(vector: Vector) -> None:
        np.argmax(vectors @ vector)

    return search


async def _crossed(cache: CacheStore, vectors: Vectors, probes: int) -> int:
    """Ask the very questions that are kept in scopes that differ in one part."""
    others = [scope for _, scope in _other_scopes()]
    found = 0
    for n in range(probes):
        near = await cache.nearest(others[n % len(others)], vectors[n % len(vectors)].tolist(), time.time(), top=5)
        found += bool(near)
    return found


def _other_scopes() -> list[tuple[str, CacheScope]]:
    """Return scopes that differ in one part, with the name of it."""
    return [
        (field.name, replace(_SCOPE, **{field.name: value}))
        for field in fields(_SCOPE)
        for value in ("other", "", "acme2")
    ]


async def crossings(vectors: Sequence[Sequence[float]]) -> dict[str, int]:
    """Keep these questions in one scope, ask them in others, and return how often those saw anything, by the part of
    the scope that differs.
    """
    cache, asked = CacheInMemory(), np.asarray(vectors, dtype=np.float32)
    await _fill(cache, asked, [0] * len(asked))
    found = {field.name: 0 for field in fields(_SCOPE)}
    for part, scope in _other_scopes():
        for vector in asked:
            found[part] += bool(await cache.nearest(scope, vector.tolist(), time.time(), top=NEIGHBOURHOOD))
    return found


def _in_ms(took: Sequence[float], what: str = "") -> dict[str, float]:
    cuts = statistics.quantiles(took, n=100)
    return {f"{what}p50_ms": round(1000 * cuts[49], 3), f"{what}p99_ms": round(1000 * cuts[98], 3)}
