"""A server that speaks Stripe, and the rail that speaks with it."""

import socket
import threading
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
import uvicorn

from adapters.rails.stripe import StripeRail
from tests.integration.rails.stripe_speaker import StripeSpeaker


@pytest.fixture
def speaker() -> StripeSpeaker:
    return StripeSpeaker()


@pytest.fixture
def stripe_url(speaker: StripeSpeaker) -> Iterator[str]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(speaker.app(), log_level="error", lifespan="off", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)
    listener.close()


@pytest_asyncio.fixture
async def stripe(stripe_url: str) -> AsyncIterator[StripeRail]:
    async with httpx.AsyncClient() as client:
        yield StripeRail("sk_test_1", client, stripe_url)
