"""The whole product over each broker: two gateways, two intake workers, and one of each and the broker die."""

import asyncio
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from adapters.inbox.accepted_log import SqlAcceptedLog
from adapters.store import Store, open_store
from tests.e2e.pens.brokers import UnderTest, broker_under_test
from tests.e2e.pens.crowd import Crowd, Tally
from tests.e2e.running import HEADGATE, PROJECT, Running, audited, eventually, settled
from tests.postgres import running_postgres
from workers.machine.local_ports import HeldPorts

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WEBHOOKS = 240
FOREIGN = b"anything at all, \xc3\xbc"
PORT_BASES = {"rabbitmq": 25_000, "redis": 25_200, "sqs": 25_400}


class Beside:
    """One more gateway and one more intake worker of a running Headgate."""

    def __init__(self, running: Running) -> None:
        self._running = running
        ports = HeldPorts.take(running.ports[0] + 50, 1)
        self._port = ports.numbers[0]
        ports.release()
        self.gateway = f"http://127.0.0.1:{self._port}"
        self.log = running.data_dir.parent / "beside.log"
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        self._start("gateway")
        self._start("worker", "--role", "intake")
        eventually(self._answers, 180, f"the second gateway does not answer: {self.log}", every=0.2)

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(30)

    def _start(self, *arguments: str) -> None:
        env = {
            **self._running.env,
            "HEADGATE_DATA_DIR": str(self._running.data_dir),
            "HEADGATE_GATEWAY_PORT": str(self._port),
            "HEADGATE_OFFLINE_MODEL_URL": self._running.endpoints["offline_model"],
        }
        with self.log.open("ab") as log:
            self._processes.append(
                subprocess.Popen([*HEADGATE, *arguments], cwd=PROJECT, env=env, stdout=log, stderr=log)
            )

    def _answers(self) -> bool:
        assert all(process.poll() is None for process in self._processes), self.log.read_text()[-3000:]
        try:
            return httpx.get(f"{self.gateway}/readyz", timeout=6).is_success
        except httpx.HTTPError:
            return False


@contextmanager
def beside(running: Running) -> Iterator[Beside]:
    more = Beside(running)
    try:
        more.start()
        yield more
    finally:
        more.stop()


@pytest.mark.parametrize("kind", ["rabbitmq", "redis", "sqs"])
async def test_a_crowd_while_everything_dies_once(kind: str, start_headgate: Callable[..., Running]) -> None:
    with ExitStack() as servers:
        broker = servers.enter_context(broker_under_test(kind))
        env = {"HEADGATE_INBOX": broker.url, "HEADGATE_INTAKE_PER_SECOND": "100", **broker.env}
        if kind == "rabbitmq":
            env["HEADGATE_STORE_URL"] = servers.enter_context(running_postgres()).new_database()
        running = start_headgate(port_base=PORT_BASES[kind], env=env)
        try:
            with beside(running) as more:
                tally = await send(running, more, broker)
                await every_promise_is_one_case(running, env, tally)
                await what_a_foreigner_puts_is_told(running, broker)
        finally:
            running.stop()  # before its store and its broker


async def send(running: Running, more: Beside, broker: UnderTest) -> Tally:
    async def kill(name: str) -> None:
        old = await asyncio.to_thread(running.kill, name)
        await asyncio.to_thread(running.await_restart, name, old)

    crowd = Crowd(
        (running.endpoints["gateway"], more.gateway),
        running.secret(),
        n=WEBHOOKS,
        faults=((0.2, lambda: kill("gateway")), (0.45, broker.outage), (0.7, lambda: kill("worker-intake"))),
    )
    tally = await crowd.send()
    assert tally.wrong == []
    assert len(tally.promised) == WEBHOOKS * 18 // 20
    assert tally.duplicates == WEBHOOKS // 20
    return tally


async def every_promise_is_one_case(running: Running, env: dict[str, str], tally: Tally) -> None:
    states = await asyncio.to_thread(settled, running, tally.cases, 300)
    assert set(states) == tally.cases
    rows = running.json("cases", "list", "--limit", "100000")["cases"]
    assert Counter(row["case_id"] for row in rows) == Counter(tally.cases)  # each once, and no other
    eventually(lambda: waiting(running) == 0, 60, "the pen is not empty")
    await asyncio.to_thread(audited, running)
    store = open_store(env.get("HEADGATE_STORE_URL") or f"sqlite:///{running.data_dir / 'store.db'}")
    try:
        assert set(SqlAcceptedLog(store.database).ids("", 100_000)) == tally.cases
        assert {event: body_of(store, event) for event in tally.promised} == tally.promised
    finally:
        store.close()


def body_of(store: Store, event_id: str) -> bytes:
    return store.cases.load(f"case/shop/{event_id}").body


def waiting(running: Running) -> int:
    inbox = running.json("status")["inbox"]
    return int(inbox["ready"] + inbox["leased"])


async def what_a_foreigner_puts_is_told(running: Running, broker: UnderTest) -> None:
    await broker.put(FOREIGN)

    def letters() -> list[dict[str, str]]:
        found = running.json("dlq", "list")["dead_letters"]
        return [letter for letter in found if letter["source"] == "holding-pen"]

    await asyncio.to_thread(eventually, letters, 60, "it is no dead letter")
    await asyncio.sleep(5)
    (letter,) = letters()
    assert "somebody else put it into the broker" in letter["last_error"]
    assert waiting(running) == 0
    assert running.command("cases", "original", str(letter["case_id"]), "--raw").stdout.encode() == FOREIGN
    eventually(lambda: running.json("status")["words"]["told"] >= 1, 60, "nobody was told")
