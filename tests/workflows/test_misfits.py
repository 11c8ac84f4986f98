"""No message wedges a workflow: what fits no handler is noted and changes nothing, what fits no start fails it.

Handlers and workflows are read off their definitions: a new one is tested without an edit here, but for how a new
workflow begins.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest
import pytest_asyncio
from pydantic import TypeAdapter, ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.workflow import _Definition as Definition

from domain.case import CaseState
from domain.dead_letters.replaying import ReplayState
from domain.intake import IntakeState, PaceChange
from domain.money.approval import ApprovalDecision, Verdict
from tests.time_skipping import time_skipping_server
from tests.workflows.fake_world import FakeWorld, account
from tests.workflows.running import REAL_TIME_S, Mill, eventually, new_case
from workers.roles import workflows
from workers.running.misfits import kinds_of
from workflows import options
from workflows.approval import ApprovalWorkflow
from workflows.case import CaseWorkflow
from workflows.dead_letters.replay import ReplayWorkflow
from workflows.intake import IntakeWorkflow


def json_of(data: bytes) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=data)


def payload(encoding: bytes, data: bytes = b"{}", **metadata: bytes) -> Payload:
    return Payload(metadata={"encoding": encoding, **metadata}, data=data)


FOREIGN: dict[str, Sequence[Payload]] = {
    "none": [],
    "null": [json_of(b"null")],
    "binary null": [payload(b"binary/null", b"")],
    "two": [json_of(b"{}"), json_of(b"{}")],
    "two nulls": [payload(b"binary/null", b""), json_of(b"null")],
    "a number": [json_of(b"5")],
    "a list": [json_of(b"[]")],
    "other fields": [json_of(b'{"nobody": "knows", "per_second": "fast", "verdict": [], "case": {}}')],
    "too large": [json_of(b'{"state": "running", "amount_minor": 1%s, "per_second": 1e300}' % (b"0" * 30))],
    "too long": [json_of(b'{"verdict": "answer", "by": "ann", "from_case": "c", "text": "%s"}' % (b"x" * 1_900_000))],
    "bytes": [payload(b"binary/plain", b"\x00\xff")],
    "no JSON": [json_of(b"\xff\xfe{")],
    "half a character": [json_of(rb'{"by": "\ud800"}')],
    "deep": [json_of(b"[" * 100_000)],
    "unknown encoding": [payload(b"zip/backwards")],
    "no encoding": [Payload(data=b"{}")],
    "encoding of no text": [payload(b"\xff\xfe")],
    "protobuf of nothing": [payload(b"json/protobuf")],
    "protobuf of nobody": [payload(b"json/protobuf", messageType=b"no.such.Message")],
    "stored elsewhere": [payload(b"json/external-storage-reference")],
    "marked as elsewhere": [
        Payload(metadata={"encoding": b"json/plain", "__temporal_external_storage_reference": b"true"}, data=b"[]")
    ],
}


@pytest_asyncio.fixture(loop_scope="session")
async def env() -> AsyncIterator[WorkflowEnvironment]:
    """A server for each test: it keeps its clock locked for what never ends."""
    async with time_skipping_server() as server:
        yield server


def fits(inputs: Sequence[Payload], kinds: Sequence[type]) -> bool:
    """Return whether this is what is taken: models whose fields all have defaults take any object.

    A handler that takes nothing is not shown what came all the same: it does what its name says.
    """
    if not kinds or len(inputs) != 1 or inputs[0].metadata.get("encoding") != b"json/plain":
        return not kinds
    try:
        TypeAdapter(kinds[0]).validate_json(inputs[0].data)
    except ValidationError:
        return False
    return True


def raw(inputs: Sequence[Payload]) -> list[RawValue]:
    return [RawValue(each) for each in inputs]


async def seen(handle: WorkflowHandle[Any, Any], definition: Definition) -> str:
    """Return all that the queries of a workflow tell, but for its notes."""
    told = {}
    for name in sorted(name for name in definition.queries if name and not name.startswith("__")):
        answer = await handle.query(name)
        told[name] = {key: value for key, value in answer.items() if key != "notices"}
    return json.dumps(told, sort_keys=True)


# --- how each workflow that hears of anything begins, and how it shows that it still works -------------------------


async def case_waits(mill: Mill, _: FakeWorld) -> WorkflowHandle[Any, Any]:
    handle = await mill.start(new_case(skip_to_human="there is nothing readable in it"))
    await mill.until(handle, CaseState.WAITING_HUMAN)
    return mill.client.get_workflow_handle(handle.id)


async def case_works(mill: Mill, handle: WorkflowHandle[Any, Any]) -> None:
    outcome = await mill.close_by_hand(mill.client.get_workflow_handle_for(CaseWorkflow.run, handle.id))
    assert outcome.state is CaseState.REJECTED


async def approval_waits(mill: Mill, world: FakeWorld) -> WorkflowHandle[Any, Any]:
    world.always("find_account", account(600_000))
    case = await mill.start()
    await mill.until(case, CaseState.WAITING_APPROVAL)
    handle = mill.client.get_workflow_handle(f"{case.id}/approval/1")
    await eventually(lambda: found(world, "announce_approval"))
    return handle


async def approval_works(mill: Mill, handle: WorkflowHandle[Any, Any]) -> None:
    view = await mill.client.get_workflow_handle_for(ApprovalWorkflow.run, handle.id).query(ApprovalWorkflow.view)
    yes = ApprovalDecision(approval_id=view.approval_id, digest=view.digest, verdict=Verdict.APPROVE, by="maria")
    await handle.signal("decide", yes)
    case = mill.client.get_workflow_handle_for(CaseWorkflow.run, view.case_id)
    assert (await case.result()).state is CaseState.DONE
    assert len(mill.world.of("refund")) == 1


async def intake_waits(mill: Mill, world: FakeWorld) -> WorkflowHandle[Any, Any]:
    world.hold("admit_batch")
    await mill.client.start_workflow(
        IntakeWorkflow.run, IntakeState(per_second=4), id=options.INTAKE_WORKFLOW_ID, task_queue=options.CASES_QUEUE
    )
    await eventually(lambda: found(world, "admit_batch"))
    return mill.client.get_workflow_handle(options.INTAKE_WORKFLOW_ID)


async def intake_works(mill: Mill, handle: WorkflowHandle[Any, Any]) -> None:
    await handle.signal(IntakeWorkflow.set_pace, PaceChange(per_second=7))
    state: IntakeState = await mill.client.get_workflow_handle_for(IntakeWorkflow.run, handle.id).query(
        IntakeWorkflow.state
    )
    assert state.per_second == 7


async def replay_waits(mill: Mill, world: FakeWorld) -> WorkflowHandle[Any, Any]:
    world.hold("replay_batch")
    state = ReplayState(replay_id="replay/r1", per_second=4)
    await mill.client.start_workflow(ReplayWorkflow.run, state, id=state.replay_id, task_queue=options.CASES_QUEUE)
    await eventually(lambda: found(world, "replay_batch"))
    return mill.client.get_workflow_handle(state.replay_id)


async def replay_works(mill: Mill, handle: WorkflowHandle[Any, Any]) -> None:
    await handle.signal(ReplayWorkflow.set_rate, PaceChange(per_second=7))
    state: ReplayState = await mill.client.get_workflow_handle_for(ReplayWorkflow.run, handle.id).query(
        ReplayWorkflow.progress
    )
    assert state.per_second == 7


async def found(world: FakeWorld, activity: str) -> bool:
    return bool(world.of(activity))


Begin = Callable[[Mill, FakeWorld], Awaitable[WorkflowHandle[Any, Any]]]
Work = Callable[[Mill, WorkflowHandle[Any, Any]], Awaitable[None]]
HEARS: dict[type, tuple[Begin, Work]] = {
    CaseWorkflow: (case_waits, case_works),
    ApprovalWorkflow: (approval_waits, approval_works),
    IntakeWorkflow: (intake_waits, intake_works),
    ReplayWorkflow: (replay_waits, replay_works),
}
DEFINITIONS = {each: Definition.must_from_class(each) for each in workflows()}


async def test_all_that_hear_anything_are_here() -> None:
    assert {each for each, has in DEFINITIONS.items() if has.signals or has.updates} == set(HEARS)


@pytest.mark.parametrize("each", HEARS, ids=lambda each: each.__name__)
async def test_what_fits_no_handler_is_noted_and_changes_nothing(
    each: type, mill: Mill, world: FakeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    begin, work = HEARS[each]
    definition = DEFINITIONS[each]
    handle = await begin(mill, world)
    before = await seen(handle, definition)
    for sort, inputs in FOREIGN.items():
        for name, signal in definition.signals.items():
            if fits(inputs, kinds_of(signal.fn)):
                continue
            caplog.clear()
            await handle.signal(str(name), args=raw(inputs))
            assert await seen(handle, definition) == before, f"signal {name} with {sort}"
            assert any(str(name) in record.getMessage() for record in caplog.records), f"signal {name} with {sort}"
        for name, update in definition.updates.items():
            if fits(inputs, kinds_of(update.fn)):
                continue
            with pytest.raises(WorkflowUpdateFailedError):
                await handle.execute_update(str(name), args=raw(inputs))
            assert await seen(handle, definition) == before, f"update {name} with {sort}"
    assert await failed_tasks(handle) == 0
    await work(mill, handle)


def unbounded(schema: Any, path: str = "") -> list[str]:  # Any: a JSON schema
    """Return the parts of a message's schema that may be as long or as large as their sender likes."""
    if isinstance(schema, list):
        return [found for number, part in enumerate(schema) for found in unbounded(part, f"{path}[{number}]")]
    if not isinstance(schema, dict):
        return []
    needs = {"string": "maxLength", "integer": "maximum", "array": "maxItems"}.get(str(schema.get("type")))
    free = needs and needs not in schema and "enum" not in schema and "format" not in schema
    return ([path] if free else []) + [f for name, part in schema.items() for f in unbounded(part, f"{path}.{name}")]


