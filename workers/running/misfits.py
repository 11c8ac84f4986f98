"""Messages that fit no handler: they are noted and change nothing, so that none of them stops a workflow for good.

Temporal hands over whatever was sent. The SDK drops a signal that it cannot decode and says so in the log; one with no,
null, two or foreign inputs reaches the handler, which would raise, and the workflow task would fail for ever.
"""

import functools
import inspect
import json
import typing
from collections.abc import Callable, Sequence
from typing import Any

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    HandleSignalInput,
    HandleUpdateInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from workers.running.own_ids import stranger

UNFIT_MESSAGE = "UnfitMessage"
UNFIT_START = "UnfitStart"
NOTICES = "notices"
"""The attribute of a workflow whose list takes the notes; the log has them in any case."""
_JSON = b"json/plain"  # what every client of ours writes, and Temporal's own tools


class MisfitInterceptor(Interceptor):
    """Turns away signals and updates whose inputs are not what their handler takes."""

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002, ARG002 - as the SDK has it
    ) -> type[WorkflowInboundInterceptor] | None:
        """Stand before every workflow of a worker."""
        return _MisfitInbound


class _MisfitInbound(WorkflowInboundInterceptor):
    async def handle_signal(self, input: HandleSignalInput) -> None:  # noqa: A002 - as the SDK has it
        why = misfit(workflow.get_signal_handler(input.signal), input.args)
        if why:
            _note(f"the signal {input.signal!r} changed nothing: {why}")
            return
        await super().handle_signal(input)

    def handle_update_validator(self, input: HandleUpdateInput) -> None:  # noqa: A002 - as the SDK has it
        _require_fit(input)
        super().handle_update_validator(input)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:  # noqa: A002, ANN401 - as the SDK has it
        _require_fit(input)  # an update without a validator comes here first
        return await super().handle_update_handler(input)


def misfit(handler: Callable[..., Any] | None, inputs: Sequence[object]) -> str:
    """Return why inputs are not what a handler takes; empty if they are, or if there is no such handler.

    There are few such words, however a sender varies what it sends: they are kept once each.
    """
    if handler is None:
        return ""
    kinds = kinds_of(handler)
    takes = f"expected one {kinds[0].__name__}" if kinds else "expected none"
    if len(inputs) != len(kinds):
        return f"it came with {_count(len(inputs))}, {takes}"
    for value, kind in zip(inputs, kinds, strict=True):
        if not isinstance(value, kind):
            return f"it came with {'null' if value is None else 'something else'}, {takes}"
    return ""


def kinds_of(handler: Callable[..., Any]) -> list[type]:
    """Return the classes of the inputs that a handler takes, without `self`.

    The SDK binds handlers as partials, and async ones by a function around them.
    """
    while isinstance(handler, functools.partial):
        handler = handler.func
    if inspect.iscoroutinefunction(handler):
        handler = inspect.getclosurevars(handler).nonlocals.get("fn", handler)
    hints = typing.get_type_hints(handler)
    return [hints[name] for name in inspect.signature(handler).parameters if name != "self"]


def require_start(workflow_type: str, kinds: Sequence[type], inputs: Sequence[Payload]) -> None:
    """Let a workflow begin with what it takes only; what is no such model inside is refused where it is decoded.

    Raises:
        ApplicationError: it does not fit; the execution fails at its first task instead of trying it for ever.
    """
    why = ""
    if len(inputs) != len(kinds):
        why = _count(len(inputs))
    elif odd := [payload for payload in inputs if payload.metadata.get("encoding") != _JSON]:
        why = f"input in the encoding {odd[0].metadata.get('encoding', b'')[:40]!r}"
    if why:
        expected = ", ".join(kind.__name__ for kind in kinds) or "nothing"
        message = f"{workflow_type} was started with {why}: expected one {expected} as JSON; start it again with that"
        raise ApplicationError(message, type=UNFIT_START, non_retryable=True)


def require_own(info: workflow.Info, inputs: Sequence[Payload]) -> None:
    """Let a workflow begin as what it says it is only (`own_ids`).

    Raises:
        ApplicationError: somebody started it by hand; the execution fails at its first task.
    """
    parent_id = info.parent.workflow_id if info.parent is not None else None
    if strange := stranger(info.workflow_type, info.workflow_id, parent_id, _first(inputs)):
        message = f"{info.workflow_type} was started by hand, {strange}: nothing is done for it"
        raise ApplicationError(message, type=UNFIT_START, non_retryable=True)


def _first(inputs: Sequence[Payload]) -> dict[str, Any]:
    try:
        found = json.loads(inputs[0].data) if inputs else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _require_fit(message: HandleUpdateInput) -> None:
    """Raise what rejects an update; its sender is told, and nothing is noted: it would be another state at replay."""
    why = misfit(workflow.get_update_handler(message.update), message.args)
    if why:
        told = f"the update {message.update!r} changed nothing: {why}"
        raise ApplicationError(told, type=UNFIT_MESSAGE, non_retryable=True)


def _note(told: str) -> None:
    workflow.logger.warning(told)
    notices = getattr(workflow.instance(), NOTICES, None)
    if isinstance(notices, list) and told not in notices:
        notices.append(told)
        workflow.set_current_details(f"{workflow.get_current_details()}\n\n- note: {told}")


def _count(inputs: int) -> str:
    return "no input" if inputs == 0 else "one input" if inputs == 1 else "more than one input"
