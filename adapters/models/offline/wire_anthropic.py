"""The Anthropic wire of the offline model: what a message asks, and how an answer is written."""

import json
from typing import Any

from adapters.models.offline.task import MODEL_NAME, Answer, Task
from adapters.models.offline.tokens import count
from adapters.models.offline.wire_openai import content_text
from domain.errors import BadRequestError


def read_request(body: dict[str, Any]) -> Task:
    """Return what is asked.

    Raises:
        BadRequestError: a field is missing, of the wrong type, or asks for what this model does not do.
    """
    if not isinstance(body.get("stream", False), bool | None):
        raise BadRequestError("'stream': expected true or false", "stream")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not isinstance(body.get("max_tokens"), int):
        raise BadRequestError("expected 'messages' with at least one message, and 'max_tokens'", "messages")
    said = [content_text(m.get("content")) for m in messages if isinstance(m, dict) and m.get("role") == "user"]
    name, schema = _structure(body)
    return Task(name=name, schema=schema, system=content_text(body.get("system")), said=said)


def _structure(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    choice = body.get("tool_choice")
    tools = body.get("tools")
    if not isinstance(tools, list) or not isinstance(choice, dict) or choice.get("type") not in ("tool", "any"):
        return "", {}
    named = [
        t for t in tools if isinstance(t, dict) and (choice["type"] == "any" or t.get("name") == choice.get("name"))
    ]
    if len(named) != 1:
        raise BadRequestError(f"'tool_choice': expected one tool to be forced, found {len(named)}", "tool_choice")
    return str(named[0].get("name")), named[0].get("input_schema") or {}


def message(task: Task, answer: Answer, text: str, *, cut: bool, prompt_tokens: int, number: str) -> dict[str, Any]:
    """Return the body of a message: the answer as input of the forced tool, or as text where it is no single JSON
    object.
    """
    content: list[dict[str, Any]]
    stop = "max_tokens" if cut else "tool_use"
    if answer.refusal is not None:
        content, stop = [{"type": "text", "text": answer.refusal}], "refusal"
    else:
        inputs = _objects(text)
        content = [
            {"type": "tool_use", "id": f"toolu_{number}{i}", "name": task.name, "input": v}
            for i, v in enumerate(inputs)
        ]
        if not inputs:
            content = [{"type": "text", "text": text}] if text else []
            stop = stop if cut else "end_turn"
    written = count(answer.refusal if answer.refusal is not None else text)
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": MODEL_NAME,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": prompt_tokens, "output_tokens": written},
    }


def _objects(text: str) -> list[dict[str, Any]]:
    """Return the JSON objects that the text consists of; none if there is anything else in it."""
    found: list[dict[str, Any]] = []
    decoder = json.JSONDecoder()
    rest = text.strip()
    while rest:
        try:
            value, end = decoder.raw_decode(rest)
        except ValueError:
            return []
        if not isinstance(value, dict):
            return []
        found.append(value)
        rest = rest[end:].strip()
    return found


def error(message: str, kind: str) -> dict[str, Any]:
    """Return an error body in this wire's shape."""
    return {"type": "error", "error": {"type": kind, "message": message, "details": {"error_code": kind}}}


def models() -> dict[str, Any]:
    """Return the list of models."""
    one = {"type": "model", "id": MODEL_NAME, "display_name": MODEL_NAME, "created_at": "1970-01-01T00:00:00Z"}
    return {"data": [one], "has_more": False, "first_id": MODEL_NAME, "last_id": MODEL_NAME}
