"""What a broker under the holding pen promises when it is killed itself."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from domain.errors import TransientError
from tests.contracts.broker.promises import LANE, SOON_S, NewBroker, contents, numbered, publish, take


class RestartContract:
    """What holds when the broker itself is killed. Sub-classed with a `kill_and_restart` fixture beside `new_broker`:
    it kills the broker at once, keeps it away for some seconds and returns when it is up again.
    """

    async def test_what_was_confirmed_is_there_after_the_broker_was_killed(
        self, new_broker: NewBroker, kill_and_restart: Callable[[], Awaitable[None]]
    ) -> None:
        broker = await new_broker()
        confirmed: list[bytes] = []
        refused = 0
        up_again = asyncio.ensure_future(kill_and_restart())
        number = 0
        after = 0
        while after < 5:
            batch = [b"%d" % n for n in range(number, number + 20)]
            number += 20
            try:
                async with asyncio.timeout(SOON_S):  # nothing hangs
                    results = await broker.publish([(LANE, content) for content in batch])
            except TransientError as e:
                results = [e] * len(batch)
            confirmed += [content for content, result in zip(batch, results, strict=True) if result is None]
            if any(results):
                refused += 1
                await asyncio.sleep(0.05)
            elif up_again.done():
                after += 1
        await up_again
        assert refused, "the broker was never away"
        came: Counter[bytes] = Counter()
        while taken := await take(broker, LANE, 500, within_s=2.0):
            came.update(contents(taken))
            await broker.settle(taken)
        assert set(confirmed) <= set(came)

    async def test_every_call_ends_while_the_broker_is_away(
        self, new_broker: NewBroker, kill_and_restart: Callable[[], Awaitable[None]]
    ) -> None:
        broker = await new_broker()
        await publish(broker, LANE, numbered(6))
        held = await take(broker, LANE, 3)
        up_again = asyncio.ensure_future(kill_and_restart())
        failed: set[str] = set()
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "publish": lambda: publish(broker, "other/normal", [b"x"]),
            "waiting": lambda: broker.waiting([LANE]),
            "receive": lambda: broker.receive({"never/normal": 1}),
            "given_up": lambda: broker.given_up([LANE], 1),
            "check": broker.check,
        }
        while not up_again.done():
            for name, call in calls.items():
                try:
                    async with asyncio.timeout(SOON_S):
                        await call()
                except (TransientError, AssertionError):  # the latter: not confirmed
                    failed.add(name)
            await asyncio.sleep(0.05)
        await up_again
        assert failed == set(calls)
        # By itself it works again, and what was held comes once more: the old handles are worth nothing, and no error.
        give_up_at = time.monotonic() + SOON_S
        while True:
            try:
                await broker.check()
                break
            except TransientError:
                assert time.monotonic() < give_up_at
                await asyncio.sleep(0.1)
        await broker.settle(held)
        came = await take(broker, LANE, 6)
        assert sorted(contents(came)) == numbered(6)
