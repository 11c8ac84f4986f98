"""How long a ticket takes that comes alone: from the webhook to the end of its case, less the time of the model."""

import asyncio
import json
import time
from typing import Any

import httpx
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from bench.bare import BARE_CASES, BareCase, BareWorkflow
from domain.errors import ImpossibleError
from domain.inbound.signing import sign
from domain.model_call import ModelRequest
from workers.bootstrap import Parts
from workers.machine.stack import Stack

_PERSON_S = 5.0
_LOOK_S = 0.005  # how often it is looked whether the case has begun


async def wait_of_ticket(
    stack: Stack,
    client: Client,
    parts: Parts,
    row: dict[str, Any],  # Any: JSON
    calls: list[ModelRequest],
    number: int,
) -> float | None:
    """Send a message by webhook; return the seconds until its case had ended, less those of its model calls.

    None if it waits for a person: its customer's money was paid back by an earlier round.

    Raises:
        ImpossibleError: the gateway did not take it.
    """
    source, event_id = stack.endpoints.sources[0], f"evt_lone_{number}"
    body = json.dumps({**row, "id": event_id}).encode()
    headers = {"content-type": "application/json", **sign(source.secret, event_id, body)}
    async with httpx.AsyncClient(base_url=stack.endpoints.gateway, timeout=15) as http:
        started = time.perf_counter()
        answer = await http.post(f"/webhooks/{source.name}", content=body, headers=headers)
    if answer.status_code != httpx.codes.ACCEPTED:
        raise ImpossibleError(f"the gateway answered {answer.status_code}: {answer.text[:200]}")
    try:
        await asyncio.wait_for(_ended(client, answer.json()["case_id"]), _PERSON_S)
    except TimeoutError:
        return None
    return time.perf_counter() - started - await _model_s(parts, calls)


async def wait_of_bare(client: Client, parts: Parts, calls: list[ModelRequest], number: int) -> float:
    """Return the seconds from the start of a bare workflow to its end, less those of its model calls."""
    started = time.perf_counter()
    await client.execute_workflow(
        BareWorkflow.run, BareCase(calls=calls), id=f"bench-bare/lone-{number}", task_queue=BARE_CASES
    )
    return time.perf_counter() - started - await _model_s(parts, calls)


async def _ended(client: Client, case_id: str) -> None:
    while True:
        try:
            await client.get_workflow_handle(case_id).result()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            await asyncio.sleep(_LOOK_S)
        else:
            return


async def _model_s(parts: Parts, calls: list[ModelRequest]) -> float:
    started = time.perf_counter()
    for call in calls:
        await parts.models[call.tier].complete(call)
    return time.perf_counter() - started
