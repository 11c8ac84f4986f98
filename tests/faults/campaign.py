"""A run: the product between the harness's own ends of every wire, faults in cycles, quiet, and what is seen then."""

import asyncio
import random
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from temporalio.client import Client
from temporalio.service import RPCError

from tests.faults import own_world, temporal_view
from tests.faults.audit_liveness import ALL_LIFTED
from tests.faults.faults import Fault, World, every_fault
from tests.faults.outside.model_server import ModelServer
from tests.faults.outside.people import People
from tests.faults.outside.provider import Provider
from tests.faults.outside.sender import Sender
from tests.faults.outside.storms import now
from tests.faults.outside.supervisor import Supervisor
from tests.faults.outside.wire import Wire
from tests.faults.plan import CAPS, SOURCE, Event, Plan
from tests.faults.product import Broker, Product
from tests.faults.records import Book, Booked, Evidence, Injected
from tests.served import Served

BOOKS = ("sent", "effects", "tries", "calls", "decided", "told", "injected")
LANES = 3  # faults at once, each in another place
SAMPLE_EVERY_S = 5.0
WAIT_FOR_ONE_S = 8.0  # so much longer a fault lasts that has met nobody yet
LOOK_EVERY_S = 3.0
LATE_S = 1.0
WARM_UP_S = 5.0  # first some cases are under way
REPLAYS = 3

Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How to run: times in seconds, `rate` in webhooks a second, `per_place` faults of each place in a cycle."""

    seed: int
    for_s: float
    per_place: int
    lull_s: float
    rate: float
    quiet_s: float
    patience: float
    port_base: int
    broker: str = ""
    broker_port: int = 0
    once: bool = True  # one cycle, cut after `for_s`; else cycles until then


@dataclass
class Seen:
    """What a run has brought: the evidence, and the product's own word."""

    evidence: Evidence
    skipped: dict[str, str]
    audit: dict[str, object] = field(default_factory=dict)
    status: dict[str, object] = field(default_factory=dict)
    memory: list[tuple[float, str, int, int]] = field(default_factory=list)


