"""A plain answer as the server-sent events of its wire, byte for byte as the official clients expect them."""

import json
from collections.abc import Iterator
from typing import Any

_PIECE = 16  # characters; of a long answer a 64th
_PIECES = 64
_LOGPROBS_AT_ONCE = 4


def openai_frames(completion: dict[str, Any], *, usage: bool) -> list[bytes]:  # Any: the wire's own free-form JSON
    """Return the chunks of a chat completion, the count in the last one if it was asked for."""
    head = {key: completion[key] for key in ("id", "created", "model", "system_fingerprint")}
    base = {"object": "chat.completion.chunk", **head} | ({"usage": None} if usage else {})
    choice = completion["choices"][0]

    def chunk(delta: dict[str, Any], **more: object) -> bytes:
        said = {"index": 0, "delta": delta, "finish_reason": None, "logprobs": None} | more
        return _data(base | {"choices": [said]})

    frames = [chunk({"role": "assistant", "content": None, "refusal": None})]
    frames += [chunk(delta, logprobs=logprobs) for delta, logprobs in _deltas(choice)]
    frames.append(chunk({}, finish_reason=choice["finish_reason"]))
    if usage:
        frames.append(_data(base | {"choices": [], "usage": completion.get("usage")}))
    return [*frames, b"data: [DONE]\n\n"]


def _deltas(choice: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
    message = choice["message"]
    listed = (choice.get("logprobs") or {}).get("content") or []
    if listed:
        for at in range(0, len(listed), _LOGPROBS_AT_ONCE):
            tokens = listed[at : at + _LOGPROBS_AT_ONCE]
            yield {"content": "".join(t["token"] for t in tokens)}, {"content": tokens, "refusal": None}
        return
    for key in ("content", "refusal"):
        for piece in _pieces(message.get(key) or ""):
            yield {key: piece}, None
    for at, call in enumerate(message.get("tool_calls") or []):
        function = call["function"]
        yield {"tool_calls": [{"index": at, **call, "function": {"name": function["name"], "arguments": ""}}]}, None
        for piece in _pieces(function["arguments"]):
            yield {"tool_calls": [{"index": at, "function": {"arguments": piece}}]}, None


def anthropic_frames(message: dict[str, Any]) -> list[bytes]:
    """Return the events of a message."""
    used = message.get("usage")
    begun = message | {"content": [], "stop_reason": None}
    if used is not None:
        begun["usage"] = used | {"output_tokens": 1}
    frames = [_event("message_start", message=begun), _event("ping")]
    for at, block in enumerate(message["content"]):
        is_tool = block["type"] == "tool_use"
        text = json.dumps(block["input"], ensure_ascii=False) if is_tool else block["text"]
        blank: dict[str, object] = {"input": {}} if is_tool else {"text": ""}
        kind, field = ("input_json_delta", "partial_json") if is_tool else ("text_delta", "text")
        frames.append(_event("content_block_start", index=at, content_block=block | blank))
        frames += [
            _event("content_block_delta", index=at, delta={"type": kind, field: piece}) for piece in _pieces(text)
        ]
        frames.append(_event("content_block_stop", index=at))
    stopped = {"stop_reason": message["stop_reason"], "stop_sequence": message["stop_sequence"]}
    counted = {"output_tokens": used["output_tokens"]} if used is not None else None
    return [*frames, _event("message_delta", delta=stopped, usage=counted), _event("message_stop")]


def openai_error_frame(body: dict[str, Any]) -> bytes:
    """Return an error in the middle of a stream of chunks."""
    return _data(body)


def anthropic_error_frame(body: dict[str, Any]) -> bytes:
    """Return an error in the middle of a stream of events."""
    return b"event: error\n" + _data(body)


def _event(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\n".encode() + _data({"type": kind, **fields})


def _data(body: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(body, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


def _pieces(text: str) -> list[str]:
    size = max(_PIECE, -(-len(text) // _PIECES))
    return [text[at : at + size] for at in range(0, len(text), size)]
