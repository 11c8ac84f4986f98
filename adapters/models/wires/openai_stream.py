"""The pieces of a streamed chat completion, made into the completion that a plain answer would have been."""

from typing import Any

from adapters.models.wires.streaming import Collected
from domain.errors import TransientError


class StreamedCompletion(Collected):
    """Whole once the choice has its finish reason; the usage comes after it, where the server counts at all."""

    def __init__(self) -> None:
        super().__init__()
        self._head: dict[str, str] = {}
        self._content: list[str] = []
        self._refusal: list[str] = []
        self._logprobs: list[Any] = []  # Any: the wire's own free-form JSON
        self._calls: dict[int, dict[str, str]] = {}
        self._finish: str | None = None

    def add(self, piece: dict[str, Any]) -> None:
        """Take the next chunk."""
        for key in ("id", "model"):
            if isinstance(piece.get(key), str):
                self._head.setdefault(key, piece[key])
        if isinstance(piece.get("usage"), dict):
            self.usage = piece["usage"]
        for choice in _listed(piece.get("choices")):
            if choice.get("index") in (0, None):
                self._add_choice(choice)

    def _add_choice(self, choice: dict[str, Any]) -> None:
        delta = choice.get("delta") or {}
        if not isinstance(delta, dict):
            raise TransientError(f"a piece of the answer is malformed: {delta!r:.80}")
        if delta.get("content") is not None:
            self._content.append(self.note(delta["content"]))
        if delta.get("refusal") is not None:
            self._refusal.append(self.note(delta["refusal"]))
        for call in _listed(delta.get("tool_calls")):
            function = call.get("function") or {}
            at = call.get("index") if isinstance(call.get("index"), int) else 0
            known = self._calls.setdefault(at or 0, {"name": "", "arguments": ""})
            known["name"] = known["name"] or str(function.get("name") or "")
            if function.get("arguments") is not None:
                known["arguments"] += self.note(function["arguments"])
        logprobs = choice.get("logprobs")
        if isinstance(logprobs, dict):
            self._logprobs += _listed(logprobs.get("content"))
        if choice.get("finish_reason"):
            self._finish = str(choice["finish_reason"])

    def whole(self) -> dict[str, Any]:
        """Return the completion."""
        if self._finish is None:
            raise TransientError("the answer broke off: no finish reason came")
        calls = [
            {"id": str(at), "type": "function", "function": function} for at, function in sorted(self._calls.items())
        ]
        message = {
            "role": "assistant",
            "content": "".join(self._content) if self._content else None,
            "refusal": "".join(self._refusal) if self._refusal else None,
            "tool_calls": calls or None,
        }
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": self._finish,
            "logprobs": {"content": self._logprobs} if self._logprobs else None,
        }
        return {**self._head, "choices": [choice], "usage": self.usage or None}


def _listed(value: object) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise TransientError(f"a piece of the answer is malformed: {value!r:.80}")
    return value
