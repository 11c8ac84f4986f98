"""Models behind the OpenAI wire: OpenAI itself, Ollama, vLLM, the offline model and whatever else speaks it."""

import asyncio
import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from adapters.models.wires.billing import billed, billed_in_vain, openai_counts
from adapters.models.wires.failures import OPENAI_FAILURES, failure_for, quoted, status_in_mid_answer, without_key
from adapters.models.wires.openai_stream import StreamedCompletion
from adapters.models.wires.rate_headers import rate_headers
from adapters.models.wires.streaming import CONNECT_S, fields_of, lost_connection, never_reached, read_answer
from domain.blueprint import ModelChoice
from domain.errors import HeadgateError, TransientError
from domain.model_call import ModelReply, ModelRequest, Price

if TYPE_CHECKING:
    from openai import APIError
    from openai.types.chat import ChatCompletion

_LABEL_TASK = "route"  # the one task whose answer is a single choice, so that token probabilities are its confidence


class OpenAIModel:
    """A `LanguageModel` by the official client; the SDK is imported when the first one is built.

    Args:
        choice: the blueprint's model for a tier.
        api_key: sent as the bearer token; some text even where the server asks for none.
        base_url: empty for OpenAI's own.
        price: returns the model's list price of the day.
    """

    def __init__(self, choice: ModelChoice, *, api_key: str, base_url: str, price: Callable[[], Price]) -> None:
        from openai import AsyncOpenAI, Timeout

        self._choice = choice
        self._price = price
        self._own_server = not base_url
        # One layer of retries: Temporal's and the ladder's, none in the client.
        self._client = AsyncOpenAI(
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
        from openai import APIError

        collected = StreamedCompletion()
        try:
            async with asyncio.timeout(self._choice.answer_s):
                return await self._streamed(request, collected)
        except APIError as e:
            raise self._charged(self._failure(e), e, request, collected) from e
        except TransientError as e:
            raise self._charged(TransientError(f"{self._named}: {quoted(str(e))}"), e, request, collected) from e
        except lost_connection() as e:
            said = f"{self._named}: the answer broke off: {type(e).__name__}: {quoted(str(e))}"
            raise self._charged(TransientError(said), e, request, collected) from e

    async def _streamed(self, request: ModelRequest, collected: StreamedCompletion) -> ModelReply:
        from openai.types.chat import ChatCompletion

        asked = self._client.chat.completions.with_streaming_response.create(
            **self._body(request), stream=True, stream_options={"include_usage": True}
        )
        async with asked as response:
            headers = response.headers
            body = await read_answer(response, headers.get("content-type", ""), collected)
        reply = self._reply(request, ChatCompletion.construct(**body), self._price())
        told = {"provider_request_id": headers.get("x-request-id", "")[:200] or reply.provider_request_id}
        return reply.model_copy(update=told | {"rate": rate_headers(headers)})

    def _charged(
        self, failure: HeadgateError, error: Exception, request: ModelRequest, collected: StreamedCompletion
    ) -> HeadgateError:
        """Return the failure with what the call cost, if it came to the provider and no refusal came back."""
        from openai import APIStatusError

        in_vain = collected.began or not (isinstance(error, APIStatusError) or never_reached(error))
        wrote = bool(collected.usage or collected.text)  # a refusal in the middle of it is paid for, too
        if in_vain and (wrote or isinstance(failure, TransientError)):
            counts = openai_counts(collected.usage)
            failure.usage = billed_in_vain(self._price(), self._choice.model, counts, request, collected.text)
        return failure

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    @property
    def _named(self) -> str:
        return f"{self._choice.provider} {self._choice.model}"

    def _body(self, request: ModelRequest) -> dict[str, Any]:  # Any: the wire's own free-form JSON
        messages = [m.model_dump() for m in request.messages]
        body: dict[str, Any] = {"model": self._choice.model, "messages": messages}
        # Reasoning models refuse the older name, other servers do not know the newer one.
        body["max_completion_tokens" if self._own_server else "max_tokens"] = request.max_output
        if self._choice.temperature is not None:
            body["temperature"] = self._choice.temperature
        if self._choice.reasoning_effort:
            body["reasoning_effort"] = self._choice.reasoning_effort
        if self._choice.logprobs and request.schema_name == _LABEL_TASK and self._choice.structured != "tool":
            body["logprobs"] = True
        name, schema = request.schema_name, request.json_schema
        match self._choice.structured:
            case "json_schema":
                described = {"name": name, "schema": schema, "strict": True}
                body["response_format"] = {"type": "json_schema", "json_schema": described}
            case "json_object":
                body["response_format"] = {"type": "json_object"}
                shown = f"Answer with one JSON object that fits the schema `{name}`:\n{json.dumps(schema)}"
                body["messages"] = [{"role": "system", "content": shown}, *messages]
            case "tool":
                function = {"name": name, "parameters": schema, "strict": True}
                body["tools"] = [{"type": "function", "function": function}]
                body["tool_choice"] = {"type": "function", "function": {"name": name}}
        return body

    def _reply(self, request: ModelRequest, completion: "ChatCompletion | object", price: Price) -> ModelReply:
        from openai.types.chat import ChatCompletion

        # A proxy's page or an empty object comes through the client unchecked.
        if not isinstance(completion, ChatCompletion) or not completion.choices:
            raise TransientError(f"{self._named}: the reply is no completion: {quoted(repr(completion))}")
        choice = completion.choices[0]
        message = choice.message
        text = message.content or ""
        if self._choice.structured == "tool":
            calls = [c.function.arguments for c in message.tool_calls or [] if c.type == "function"]
            text = "\n".join(calls) or text  # several calls are several answers, which nobody takes
        refusal = message.refusal
        if choice.finish_reason == "content_filter" and refusal is None:
            refusal = "content filter"
        model = completion.model or self._choice.model
        counts = openai_counts(fields_of(completion.usage) if completion.usage else {})
        return ModelReply(
            text=text,
            refusal=refusal,
            truncated=choice.finish_reason == "length",
            confidence=_label_probability(completion) if request.schema_name == _LABEL_TASK else None,
            model=model,
            usage=billed(price, model, counts, request, text),
            finish_reason=str(choice.finish_reason)[:40],
            provider_request_id=str(completion.id)[:200],
        )

    def _failure(self, error: "APIError") -> HeadgateError:
        from openai import APIStatusError

        said = without_key(error.message, self._client.api_key)
        if isinstance(error, APIStatusError):
            codes = (error.code or "", error.type or "")
            headers = error.response.headers
            return failure_for(OPENAI_FAILURES, self._named, error.status_code, headers, codes, said)
        told = tuple(str(code) for code in (error.code, error.type) if code is not None)
        if told:  # an error event in the middle of the answer
            status, named = status_in_mid_answer(told), f"{self._named} in mid-answer"
            return failure_for(OPENAI_FAILURES, named, status, {}, told, said)
        return TransientError(f"{self._named}: {type(error).__name__}: {quoted(said)}")


def _label_probability(completion: "ChatCompletion") -> float | None:
    """Return the probability of the label in `{"route": "<label>"}`: the product over the tokens that spell it."""
    choice = completion.choices[0]
    tokens = choice.logprobs.content if choice.logprobs else None
    if not tokens:
        return None
    try:
        text = "".join(t.token for t in tokens)
        logprobs = [float(t.logprob) for t in tokens]
        label = json.loads(text)["route"]
    except (ValueError, TypeError, KeyError, AttributeError):  # the client checks nothing
        return None
    if not isinstance(label, str) or not label:
        return None
    start = text.rfind(label)
    end = start + len(label)
    total, at = 0.0, 0
    for token, logprob in zip(tokens, logprobs, strict=True):
        if at < end and at + len(token.token) > start:
            total += logprob
        at += len(token.token)
    return math.exp(min(total, 0.0)) if start >= 0 and not math.isnan(total) else None
