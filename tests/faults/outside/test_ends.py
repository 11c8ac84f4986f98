"""The harness's own ends of the wires do what they say."""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from standardwebhooks import Webhook

from tests.e2e.running import answering
from tests.faults.outside.provider import API_KEY, Provider
from tests.faults.outside.sender import Sender, signed
from tests.faults.outside.storms import FORMS, Storm, storm_of
from tests.faults.outside.wire import Spoil, Wire
from tests.faults.plan import CAPS, LIMITS, Plan
from tests.faults.product import Broker, Product, is_embedded_pen
from tests.faults.records import Book
from workers.machine.local_ports import free_ports

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\ngood"
SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"


@pytest_asyncio.fixture
async def wire() -> AsyncIterator[Wire]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    wire = Wire("test", lambda: ("127.0.0.1", server.sockets[0].getsockname()[1]))
    await wire.open()
    yield wire
    await wire.close()
    server.close()


async def ask(wire: Wire, timeout_s: float = 0.5) -> bytes | str:
    async with httpx.AsyncClient(timeout=timeout_s) as client:
        try:
            return (await client.get(f"http://127.0.0.1:{wire.port}/")).content
        except httpx.HTTPError as error:
            return type(error).__name__


async def test_a_wire_passes_what_it_does_not_spoil(wire: Wire) -> None:
    assert await ask(wire) == b"good"
    assert wire.spoilt == 0


@pytest.mark.parametrize("spoil", [Spoil.RESET, Spoil.REFUSE, Spoil.HALVE, Spoil.TRICKLE, Spoil.SILENT])
async def test_no_spoilt_answer_arrives_whole(wire: Wire, spoil: Spoil) -> None:
    wire.spoil = spoil
    assert "Error" in str(await ask(wire)) or "Timeout" in str(await ask(wire))
    assert wire.spoilt >= 1
    wire.spoil = Spoil.NONE
    assert await ask(wire) == b"good"


@pytest.fixture
def books(tmp_path: Path) -> Iterator[tuple[Book, Book]]:
    effects, tries = Book(tmp_path / "effects.jsonl"), Book(tmp_path / "tries.jsonl")
    yield effects, tries
    effects.close()
    tries.close()


def client_of(provider: Provider) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {API_KEY}", "idempotency-key": "case/shop/f-1/refund"}
    transport = httpx.ASGITransport(provider.app())
    return httpx.AsyncClient(transport=transport, base_url="http://provider", headers=headers)


FORM = {"charge": "CH-1", "amount": "500", "metadata[headgate_payee]": "card:1"}


async def test_the_provider_executes_a_key_once_and_writes_it_down_though_its_answer_is_lost(
    books: tuple[Book, Book], tmp_path: Path
) -> None:
    effects, tries = books
    provider = Provider(effects, tries, {"CH-1": "EUR"})
    provider.lose = True
    async with client_of(provider) as client:
        lost = await client.post("/v1/refunds", data=FORM)
        provider.lose = False
        again = await client.post("/v1/refunds", data=FORM)
        other = await client.post("/v1/refunds", data=FORM | {"amount": "501"})
    assert not lost.text.endswith("}")
    assert (again.json()["amount"], again.json()["currency"], other.status_code) == (500, "eur", 400)
    [effect] = effects.rows
    assert (effect.event_id, effect.amount_minor, effect.currency, effect.payee) == ("f-1", 500, "EUR", "card:1")
    assert [one.outcome for one in tries.rows] == ["executed", "answered 200", "answered 400"]
    assert len((tmp_path / "effects.jsonl").read_text().splitlines()) == 1, "on disk at once"


async def test_a_provider_in_a_storm_executes_nothing(books: tuple[Book, Book]) -> None:
    effects, tries = books
    provider = Provider(effects, tries, {})
    provider.storm = Storm(429, "seconds", 3)
    async with client_of(provider) as client:
        answers = [await client.post("/v1/refunds", data=FORM), await client.get("/v1/refunds")]
    assert [(one.status_code, one.headers["retry-after"]) for one in answers] == [(429, "3"), (429, "3")]
    assert effects.rows == []
    assert tries.rows[0].until == pytest.approx(tries.rows[0].at + 3, abs=0.5)


@pytest.mark.parametrize("form", [*FORMS, "5xx"])
def test_a_storm_says_when_to_come_again_only_where_it_names_a_time(form: str) -> None:
    headers, until = storm_of(form, random.Random(1)).header(1_796_000_000.4)
    assert (until is not None) == (form in {"seconds", "date"})
    assert bool(headers) == (form not in {"missing", "5xx"})
    if form == "date":
        assert parsedate_to_datetime(headers["retry-after"]).timestamp() == until


def test_the_sender_signs_as_the_reference_library_checks() -> None:
    Webhook(SECRET).verify(b'{"a": 1}', signed(SECRET, "f-1", b'{"a": 1}', time.time()))


async def test_a_sender_whose_connection_is_cut_has_no_answer(wire: Wire, books: tuple[Book, Book]) -> None:
    wire.spoil = Spoil.RESET
    sender = Sender(f"http://127.0.0.1:{wire.port}", lambda: SECRET, books[0], random.Random(1))
    one = await sender.post("f-1", b"{}", "event")
    await sender.close()
    assert (one.status, one.taken) == (0, False)


def test_a_plan_repeats_and_its_books_add_up() -> None:
    plan, again, other = Plan(7, 300), Plan(7, 300), Plan(8, 300)
    assert [event.raw for event in plan.events] == [event.raw for event in again.events]
    assert [event.raw for event in plan.events] != [event.raw for event in other.events]
    assert len({order.charge_id for order in plan.orders}) == len(plan.orders)
    for order in plan.orders:
        assert order.needs_approval == (order.amount_minor >= LIMITS[order.currency])
        assert order.amount_minor <= CAPS[order.currency]
    orders = {order for order, _ in (plan.refused_body() for _ in range(50))}
    assert not orders & {order.order_id for order in plan.orders}


def test_a_broker_is_killed_and_started_again(tmp_path: Path) -> None:
    (port,) = free_ports(25_300, 1)
    command = f"{sys.executable} -m http.server --bind 127.0.0.1 {port}"
    broker = Broker(command, port, tmp_path / "broker.log")
    broker.start()
    assert answering([port]) == [port]
    broker.kill()
    assert answering([port]) == []
    broker.start()
    assert answering([port]) == [port]
    broker.kill()


def test_an_inbox_of_the_environment_reaches_the_product(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEADGATE_INBOX", "redis://127.0.0.1:6390/0")
    assert not is_embedded_pen()
    product = Product(tmp_path, model_url="http://m", provider_url="http://p", supervisor_url="http://s")
    assert product.env["HEADGATE_INBOX"] == "redis://127.0.0.1:6390/0"
    monkeypatch.setenv("HEADGATE_INBOX", "sqlite:")
    assert is_embedded_pen()
