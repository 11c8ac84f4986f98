"""Ready is who can take webhooks; what stands still in Temporal is told beside it."""

import json

import httpx
import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from client.standstill import stuck as client_stuck
from client.standstill.stuck import StuckLook, StuckWatch
from domain.audit.facts import Stuck
from gateway.app import create_gateway
from gateway.webhooks.sources import SourceRegistry, ensure_sources
from tests.fakes.inbox import FakeInbox
from workflows.options import INTAKE_WORKFLOW_ID


def stuck(workflow_id: str) -> Stuck:
    return Stuck(workflow_id=workflow_id, run_id="r", workflow_type="t", problem="p")


class Told:
    """Says what it was given."""

    def __init__(self, look: StuckLook | None) -> None:
        self.look = look

    async def latest(self) -> StuckLook | None:
        return self.look


async def readiness(look: StuckLook | None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    sources = tmp_path_factory.mktemp("sources") / "sources.json"
    ensure_sources(sources, ["shop"])
    app = create_gateway(FakeInbox(), SourceRegistry(sources), standstills=Told(look))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as http:
        answer = await http.get("/readyz")
    assert answer.status_code == 200  # it takes webhooks, whatever waits
    document: dict[str, object] = json.loads(answer.content)
    return document


async def test_what_is_stuck_is_a_warning_without_ids_of_cases(tmp_path_factory: pytest.TempPathFactory) -> None:
    look = StuckLook((stuck("case/shop/secret-1"), stuck(INTAKE_WORKFLOW_ID)), all_seen=True)
    told = await readiness(look, tmp_path_factory)
    assert (told["ready"], told["stuck"]) == (True, 2)
    assert told["warnings"] == [
        "intake/default is stuck, on which all cases wait: `headgate unstick intake/default`",
        "1 case is stuck: `headgate unstick --all`",
    ]


async def test_nothing_stuck_warns_of_nothing_and_not_knowing_is_said(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    assert await readiness(StuckLook((), all_seen=True), tmp_path_factory) == {
        "ready": True, "stuck": 0, "warnings": [],
    }  # fmt: skip
    told = await readiness(None, tmp_path_factory)
    assert (told["ready"], told["stuck"]) == (True, None)


async def test_temporal_is_asked_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[StuckLook | Exception] = [
        StuckLook((stuck("case/shop/1"),), all_seen=True),
        RPCError("away", RPCStatusCode.UNAVAILABLE, b""),
    ]

    async def look(_: Client, __: int) -> StuckLook:
        told = looks.pop(0)
        if isinstance(told, Exception):
            raise told
        return told

    monkeypatch.setattr(client_stuck, "look_for_stuck", look)
    watch = StuckWatch(object(), fresh_s=60.0)  # type: ignore[arg-type]  # it is only handed on
    first = await watch.latest()
    assert first is not None
    assert await watch.latest() == first
    assert len(looks) == 1
    monkeypatch.setattr(watch, "_fresh_s", 0.0)
    assert await watch.latest() is None  # what is not known is not said to be as before
