"""The faults: what each one touches, how long it lasts, how it is injected and lifted."""

import asyncio
import random
import resource
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.faults import own_world
from tests.faults.outside.model_server import ModelServer
from tests.faults.outside.provider import Provider
from tests.faults.outside.sender import Sender
from tests.faults.outside.storms import FORMS, now, storm_of
from tests.faults.outside.supervisor import Supervisor
from tests.faults.outside.wire import Spoil, Wire
from tests.faults.plan import Plan
from tests.faults.product import ROLES, WORKERS, Broker, Product, is_embedded_pen
from tests.faults.records import Stopped

Step = Callable[[], Awaitable[None]]
FROZEN_S = 33.0  # longer than a heartbeat timeout
SPARE_BYTES = 4096


@dataclass
class World:
    """Everything that faults are done to."""

    product: Product
    plan: Plan
    sender: Sender
    provider: Provider
    model: ModelServer
    supervisor: Supervisor
    wires: dict[str, Wire]
    rng: random.Random
    disk: own_world.SmallDisk | None = None
    broker: Broker | None = None
    stops: list[Stopped] = field(default_factory=list)
    spare_events: list[str] = field(default_factory=list)


@dataclass
class Fault:
    """A fault. `places` are touched by no other fault meanwhile; `skip` says why it cannot be had here.

    `inject` and `lift` do it; `fired` tells how often it happened, asked after it was lifted.
    """

    name: str
    places: tuple[str, ...]
    hold_s: tuple[float, float]
    inject: Step
    lift: Step
    fired: Callable[[], int] = lambda: 1
    skip: str = ""


def every_fault(world: World) -> list[Fault]:
    """Return all faults that there are, those that cannot be had here with the reason."""
    return [
        *_kills(world),
        *_freezes(world),
        *_wires(world),
        *_storms(world),
        *_of_the_provider(world),
        *_of_the_disk(world),
        *_of_senders(world),
        _network(world),
        _kill_switch(world),
        _broker(world),
    ]


async def _nothing() -> None:
    """Some faults are over as soon as they happened."""


def _kills(world: World) -> list[Fault]:
    def killed(role: str) -> Fault:
        hit = [0]

        async def inject() -> None:
            hit[0] = int(world.product.signal(role, signal.SIGKILL))

        return Fault(f"kill {role}", (role,), (0, 0), inject, _nothing, lambda: hit[0])

    async def kill_everything() -> None:
        await asyncio.to_thread(world.product.kill_everything)

    async def start_again() -> None:
        await asyncio.to_thread(world.product.up.start)

    everything = Fault("kill everything", ("everything",), (0.5, 3), kill_everything, start_again)
    return [*(killed(role) for role in ROLES), everything]


def _freezes(world: World) -> list[Fault]:
    def frozen(name: str, role: Callable[[], str], place: str, hold_s: tuple[float, float]) -> Fault:
        chosen, hit = [""], [0]

        async def inject() -> None:
            chosen[0] = role()
            hit[0] = int(world.product.signal(chosen[0], signal.SIGSTOP))

        async def lift() -> None:
            world.product.signal(chosen[0], signal.SIGCONT)

        return Fault(f"freeze {name}", (place,), hold_s, inject, lift, lambda: hit[0])

    def any_worker() -> str:
        return f"worker-{world.rng.choice(WORKERS)}"

    # Whichever worker it is: nobody kills one meanwhile, which would end the freeze.
    places = tuple(f"worker-{name}" for name in WORKERS)
    worker = frozen("a worker past its heartbeat", any_worker, "a worker", (FROZEN_S, FROZEN_S + 4))
    worker.places = places
    temporal = frozen("Temporal", lambda: "temporal", "temporal", (5, 12))
    return [worker, temporal]


def _wires(world: World) -> list[Fault]:
    def spoilt(name: str, spoil: Spoil) -> Fault:
        wire = world.wires[name]
        before: list[int] = []

        async def inject() -> None:
            before[:] = [wire.spoilt]
            wire.spoil = spoil

        async def lift() -> None:
            wire.spoil = Spoil.NONE

        return Fault(f"{name} wire {spoil}", (f"{name} wire",), (3, 6), inject, lift, lambda: wire.spoilt - before[0])

    return [spoilt(name, spoil) for name in world.wires for spoil in Spoil if spoil is not Spoil.NONE]


