"""Records one history for each path of the workflows: `python -m tests.histories.record [scenario …]`.

The histories stand for cases under way while a new version is deployed; `tests/workflows/test_histories.py` replays
them. Record anew only what a change is meant to break, and only once nothing of the old version runs any more.
"""

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from temporalio.service import RPCError

from domain.specialists import SPECIALISTS
from tests.histories.conversations import (
    another_wish_while_the_first_waits,
    answered_too_late,
    asked_and_answered,
    asked_in_vain,
    thanks_for_the_letter_of_a_lead,
    the_same_request_twice,
    wrote_again_before_it_was_paid,
)
from tests.histories.long_lived import batches, intake, journal, replays, settling, tell
from tests.histories.parking import outage, parked
from tests.histories.scenarios import (
    SCENARIO_S,
    Recorded,
    Scenario,
    answered,
    answered_by_record,
    approved,
    approved_unread,
    ask,
    cancelled,
    cancelled_at_the_gate,
    cancelled_on_the_ladder,
    cancelled_while_it_pays,
    closed,
    dead_letter,
    dead_letter_of_the_specialist,
    decided_again,
    deny,
    expired,
    forged_first,
    forwarded,
    handed_back,
    help_desk,
    inform,
    ladder,
    machine,
    paid_by_another,
    payment_given_up,
    refund,
    rejected,
    replayed,
    sales,
    specialists_that_fail,
    specialists_that_hand_over,
    stopped_by_the_kill_switch,
    support,
    unanswered,
)
from tests.time_skipping import time_skipping_server
from tests.workflows.fake_world import FakeWorld
from tests.workflows.running import Mill, Specialists

HERE = Path(__file__).parent
STEPS = {specialist.step for specialist in SPECIALISTS.values()}
SCENARIOS: list[Scenario] = [
    refund,
    machine,
    forwarded,
    ladder,
    dead_letter,
    dead_letter_of_the_specialist,
    deny,
    ask,
    inform,
    support,
    sales,
    help_desk,
    specialists_that_fail,
    specialists_that_hand_over,
    payment_given_up,
    replayed,
    stopped_by_the_kill_switch,
    cancelled_while_it_pays,
    cancelled_on_the_ladder,
    parked,
    outage,
    answered,
    closed,
    unanswered,
    handed_back,
    cancelled,
    approved,
    answered_by_record,
    forged_first,
    approved_unread,
    rejected,
    expired,
    decided_again,
    paid_by_another,
    cancelled_at_the_gate,
    asked_and_answered,
    asked_in_vain,
    answered_too_late,
    wrote_again_before_it_was_paid,
    the_same_request_twice,
    another_wish_while_the_first_waits,
    thanks_for_the_letter_of_a_lead,
    intake,
    journal,
    replays,
    settling,
    batches,
    tell,
]


def without_traces(value: Any) -> Any:
    """Drop what tells of the machine that recorded: who ran the worker, and where its files are."""
    if isinstance(value, dict):
        return {k: without_traces(v) for k, v in value.items() if k not in {"identity", "stackTrace"}}
    return [without_traces(v) for v in value] if isinstance(value, list) else value


def written(workflow_id: str, history: dict[str, Any]) -> str:
    """Return a history with the id of its workflow, which is no part of it, one event a line."""
    events = ",\n".join(json.dumps(without_traces(event), ensure_ascii=False) for event in history["events"])
    return f'{{"workflowId": {json.dumps(workflow_id)}, "events": [\n{events}\n]}}\n'


def file_names(recorded: Recorded, *, apart: bool) -> Recorded:
    """Return what is kept of a scenario that was played with specialists inside their cases, or apart.

    Inside there is no workflow of the specialist; whatever has none is the same apart.
    """
    theirs = {name: workflow_id for name, workflow_id in recorded.items() if name.split("_")[0] in STEPS}
    if not apart:
        return {name: workflow_id for name, workflow_id in recorded.items() if name not in theirs}
    cases = {name for name in recorded if name.startswith("case_")}
    return theirs and theirs | {name.replace("case_", "case_apart_", 1): recorded[name] for name in cases}


async def record(scenario: Scenario, *, apart: bool) -> dict[str, str]:
    """Play a scenario on a server of its own; return the histories by file name.

    A workflow that was terminated with work under way locks the server's clock.
    """
    world = FakeWorld()
    Specialists.apart = apart
    async with time_skipping_server() as env, Mill(env, env.client, world) as mill:
        histories = {}
        for name, workflow_id in file_names(await scenario(mill, world), apart=apart).items():
            handle = env.client.get_workflow_handle(workflow_id)
            histories[name] = written(workflow_id, json.loads((await handle.fetch_history()).to_json()))
            with suppress(RPCError):  # it ended by itself
                await handle.terminate("recorded")
        return histories


async def main(names: list[str]) -> None:
    """Record the scenarios of these names, or all."""
    failed = []
    for scenario in SCENARIOS:
        name = getattr(scenario, "__name__", "")
        if names and name not in names:
            continue
        try:
            histories = {}
            for apart in (False, True):
                histories |= await asyncio.wait_for(record(scenario, apart=apart), SCENARIO_S)
        except Exception as error:  # noqa: BLE001 - the others are recorded all the same
            failed.append(name)
            print(f"{name}: {error!r}")
            continue
        for file, text in histories.items():
            (HERE / f"{file}.json").write_text(text, "utf-8")
            print(f"{name}: {file}.json, {len(text):,} bytes")
    if failed:
        sys.exit(f"not recorded: {', '.join(failed)}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