HANDLERS = [each.fn for has in DEFINITIONS.values() for some in (has.signals, has.updates) for each in some.values()]
MESSAGES = sorted({kind for handler in HANDLERS for kind in kinds_of(handler)}, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
async def test_what_fits_is_never_more_than_a_step_can_carry(kind: type) -> None:
    """Temporal refuses a step's input of 2 MB, and a search attribute beyond 64 bits: the task would fail for ever."""
    assert unbounded(TypeAdapter(kind).json_schema()) == []


@pytest.mark.parametrize("each", HEARS, ids=lambda each: each.__name__)
async def test_people_see_what_was_turned_away(each: type, mill: Mill, world: FakeWorld) -> None:
    """In the details of the workflow; each word once, so that a stuck script does not crowd out the rest."""
    handle = await HEARS[each][0](mill, world)
    name = next(name for name, signal in DEFINITIONS[each].signals.items() if kinds_of(signal.fn))
    for _ in range(3):
        await handle.signal(str(name))
    details = (await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)).current_details
    assert details.count("changed nothing: it came with no input, expected one ") == 1, details


@pytest.mark.parametrize("each", HEARS, ids=lambda each: each.__name__)
async def test_what_comes_with_a_word_that_needs_nothing_stops_nothing(
    each: type, mill: Mill, world: FakeWorld
) -> None:
    handle = await HEARS[each][0](mill, world)
    for name in [str(name) for name, signal in DEFINITIONS[each].signals.items() if not kinds_of(signal.fn)]:
        for inputs in FOREIGN.values():
            await handle.signal(name, args=raw(inputs))
    await handle.signal("nobody hears this", args=raw(FOREIGN["no JSON"]))
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update("nobody answers this", args=raw(FOREIGN["no JSON"]))
    await seen(handle, DEFINITIONS[each])
    assert await failed_tasks(handle) == 0
    await HEARS[each][1](mill, handle)


@pytest.mark.parametrize("sort", FOREIGN)
async def test_what_fits_no_start_fails_that_execution(sort: str, mill: Mill) -> None:
    handles = [
        await mill.client.start_workflow(
            each.__name__, args=raw(FOREIGN[sort]), id=f"forged/{each.__name__}", task_queue=options.CASES_QUEUE
        )
        for each, definition in DEFINITIONS.items()
        if not fits(FOREIGN[sort], definition.arg_types or [])
    ]
    assert handles
    for handle in handles:
        with pytest.raises(WorkflowFailureError) as refused:
            await asyncio.wait_for(handle.result(), REAL_TIME_S)
        assert isinstance(refused.value.cause, ApplicationError)
        assert refused.value.cause.type in {"UnfitStart", "ValidationError"}, refused.value.cause
        assert await failed_tasks(handle) == 0
        if refused.value.cause.type == "UnfitStart":
            assert str(refused.value.cause).startswith(f"UnfitStart: {handle.id.partition('/')[2]} was started ")


async def failed_tasks(handle: WorkflowHandle[Any, Any]) -> int:
    kind = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    return sum(event.event_type == kind for event in (await handle.fetch_history()).events)