def _storms(world: World) -> list[Fault]:
    def storm(name: str, server: Provider | ModelServer, form: str) -> Fault:
        before: list[int] = []

        async def inject() -> None:
            before[:] = [server.broke]
            server.storm = storm_of(form, world.rng)

        async def lift() -> None:
            server.storm = None

        title = f"{name} 5xx" if form == "5xx" else f"{name} 429, Retry-After {form}"
        return Fault(title, (f"{name} wire",), (3, 6), inject, lift, lambda: server.broke - before[0])

    parties: list[tuple[str, Provider | ModelServer]] = [("model", world.model), ("provider", world.provider)]
    return [storm(name, server, form) for name, server in parties for form in (*FORMS, "5xx")]


def _of_the_provider(world: World) -> list[Fault]:
    provider, before = world.provider, [0]

    async def lose() -> None:
        before[0], provider.lose = provider.broke, True

    async def answer_again() -> None:
        provider.lose = False

    async def kill_at_next() -> None:
        before[0] = provider.broke
        provider.on_execute = lambda: (world.product.signal("worker-action", signal.SIGKILL), None)[1]

    async def disarm() -> None:
        provider.on_execute = None

    async def go_away() -> None:
        before[0], world.supervisor.away = world.supervisor.broke, True

    async def come_back() -> None:
        world.supervisor.away = False

    def broke() -> int:
        return provider.broke - before[0]

    def refused() -> int:
        return world.supervisor.broke - before[0]

    return [
        Fault("provider executes, its answer is lost", ("provider wire",), (3, 6), lose, answer_again, broke),
        Fault("worker killed between execution and record", ("provider wire", "worker-action"), (5, 8), kill_at_next,
              disarm, broke),
        Fault("supervisor's webhook away", ("provider wire", "supervisor"), (3, 6), go_away, come_back, refused),
    ]  # fmt: skip


def _of_the_disk(world: World) -> list[Fault]:
    disk, product = world.disk, world.product

    def small(name: str, free_bytes: int) -> Fault:
        async def inject() -> None:
            assert disk is not None
            await asyncio.to_thread(disk.leave_free, free_bytes)

        async def lift() -> None:
            assert disk is not None
            await asyncio.to_thread(disk.make_room)

        skip = "" if disk is not None else own_world.why_not("mount")
        return Fault(name, ("disk", "everything"), (4, 7), inject, lift, skip=skip)

    async def limit() -> None:
        product.limit_files("gateway", SPARE_BYTES)

    async def no_limit() -> None:
        product.limit_files("gateway", resource.RLIM_INFINITY)

    embedded = "" if is_embedded_pen() else "the holding pen is no file"
    limited = Fault("disk: the gateway can write no file", ("disk", "gateway"), (4, 7), limit, no_limit)
    limited.skip = embedded
    return [small("disk full but for 16 MB", 16 * 1024**2), small("disk full", SPARE_BYTES), limited]


def _of_senders(world: World) -> list[Fault]:
    def conduct(name: str, act: Callable[[], Awaitable[int]]) -> Fault:
        count = [0]

        async def inject() -> None:
            count[0] = await act()

        return Fault(name, ("sender",), (0, 0), inject, _nothing, lambda: count[0])

    async def duplicates() -> int:
        return await world.sender.duplicates_at_once(world.plan.events.pop())

    return [
        conduct("50 duplicates at once", duplicates),
        conduct("same id, other body", lambda: world.sender.other_bodies(world.plan)),
        conduct("hostile requests", lambda: world.sender.hostile(world.plan)),
    ]


def _network(world: World) -> Fault:
    async def cut() -> None:
        own_world.loopback(up=False)

    async def mend() -> None:
        own_world.loopback(up=True)

    return Fault(
        "network cut for everybody", ("network", "everything"), (3, 6), cut, mend, skip=own_world.why_not("net")
    )


def _kill_switch(world: World) -> Fault:
    since = [0.0]

    async def stop() -> None:
        done = await asyncio.to_thread(world.product.json, "effects", "stop", "--reason", "drill", "--by", "faults")
        since[0] = now() if done else 0.0

    async def allow() -> None:
        until, words = now(), ("effects", "allow", "--reason", "drill over", "--by", "faults")
        while not await asyncio.to_thread(world.product.json, *words):  # noqa: ASYNC110 - a command is asked again
            await asyncio.sleep(1)
        if since[0]:
            world.stops.append(Stopped(since[0], until))

    return Fault("kill switch", ("switch",), (8, 10), stop, allow)


def _broker(world: World) -> Fault:
    async def kill() -> None:
        assert world.broker is not None
        await asyncio.to_thread(world.broker.kill)

    async def start() -> None:
        assert world.broker is not None
        await asyncio.to_thread(world.broker.start)

    skip = "" if world.broker is not None else "the holding pen has no broker (--broker names one)"
    return Fault("kill the broker", ("broker",), (3, 8), kill, start, skip=skip)
