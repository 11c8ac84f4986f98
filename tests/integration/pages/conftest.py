"""The pages, with desks that are not there."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.app import GatewaySettings, create_gateway
from gateway.console.approvers import ensure_approvers
from gateway.webhooks.sources import SourceRegistry, ensure_sources
from tests.fakes.inbox import FakeInbox
from tests.integration.pages.people import FakeCases, FakeDesk, FakeOriginals, Person


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def cases() -> FakeCases:
    return FakeCases()


@pytest.fixture
def originals() -> FakeOriginals:
    return FakeOriginals()


@pytest.fixture
def approvers_file(tmp_path: Path) -> Path:
    return tmp_path / "approvers.json"


@pytest.fixture
def tokens(approvers_file: Path) -> dict[str, str]:
    return ensure_approvers(approvers_file, ["ada", "bob"])


@pytest.fixture
async def http(
    desk: FakeDesk, cases: FakeCases, originals: FakeOriginals, approvers_file: Path, tokens: dict[str, str]
) -> AsyncIterator[httpx.AsyncClient]:
    ensure_sources(approvers_file.with_name("sources.json"), ["shop"])
    app = create_gateway(
        FakeInbox(),
        SourceRegistry(approvers_file.with_name("sources.json")),
        desk,
        GatewaySettings(
            approvers_file=approvers_file, temporal_ui_url="http://127.0.0.1:8233", page_hosts=("gateway",)
        ),
        cases=cases,
        originals=originals,
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        yield client


@pytest.fixture
def person(http: httpx.AsyncClient, tokens: dict[str, str]) -> Person:
    return Person(http, tokens)
