"""A provider's 429, over both wires: what it tells of its limits comes to all processes, whatever its Retry-After."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
import redis.asyncio

from adapters.models.guards.limiter_local import LocalLimiter
from adapters.models.guards.limiter_redis import RedisLimiter
from adapters.models.guards.limiting import LimitedModel
from domain.errors import ToldToWaitError
from domain.pacing.limits import PAUSE_AT_MOST_S, USED_SHARE, Limits, rates
from ports.models.limits import Limiter
from tests.integration.models.wires import Tell, opened, question
from tests.redis_server import RedisServer, running_redis

STATED = Limits(rpm=6000)
TOLD_RPM = 120


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


@pytest_asyncio.fixture
async def processes(server: RedisServer) -> AsyncIterator[list[RedisLimiter]]:
    """Limiters of two processes that share a Redis, which knows nothing yet."""
    clients = [redis.asyncio.Redis(port=server.port) for _ in range(2)]
    await clients[0].flushall()
    yield [RedisLimiter(client, "told", LocalLimiter(STATED, 2)) for client in clients]
    for client in clients:
        await client.aclose()


async def refused(offline: str, wire: str, limiter: Limiter) -> ToldToWaitError:
    async with opened(offline, wire) as model:
        with pytest.raises(ToldToWaitError) as told:
            await LimitedModel(model, limiter, "m").complete(question("I was charged twice"))
    return told.value


@pytest.mark.parametrize("wire", ["json_schema", "anthropic"])
@pytest.mark.parametrize(
    "retry_after",
    [None, "2", "0.25", "0", "-5", "99999999999", "nan", "soon", "Sun, 01 Jan 2023 00:00:00 GMT"],
)
async def test_a_process_alone_keeps_to_its_share_of_the_limit_that_was_told(
    offline: str, tell: Tell, wire: str, retry_after: str | None
) -> None:
    now = 1_000_000.0
    limiter = LocalLimiter(STATED, 2, lambda: now)
    tell("429", requests_per_minute=TOLD_RPM, **({} if retry_after is None else {"retry_after": retry_after}))
    assert not (await refused(offline, wire, limiter)).held
    per_s, _ = rates(limiter.state, STATED.divided(2), now)
    assert per_s == pytest.approx(TOLD_RPM / 60 / 2 * USED_SHARE)
    assert now < limiter.state.pause_until <= now + PAUSE_AT_MOST_S


@pytest.mark.parametrize("wire", ["json_schema", "anthropic"])
async def test_another_process_is_slowed_down_by_it_through_redis(
    offline: str, tell: Tell, processes: list[RedisLimiter], wire: str
) -> None:
    one, other = processes
    before = await other.book(1)
    assert before.booked.request_s == pytest.approx(60 / STATED.rpm / USED_SHARE)
    tell("429", requests_per_minute=TOLD_RPM)
    await refused(offline, wire, one)
    assert not await other.confirm(before), "booked at the old rate"
    after = await other.book(1)
    assert not after.alone
    assert after.booked.request_s == pytest.approx(60 / TOLD_RPM / USED_SHARE)


@pytest.mark.parametrize("wire", ["json_schema", "anthropic"])
async def test_a_limit_that_nobody_stated_is_learned_from_a_refusal_that_its_use_brought_about(
    offline: str, tell: Tell, wire: str
) -> None:
    """The provider's own count refuses, and no word of ours."""
    now = 1_000_000.0
    limiter = LocalLimiter(Limits(), 1, lambda: now)
    tell("none", requests_per_minute=1)
    async with opened(offline, wire) as model:
        await model.complete(question("hello"))  # somebody else, whom our limiter does not see
    error = await refused(offline, wire, limiter)
    assert error.named
    assert rates(limiter.state, Limits(), now)[0] == pytest.approx(1 / 60 * USED_SHARE)
