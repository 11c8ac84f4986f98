"""What `headgate doctor` finds in Temporal: server, namespace, search attributes, and who polls the task queues."""

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

from client.connect import connect
from client.queues.pollers import last_polls, live_among
from client.which import WhichHeadgate
from commands.doctor.machine import ANSWER_LIMIT_S, Finding, one_line
from commands.work.overview import INTAKE_ANSWERS_WITHIN
from domain.errors import NotReachableError
from workers.machine.local_ports import port_answers
from workflows import options

if TYPE_CHECKING:
    from temporalio.client import Client

Result = TypeVar("Result")

SERVER, NAMESPACE, ATTRIBUTES = "temporal server", "namespace", "search attributes"
_REMEDIES = {
    SERVER: "check TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, and TEMPORAL_API_KEY or the certificates (TEMPORAL_TLS_…)",
    NAMESPACE: "`headgate init` makes it; or name another one by TEMPORAL_NAMESPACE",
    ATTRIBUTES: "`headgate init` registers them",
}


async def check_temporal(which: WhichHeadgate | None) -> list[Finding]:
    """Look at server, namespace, search attributes and workers; stops at a part without which the rest cannot be asked.

    Args:
        which: None: nothing runs, as far as is known.
    """
    found: list[Finding] = []
    try:
        await _look_at_temporal(which, found)
    except _MissingPartError as missing:
        found.append(missing.finding)
    return found


class _MissingPartError(Exception):
    """Ends the look at Temporal: without this part the rest cannot be asked."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.found)
        self.finding = finding


async def _look_at_temporal(which: WhichHeadgate | None, found: list[Finding]) -> None:
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, GetSystemInfoRequest

    from workers.machine.temporal_setup import missing_attributes

    remedy = "start one with `headgate up`, or set TEMPORAL_ADDRESS"
    if which is None:
        raise _MissingPartError(Finding(SERVER, None, "no address known: nothing is running here", remedy))
    try:
        client = await _answer_or_missing(SERVER, connect(which))
    except _MissingPartError:
        host, _, port = which.address.rpartition(":")
        if port.isdigit() and await port_answers(host, int(port)):
            raise
        # The SDK's own message for it is a page of Rust.
        nobody = f"nothing answers at {which.address!r} (expected host:port)"
        raise _MissingPartError(Finding(SERVER, False, nobody, remedy)) from None
    service = client.workflow_service
    info = await _answer_or_missing(SERVER, service.get_system_info(GetSystemInfoRequest()))
    found.append(Finding(SERVER, True, f"{info.server_version} at {which.address}"))
    described = service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    await _answer_or_missing(NAMESPACE, described)
    found.append(Finding(NAMESPACE, True, client.namespace))
    missing = await _answer_or_missing(ATTRIBUTES, missing_attributes(client, options.SEARCH_ATTRIBUTES))
    if missing:
        lacking = f"missing in namespace {client.namespace!r}: {', '.join(missing)}"
        raise _MissingPartError(Finding(ATTRIBUTES, False, lacking, _REMEDIES[ATTRIBUTES]))
    found.append(Finding(ATTRIBUTES, True, ", ".join(options.SEARCH_ATTRIBUTES)))
    found += await asyncio.gather(*(check_worker(client, role) for role in options.Role))


async def _answer_or_missing(part: str, answer: Awaitable[Result]) -> Result:
    """Return Temporal's answer, or raise `_MissingPartError` for the part if there is none in time."""
    from temporalio.service import RPCError

    from client.refusals import is_denied

    remedy = _REMEDIES[part]
    try:
        return await asyncio.wait_for(answer, ANSWER_LIMIT_S)
    except TimeoutError:
        said = f"no answer within {ANSWER_LIMIT_S:g} s"
    except (RPCError, NotReachableError, RuntimeError, OSError, ValueError) as error:
        said = one_line(error)
        remedy = _REMEDIES[SERVER] if is_denied(error) else remedy
    raise _MissingPartError(Finding(part, False, said, remedy))


async def check_worker(client: "Client", role: options.Role) -> Finding:
    """Does a worker of this role poll its queues, and does a case worker answer?"""
    from temporalio.service import RPCError

    name = f"worker {role}"
    remedy = f"`headgate worker --role {role}` starts one; `headgate up` runs all of them"
    live = 0
    try:
        async with asyncio.timeout(ANSWER_LIMIT_S):
            for queue in options.QUEUES[role]:
                polls = await last_polls(client, queue)
                live = live_among(polls)
                if not live:
                    last = f", the last one did at {max(polls):%H:%M:%S} UTC" if polls else ""
                    return Finding(name, False, f"nobody polls the task queue {queue!r}{last}", remedy)
            if role is options.Role.CASE and not await _case_worker_answers(client):
                return Finding(name, False, "polled within the last minute, but does not answer now", remedy)
    except (RPCError, TimeoutError) as error:
        return Finding(name, None, f"Temporal does not tell: {one_line(error)}".rstrip(": "))
    return Finding(name, True, f"{live} on {', '.join(options.QUEUES[role])}")


async def _case_worker_answers(client: "Client") -> bool:
    """Return whether a case worker answers a query. Temporal alone would list a dead worker for minutes."""
    from client.intake import Intake
    from domain.errors import UnknownCaseError

    try:
        await Intake(client).state(INTAKE_ANSWERS_WITHIN)
    except UnknownCaseError:
        return True  # nothing to ask it about
    except NotReachableError:
        return False
    return True
