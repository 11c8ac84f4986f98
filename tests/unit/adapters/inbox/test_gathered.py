"""What is gathered is sent together, and every caller hears of its own messages."""

import asyncio

import pytest

from adapters.inbox.brokers.gathered import Gathering, Results, outcome
from domain.errors import ConfigurationError, HeadgateError, TransientError


class Wire:
    """Where batches go; `gate` lets them pass, `refused` names messages that are not taken."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.refused: dict[str, HeadgateError] = {}
        self.fault: Exception | None = None

    async def send(self, batch: list[str]) -> Results:
        self.batches.append(batch)
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return [self.refused.get(message) for message in batch]


@pytest.fixture
async def wire() -> Wire:
    return Wire()


def gathering(wire: Wire, *, at_once: int = 1) -> Gathering[str]:
    return Gathering(wire.send, most=3, most_bytes=10, at_once=at_once)


def sized(text: str, size: int = 1) -> list[tuple[str, int]]:
    return [(letter, size) for letter in text]


async def test_what_comes_while_one_is_sent_goes_together_and_in_order(wire: Wire) -> None:
    out = gathering(wire)
    wire.gate.clear()
    calls = [asyncio.create_task(out.put(sized(letter), 5.0)) for letter in "abcdef"]
    await asyncio.sleep(0.01)
    wire.gate.set()
    assert await asyncio.gather(*calls) == [(None,)] * 6
    assert "".join(message for batch in wire.batches for message in batch) == "abcdef"
    assert len(wire.batches) < 6
    assert max(map(len, wire.batches)) == 3


async def test_batches_are_no_larger_than_allowed_but_one_message_always_goes(wire: Wire) -> None:
    assert await gathering(wire).put([("a", 6), ("b", 6), ("c", 40), ("d", 1)], 5.0) == (None,) * 4
    assert wire.batches == [["a"], ["b"], ["c"], ["d"]]


async def test_each_caller_hears_what_became_of_its_own(wire: Wire) -> None:
    wire.refused = {"b": TransientError("full")}
    first, second = await asyncio.gather(*(gathering(wire).put(sized(text), 5.0) for text in ("ab", "cd")))
    assert first == (None, wire.refused["b"])
    assert second == (None, None)


async def test_what_is_not_confirmed_in_time_is_a_fault_and_what_waits_is_not_sent_later(wire: Wire) -> None:
    out = gathering(wire)
    wire.gate.clear()
    results = await out.put(sized("abcd"), 0.05)
    assert [type(result) for result in results] == [TransientError] * 4
    wire.gate.set()
    await asyncio.sleep(0.01)
    assert wire.batches == [["a", "b", "c"]]
    assert await out.put(sized("e"), 5.0) == (None,)
    assert [type(result) for result in results] == [TransientError] * 4


async def test_a_caller_that_is_cancelled_takes_back_what_waits(wire: Wire) -> None:
    out = gathering(wire)
    wire.gate.clear()
    first = asyncio.create_task(out.put(sized("a"), 5.0))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(out.put(sized("b"), 5.0))
    await asyncio.sleep(0.01)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    wire.gate.set()
    assert await first == (None,)
    assert wire.batches == [["a"]]


@pytest.mark.parametrize("fault", [TransientError("away"), ConfigurationError("wrong")])
async def test_a_fault_is_told_to_all_of_its_batch(wire: Wire, fault: HeadgateError) -> None:
    wire.fault = fault
    assert await gathering(wire).put(sized("ab"), 5.0) == (fault, fault)


async def test_a_bug_is_raised_where_the_messages_came_from(wire: Wire) -> None:
    wire.fault = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await gathering(wire).put(sized("ab"), 5.0)


async def test_whoever_waits_at_the_end_is_told(wire: Wire) -> None:
    out = gathering(wire)
    wire.gate.clear()
    call = asyncio.create_task(out.put(sized("abcd"), 5.0))
    await asyncio.sleep(0.01)
    out.stop()
    assert [str(result) for result in await call] == [
        "the connection to the broker was closed before it had confirmed"
    ] * 4


def test_the_outcome_names_what_failed_and_is_raised_if_that_is_all() -> None:
    transient, wrong = TransientError("away"), ConfigurationError("wrong")
    assert outcome([]) == []
    assert outcome([None, transient]) == [None, transient]
    mixed = outcome([None, wrong])
    assert [type(result) for result in mixed] == [type(None), TransientError]
    with pytest.raises(TransientError):
        outcome([transient])
    with pytest.raises(ConfigurationError):
        outcome([transient, wrong])