class Campaign:
    """One run in an empty folder."""

    def __init__(self, folder: Path, options: Options, say: Say) -> None:
        self._folder, self._options, self._say = folder, options, say
        self._rng = random.Random(options.seed)
        self._books = {name: Book(folder / f"{name}.jsonl") for name in BOOKS}
        self._plan = Plan(options.seed, int(options.rate * (options.for_s + options.lull_s + 240) * 1.2) + 100)
        self._memory: list[tuple[float, str, int, int]] = []
        self._booked_before: list[Booked] = []
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._known: dict[str, str] = {}
        self._world: World

    async def run(self) -> Seen:
        """Run it all; whatever was started is stopped at the end."""
        async with AsyncExitStack() as stack:
            self._world = await self._build(stack)
            faults = every_fault(self._world)
            skipped = {fault.name: fault.skip for fault in faults if fault.skip}
            stop, sent_all = asyncio.Event(), asyncio.Event()
            people = People(self._world.product.data_dir, self._events(), self._books["decided"])
            beside = [
                asyncio.create_task(people.decide_until(stop)),
                asyncio.create_task(self._sample_memory(stop)),
                asyncio.create_task(self._notice_own_lateness(stop)),
                asyncio.create_task(self._world.sender.send_steadily(self._plan.events, self._options.rate, sent_all)),
            ]
            try:
                await self._cycles([fault for fault in faults if not fault.skip])
                sent_all.set()
                await self._become_quiet(stop, beside)
            finally:
                for event in (stop, sent_all):
                    event.set()
                await asyncio.gather(*beside)
            return await self._look(skipped)

    def _events(self) -> dict[str, Event]:
        return {event.asked.event_id: event for event in self._plan.events}

    # --- setting up --------------------------------------------------------------------------------------------------

    async def _build(self, stack: AsyncExitStack) -> World:
        options, books = self._options, self._books
        currencies = {order.charge_id: order.currency for order in self._plan.orders}
        provider = Provider(books["effects"], books["tries"], currencies)
        model = ModelServer(books["calls"], lambda: self._endpoint("offline_model"))
        supervisor = Supervisor(books["told"])
        served = {}
        for name, app in (("model", model.app()), ("provider", provider.app()), ("supervisor", supervisor.app())):
            served[name] = stack.enter_context(Served(app)).url
        wires = {
            "sender": Wire("sender", lambda: _address(self._endpoint("gateway"))),
            "model": Wire("model", lambda: _address(served["model"])),
            "provider": Wire("provider", lambda: _address(served["provider"])),
        }
        for wire in wires.values():
            await wire.open()
            stack.push_async_callback(wire.close)
        product = Product(
            self._folder,
            model_url=_url(wires["model"]),
            provider_url=_url(wires["provider"]),
            supervisor_url=f"{served['supervisor']}/words",
        )
        disk = own_world.SmallDisk(product.data_dir) if own_world.has("mount") else None
        broker = self._broker(stack)
        self._say("starting the product")
        starting = asyncio.create_task(asyncio.to_thread(product.start, options.port_base))

        async def stop() -> None:
            await asyncio.wait([starting])  # cut short meanwhile, it must be up before it can be stopped
            if product.running is not None:
                await asyncio.to_thread(product.up.stop)

        stack.push_async_callback(stop)
        await asyncio.shield(starting)
        self._plan.write_records(self._folder / "records")
        done = await asyncio.to_thread(product.json, "records", "import", str(self._folder / "records"))
        assert done, "the records were not taken"
        sender = Sender(_url(wires["sender"]), self._secret, books["sent"], self._rng)
        stack.push_async_callback(sender.close)
        self._secret_kept = product.up.secret(SOURCE)
        return World(product, self._plan, sender, provider, model, supervisor, wires, self._rng, disk, broker)

    def _broker(self, stack: AsyncExitStack) -> Broker | None:
        if not self._options.broker:
            return None
        broker = Broker(self._options.broker, self._options.broker_port, self._folder / "broker.log")
        broker.start()
        stack.callback(broker.kill)
        return broker

    def _secret(self) -> str:
        return self._secret_kept

    def _endpoint(self, name: str) -> str:
        """Return an address of the running product; while it starts again, the one that it had."""
        with suppress(OSError, ValueError, KeyError):
            self._known[name] = str(self._world.product.up.endpoints[name])
        return self._known.get(name, "http://127.0.0.1:9")

    # --- faults ------------------------------------------------------------------------------------------------------

    async def _cycles(self, faults: Sequence[Fault]) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._options.for_s
        await asyncio.sleep(WARM_UP_S)
        self._places = sorted({place for fault in faults for place in fault.places})
        while loop.time() < until:
            deck = deque(self._deck(faults))
            self._say(f"{len(deck)} faults, {until - loop.time():.0f} s left")

            async def lane(deck: deque[Fault] = deck) -> None:
                while deck and loop.time() < until:
                    fault = deck.popleft()
                    async with self._hold(fault.places):
                        await self._let_happen(fault)

            await asyncio.gather(*(lane() for _ in range(LANES)))
            self._books["injected"].write(Injected(ALL_LIFTED, "cycle", now(), now()))
            self._say(f"all lifted, lull of {self._options.lull_s:.0f} s")
            self._booked_before = (await asyncio.to_thread(self._world.product.ledger))[0]
            await asyncio.sleep(self._options.lull_s)
            if self._options.once:
                return

    def _deck(self, faults: Sequence[Fault]) -> list[Fault]:
        """Return the faults of a cycle in their order: some of each place, by chance."""
        by_place: dict[str, list[Fault]] = defaultdict(list)
        for fault in self._rng.sample(faults, len(faults)):
            by_place[fault.places[0]].append(fault)
        chosen = [fault for of_place in by_place.values() for fault in of_place[: self._options.per_place]]
        self._rng.shuffle(chosen)
        return chosen

    @asynccontextmanager
    async def _hold(self, places: Sequence[str]) -> AsyncIterator[None]:
        """Have places for oneself; always taken in the same order, so that two never wait for each other."""
        wanted = self._places if "everything" in places else sorted(places)
        async with AsyncExitStack() as held:
            for place in wanted:
                await held.enter_async_context(self._locks[place])
            yield

    async def _let_happen(self, fault: Fault) -> None:
        since, hold_s = now(), self._rng.uniform(*fault.hold_s)
        self._say(f"  {fault.name}" + (f" for {hold_s:.0f} s" if hold_s else ""))
        try:
            await fault.inject()
            await asyncio.sleep(hold_s)
            while not fault.fired() and now() < since + hold_s + WAIT_FOR_ONE_S:  # noqa: ASYNC110 - two threads
                await asyncio.sleep(0.5)
        finally:
            until = now()  # to lift it may take a while, a start of everything for example
            await fault.lift()
        self._books["injected"].write(Injected(fault.name, fault.places[0], since, until, fault.fired()))

    async def _sample_memory(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            found = await asyncio.to_thread(self._world.product.memory)
            self._memory += [(now(), role, pid, size) for (role, pid), size in found.items()]
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), SAMPLE_EVERY_S)

    async def _notice_own_lateness(self, stop: asyncio.Event) -> None:
        """Write down when the harness itself stood still: what it measured meanwhile is not the product's matter."""
        while not stop.is_set():
            before = now()
            await asyncio.sleep(LATE_S / 4)
            if now() - before > LATE_S:
                self._books["injected"].write(Injected("the harness itself was late", "harness", before, now()))

    # --- quiet, and the look -----------------------------------------------------------------------------------------

    async def _become_quiet(self, stop: asyncio.Event, beside: Sequence[asyncio.Task[None]]) -> None:
        """Wait until nothing is under way, replaying dead letters; or until the promised time is up."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await self._world.sender.all_delivered(60 * self._options.patience)
        stop.set()  # whatever people decide now would be paid while one looks
        await asyncio.gather(*beside)
        for _ in range(REPLAYS):
            until = loop.time() + self._options.quiet_s * self._options.patience
            while loop.time() < until and not await self._is_quiet():  # noqa: ASYNC110 - Temporal is asked again
                await asyncio.sleep(LOOK_EVERY_S)
            letters = await asyncio.to_thread(self._world.product.letters)
            opened = [letter for letter in letters if letter.status == "open"]
            if not opened:
                break
            self._say(f"replaying {len(opened)} dead letters")
            await asyncio.to_thread(self._world.product.json, "dlq", "replay", "--all")
        self._say(f"quiet after {loop.time() - begun:.0f} s")

    async def _is_quiet(self) -> bool:
        taken = {one.event_id for one in self._books["sent"].rows if one.taken and one.kind != "hostile"}
        try:
            client = await self._temporal()
            working, missing = await temporal_view.under_way(client, taken)
        except (RPCError, RuntimeError):
            return False
        pen = await asyncio.to_thread(self._world.product.pen)
        self._say(f"  {len(working)} cases under way {working[:3]}, {missing} to begin, pen {pen}")
        return not working and not missing and not any(pen.values())

    async def _temporal(self) -> Client:
        return await temporal_view.connected(self._endpoint("temporal"))

    async def _look(self, skipped: dict[str, str]) -> Seen:
        product, books = self._world.product, self._books
        rows = {name: list(book.rows) for name, book in books.items()}
        asked = [event.asked for event in self._world.sender.handed_in]
        client = await self._temporal()
        booked, balance = await asyncio.to_thread(product.ledger)
        evidence = Evidence(
            asked=asked,
            **rows,
            stops=self._world.stops,
            runs=await temporal_view.runs_of_cases(client, {one.event_id for one in rows["sent"]}),
            stuck=await temporal_view.stuck(client),
            letters=await asyncio.to_thread(product.letters),
            pen=await asyncio.to_thread(product.pen),
            booked=booked,
            booked_before=self._booked_before,
            balance=balance,
            stored=await asyncio.to_thread(product.refused_bodies),
            alarms=await asyncio.to_thread(product.alarms),
            caps=CAPS,
            charges={order.charge_id: order.amount_minor for order in self._plan.orders},
            now=now(),
            quiet_s=self._options.quiet_s,
            patience=self._options.patience,
        )
        audit = await asyncio.to_thread(lambda: product.must("audit", codes=(0, 1)))
        status = await asyncio.to_thread(product.must, "status")
        for book in books.values():
            book.close()
        return Seen(evidence, skipped, audit, status, self._memory)


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or 80


def _url(wire: Wire) -> str:
    return f"http://127.0.0.1:{wire.port}"
