"""The OpenAI wire of the offline model: what a chat completion asks, and how an answer is written."""

import json
import math
import re
from typing import Any

from adapters.models.offline.task import MODEL_NAME, Answer, Task
from adapters.models.offline.tokens import count, tokens
from domain.errors import BadRequestError

_SCHEMA_NAMED = re.compile(r"schema [`\"'](?P<name>[A-Za-z0-9_-]{1,64})[`\"']:?\s*(?P<schema>\{.*\})?", re.DOTALL)
_LOGPROBS_CHARS = 4_000


def read_request(body: dict[str, Any]) -> tuple[Task, bool]:
    """Return what is asked, and whether the answer goes into a tool call.

    Raises:
        BadRequestError: a field is missing, of the wrong type, or asks for what this model does not do.
    """
    if not isinstance(body.get("stream", False), bool | None):
        raise BadRequestError("'stream': expected true or false", "stream")
    if body.get("n", 1) != 1:
        raise BadRequestError("the embedded model gives one choice: leave out 'n'", "n")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequestError("'messages': expected a list with at least one message", "messages")
    said: dict[str, list[str]] = {"system": [], "user": [], "assistant": []}
    for message in messages:
        if not isinstance(message, dict):
            raise BadRequestError("'messages': expected objects with role and content", "messages")
        role = "system" if message.get("role") == "developer" else message.get("role")
        if role in said:
            said[role].append(content_text(message.get("content")))
    system = "\n\n".join(said["system"])
    name, schema, as_tool = _structure(body, system)
    return Task(name=name, schema=schema, system=system, said=said["user"]), as_tool


def content_text(content: object) -> str:
    """Return the text of a message's content: a string, or parts of which the text ones count."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(p["text"] for p in content if isinstance(p, dict) and isinstance(p.get("text"), str))
    return ""


def _structure(body: dict[str, Any], system: str) -> tuple[str, dict[str, Any], bool]:
    tools = body.get("tools")
    choice = body.get("tool_choice")
    if isinstance(tools, list) and isinstance(choice, dict):
        wanted = choice.get("function", {}).get("name")
        for tool in tools:
            function = tool.get("function", {}) if isinstance(tool, dict) else {}
            if function.get("name") == wanted:
                return str(wanted), function.get("parameters") or {}, True
        raise BadRequestError(f"'tool_choice': no tool is named {wanted!r}", "tool_choice")
    form = body.get("response_format")
    form = form if isinstance(form, dict) else {}
    if form.get("type") == "json_schema":
        described = form.get("json_schema")
        if not isinstance(described, dict) or not isinstance(described.get("name"), str):
            raise BadRequestError("'response_format.json_schema': expected name and schema", "response_format")
        return described["name"], described.get("schema") or {}, False
    if form.get("type") == "json_object":
        found = _SCHEMA_NAMED.search(system)
        if found:
            try:
                schema = json.JSONDecoder().raw_decode(found["schema"])[0] if found["schema"] else {}
            except ValueError:
                schema = {}
            return found["name"], schema, False
    return "", {}, False


def completion(
    task: Task,
    answer: Answer,
    text: str,
    *,
    as_tool: bool,
    cut: bool,
    logprobs: bool,
    fingerprint: str,
    prompt_tokens: int,
    number: str,
) -> dict[str, Any]:
    """Return the body of a chat completion.

    Args:
        task: what was asked.
        answer: for refusal and probabilities.
        text: the answer's JSON as it goes out.
        as_tool: the answer is the arguments of a tool call.
        cut: it stops in the middle.
        logprobs: token probabilities were asked for.
        fingerprint: of the weights and code that answered.
        prompt_tokens: of the request.
        number: the completion's id.
    """
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    finish = "length" if cut else "stop"
    if answer.refusal is not None:
        message |= {"content": None, "refusal": answer.refusal}
    elif as_tool:
        call = {"id": f"call_{number}", "type": "function", "function": {"name": task.name, "arguments": text}}
        message |= {"content": None, "tool_calls": [call]}
        finish = "length" if cut else "tool_calls"
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    short = len(text) <= _LOGPROBS_CHARS  # told to be huge, it would list a quarter of a million tokens
    if logprobs and short and answer.probabilities and answer.refusal is None and not as_tool:
        choice["logprobs"] = {"content": _label_logprobs(text, answer.probabilities), "refusal": None}
    written = count(answer.refusal if answer.refusal is not None else text)
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 0,  # no clock in it: the same request gives the same bytes
        "model": MODEL_NAME,
        "system_fingerprint": fingerprint,
        "choices": [choice],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": written,
            "total_tokens": prompt_tokens + written,
        },
    }


def _label_logprobs(text: str, probabilities: dict[str, float]) -> list[dict[str, Any]]:
    """Return the answer's tokens; the label's first token carries its probability, all others are certain."""
    label = next((name for name in probabilities if json.dumps(name, ensure_ascii=False) in text), None)
    start = text.find(json.dumps(label, ensure_ascii=False)) + 1 if label is not None else -1
    listed: list[dict[str, Any]] = []
    at = 0
    for token in _with_blanks(text):
        first = label is not None and at == start
        listed.append(
            {
                "token": token,
                "bytes": list(token.encode()),
                "logprob": math.log(max(probabilities[label], 1e-9)) if first and label is not None else 0.0,
                "top_logprobs": [],
            }
        )
        at += len(token)
    return listed


def _with_blanks(text: str) -> list[str]:
    """Return the tokens of a text, each with the blanks before it, so that they join to the text again."""
    found: list[str] = []
    at = 0
    for token in tokens(text):
        end = text.index(token, at) + len(token)
        lead = text[at : end - len(token)]
        if lead:
            found.append(lead)
        found.append(token)
        at = end
    return found


def error(message: str, kind: str, *, code: str | None = None, param: str | None = None) -> dict[str, Any]:
    """Return an error body in this wire's shape."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code or kind}}


def models() -> dict[str, Any]:
    """Return the list of models."""
    one = {"id": MODEL_NAME, "object": "model", "created": 0, "owned_by": "headgate", "embedded": True}
    return {"object": "list", "data": [one]}
