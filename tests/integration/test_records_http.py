"""Records in a JSON service: the contract against a real server, and everything that a server can do instead."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from adapters.records.http import HttpRecords
from adapters.records.mapping import HttpMapping, read_mapping
from adapters.records.outside import OutsideRecords
from adapters.records.source import Deadline
from adapters.store import Store, open_store
from domain.errors import ConfigurationError, HeadgateError, ToldToWaitError, TransientError
from domain.money.records import Order
from ports.store import CustomerRecords
from tests.contracts.records import RecordsContract, find
from tests.outside_shop import HTTP_MAPPING, HTTP_ORDER, TOKEN, OutsideShop
from tests.served import Served


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def shop() -> OutsideShop:
    return OutsideShop()


@pytest.fixture(scope="module")
def url(shop: OutsideShop) -> Iterator[str]:
    with Served(shop.service()) as served:
        yield served.url


def opened(url: str, folder: Path, mapping: str = HTTP_MAPPING, token: str = TOKEN) -> HttpRecords:
    file = folder / "records.toml"
    file.write_text(mapping, encoding="utf-8")
    return HttpRecords(url, token, read_mapping(file, HttpMapping), file.name)


@pytest.fixture
def source(url: str, tmp_path: Path) -> Iterator[HttpRecords]:
    made = opened(url, tmp_path)
    yield made
    made.close()


class TestRecordsInAService(RecordsContract):
    @pytest.fixture
    def records(self, source: HttpRecords, store: Store) -> CustomerRecords:
        return OutsideRecords(source, store.database)


def test_what_is_filled_into_a_path_cannot_leave_its_place(source: HttpRecords, shop: OutsideShop) -> None:
    shop.seen.clear()
    with source.view(Deadline()) as view:
        for name in ("..", ".", "../../admin", "a/b", "a\\b", "a%2Fb", "a?b=c", "a#b", "ä b", "a;b"):
            assert view.order("default", name) is None
        assert view.customers("default", customer_id=None, email="a&mail=b/../c@d.example") == []
        assert view.order("../other", "ORD-1") is None
    assert shop.seen == [
        "/default/sales/a%3Fb%3Dc",
        "/default/sales/a%23b",
        "/default/sales/%C3%A4%20b",
        "/default/sales/a%3Bb",
        "/default/people?mail=a%26mail%3Db%2F..%2Fc%40d.example",
    ]


def test_a_wrong_token_is_told_without_being_repeated(url: str, tmp_path: Path) -> None:
    source = opened(url, tmp_path, token="secret-word")
    with pytest.raises(ConfigurationError, match="HEADGATE_RECORDS_TOKEN") as told:
        source.check()
    assert "secret-word" not in str(told.value)
    source.close()


def test_the_doctor_asks_for_nobody(source: HttpRecords, url: str) -> None:
    assert source.check() == url


# --- everything else that a server can answer -----------------------------------------------------------------------

Answer = Callable[[Request], Awaitable[Response]]


def asked(answer: Answer, folder: Path, *, within_s: float = 5.0, mapping: str = HTTP_MAPPING) -> Order | None:
    """Ask a server that answers so for an order."""

    async def either(request: Request) -> Response:
        return Response("ok") if request.url.path == "/healthz" else await answer(request)

    with Served(Starlette(routes=[Route("/{rest:path}", either)])) as served:
        source = opened(served.url, folder, mapping)
        try:
            with source.view(Deadline(within_s)) as view:
                return view.order("default", "ORD-1")
        finally:
            source.close()


def always(response: Callable[[], Response]) -> Answer:
    async def answer(_: Request) -> Response:
        return response()

    return answer


@pytest.mark.parametrize(
    ("status", "headers", "kind", "wait_s"),
    [
        (408, {}, TransientError, None),
        (425, {}, TransientError, None),
        (500, {}, TransientError, None),
        (502, {}, TransientError, None),
        (503, {}, TransientError, None),
        (503, {"retry-after": "7"}, ToldToWaitError, 7.0),
        (429, {"retry-after": "30"}, ToldToWaitError, 30.0),
        (429, {"retry-after-ms": "1500"}, ToldToWaitError, 1.5),
        (429, {}, ToldToWaitError, 20.0),
        (429, {"retry-after": "soon"}, ToldToWaitError, 20.0),
        (400, {}, ConfigurationError, None),
        (401, {}, ConfigurationError, None),
        (403, {}, ConfigurationError, None),
        (405, {}, ConfigurationError, None),
        (422, {}, ConfigurationError, None),
        (204, {}, ConfigurationError, None),
    ],
)
def test_what_a_status_means_for_a_retry(
    tmp_path: Path, status: int, headers: dict[str, str], kind: type[HeadgateError], wait_s: float | None
) -> None:
    with pytest.raises(kind, match=str(status)) as told:
        asked(always(lambda: Response(status_code=status, headers=headers)), tmp_path)
    if isinstance(told.value, ToldToWaitError):
        assert told.value.wait_seconds == wait_s


def test_what_is_not_there_is_not_there(tmp_path: Path) -> None:
    assert asked(always(lambda: Response(status_code=404)), tmp_path) is None
    mapping = HTTP_MAPPING.replace("[service]", "[service]\nnot_found = [400, 404]")
    assert asked(always(lambda: Response(status_code=400)), tmp_path, mapping=mapping) is None


def test_redirects_are_not_followed(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="redirects are not followed"):
        asked(always(lambda: RedirectResponse("/elsewhere")), tmp_path)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"<html>down for maintenance</html>", b'{"number": NaN}', b'{"number": 1, "number": 2}', b"\xff\xfe{}"],
)
def test_what_is_no_json_may_be_mended_by_time(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(TransientError, match="no JSON"):
        asked(always(lambda: Response(body)), tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"number": "ORD-2"}, "key orders.by_id: asked for 'ORD-1' the records answer with 'ORD-2'"),
        ({"number": None}, "key orders.id"),
        ({"buyer": "C-1"}, "key orders.customer_id"),
        ({"state": "unheard"}, "key orders.status"),
        ({"sum": {"amount": 20.005, "cur": "USD"}}, "key orders.total"),
        ({"sum": {"amount": True, "cur": "USD"}}, "key orders.total"),
        ({"ordered": "2026-06-05T12:00:00"}, "name the zone of all times by values.times"),
        ({"payments": {}}, "key charges.within: the answer has no list at 'payments'"),
        ({"payments": [{"ref": "CH-1"}]}, "key charges.amount: the answer has nothing at 'paid'"),
    ],
)
def test_an_answer_that_is_not_as_the_mapping_says_is_told_by_its_key(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=r"records\.toml: key") as told:
        asked(always(lambda: JSONResponse({**HTTP_ORDER, **changes})), tmp_path)
    assert said in str(told.value)


@pytest.mark.parametrize("spelling", ["ord-1", "ORD 1", "ORD1", "1", "#1", "SALE-1"])
def test_another_spelling_of_an_id_is_no_fault_of_the_service(tmp_path: Path, spelling: str) -> None:
    """Else whoever writes to us could make dead letters of the kind that somebody must mend."""
    assert asked(always(lambda: JSONResponse({**HTTP_ORDER, "number": spelling})), tmp_path) is None


def test_an_answer_without_its_list_of_charges_is_no_order_without_charges(tmp_path: Path) -> None:
    without = {name: value for name, value in HTTP_ORDER.items() if name != "payments"}
    with pytest.raises(ConfigurationError, match="no list at 'payments'"):
        asked(always(lambda: JSONResponse(without)), tmp_path)
    found = asked(always(lambda: JSONResponse({**HTTP_ORDER, "payments": None})), tmp_path)
    assert found is not None
    assert (found.charges, found.currency) == ([], "USD")


def test_numbers_are_read_as_they_are_written(tmp_path: Path) -> None:
    body = b'{"number": "ORD-1", "buyer": {"number": 7}, "state": "done", "ordered": "2026-06-05T12:00:00Z", '
    body += b'"arrived": null, "due": null, "positions": null, '
    found = asked(always(lambda: Response(body + b'"sum": {"amount": 20.10, "cur": "USD"}, "payments": []}')), tmp_path)
    assert found is not None
    assert (found.total_minor, found.customer_id) == (2_010, "7")


@pytest.mark.parametrize(
    "answer",
    [
        lambda: Response(status_code=405),
        lambda: Response(status_code=503),
        lambda: Response(b"{"),
        lambda: Response(b"\x1f", headers={"content-encoding": "gzip"}),
        lambda: JSONResponse({"number": "C-1", "contact": {"mail": "ann@example.com"}, "speaks": "en"}),
    ],
)
def test_errors_name_the_place_and_nobody(tmp_path: Path, answer: Callable[[], Response]) -> None:
    mapping = HTTP_MAPPING.replace("/{tenant}/people/{id}", "/{tenant}/people/{id}/profile?key=s3cret")

    async def either(request: Request) -> Response:
        return Response("ok") if request.url.path == "/healthz" else answer()

    with Served(Starlette(routes=[Route("/{rest:path}", either)])) as served:
        source = opened(served.url, tmp_path, mapping)
        with pytest.raises(HeadgateError) as told, source.view(Deadline()) as view:
            view.customers("default", customer_id="ann@example.org", email=None)
        source.close()
    assert "/{tenant}/people/{id}/profile" in str(told.value) or "key customers.by_id" in str(told.value)
    assert not any(word in str(told.value) for word in ("ann", "example", "s3cret"))


def test_charges_at_an_address_of_their_own_and_times_in_seconds(tmp_path: Path) -> None:
    mapping = HTTP_MAPPING.replace(
        'within = "payments"', 'of_order = "/{tenant}/sales/{id}/payments"\nlist = "data"\norder_id = "sale"'
    )
    mapping = mapping.replace('money = "decimal"', 'money = "minor"\ntimes = "unix"')
    charge = {"ref": "CH-1", "sale": "ORD-1", "paid": 2000, "cur": "USD", "at": 1780660800, "instrument": "card:1"}
    charge |= {"back": 0, "contested": False}

    async def answer(request: Request) -> Response:
        if request.url.path.endswith("/payments"):
            return JSONResponse({"data": [charge]})
        return JSONResponse({**HTTP_ORDER, "ordered": 1780660800, "sum": {"amount": 2000, "cur": "USD"}})

    found = asked(answer, tmp_path, mapping=mapping)
    assert found is not None
    assert (found.total_minor, found.charges[0].amount_minor) == (2_000, 2_000)
    assert f"{found.charges[0].captured_at:%Y-%m-%dT%H:%MZ}" == "2026-06-05T12:00Z"


def test_a_huge_answer_is_not_read_to_its_end(tmp_path: Path) -> None:
    """It has none."""

    async def answer(request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            while not await request.is_disconnected():
                yield b"[" * 65_536

        return StreamingResponse(body())

    with pytest.raises(ConfigurationError, match="more than 1048576 bytes"):
        asked(answer, tmp_path)


def test_a_compressed_answer_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="compressed"):
        asked(always(lambda: Response(b"\x1f\x8b", headers={"content-encoding": "gzip"})), tmp_path)


def test_a_server_that_does_not_answer_is_given_up_in_time(tmp_path: Path) -> None:
    async def answer(_: Request) -> Response:
        await asyncio.sleep(2)
        return JSONResponse(HTTP_ORDER)

    with pytest.raises(TransientError, match=r"no answer within 0\.5 s"):
        asked(answer, tmp_path, within_s=0.5)


def test_bytes_that_drip_do_not_lengthen_the_time(tmp_path: Path) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" "
            await asyncio.sleep(0.1)

    async def answer(_: Request) -> Response:
        return StreamingResponse(body())

    began = time.monotonic()
    with pytest.raises(TransientError, match="no answer within"):
        asked(answer, tmp_path, within_s=0.5)
    assert time.monotonic() - began < 3.9, "which all of it would have taken"


def test_a_server_that_is_away_is_transient(tmp_path: Path) -> None:
    source = opened("http://127.0.0.1:1", tmp_path)
    with pytest.raises(TransientError, match="cannot be reached: ConnectError"):
        source.check()
    source.close()


@pytest.mark.parametrize("url", ["", "ftp://x", "records.example", "http://", "http://x/?tenant=1", "http://x/#a"])
def test_an_address_that_is_none_is_told(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="HEADGATE_RECORDS_URL"):
        opened(url, tmp_path)


def test_a_token_that_would_break_the_header_is_told(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="HEADGATE_RECORDS_TOKEN"):
        opened(url, tmp_path, token="a\nX-Admin: yes")


def test_a_service_that_ignores_the_filter_makes_nobody_the_sender(tmp_path: Path, store: Store) -> None:
    """Whoever comes first in an unfiltered list must not become the customer, nor their orders somebody's."""
    somebody = {"number": "C-1", "contact": {"mail": "ann@example.com"}, "speaks": "en"}
    orders = [{**HTTP_ORDER, "buyer": {"number": "C-2"}}, {**HTTP_ORDER, "number": "ORD-9"}]

    async def answer(request: Request) -> Response:
        if request.url.path == "/healthz":
            return Response("ok")
        if request.url.path.endswith("/people"):
            return JSONResponse({"found": [somebody]})
        return JSONResponse({"found": orders})

    with Served(Starlette(routes=[Route("/{rest:path}", answer)])) as served:
        source = opened(served.url, tmp_path)
        records = OutsideRecords(source, store.database)
        assert find(records, sender_email="mallory@example.com").customer is None
        assert find(records, sender_email="ann@example.com").candidate_orders == ["ORD-9"]
        source.close()
