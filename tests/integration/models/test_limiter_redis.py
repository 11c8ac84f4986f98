"""The limiter in a real Redis: number for number the pure rule, and the strict side whenever Redis is not there."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise

import pytest
import pytest_asyncio
import redis.asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.models.guards import limiter_redis
from adapters.models.guards.limiter_local import LocalLimiter
from adapters.models.guards.limiter_redis import RedisLimiter
from adapters.models.guards.limiter_script import LIMITER, from_line, to_line
from domain.pacing import limits as rule
from domain.pacing.limits import LimiterState, Limits, SaidLimits
from tests.redis_server import RedisServer, running_redis

NOW = 1_800_000_000.0
FAR = Limits(rpm=600, tpm=600_000)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


class Limiters:
    """Makes limiters as processes have them, and closes their connections at the end."""

    def __init__(self) -> None:
        self.clients: list[redis.asyncio.Redis] = []

    def at(self, port: int, name: str, limits: Limits = FAR, processes: int = 2) -> RedisLimiter:
        client = redis.asyncio.Redis(port=port)
        self.clients.append(client)
        return RedisLimiter(client, name, LocalLimiter(limits, processes))


@pytest_asyncio.fixture
async def limiters() -> AsyncIterator[Limiters]:
    made = Limiters()
    yield made
    for client in made.clients:
        await client.aclose()


_number = st.floats(0, 1e4, allow_nan=False).map(lambda n: round(n, 3))
_steps = st.lists(
    st.tuples(
        st.sampled_from(["book", "book", "book", "settle", "refused"]),
        st.floats(-2, 90, allow_nan=False),  # seconds since the step before; clocks are set back, too
        _number,
        st.floats(-3, 12, allow_nan=False),
        st.tuples(
            *[st.sampled_from([0.0, 30.0, 600.0, 1e5]) for _ in range(2)], *[st.sampled_from([-1.0, 0.0, 7.0])] * 2
        ),
    ),
    min_size=1,
    max_size=40,
)
_limits = st.builds(
    Limits, rpm=st.sampled_from([0.0, 0.5, 60.0, 3000.0]), tpm=st.sampled_from([0.0, 100.0, 1e5]),
    concurrency=st.sampled_from([0, 1, 3]),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limits=_limits, steps=_steps)
def test_it_does_what_the_pure_rule_does(server: RedisServer, limits: Limits, steps: list[tuple]) -> None:  # type: ignore[type-arg]
    with server.client() as client:
        client.flushall()
        script = client.register_script(LIMITER)
        state, now, leases = LimiterState(), NOW, dict[str, float]()
        for n, (what, gap, amount, other, said) in enumerate(steps):
            now += gap
            more: tuple[object, ...]
            expected: list[float] = []
            if what == "book":
                leases = {lease: until for lease, until in leases.items() if until > now}
                state, booked = rule.book(state, limits, now, amount, under_way=len(leases))
                expected = [booked.stands, booked.wait_s, booked.request_s, booked.tokens_s, booked.full]
                if booked.stands and limits.concurrency:
                    leases[f"l{n}"] = now + booked.wait_s + 30
                more = (amount, f"l{n}", 30, "p")
            elif what == "settle":
                state = rule.handed_back(state, other, now, now - amount)
                state = rule.told(state, limits, SaidLimits(*said, reset_s=0.5), now)
                more = ("l0", other, now - amount, *said, 0.5)
                leases.pop("l0", None)
            else:
                state = rule.refused(state, limits, now - other, amount, now, SaidLimits(*said, reset_s=0.5))
                more = ("l0", now - other, amount, *said, 0.5)
                leases.pop("l0", None)
            head = (what, repr(now), "", limits.rpm, limits.tpm, limits.concurrency)
            line, _, *got = script(
                keys=["{k}", "{k}:l", "{k}:p"], args=[*head, *[repr(m) if isinstance(m, float) else m for m in more]]
            )
            assert from_line(line.decode()) == state
            assert [float(text) for text in got[:5]] == [float(value) for value in expected]


def test_a_state_is_the_same_on_both_sides_of_the_wire() -> None:
    state = LimiterState(requests_tat=NOW + 0.1, share=1 / 3, said_tpm=1e-9)
    assert from_line(to_line(state)) == state


async def test_many_processes_share_one_rate(server: RedisServer, limiters: Limiters) -> None:
    several = [limiters.at(server.port, "one-rate", processes=4) for _ in range(4)]
    slots = [await several[n % 4].book(1) for n in range(200)]
    waits = sorted(slot.booked.wait_s + slot.booked.at for slot in slots if slot.booked.stands)
    assert not any(slot.alone for slot in slots)
    assert len(waits) < 60, "two seconds of ten a second, a half of burst, and what time passed meanwhile"
    assert min(b - a for a, b in pairwise(waits[5:])) > 0.09


async def test_a_fall_is_everybodys_and_a_booking_from_before_it_is_void(
    server: RedisServer, limiters: Limiters
) -> None:
    one, other = limiters.at(server.port, "fall"), limiters.at(server.port, "fall")
    first, sleeping = await one.book(1), await other.book(1)
    assert await other.confirm(sleeping)
    await one.refused(first, 0.5)
    assert not await other.confirm(sleeping)
    again = await other.book(1)
    assert again.booked.request_s == pytest.approx(2 * first.booked.request_s)


async def test_the_limit_that_a_refusal_tells_is_everybodys(server: RedisServer, limiters: Limiters) -> None:
    one, other = limiters.at(server.port, "told"), limiters.at(server.port, "told")
    first, sleeping = await one.book(1), await other.book(1)
    await one.refused(first, 0.5, SaidLimits(rpm=150, remaining_requests=0, reset_s=60))
    assert not await other.confirm(sleeping)
    again = await other.book(1)
    assert again.booked.request_s == pytest.approx(4 * first.booked.request_s), "a quarter, and not half of it"


async def test_a_refusal_while_redis_is_gone_is_this_process_s_share_of_what_it_tells(limiters: Limiters) -> None:
    alone = limiters.at(1, "told-alone", processes=2)
    slot = await alone.book(1)
    await alone.refused(slot, 0.01, SaidLimits(rpm=150))
    assert rule.rates(alone.local.state, Limits(rpm=300), NOW)[0] == pytest.approx(150 / 60 / 2 * rule.USED_SHARE)


async def test_leases_run_out_by_themselves_and_one_that_is_renewed_does_not(
    server: RedisServer, limiters: Limiters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter_redis, "LEASE_S", 0.4)
    shared = limiters.at(server.port, "leases", Limits(concurrency=2))
    dead, alive = await shared.book(1), await shared.book(1)
    assert dead.lease
    assert (await shared.book(1)).booked.full
    for _ in range(4):
        await asyncio.sleep(0.15)
        await shared.renew(alive)
    third = await shared.book(1)
    assert third.booked.stands, "the lease of a dead process is over"
    assert (await shared.book(1)).booked.full, "the one that was renewed is not"
    await shared.settle(third, None)
    assert (await shared.book(1)).booked.stands


async def test_what_was_not_used_is_handed_back(server: RedisServer, limiters: Limiters) -> None:
    shared = limiters.at(server.port, "back", Limits(tpm=60_000))
    slot = await shared.book(4000)
    assert not (await shared.book(1)).booked.stands
    await shared.settle(slot, 0)
    assert (await shared.book(1)).booked.wait_s < 1


async def test_a_flush_forgets_neither_the_fall_nor_what_was_booked(server: RedisServer, limiters: Limiters) -> None:
    shared = limiters.at(server.port, "flushed", Limits(tpm=60_000))
    slot = await shared.book(8000)
    await shared.refused(slot, 0)
    with server.client() as client:
        client.flushall()
        client.script_flush()
    again = await shared.book(1)
    assert not again.alone
    assert not again.booked.stands
    assert from_line(shared._known).share == 0.5


async def test_while_redis_is_gone_each_keeps_to_its_share_and_comes_back_by_itself(limiters: Limiters) -> None:
    with running_redis() as own:
        several = [limiters.at(own.port, "gone", processes=2) for _ in range(2)]
        for one in several:
            await one.refused(await one.book(1), 0)
        own.kill()
        slots = [await one.book(1) for _ in range(50) for one in several]
        assert all(slot.alone for slot in slots)
        booked = [slot for slot in slots if slot.booked.stands]
        assert booked
        per_s = 1 / booked[0].booked.request_s
        assert per_s <= 600 / 60 * 0.5 / 2, "half of the fallen rate"
        own.start()
        await asyncio.sleep(limiter_redis.ASK_AGAIN_S + 0.1)
        back = await several[0].book(1)
        assert not back.alone
        await several[0].settle(slots[0], 1)  # what was booked here ends here


async def test_a_slow_redis_holds_no_call_up_for_long(limiters: Limiters) -> None:
    with running_redis() as own:
        shared = limiters.at(own.port, "slow")
        await shared.book(1)
        with own.client() as client:
            client.execute_command("CLIENT", "PAUSE", 1500, "ALL")
            began = time.monotonic()
            slots = [await shared.book(1) for _ in range(5)]
            took_s = time.monotonic() - began
        assert all(slot.alone for slot in slots)
        assert took_s < 1.4, "bounded once, not for each call"


async def test_a_redis_that_was_never_there_is_a_share_of_the_limit(limiters: Limiters) -> None:
    alone = limiters.at(1, "never", processes=4)
    slot = await alone.book(1)
    assert slot.alone
    assert slot.booked.request_s == pytest.approx(4 * 60 / 600 / rule.USED_SHARE)
    await alone.refused(slot, 0)
    await alone.settle(slot, 1)


@pytest.mark.parametrize("nonsense", ["", "x y z", "1 2", "nan " * 15, "inf"])
async def test_a_state_that_somebody_else_wrote_stops_nobody(
    server: RedisServer, limiters: Limiters, nonsense: str
) -> None:
    with server.client() as client:
        client.set("{nonsense}", nonsense)
    slot = await limiters.at(server.port, "nonsense").book(1)
    assert slot.alone is False
    assert slot.booked.wait_s <= rule.DEBT_AT_MOST_S
