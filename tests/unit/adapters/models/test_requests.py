"""What goes out to a provider: only what it takes, and the schema in the way that it was told to use; and what is made
of an answer's odder parts.
"""

import math
from typing import Any

import pytest
from openai.types.chat import ChatCompletion

from adapters.models.wires.anthropic import AnthropicModel
from adapters.models.wires.openai import OpenAIModel
from domain.blueprint import ModelChoice
from domain.model_call import Message, ModelRequest, Price, Tier
from domain.reading.answers import route_schema

PRICE = Price(model="m", input=1, output=1)
SCHEMA = route_schema(["Billing", "Sales"])


def asked(name: str = "route") -> ModelRequest:
    messages = [Message(role="system", content="Rules."), Message(role="user", content="Text.")]
    return ModelRequest(tier=Tier.SMALL, schema_name=name, json_schema=SCHEMA, messages=messages, max_output=64)


def body(*, base_url: str = "", name: str = "route", **choice: object) -> dict[str, Any]:
    values = ModelChoice.model_validate({"provider": "openai", "model": "m"} | choice)
    return OpenAIModel(values, api_key="k", base_url=base_url, price=lambda: PRICE)._body(asked(name))


def test_nothing_is_sent_that_newer_models_refuse_unless_it_is_asked_for() -> None:
    assert body().keys() == {"model", "messages", "max_completion_tokens", "response_format"}
    sent = body(temperature=0.0, reasoning_effort="none", logprobs=True)
    assert (sent["temperature"], sent["reasoning_effort"], sent["logprobs"]) == (0.0, "none", True)


def test_other_servers_get_the_token_limit_by_the_name_that_they_know() -> None:
    assert body(base_url="http://127.0.0.1:9/v1").keys() >= {"max_tokens"}
    assert "max_completion_tokens" not in body(base_url="http://127.0.0.1:9/v1")


def test_probabilities_are_asked_for_only_where_the_answer_is_one_choice() -> None:
    assert "logprobs" not in body(name="claim", logprobs=True)
    assert "logprobs" not in body(structured="tool", logprobs=True)


@pytest.mark.parametrize("structured", ["json_schema", "json_object", "tool"])
def test_the_schema_travels_as_the_blueprint_says(structured: str) -> None:
    sent = body(structured=structured)
    if structured == "json_schema":
        described = sent["response_format"]["json_schema"]
        assert (described["name"], described["schema"], described["strict"]) == ("route", SCHEMA, True)
    elif structured == "tool":
        assert sent["tools"][0]["function"] == {"name": "route", "parameters": SCHEMA, "strict": True}
        assert sent["tool_choice"]["function"]["name"] == "route"
        assert "response_format" not in sent
    else:
        assert sent["response_format"] == {"type": "json_object"}
        assert "`route`" in sent["messages"][0]["content"]
        assert [m["role"] for m in sent["messages"]] == ["system", "system", "user"]


def test_anthropic_is_made_to_use_one_tool_once() -> None:
    choice = ModelChoice(provider="anthropic", model="m", structured="tool")
    sent = AnthropicModel(choice, api_key="k", base_url="", price=lambda: PRICE)._body(asked())
    assert (sent["system"], sent["messages"]) == ("Rules.", [{"role": "user", "content": "Text."}])
    assert sent["tools"][0]["input_schema"] == SCHEMA
    assert sent["tool_choice"] == {"type": "tool", "name": "route", "disable_parallel_tool_use": True}
    assert sent.keys() == {"model", "system", "messages", "max_tokens", "tools", "tool_choice"}


@pytest.mark.parametrize(
    ("logprob", "confidence"),
    [(1e9, 1.0), (math.inf, 1.0), (-math.inf, 0.0), (math.nan, None), (None, None), ("x", None), (-0.0, 1.0)],
)
def test_a_probability_that_is_none_loses_no_answer(logprob: object, confidence: float | None) -> None:
    text = '{"route": "Sales"}'
    choice: dict[str, Any] = {"finish_reason": "stop", "message": {"content": text}}
    choice["logprobs"] = {"content": [{"token": text, "logprob": logprob}]}
    values = ModelChoice.model_validate({"provider": "openai", "model": "m"})
    model = OpenAIModel(values, api_key="k", base_url="", price=lambda: PRICE)
    reply = model._reply(asked(), ChatCompletion.construct(model="m", choices=[choice]), PRICE)
    assert (reply.text, reply.confidence) == (text, confidence)
