"""Fixtures of the tests beside this file."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from adapters.models.offline.app import create_app
from tests.integration.models.wires import TOKEN, WIRES, Model, Tell, opened
from tests.served import Served


@pytest.fixture(scope="module")
def offline() -> Iterator[str]:
    with Served(create_app(admin_token=TOKEN)) as served:
        yield served.url


@pytest.fixture
def tell(offline: str) -> Iterator[Tell]:
    """Tell the offline model how to misbehave; it behaves again after the test."""

    def told(mode: str, **more: object) -> None:
        with httpx.Client(headers={"authorization": f"Bearer {TOKEN}"}) as client:
            client.post(f"{offline}/admin/misbehave", json={"mode": mode, **more}).raise_for_status()

    yield told
    told("none")


@pytest.fixture(params=WIRES)
async def model(offline: str, request: pytest.FixtureRequest) -> AsyncIterator[Model]:
    async with opened(offline, request.param) as built:
        yield built
