"""Both batch wires, by the official clients against the offline model on a real socket; sad paths first."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.models.wires.anthropic_batches import AnthropicBatchModel
from adapters.models.wires.openai_batches import OpenAIBatchModel
from domain.batches.owed import ItemEnd
from domain.batches.sending import Found
from domain.blueprint import ModelChoice
from domain.errors import ConfigurationError, ToldToWaitError, TransientError
from domain.model_call import ModelRequest, Price
from ports.models.batches import BatchResult, SoughtBatch
from tests.integration.models.wires import TOKEN, Tell, question
from tests.served import Served

Batches = OpenAIBatchModel | AnthropicBatchModel
HALF = Price(model="embedded-router-1", input=1.0, output=2.0, batch=0.5)
QUESTIONS = {
    f"item{n}": question(text)
    for n, text in enumerate(["I was charged twice, please refund me", "The screen stays black", "50 seats, please"])
}
FIRST = "item0"


def batches_on(url: str, wire: str, price: Price = HALF) -> Batches:
    if wire == "anthropic":
        choice = ModelChoice(provider="anthropic", model=HALF.model, structured="tool", idle_s=5)
        return AnthropicBatchModel(choice, api_key="k", base_url=url, price=lambda: price)
    choice = ModelChoice(provider="openai", model=HALF.model, structured="json_schema", idle_s=5, logprobs=True)
    return OpenAIBatchModel(choice, api_key="k", base_url=f"{url}/v1", price=lambda: price)


@pytest.fixture(params=["openai", "anthropic"])
async def batches(offline: str, request: pytest.FixtureRequest) -> AsyncIterator[Batches]:
    built = batches_on(offline, request.param)
    yield built
    await built.aclose()


async def ended(batches: Batches, number: str, questions: dict[str, ModelRequest]) -> dict[str, BatchResult]:
    results = await batches.collect(number, questions)
    assert results is not None
    assert [result.item_id for result in results] == list(questions), "each question once, whatever came back"
    return {result.item_id: result for result in results}


def sought(key: str, questions: dict[str, ModelRequest], *others: str) -> SoughtBatch:
    return SoughtBatch(key=key, item_ids=set(questions), sent_at=datetime.now(UTC), others=others)


def of(run: str) -> dict[str, ModelRequest]:
    """Questions with ids of their own: the server knows the batches of all tests."""
    return {f"{run}_{item_id}": request for item_id, request in QUESTIONS.items()}


# --- sending ---


async def test_a_reply_that_is_lost_says_so_and_the_batch_is_found(batches: Batches, tell: Tell) -> None:
    key, questions = f"lost{type(batches).__name__}", of(f"lost{type(batches).__name__}")
    tell("batch_no_reply", count=1)
    lost = await batches.submit(key, questions)
    assert lost.number == ""
    assert "504" in lost.why
    first = await batches.find(sought(key, questions))
    if isinstance(batches, AnthropicBatchModel):
        assert first.found is Found.UNTELLABLE, "it is under way, and this wire does not say whose it is"
        await end_all(batches)
        first = await batches.find(sought(key, questions))
    assert first.found is Found.YES
    assert {r.end for r in (await ended(batches, first.batch_id, questions)).values()} == {ItemEnd.ANSWERED}
    assert (await batches.find(sought("another", of("other")))).found is Found.NO


async def end_all(batches: AnthropicBatchModel) -> None:
    async for batch in batches._client.messages.batches.list():
        await batches._client.messages.batches.retrieve(batch.id)


async def test_batches_of_ours_that_are_known_raise_no_doubt(offline: str, tell: Tell) -> None:
    tell("batch_stuck")
    batches = batches_on(offline, "anthropic")
    known = (await batches.submit("known", of("known"))).number
    assert (await batches.find(sought("gone", of("gone")))).found is Found.UNTELLABLE
    assert (await batches.find(sought("gone", of("gone"), known))).found is Found.NO
    longer_ago = SoughtBatch("gone", set(of("gone")), datetime.now(UTC) + timedelta(days=1))
    assert (await batches.find(longer_ago)).found is Found.NO, "one that was made before cannot be it"
    await batches.cancel(known)
    await batches.collect(known, {})
    await batches.aclose()


async def test_a_batch_that_is_refused_did_not_come_there(batches: Batches, tell: Tell) -> None:
    questions = {"no id, with blanks" * 9: question("x")}
    with pytest.raises(ConfigurationError):
        await batches.submit("refused", questions)
    tell("batch_fails", count=1)
    if isinstance(batches, AnthropicBatchModel):
        with pytest.raises(ConfigurationError):
            await batches.submit("fails", of("fails"))
        return
    number = (await batches.submit("fails", of("fails"))).number
    results = await ended(batches, number, of("fails"))
    assert {r.end for r in results.values()} == {ItemEnd.REFUSED}
    assert "told to fail" in results[f"fails_{FIRST}"].why


@pytest.mark.parametrize("wire", ["openai", "anthropic"])
async def test_a_provider_that_is_not_there_took_no_batch(wire: str) -> None:
    batches = batches_on("http://127.0.0.1:9", wire)
    with pytest.raises(TransientError):
        await batches.submit("k", QUESTIONS)
    await batches.aclose()


@pytest.mark.parametrize("wire", ["openai", "anthropic"])
@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (429, "{}", ToldToWaitError),
        (401, "{}", ConfigurationError),
        (500, "{}", None),
        (504, "<html>", None),
        (200, "{}", None),
        (200, "[]", None),
        (200, "nonsense", None),
        (200, '{"id": "../../v1/models"}', None),
    ],
)
async def test_what_an_odd_reply_to_a_batch_means(
    wire: str, status: int, body: str, error: type[Exception] | None
) -> None:
    async def upload(_: Request) -> Response:
        return Response('{"id": "file-1"}', 200, media_type="application/json")

    async def odd(_: Request) -> Response:
        return Response(body, status, headers={"retry-after": "7"}, media_type="application/json")

    routes = [Route("/v1/files", upload, methods=["POST"]), Route("/{path:path}", odd, methods=["GET", "POST"])]
    with Served(Starlette(routes=routes)) as served:
        batches = batches_on(served.url, wire)
        if error is None:
            lost = await batches.submit("k", QUESTIONS)
            assert lost.number == ""
            assert lost.why
        else:
            with pytest.raises(error):
                await batches.submit("k", QUESTIONS)
        await batches.aclose()


# --- collecting ---


async def test_a_batch_that_is_stuck_is_under_way_until_it_is_cancelled(batches: Batches, tell: Tell) -> None:
    tell("batch_stuck", count=1)
    number = (await batches.submit("stuck", of("stuck"))).number
    for _ in range(3):
        assert await batches.collect(number, of("stuck")) is None
    await batches.cancel(number)
    results = await ended(batches, number, of("stuck"))
    assert {r.end for r in results.values()} == {ItemEnd.CANCELLED}
    await batches.cancel(number)  # it has ended: nothing changes, and it is no failure


@pytest.mark.parametrize(
    ("mode", "first", "others"),
    [
        ("batch_expires", ItemEnd.ANSWERED, ItemEnd.EXPIRED),
        ("batch_item_fails", ItemEnd.REFUSED, ItemEnd.ANSWERED),
        ("batch_item_lost", ItemEnd.LOST, ItemEnd.ANSWERED),
    ],
)
async def test_one_question_does_not_spoil_the_others(
    batches: Batches, tell: Tell, mode: str, first: ItemEnd, others: ItemEnd
) -> None:
    tell(mode, count=1)
    number = (await batches.submit(mode, QUESTIONS)).number
    results = await ended(batches, number, QUESTIONS)
    assert [result.end for result in results.values()] == [first, others, others]
    assert all((result.reply is not None) is (result.end is ItemEnd.ANSWERED) for result in results.values())
    assert all(result.why for result in results.values() if result.end is not ItemEnd.ANSWERED)


async def test_a_question_that_is_no_ones_is_left_alone(batches: Batches) -> None:
    number = (await batches.submit("more", QUESTIONS)).number
    ours = {FIRST: QUESTIONS[FIRST], "never_sent": question("x")}
    results = await ended(batches, number, ours)
    assert [result.end for result in results.values()] == [ItemEnd.ANSWERED, ItemEnd.LOST]


async def test_a_batch_that_nobody_knows(batches: Batches) -> None:
    with pytest.raises(ConfigurationError):
        await batches.collect("batch_none", QUESTIONS)
    with pytest.raises(ConfigurationError):
        await batches.cancel("batch_none")


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        '{"custom_id": ["item0"]}',
        '{"custom_id": "item0"}',
        '{"custom_id": "item0", "result": null, "response": []}',
        '{"custom_id": "item0", "result": {"type": "succeeded"}, "response": {"status_code": 200}}',
        '{"custom_id": "item0", "result": {"type": "succeeded", "message": {"content": [7]}}}',
        '{"custom_id": "item0", "response": {"status_code": 200, "body": {"choices": [7]}}}',
        '{"custom_id": "item0", "result": {"type": "else"}, "response": {"no": "status"}}',
        "[" * 100_000,
        '{"custom_id": "item0", "response": {"status_code": 200, "body": {"choices": [{"message": {"content": 7}}]}}}',
    ],
)
@pytest.mark.parametrize("wire", ["openai", "anthropic"])
async def test_a_line_that_cannot_be_read_is_charged_in_full_and_spoils_no_other(wire: str, line: str) -> None:
    """The provider answered something: what it was, nobody knows."""
    expired = {"custom_id": "item1", "result": {"type": "expired"}, "error": {"code": "batch_expired"}}

    async def results(_: Request) -> Response:
        return Response(f"{line}\n{json.dumps(expired)}\n", media_type="application/jsonl")

    async def batch(_: Request) -> Response:
        both: dict[str, Any] = {"id": "b", "processing_status": "ended", "status": "completed", "output_file_id": "f"}
        return Response(json.dumps(both), media_type="application/json")

    routes = [
        Route("/v1/files/f/content", results),
        Route("/v1/messages/batches/b/results", results),
        Route("/{path:path}", batch),
    ]
    with Served(Starlette(routes=routes)) as served:
        batches = batches_on(served.url, wire)
        found = await ended(batches, "b", QUESTIONS)
        await batches.aclose()
    assert found["item0"].end in (ItemEnd.UNREADABLE, ItemEnd.LOST)
    assert (found["item1"].end, found["item2"].end) == (ItemEnd.EXPIRED, ItemEnd.LOST)


@pytest.mark.parametrize(("completed", "end"), [(0, ItemEnd.CANCELLED), (1, ItemEnd.LOST), (None, ItemEnd.LOST)])
async def test_what_was_cancelled_costs_nothing_only_if_the_files_tell_all(completed: int | None, end: ItemEnd) -> None:
    counts = {"total": 3, "completed": completed, "failed": 0} if completed is not None else None

    async def batch(_: Request) -> Response:
        shown = {"id": "b", "status": "cancelled", "request_counts": counts}
        return Response(json.dumps(shown), media_type="application/json")

    with Served(Starlette(routes=[Route("/{path:path}", batch)])) as served:
        batches = batches_on(served.url, "openai")
        found = await ended(batches, "b", QUESTIONS)
        await batches.aclose()
    assert {result.end for result in found.values()} == {end}


async def test_answers_are_those_of_live_calls_at_half_the_price(batches: Batches, tell: Tell) -> None:
    tell("none", batch_looks=2)
    number = (await batches.submit("good", QUESTIONS)).number
    assert await batches.collect(number, QUESTIONS) is None
    assert await batches.collect(number, QUESTIONS) is None
    results = await ended(batches, number, QUESTIONS)
    for item_id, request in QUESTIONS.items():
        live, asked = await batches.complete(request), results[item_id].reply
        assert asked is not None
        assert (asked.text, asked.confidence, asked.model) == (live.text, live.confidence, live.model)
        usage = asked.usage
        assert usage.cost_micros == HALF.in_batch().cost_micros(usage.input_tokens, usage.output_tokens)
        assert (usage.calls, usage.output_tokens) == (1, live.usage.output_tokens)
        assert HALF.cost_micros(usage.input_tokens, usage.output_tokens) > usage.cost_micros


async def test_what_a_question_of_a_batch_gets_wrong_is_as_of_a_call(batches: Batches, tell: Tell) -> None:
    tell("refuse", count=1)
    number = (await batches.submit("refusal", QUESTIONS)).number
    results = await ended(batches, number, QUESTIONS)
    first = results[FIRST].reply
    assert first is not None
    assert first.refusal == "told to refuse"
    tell("no_usage", count=1)
    number = (await batches.submit("uncounted", QUESTIONS)).number
    uncounted = (await ended(batches, number, QUESTIONS))[FIRST].reply
    assert uncounted is not None
    assert uncounted.usage.estimated
    assert uncounted.usage.cost_micros > 0


# --- the stand-in ---


def test_what_the_offline_model_does_not_take(offline: str) -> None:
    with httpx.Client(base_url=offline, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        for path in ("/v1/batches", "/v1/messages/batches"):
            for body in (b"", b"[]", b"{}", b"7", b'{"requests": []}', b'{"requests": [7]}', b'{"requests": 7}'):
                assert client.post(path, content=body).status_code == 400, (path, body)
            assert client.post(f"{path}/none/cancel").status_code == 404
        assert client.post("/v1/files", content=b"x").status_code == 400
        assert client.get("/v1/files/output-none/content").status_code == 404
        assert client.get("/v1/messages/batches/none/results").status_code == 404
        params = {"max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}
        twice = {"requests": [{"custom_id": "a", "params": params}] * 2}
        assert client.post("/v1/messages/batches", json=twice).status_code == 400


def test_more_batches_than_a_page_are_listed(offline: str) -> None:
    params = {"max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}
    one = {"requests": [{"custom_id": "a", "params": params}]}
    with httpx.Client(base_url=offline) as client:
        made = [client.post("/v1/messages/batches", json=one).json()["id"] for _ in range(25)]
        listed: list[str] = []
        more, after = True, {}
        while more:
            page = client.get("/v1/messages/batches", params=after).json()
            listed += [batch["id"] for batch in page["data"]]
            more, after = page["has_more"], {"after_id": page["last_id"]}
    assert listed[:25] == made[::-1]
    assert len(listed) == len(set(listed))
