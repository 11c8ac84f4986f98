"""Models behind the Anthropic wire: Anthropic itself, and the offline model where a test speaks this wire."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from adapters.models.wires.billing import billed
from adapters.models.wires.failures import ANTHROPIC_FAILURES, failure_for, quoted
from domain.blueprint import ModelChoice
from domain.errors import ConfigurationError, HeadgateError, TransientError
from domain.model_call import ModelReply, ModelRequest, Price

if TYPE_CHECKING:
    from anthropic import AnthropicError
    from anthropic.types import Message, Usage


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
        from anthropic import AsyncAnthropic

        self._choice = choice
        self._price = price
        # One layer of retries: Temporal's and the ladder's, none in the client.
        self._client = AsyncAnthropic(
            api_key=api_key, base_url=base_url or None, max_retries=0, timeout=choice.timeout_s
        )

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Make one call.

        Raises:
            TransientError, ToldToWaitError, UnsupportedTaskError, ConfigurationError: by the table in `failures`.
        """
        from anthropic import AnthropicError

        try:
            message = await self._client.messages.create(**self._body(request))
        except AnthropicError as e:
            raise self._failure(e) from e
        except json.JSONDecodeError as e:
            raise TransientError(f"{self._named}: the reply's body is no JSON ({e})") from e
        return self._reply(request, message)

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

    def _reply(self, request: ModelRequest, message: "Message | object") -> ModelReply:
        from anthropic.types import Message

        # A proxy's page or an empty object comes through the client unchecked.
        if not isinstance(message, Message) or not isinstance(message.content, list):
            raise TransientError(f"{self._named}: the reply is no message: {quoted(repr(message))}")
        answers = [json.dumps(b.input, ensure_ascii=False) for b in message.content if b.type == "tool_use"]
        written = "\n".join(b.text for b in message.content if b.type == "text")
        text = "\n".join(answers) or written  # several calls are several answers, which nobody takes
        tokens_in, tokens_out = _counted(message.usage)
        model = message.model or self._choice.model
        return ModelReply(
            text=text,
            refusal=(written or "refused") if message.stop_reason == "refusal" else None,
            truncated=message.stop_reason in ("max_tokens", "model_context_window_exceeded"),
            model=model,
            usage=billed(self._price(), model, tokens_in, tokens_out, request, text),
        )

    def _failure(self, error: "AnthropicError") -> HeadgateError:
        from anthropic import APIConnectionError, APIStatusError, CredentialsError

        if isinstance(error, APIStatusError):
            codes = (error.error_code or "", str(error.type or ""))
            headers = error.response.headers
            said = error.api_message or error.message
            return failure_for(ANTHROPIC_FAILURES, self._named, error.status_code, headers, codes, said)
        if isinstance(error, CredentialsError):
            return ConfigurationError(f"{self._named}: {quoted(str(error))}")
        kind = "no connection" if isinstance(error, APIConnectionError) else "no readable reply"
        return TransientError(f"{self._named}: {kind}: {type(error).__name__}: {quoted(str(error))}")


def _counted(usage: "Usage | None") -> tuple[int | None, int | None]:
    """Return input and output tokens; input read from or written to a cache is counted apart by the wire, here in
    full.
    """
    if usage is None:  # a server that only looks like the wire may count nothing
        return None, None
    cached = (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
    return usage.input_tokens + cached, usage.output_tokens
