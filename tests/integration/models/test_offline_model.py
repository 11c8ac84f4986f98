"""The offline model on its own: what it says of itself, what it refuses, and who may tell it to misbehave."""

from collections.abc import Iterator

import httpx
import pytest

from adapters.models.offline.app import create_app
from domain.reading.answers import route_schema
from domain.routing import DEFAULT_CATEGORIES
from tests.served import Served

TOKEN = "for-tests"


@pytest.fixture(scope="module")
def offline() -> Iterator[str]:
    with Served(create_app(admin_token=TOKEN)) as served:
        yield served.url


async def test_it_says_what_it_is_and_gives_the_same_bytes_for_the_same_bytes(offline: str) -> None:
    body = {
        "model": "x",
        "messages": [{"role": "user", "content": "<ticket>\nI was charged twice\n</ticket>"}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "route", "schema": route_schema([c.name for c in DEFAULT_CATEGORIES])},
        },
    }
    async with httpx.AsyncClient() as client:
        replies = [await client.post(f"{offline}/v1/chat/completions", json=body) for _ in range(2)]
    assert replies[0].content == replies[1].content
    assert replies[0].headers["x-embedded"] == "true"
    said = replies[0].json()
    assert said["model"] == "embedded-router-1"
    assert said["system_fingerprint"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b"[" * 100_000, 400),
        (b'{"messages": [], "max_tokens": 5}', 400),
        (b'{"messages": [1], "max_tokens": 5, "stream": "yes"}', 400),
        (b'{"messages": [{"role": "user", "content": "hello"}], "max_tokens": 5}', 422),
        (b'{"messages": [{"role": "user", "content": 7}], "max_tokens": 5, "tools": 3, "tool_choice": {}}', 422),
        (b'{"messages": "' + b"x" * 5_000_000 + b'"}', 400),
    ],
)
async def test_odd_requests_get_an_error_in_the_wire_s_shape(offline: str, path: str, body: bytes, status: int) -> None:
    async with httpx.AsyncClient() as client:
        reply = await client.post(f"{offline}{path}", content=body)
    assert reply.status_code == status
    assert reply.json()["error"]["message"]
    assert reply.json()["error"]["type"] in ("invalid_request_error", "unsupported_task")


@pytest.mark.parametrize("token", [None, "wrong", TOKEN + "x", TOKEN[:-1]])
async def test_only_the_bearer_of_the_token_may_tell_it_to_misbehave(offline: str, token: str | None) -> None:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=headers) as client:
        assert (await client.post(f"{offline}/admin/misbehave", json={"mode": "500"})).status_code == 403
        assert (await client.get(f"{offline}/admin/misbehave")).status_code == 403


async def test_without_a_token_nobody_may_and_a_wrong_order_is_refused(offline: str) -> None:
    transport = httpx.ASGITransport(create_app())
    async with httpx.AsyncClient(
        transport=transport, base_url="http://x", headers={"authorization": "Bearer x"}
    ) as client:
        assert (await client.post("/admin/misbehave", json={"mode": "500"})).status_code == 403
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {TOKEN}"}) as client:
        for order in ({"mode": "explode"}, {"mode": "500", "probability": 2}, {"mode": "500", "extra": 1}, 5):
            assert (await client.post(f"{offline}/admin/misbehave", json=order)).status_code == 400


async def test_the_official_client_reads_embeddings_in_both_encodings(offline: str) -> None:
    from openai import AsyncOpenAI

    async with AsyncOpenAI(api_key="k", base_url=f"{offline}/v1", max_retries=0) as client:
        coded = await client.embeddings.create(model="embedded-router-1", input=["a cat", "a dog"])
        plain = await client.embeddings.create(
            model="embedded-router-1", input="a cat", encoding_format="float", dimensions=64
        )
        assert [len(d.embedding) for d in coded.data] == [384, 384]
        assert len(plain.data[0].embedding) == 64
        assert [m.id async for m in await client.models.list()] == ["embedded-router-1"]
