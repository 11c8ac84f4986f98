"""Room for model calls beside workflow tasks: what is too much is refused at once, and nothing waits."""

import asyncio
from dataclasses import replace

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.room import NO_ROOM, RoomInterceptor


class Calls(ActivityInboundInterceptor):
    """Activities that end when they are told to."""

    def __init__(self) -> None:
        self.under_way = 0
        self.go_on = asyncio.Event()
        self.fail = False

    async def execute_activity(self, _: ExecuteActivityInput) -> str:
        self.under_way += 1
        await self.go_on.wait()
        if self.fail:
            raise ValueError
        return "answered"


def asked(*, threaded: bool = False) -> ExecuteActivityInput:
    return ExecuteActivityInput(fn=lambda: None, args=[], executor=object() if threaded else None, headers={})  # type: ignore[arg-type]  # any executor


def env(*, local: bool = True) -> ActivityEnvironment:
    made = ActivityEnvironment()
    made.info = replace(made.info, is_local=local)
    return made


async def outcome(task: "asyncio.Task[str]") -> str:
    try:
        return await task
    except ApplicationError as error:
        return error.type or ""
    except ValueError:
        return "failed"


@pytest.mark.parametrize(
    ("local", "threaded", "answers"),
    [
        (True, False, ["answered", "answered", NO_ROOM]),
        (False, False, ["answered"] * 3),  # tasks of a queue have slots of their own
        (True, True, ["answered"] * 3),  # look-ups have threads
    ],
)
async def test_only_local_model_calls_are_counted(local: bool, threaded: bool, answers: list[str]) -> None:
    calls = Calls()
    inbound = RoomInterceptor(2).intercept_activity(calls)
    tasks = [
        asyncio.create_task(
            outcome(asyncio.create_task(env(local=local).run(inbound.execute_activity, asked(threaded=threaded))))
        )
        for _ in range(3)
    ]
    await asyncio.sleep(0.01)
    calls.go_on.set()
    assert await asyncio.gather(*tasks) == answers


async def test_room_comes_back_however_a_call_ends() -> None:
    calls = Calls()
    inbound = RoomInterceptor(1).intercept_activity(calls)
    calls.go_on.set()
    for calls.fail in (True, False, True, False):
        got = await outcome(asyncio.create_task(env().run(inbound.execute_activity, asked())))
        assert got == ("failed" if calls.fail else "answered")
    calls.go_on.clear()
    cut_off = asyncio.create_task(env().run(inbound.execute_activity, asked()))
    await asyncio.sleep(0.01)
    cut_off.cancel()
    await asyncio.gather(cut_off, return_exceptions=True)
    calls.go_on.set()
    assert await outcome(asyncio.create_task(env().run(inbound.execute_activity, asked()))) == "answered"
