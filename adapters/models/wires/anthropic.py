"""Models behind the Anthropic wire: Anthropic itself, and the offline model where a test speaks this wire."""

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from adapters.models.wires.anthropic_stream import StreamedMessage
from adapters.models.wires.billing import anthropic_counts, billed, billed_in_vain
from adapters.models.wires.failures import ANTHROPIC_FAILURES, failure_for, quoted, status_in_mid_answer, without_key
from adapters.models.wires.rate_headers import rate_headers
from adapters.models.wires.streaming import CONNECT_S, fields_of, lost_connection, never_reached, read_answer
from domain.blueprint import ModelChoice
from domain.errors import ConfigurationError, HeadgateError, TransientError
from domain.model_call import ModelReply, ModelRequest, Price

if TYPE_CHECKING:
    from anthropic import AnthropicError
    from anthropic.types import Message


class AnthropicModel:
    """A `LanguageModel` by the official client; the SDK is imported when the first one is built.

    The answer comes as the input of a forced tool whose schema is the task's; this wire has no temperature and no
    token probabilities.

    Args:
        choice: the blueprint's model for a tier.
        api_key: sent as `x-api-key`.
        base_url: empty for Anthropic's own.
        price: returns the model's list price of the day.

    Raises:
        ConfigurationError: the choice asks for what this wire does not have.
    """

    def __init__(self, choice: ModelChoice, *, api_key: str, base_url: str, price: Callable[[], Price]) -> None:
        asked = {
            "temperature": choice.temperature is not None,
            "logprobs": choice.logprobs,
            "reasoning_effort": bool(choice.reasoning_effort),
        }
        for name, is_set in asked.items():
            if is_set:
                raise ConfigurationError(f"model {choice.model!r}: provider 'anthropic' has no {name!r}, take it out")
        if choice.structured != "tool":
            raise ConfigurationError(
                f"model {choice.model!r}: structured {choice.structured!r}: provider 'anthropic' is asked by 'tool'"
            )
        from anthropic import AsyncAnthropic, Timeout

        self._choice = choice
        self._price = price
        # One layer of retries: Temporal's and the ladder's, none in the client.
        self._client = AsyncAnthropic(
            api_key=api_key,
            base_url=base_url or None,
            max_retries=0,
            timeout=Timeout(choice.idle_s, connect=CONNECT_S),
        )

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Make one call, and return its answer when it is whole.

        Raises:
            TransientError, ToldToWaitError, UnsupportedTaskError, ConfigurationError: by the table in `failures`. An
                answer that broke off is a TransientError with what it cost.
        """
        from anthropic import AnthropicError

        collected = StreamedMessage()
        try:
            async with asyncio.timeout(self._choice.answer_s):
                return await self._streamed(request, collected)
        except AnthropicError as e:
            raise self._charged(self._failure(e), e, request, collected) from e
        except TransientError as e:
            raise self._charged(TransientError(f"{self._named}: {quoted(str(e))}"), e, request, collected) from e
        except lost_connection() as e:
            said = f"{self._named}: the answer broke off: {type(e).__name__}: {quoted(str(e))}"
            raise self._charged(TransientError(said), e, request, collected) from e

    async def _streamed(self, request: ModelRequest, collected: StreamedMessage) -> ModelReply:
        from anthropic.types import Message

        asked = self._client.messages.with_streaming_response.create(**self._body(request), stream=True)
        async with asked as response:
            headers = response.headers
            body = await read_answer(response, headers.get("content-type", ""), collected)
        reply = self._reply(request, Message.construct(**body), self._price())
        told = {"provider_request_id": headers.get("request-id", "")[:200] or reply.provider_request_id}
        return reply.model_copy(update=told | {"rate": rate_headers(headers)})

    def _charged(
        self, failure: HeadgateError, error: Exception, request: ModelRequest, collected: StreamedMessage
    ) -> HeadgateError:
        """Return the failure with what the call cost, if it came to the provider and no refusal came back."""
        from anthropic import APIStatusError

        in_vain = collected.began or not (isinstance(error, APIStatusError) or never_reached(error))
        wrote = bool(collected.usage or collected.text)  # a refusal in the middle of it is paid for, too
        if in_vain and (wrote or isinstance(failure, TransientError)):
            counts = anthropic_counts(collected.usage)
            failure.usage = billed_in_vain(self._price(), self._choice.model, counts, request, collected.text)
        return failure

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    @property
    def _named(self) -> str:
        return f"{self._choice.provider} {self._choice.model}"

    def _body(self, request: ModelRequest) -> dict[str, Any]:  # Any: the wire's own free-form JSON
        system = "\n\n".join(m.content for m in request.messages if m.role == "system")
        tool = {
            "name": request.schema_name,
            "description": "Record the answer.",
            "input_schema": request.json_schema,
        }
        return {
            "model": self._choice.model,
            "system": system,
            "messages": [m.model_dump() for m in request.messages if m.role != "system"],
            "max_tokens": request.max_output,
            "tools": [tool],
            "tool_choice": {"type": "tool", "name": request.schema_name, "disable_parallel_tool_use": True},
        }

    def _reply(self, request: ModelRequest, message: "Message | object", price: Price) -> ModelReply:
        from anthropic.types import Message

        # A proxy's page or an empty object comes through the client unchecked.
        if not isinstance(message, Message) or not isinstance(message.content, list):
            raise TransientError(f"{self._named}: the reply is no message: {quoted(repr(message))}")
        inputs: list[object] = [b.input for b in message.content if b.type == "tool_use"]
        answers = [i if isinstance(i, str) else json.dumps(i, ensure_ascii=False) for i in inputs]
        written = "\n".join(b.text for b in message.content if b.type == "text")
        text = "\n".join(answers) or written  # several calls are several answers, which nobody takes
        used: object = message.usage  # a server that only looks like the wire may count nothing
        counts = anthropic_counts({} if used is None else fields_of(used))
        model = message.model or self._choice.model
        return ModelReply(
            text=text,
            refusal=(written or "refused") if message.stop_reason == "refusal" else None,
            truncated=message.stop_reason in ("max_tokens", "model_context_window_exceeded"),
            model=model,
            usage=billed(price, model, counts, request, text),
            finish_reason=str(message.stop_reason or "")[:40],
            provider_request_id=str(message.id)[:200],
        )

    def _failure(self, error: "AnthropicError") -> HeadgateError:
        from anthropic import APIConnectionError, APIStatusError, CredentialsError

        if isinstance(error, APIStatusError):
            codes = (error.error_code or "", str(error.type or ""))
            headers = error.response.headers
            said = without_key(error.api_message or error.message, self._client.api_key)
            if error.status_code < 400:  # an error event in the middle of the answer
                status, named = status_in_mid_answer(codes), f"{self._named} in mid-answer"
                return failure_for(ANTHROPIC_FAILURES, named, status, {}, codes, said)
            return failure_for(ANTHROPIC_FAILURES, self._named, error.status_code, headers, codes, said)
        if isinstance(error, CredentialsError):
            return ConfigurationError(f"{self._named}: {quoted(str(error))}")
        kind = "no connection" if isinstance(error, APIConnectionError) else "no readable reply"
        return TransientError(f"{self._named}: {kind}: {type(error).__name__}: {quoted(str(error))}")
