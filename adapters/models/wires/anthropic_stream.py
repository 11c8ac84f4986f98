"""The events of a streamed message, made into the message that a plain answer would have been."""

import json
from typing import Any

from adapters.models.wires.streaming import Collected
from domain.errors import TransientError

_TEXTS = {"text_delta": "text", "input_json_delta": "partial_json"}


class StreamedMessage(Collected):
    """Whole with `message_stop`; the usage of `message_delta` goes on with that of `message_start`."""

    def __init__(self) -> None:
        super().__init__()
        self._message: dict[str, Any] = {}  # Any: the wire's own free-form JSON
        self._blocks: dict[object, dict[str, Any]] = {}
        self._texts: dict[object, list[str]] = {}
        self._ended = False

    def add(self, piece: dict[str, Any]) -> None:
        """Take the next event; kinds that nobody knows yet are passed over, as the wire asks."""
        match piece.get("type"):
            case "message_start":
                self._message = _fields(piece.get("message"))
                self._count(self._message.get("usage"))
            case "content_block_start":
                block = _fields(piece.get("content_block"))
                self._blocks[piece.get("index")] = block
                self._texts[piece.get("index")] = [block["text"]] if block.get("text") else []
            case "content_block_delta":
                delta = _fields(piece.get("delta"))
                if piece.get("index") not in self._texts:
                    raise TransientError(f"a piece of the answer is malformed: no block {piece.get('index')!r} began")
                if (field := _TEXTS.get(str(delta.get("type")))) is not None:
                    self._texts[piece.get("index")].append(self.note(delta.get(field)))
            case "message_delta":
                delta = _fields(piece.get("delta"))
                self._message["stop_reason"] = delta.get("stop_reason") or self._message.get("stop_reason")
                self._count(piece.get("usage"))
            case "message_stop":
                self._ended = True

    def _count(self, usage: object) -> None:
        if isinstance(usage, dict):  # running totals: the last one counts
            self.usage |= {key: value for key, value in usage.items() if value is not None}

    def whole(self) -> dict[str, Any]:
        """Return the message; the input of a tool that is no JSON stays a text."""
        if not self._ended:
            raise TransientError("the answer broke off: no message_stop came")
        content = []
        for at, block in self._blocks.items():
            text = "".join(self._texts[at])
            said: dict[str, object] = {}
            if block.get("type") == "text":
                said = {"text": text}
            elif block.get("type") == "tool_use" and text:
                said = {"input": _read(text)}
            content.append(block | said)
        return self._message | {"content": content, "usage": self.usage or None}


def _read(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _fields(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TransientError(f"a piece of the answer is malformed: {value!r:.80}")
    return value
