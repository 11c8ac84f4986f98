"""Calls per second against a provider that lets refused calls count: one shared limiter, or back-off alone.

A small server of our own holds a second of its limit and owes as much for calls that it refused. Four processes with
eight calls at once each ask it through the wire's own client, with more to ask than it bears; then the limit is halved.
The server counts. What a call costs more with the limiter is measured beside bare calls in the same run.
"""

import asyncio
import multiprocessing
import os
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from multiprocessing.synchronize import Event

from adapters.models.guards.limiters import Limiters
from adapters.models.guards.limiting import LimitedModel
from adapters.models.wires.openai import OpenAIModel
from bench.limits.server import Provider, Tally, start_provider
from domain.blueprint import ModelChoice
from domain.errors import ImpossibleError, ToldToWaitError
from domain.model_call import Message, ModelRequest, Price, Tier
from ports.models.model import LanguageModel

PROCESSES = 4
SLOTS = 8
SETTLED_WITHIN_S = 60.0
OUTPUT = 100
BACKOFF_S, BACKOFF_AT_MOST_S = 0.5, 30.0
_REQUEST = ModelRequest(
    tier=Tier.SMALL,
    schema_name="route",
    json_schema={"type": "object"},
    messages=[Message(role="user", content="charged twice " * 20)],
    max_output=OUTPUT,
)


def bench_limiter(redis_url: str, rpm: int, seconds: float) -> dict[str, object]:
    """Ask for `seconds` at the whole limit and as long at half of it, with the limiter and without; return the figures.

    Raises:
        ImpossibleError: a process died, or no call was answered.
    """
    with start_provider(rpm) as provider:
        shared = _run(provider, redis_url, seconds)
        alone = _run(provider, "", seconds)
        overhead = asyncio.run(_overhead(provider.url, redis_url))
    return {
        "rpm": rpm,
        "processes": PROCESSES,
        "calls_at_once": PROCESSES * SLOTS,
        **{f"shared_{name}": value for name, value in shared.items()},
        **{f"backoff_{name}": value for name, value in alone.items()},
        **overhead,
        "load": [round(load, 1) for load in os.getloadavg()],
        "cores": os.cpu_count(),
    }


def _run(provider: Provider, redis_url: str, seconds: float) -> dict[str, object]:
    provider.set_limit(provider.rpm)
    time.sleep(2)  # the server's own second is full again
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    key = os.urandom(4).hex()  # a limiter of this run only
    asking = [
        context.Process(target=_ask_on, args=(provider.url, redis_url, key, provider.rpm, stop), daemon=True)
        for _ in range(PROCESSES)
    ]
    for process in asking:
        process.start()
    try:
        provider.wait_for_first()
        began = provider.tally()
        time.sleep(seconds)
        halved = provider.tally()
        provider.set_limit(provider.rpm / 2)
        time.sleep(min(SETTLED_WITHIN_S, seconds))
        settled = provider.tally()
        time.sleep(max(seconds - SETTLED_WITHIN_S, 30.0))
        ended = provider.tally()
    finally:
        stop.set()
        for process in asking:
            process.join(20)
            if process.exitcode is None:
                process.kill()
    return _figures(provider.rpm / 60, [began, halved, settled, ended])


def _figures(per_s: float, marks: list[Tally]) -> dict[str, object]:
    before, falling, after = (later.since(earlier) for earlier, later in pairwise(marks))
    whole = marks[3].since(marks[1])
    if not before.taken:
        raise ImpossibleError("no call was answered: is Redis there, and the server?")
    return {
        "of_the_limit": round(before.taken / before.seconds / per_s, 3),
        "refused": before.refused,
        "halved_refused_in_60_s": falling.refused,
        "halved_refused_percent": round(100 * whole.refused / max(1, whole.taken + whole.refused), 2),
        "halved_last_refusal_s": round(max(0.0, marks[3].last_refused_at - marks[1].at), 1),
        "settled_of_the_limit": round(after.taken / after.seconds / (per_s / 2), 3),
        "settled_refused": after.refused,
    }


# --- those who ask ---


def _ask_on(url: str, redis_url: str, key: str, rpm: float, stop: Event) -> None:
    import uvloop

    uvloop.run(_all_slots(url, redis_url, key, rpm, stop))


async def _all_slots(url: str, redis_url: str, key: str, rpm: float, stop: Event) -> None:
    wire = _wire(url, rpm)
    model: LanguageModel = wire
    if redis_url:
        model = LimitedModel(wire, Limiters(redis_url, PROCESSES).of(_choice(url, rpm), key), "bench")
    await asyncio.gather(*(_one_slot(model, stop, backs_off=not redis_url) for _ in range(SLOTS)))
    await wire.aclose()


async def _one_slot(model: LanguageModel, stop: Event, *, backs_off: bool) -> None:
    times = 0
    while not stop.is_set():
        try:
            await model.complete(_REQUEST)
            times = 0
        except ToldToWaitError as error:
            times += 1
            wait = min(BACKOFF_S * 2**times, BACKOFF_AT_MOST_S) * (0.5 + random.random())
            # What Temporal does: the step comes back at the time that was named.
            await asyncio.sleep(max(wait, error.wait_seconds) if backs_off else error.wait_seconds)


def _choice(url: str, rpm: float) -> ModelChoice:
    return ModelChoice(provider="openai", model="m", base_url=url, rpm=rpm, tpm=rpm * 400)


def _wire(url: str, rpm: float) -> OpenAIModel:
    price = Price(model="m", input=0, output=0)
    return OpenAIModel(_choice(url, rpm), api_key="bench", base_url=url, price=lambda: price)


# --- what a call costs more ---


async def _overhead(url: str, redis_url: str) -> dict[str, object]:
    wire = _wire(f"{url}/free", 1)
    choice = ModelChoice(provider="openai", model="free", base_url=url, rpm=1e6, tpm=1e9, concurrency=1000)
    limited = LimitedModel(wire, Limiters(redis_url, 1).of(choice, os.urandom(4).hex()), "bench")
    took: dict[str, list[float]] = {"bare": [], "limited": []}
    for _ in range(300):
        took["bare"].append(await _timed(lambda: wire.complete(_REQUEST)))
        took["limited"].append(await _timed(lambda: limited.complete(_REQUEST)))
    await wire.aclose()
    bare, with_it = (statistics.median(took[name][20:]) * 1000 for name in ("bare", "limited"))
    return {
        "bare_p50_ms": round(bare, 2),
        "limited_p50_ms": round(with_it, 2),
        "overhead_p50_ms": round(with_it - bare, 2),
    }


async def _timed(call: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await call()
    return time.perf_counter() - began
