"""What the model server itself knows of a call that it answers: no contents."""

from datetime import UTC, datetime
from typing import Any

from domain.audit.model_log import AnsweredCall


def counted(body: dict[str, Any], request_id: str) -> AnsweredCall:  # Any: the wire's own free-form JSON
    """Return what is known of a reply, by its usage in either wire's words."""
    usage = body["usage"]
    by_openai = "prompt_tokens" in usage
    read, written = ("prompt_tokens", "completion_tokens") if by_openai else ("input_tokens", "output_tokens")
    return AnsweredCall(request_id, str(body["model"]), usage[read], usage[written], datetime.now(UTC))
