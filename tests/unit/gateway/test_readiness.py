"""Ready is who can take webhooks; what is in force and what stands still is told beside it, to operators only."""

import asyncio
import json
from base64 import b64encode
from pathlib import Path

import httpx
import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from adapters.store.database import Database
from client.queues.pollers import UnworkedQueue
from client.standstill import stuck as client_stuck
from client.standstill.stuck import StuckLook, StuckWatch
from domain.audit.facts import Stuck
from domain.errors import TransientError
from domain.installation.in_force import InForce
from gateway.app import GatewaySettings, create_gateway
from gateway.console.approvers import ensure_approvers
from gateway.webhooks.sources import SourceRegistry, ensure_sources
from tests.fakes.inbox import FakeInbox
from workflows.options import INTAKE_WORKFLOW_ID, Role


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
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8700") as http:
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


async def test_a_queue_that_nobody_works_is_a_warning_beside_the_others(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A worker that crashes as often as it is started says so in its log alone."""
    look = StuckLook((stuck("case/shop/1"),), all_seen=True, unworked=(UnworkedQueue("actions", Role.ACTION),))
    told = await readiness(look, tmp_path_factory)
    assert (told["ready"], told["stuck"]) == (True, 1)
    assert told["warnings"] == [
        "nobody works the queue actions (role action): `headgate doctor`, and look into logs/worker-action.log",
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


IN_FORCE = InForce(blueprint="b@1", limits_minor={"USD": 500_000}, models="m", rail="stripe", store="s", records="r")
HERE, THERE, OPERATORS = ("127.0.0.1", 40_000), ("203.0.113.9", 40_000), "approvers.json"

OF_PROXIES = (
    "CF-Connecting-IP", "CF-Connecting-IPv6", "CF-Ray", "CDN-Loop", "True-Client-IP", "X-Client-IP",
    "Fastly-Client-IP", "X-Cluster-Client-IP", "X-Real-IP", "X-Real_IP", "X-Forwarded", "X-Forwarded-Port",
    "X-Forwarded-Proto", "X-Forwarded-Server", "X-Forwarded-Client-Cert", "X-Forwarded-By", "Forwarded-For",
    "X-Original-Forwarded-For", "X-Original-Host", "X-Host", "X-Azure-ClientIP", "X-Envoy-External-Address",
    "X-AppEngine-User-IP", "WL-Proxy-Client-IP", "X-ProxyUser-Ip", "X-Remote-Addr", "Proxy-Connection",
    "X-Amzn-Trace-Id", "X-Arr-SSL",
)  # fmt: skip
BY_ONESELF = {
    "accept-language": "de", "cookie": "a=b", "origin": "http://localhost:8700", "sec-fetch-site": "none",
    "upgrade-insecure-requests": "1", "cache-control": "no-cache", "traceparent": "00-1-1-00", "x-request-id": "1",
}  # fmt: skip


def basic(name: str, token: str) -> dict[str, str]:
    return {"authorization": f"Basic {b64encode(f'{name}:{token}'.encode()).decode()}"}


async def told_to(
    folder: Path, peer: tuple[str, int], headers: dict[str, str], *, approvers_file: str | None = OPERATORS
) -> dict[str, object]:
    """Return what `/readyz` tells a caller."""
    ensure_sources(folder / "sources.json", ["shop"])
    settings = GatewaySettings(approvers_file=folder / approvers_file if approvers_file else None)
    app = create_gateway(
        FakeInbox(),
        SourceRegistry(folder / "sources.json"),
        settings=settings,
        in_force=IN_FORCE,
        standstills=Told(StuckLook((stuck("case/shop/1"),), all_seen=True)),
    )
    transport = httpx.ASGITransport(app, client=peer)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8700") as http:
        answer = await http.get("/readyz", headers=headers)
    assert answer.status_code == 200  # whoever asks
    assert answer.headers["cache-control"] == "no-store"  # the next one who asks may be somebody else
    document: dict[str, object] = json.loads(answer.content)
    return document


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        pytest.param(THERE, {}, id="from outside"),
        pytest.param(THERE, {"host": "127.0.0.1"}, id="from outside, by a local name"),
        pytest.param(THERE, {"x-forwarded-for": "127.0.0.1"}, id="from outside, who says it is here"),
        pytest.param(HERE, {"x-forwarded-for": "203.0.113.9"}, id="through a proxy that stands here"),
        pytest.param(HERE, {"forwarded": "for=203.0.113.9"}, id="through one that says so in the new way"),
        pytest.param(HERE, {"x-real-ip": "203.0.113.9"}, id="through one that says so in the old way"),
        pytest.param(HERE, {"via": "1.1 proxy"}, id="through one that names itself"),
        *(pytest.param(HERE, {name: "203.0.113.9"}, id=f"through one that adds {name}") for name in OF_PROXIES),
        pytest.param(HERE, {"host": "evil@localhost"}, id="a user at localhost"),
        pytest.param(HERE, {"host": "localhost/evil"}, id="a path of localhost"),
        pytest.param(HERE, {"host": "hooks.shop.example"}, id="through one that keeps the name"),
        pytest.param(HERE, {"host": "evil.example:8700"}, id="a page whose name leads here"),
        pytest.param(HERE, {"host": ""}, id="by no name"),
        pytest.param(THERE, basic("ada", "not-the-token"), id="a wrong token"),
        pytest.param(THERE, basic("nobody", ""), id="nobody"),
        pytest.param(THERE, {"authorization": "Basic !!!"}, id="no base64"),
        pytest.param(THERE, {"authorization": "Basic //46eA=="}, id="no text"),
        pytest.param(THERE, {"authorization": "Bearer x"}, id="another scheme"),
    ],
)
async def test_whoever_reaches_the_port_hears_the_verdict_alone(
    tmp_path: Path, peer: tuple[str, int], headers: dict[str, str]
) -> None:
    """The amount from which on a person decides is what a thief wants to know."""
    ensure_approvers(tmp_path / OPERATORS, ["ada"])
    assert await told_to(tmp_path, peer, headers) == {"ready": True}
    assert await told_to(tmp_path, peer, headers, approvers_file=None) == {"ready": True}


@pytest.mark.parametrize("peer", [HERE, ("::1", 1), ("::ffff:127.0.0.1", 1), ("127.8.8.8", 1)])
@pytest.mark.parametrize("host", ["localhost:8700", "127.0.0.1:8700", "[::1]:8700", "LOCALHOST"])
async def test_the_machine_itself_is_told_all(tmp_path: Path, peer: tuple[str, int], host: str) -> None:
    told = await told_to(tmp_path, peer, {"host": host}, approvers_file=None)
    assert told["in_force"] == IN_FORCE.model_dump(mode="json")
    assert (told["stuck"], told["warnings"]) == (1, ["1 case is stuck: `headgate unstick --all`"])


async def test_what_a_browser_or_a_probe_sends_by_itself_is_no_proxy(tmp_path: Path) -> None:
    assert "in_force" in await told_to(tmp_path, HERE, BY_ONESELF, approvers_file=None)


async def test_who_decides_is_told_all_from_anywhere(tmp_path: Path) -> None:
    token = ensure_approvers(tmp_path / OPERATORS, ["ada"])["ada"]
    through_proxy = {"x-forwarded-for": "198.51.100.7", "host": "desk.shop.example"}
    for peer in (HERE, THERE):
        told = await told_to(tmp_path, peer, basic("ada", token) | through_proxy)
        assert told["in_force"] == IN_FORCE.model_dump(mode="json")
        assert told["stuck"] == 1
    assert await told_to(tmp_path, THERE, basic("bob", token)) == {"ready": True}


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

    monkeypatch.setattr(client_stuck, "look_around", look)
    watch = StuckWatch(object(), fresh_s=60.0)  # type: ignore[arg-type]  # it is only handed on
    first = await watch.latest()
    assert first is not None
    assert await watch.latest() == first
    assert len(looks) == 1
    monkeypatch.setattr(watch, "_fresh_s", 0.0)
    assert await watch.latest() is None  # what is not known is not said to be as before


async def test_a_look_without_end_is_given_up_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(_: Client, __: int) -> StuckLook:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    monkeypatch.setattr(client_stuck, "look_around", look)
    monkeypatch.setattr(client_stuck, "LOOKS_FOR_S", 0.05)
    watch = StuckWatch(object(), fresh_s=0.0)  # type: ignore[arg-type]  # it is only handed on
    async with asyncio.timeout(5):
        assert await watch.latest(within_s=0.0) is None  # it goes on behind
        assert await watch.latest(within_s=3.0) is None  # and is given up
    assert watch._looking is None


class AwayInbox(FakeInbox):
    """A pen that cannot be written, for a reason."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def check_writable(self) -> None:
        raise self.error


async def refused(folder: Path, error: Exception, peer: tuple[str, int]) -> dict[str, object]:
    """Return what a caller hears of a gateway that cannot take webhooks."""
    ensure_sources(folder / "sources.json", ["shop"])
    sources = SourceRegistry(folder / "sources.json")
    app = create_gateway(AwayInbox(error), sources, in_force=IN_FORCE, standstills=Told(None))
    transport = httpx.ASGITransport(app, client=peer)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8700") as http:
        answer = await http.get("/readyz")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    document: dict[str, object] = json.loads(answer.content)
    return document


def away(message: str, *, of_store: bool = False) -> TransientError:
    error = TransientError(message)
    error.of_store = of_store
    return error


@pytest.mark.parametrize(
    ("error", "part", "said"),
    [
        (away("store 'postgresql://me:Secret@db' cannot be used", of_store=True), "store", "the store"),
        (away("redis at Secret: refused"), "holding pen", "it is away or refuses"),
        (away("inbox: 7 payloads wait already, send again later"), "holding pen", "7 payloads wait already"),
        (RuntimeError("Secret"), "holding pen", "it is away or refuses"),
        (TimeoutError(), "holding pen", "no answer within 5 seconds"),
    ],
)
async def test_operators_are_told_which_part_is_not_ready(
    error: Exception, part: str, said: str, tmp_path: Path
) -> None:
    told = await refused(tmp_path, error, HERE)
    assert (told["code"], told["not_ready"]) == ("not_ready", [part])
    assert said in str(told["detail"])
    assert "Secret" not in str(told)
    assert told["warnings"] == ["Temporal does not say what is stuck"]
    others = await refused(tmp_path, error, THERE)
    assert others["detail"] == "the holding pen cannot take anything in"
    assert {"not_ready", "warnings", "in_force"}.isdisjoint(others)


def test_trouble_of_the_store_is_known_as_such(tmp_path: Path) -> None:
    with pytest.raises(TransientError) as caught, Database(f"sqlite:///{tmp_path}").reading():  # a folder
        pass
    assert caught.value.of_store
