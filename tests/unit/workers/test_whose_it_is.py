"""Nothing is sent to what belongs to another installation, and a port that a stranger took is given up for others."""

import socket
from typing import Any

import httpx
import pytest
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import OtherInstallationError, PortTakenError, StartError
from tests.fakes.temporal import FakeNamespace
from tests.unit.workers.test_installation import blueprint, data_dir, lower, parts_of  # noqa: F401 - fixtures
from workers.config.settings import Settings
from workers.installation import take_stock
from workers.machine import stack as stack_module
from workers.machine.stack import PORT_TRIES, Stack, _is_of
from workers.namespace import MARK, claim_namespace, installation_of, require_ours

OURS, THEIRS = "a" * 16, "b" * 16


async def test_a_namespace_of_nobody_is_claimed_and_then_ours() -> None:
    space: Any = FakeNamespace({"team": "shop"})
    assert await installation_of(space) == ""
    await claim_namespace(space, OURS)
    assert space.data == {"team": "shop", MARK: OURS}
    await claim_namespace(space, OURS)


@pytest.mark.parametrize("space", [FakeNamespace({MARK: THEIRS}), FakeNamespace({}, beside=THEIRS)])
async def test_a_namespace_of_another_is_refused_with_both_ids(space: Any) -> None:
    with pytest.raises(OtherInstallationError, match=f"belongs to installation {THEIRS}, .* to {OURS}") as refused:
        await claim_namespace(space, OURS)
    assert refused.value.exit_code == 3
    assert space.data[MARK] == THEIRS


async def test_a_command_goes_to_no_temporal_of_another_and_claims_none() -> None:
    """`headgate rescue` with the wrong TEMPORAL_ADDRESS would begin all its cases there."""
    theirs: Any = FakeNamespace({MARK: THEIRS})
    with pytest.raises(OtherInstallationError, match=f"belongs to installation {THEIRS}, .* to {OURS}"):
        await require_ours(theirs, OURS)
    with pytest.raises(OtherInstallationError, match="to none yet"):
        await require_ours(theirs, "")
    nobodys: Any = FakeNamespace({})
    await require_ours(nobodys, OURS)
    assert nobodys.data == {}


async def test_a_temporal_that_lets_nobody_mark_it_is_used_all_the_same() -> None:
    space: Any = FakeNamespace({}, refuses=RPCStatusCode.PERMISSION_DENIED)
    await claim_namespace(space, OURS)
    assert space.data == {}
    broken: Any = FakeNamespace({}, refuses=RPCStatusCode.INTERNAL)
    with pytest.raises(RPCError):
        await claim_namespace(broken, OURS)


@pytest.mark.parametrize(
    ("content", "ours"),
    [
        (f'{{"alive": true, "instance": "{OURS}"}}', True),
        (f'{{"alive": true, "instance": "{THEIRS}"}}', False),
        ('{"alive": true}', False),
        (f'["{OURS}"]', False),
        (OURS, False),
        ("", False),
    ],
)
def test_a_health_answer_says_whose_it_is(content: str, ours: bool) -> None:
    assert _is_of(httpx.Response(200, text=content), OURS) is ours


@pytest.fixture
def stack(data_dir: Any, blueprint: Any, monkeypatch: pytest.MonkeyPatch) -> Stack:  # noqa: F811
    monkeypatch.setattr(stack_module, "find_temporal", lambda: "temporal")
    return Stack(Settings(data_dir=data_dir, blueprint=blueprint), port_base=23600, handle_signals=False)


async def test_a_port_that_a_stranger_took_is_given_up_for_others(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He bound it after we had looked: his server answers, or ours cannot start."""
    tried: list[list[int]] = []
    strangers: list[socket.socket] = []

    async def start_on(ports: list[int], _: object) -> None:
        tried.append(ports)
        if len(tried) < PORT_TRIES:
            stranger = socket.socket()
            strangers.append(stranger)
            stranger.bind(("127.0.0.1", ports[1]))
            stranger.listen(1)
            raise PortTakenError("another answers") if len(tried) == 1 else StartError("died 3 times")

    monkeypatch.setattr(stack, "_start_on", start_on)
    try:
        async with stack:
            assert len(tried) == PORT_TRIES
            taken = {stranger.getsockname()[1] for stranger in strangers}
            assert not taken & {*tried[-1]}
    finally:
        for stranger in strangers:
            stranger.close()


async def test_what_does_not_start_for_a_reason_of_its_own_is_not_tried_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    async def start_on(ports: list[int], _: object) -> None:
        tried.append(ports)
        raise StartError("its configuration is wrong")

    monkeypatch.setattr(stack, "_start_on", start_on)
    with pytest.raises(StartError, match="its configuration is wrong"):
        async with stack:
            pass
    assert len(tried) == 1


async def test_an_up_with_another_blueprint_starts_nothing(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    take_stock(parts_of(stack.settings.data_dir, stack.settings.blueprint))
    lower(stack.settings.blueprint)

    async def start_on(*_: object) -> None:
        raise AssertionError("nothing may be started")

    monkeypatch.setattr(stack, "_start_on", start_on)
    with pytest.raises(Exception, match=r"limit without approval 5,000\.00 USD -> 1,000\.00 USD"):
        async with stack:
            pass
    assert not stack.settings.approvers_file.exists(), "nor has an approver of other rules a token"
