"""Embeddings by the official client, from a server that answers as told."""

import json
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from adapters.embedding.served import TEXTS_AT_ONCE, ServedEmbedder
from adapters.models.guards.limiter_local import LocalLimiter
from domain.blueprint import ModelChoice
from domain.errors import ConfigurationError, HeadgateError, ToldToWaitError, TransientError
from domain.pacing.limits import Limits

Answer = Callable[[httpx.Request], httpx.Response]
CHOICE = ModelChoice(provider="openai", model="tiny", base_url="http://server.invalid/v1")
NO_LIMITS = Limits(0.0, 0.0, 0)


@asynccontextmanager
async def embedder_on(answer: Answer, *, size: int = 3, limits: Limits = NO_LIMITS) -> AsyncIterator[ServedEmbedder]:
    embedder = ServedEmbedder(CHOICE, api_key="k", size=size, limiter=LocalLimiter(limits, 1))
    embedder._client._client = httpx.AsyncClient(
        transport=httpx.MockTransport(answer), base_url="http://server.invalid/v1"
    )
    try:
        yield embedder
    finally:
        await embedder.aclose()


def vectors(*of_length: int, turned: bool = False) -> dict[str, object]:
    rows = [{"object": "embedding", "index": n, "embedding": [2.0] * size} for n, size in enumerate(of_length)]
    data = rows[::-1] if turned else rows
    return {"object": "list", "data": data, "model": "tiny", "usage": {"prompt_tokens": 4, "total_tokens": 4}}


async def test_vectors_have_unit_length_and_keep_the_order_of_the_texts() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        texts = json.loads(request.content)["input"]
        rows = [
            {"object": "embedding", "index": n, "embedding": [float(len(text)), 0.0, 1.0]}
            for n, text in enumerate(texts)
        ]
        return httpx.Response(200, json={**vectors(), "data": rows[::-1]})

    async with embedder_on(answer) as embedder:
        found = await embedder.embed(["a", "", "aaaa", "  "])
    assert found[1] == found[3] == [0.0, 0.0, 0.0]
    assert found[0] == pytest.approx([1 / math.sqrt(2), 0, 1 / math.sqrt(2)])
    assert found[2] == pytest.approx([4 / math.sqrt(17), 0, 1 / math.sqrt(17)])


async def test_many_texts_go_in_parts_and_none_is_lost() -> None:
    sizes: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sizes.append(len(json.loads(request.content)["input"]))
        return httpx.Response(200, json=vectors(*[3] * sizes[-1]))

    async with embedder_on(answer) as embedder:
        assert len(await embedder.embed(["text"] * (TEXTS_AT_ONCE + 1))) == TEXTS_AT_ONCE + 1
    assert sizes == [TEXTS_AT_ONCE, 1]


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (200, vectors(4), ConfigurationError, "its vectors have 4 numbers, HEADGATE_EMBEDDER_SIZE says 3"),
        (200, vectors(3, 3), TransientError, "2 embeddings of 1 texts"),
        (200, {"data": [{"index": 0, "embedding": [0.0, 0.0, 0.0]}]}, TransientError, "without a direction"),
        (200, {"data": [{"index": 0, "embedding": [1e400, 0.0, 0.0]}]}, TransientError, "without a direction"),
        (200, {"data": None}, TransientError, "no embeddings"),
        (200, {"data": [{"index": 0, "embedding": ["x"]}]}, TransientError, "no embeddings"),
        (200, {"data": [{"index": 0, "embedding": [10**400, 1, 1]}]}, TransientError, "no embeddings"),
        (
            200,
            {"data": [{"index": None, "embedding": [1]}, {"index": 0, "embedding": [1]}]},
            TransientError,
            "no embedd",
        ),
        (200, {"data": [3]}, TransientError, "no embeddings"),
        (200, [], TransientError, "no embeddings"),
        (401, {"error": {"message": "no", "code": "invalid_api_key"}}, ConfigurationError, "HTTP 401"),
        (429, {"error": {"message": "slow down"}}, ToldToWaitError, "HTTP 429"),
        (500, {"error": {"message": "down"}}, TransientError, "HTTP 500"),
    ],
)
async def test_what_is_wrong_is_told_as_what_it_means(
    status: int, body: dict[str, object], error: type[HeadgateError], said: str
) -> None:
    content = json.dumps(body).replace("Infinity", "1e400")
    headers = {"content-type": "application/json"}
    async with embedder_on(lambda _: httpx.Response(status, content=content, headers=headers)) as embedder:
        with pytest.raises(error, match=said):
            await embedder.embed(["text"])


async def test_a_page_that_is_no_json_is_transient() -> None:
    async with embedder_on(lambda _: httpx.Response(200, text="<html>proxy</html>")) as embedder:
        with pytest.raises(TransientError):
            await embedder.embed(["text"])


async def test_no_answer_is_transient() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    async with embedder_on(answer) as embedder:
        with pytest.raises(TransientError, match=r"openai tiny at server.invalid/v1: APIConnectionError"):
            await embedder.embed(["text"])


async def test_it_is_asked_no_faster_than_its_limit() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=vectors(3))

    async with embedder_on(answer, limits=Limits(rpm=1.0, tpm=0.0, concurrency=0)) as embedder:
        await embedder.embed(["text"])
        with pytest.raises(ToldToWaitError, match="requests or tokens per minute are used up"):
            await embedder.embed(["text"])
    assert len(asked) == 1
