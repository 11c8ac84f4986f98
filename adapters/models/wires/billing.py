"""What a call cost, from the provider's own count."""

from dataclasses import dataclass
from typing import Any

from domain.model_call import ModelRequest, Price, Usage

STAND_IN = "embedded-"
"""How the names of the embedded stand-in's models begin: its answers are marked in the case."""
_TOKENS_AT_MOST = 100_000_000  # of one call: no model reads or writes as many


@dataclass(frozen=True)
class TokenCounts:
    """The tokens of one call as a provider counted them: None where it did not; `cached` of `read` and `reasoned` of
    `written` are parts. `odd` says that something was counted as nonsense.
    """

    read: int | None = None
    written: int | None = None
    cached: int = 0
    reasoned: int = 0
    odd: bool = False


def openai_counts(usage: dict[str, Any]) -> TokenCounts:  # Any: the wire's own free-form JSON
    """Return the counts in a chat completion's `usage`."""
    return _counts(
        read=usage.get("prompt_tokens"),
        written=usage.get("completion_tokens"),
        cached=_part(usage.get("prompt_tokens_details"), "cached_tokens"),
        reasoned=_part(usage.get("completion_tokens_details"), "reasoning_tokens"),
    )


def anthropic_counts(usage: dict[str, Any]) -> TokenCounts:
    """Return the counts in a message's `usage`; input read from or written to a cache is counted apart by the wire,
    here in full.
    """
    cached, made = usage.get("cache_read_input_tokens"), usage.get("cache_creation_input_tokens")
    parts = [_token_count(n) for n in (usage.get("input_tokens"), cached or 0, made or 0)]
    return _counts(
        read=None if None in parts else sum(n for n in parts if n is not None),
        written=usage.get("output_tokens"),
        cached=cached,
        reasoned=_part(usage.get("output_tokens_details"), "thinking_tokens"),
    )


def _counts(*, read: object, written: object, cached: object, reasoned: object) -> TokenCounts:
    whole_in, whole_out = _token_count(read), _token_count(written)
    part_in, part_out = _token_count(cached or 0), _token_count(reasoned or 0)
    odd = part_in is None or part_out is None
    if whole_in is not None and (part_in or 0) > whole_in:  # a discount that cannot be is none
        part_in, odd = 0, True
    if whole_out is not None and (part_out or 0) > whole_out:
        part_out, odd = 0, True
    return TokenCounts(whole_in, whole_out, part_in or 0, part_out or 0, odd)


def _part(details: object, name: str) -> object:
    return details.get(name) if isinstance(details, dict) else None


def _token_count(value: object) -> int | None:
    """Return a count that can be one: a whole number, not negative, not absurd."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _TOKENS_AT_MOST:
        return None
    return value


def billed(price: Price, model: str, counts: TokenCounts, request: ModelRequest, text: str) -> Usage:
    """Return what one call used and cost; `model` is the one that answered.

    What a server did not count, or counted as nonsense, is charged by an estimate from above and marked: a third of
    the bytes and 16 tokens for the frame.
    """
    read = counts.read
    if read is None:
        read = sum(len(m.content.encode("utf-8", "replace")) for m in request.messages) // 3 + 16
    written = len(text.encode("utf-8", "replace")) // 3 + 16 if counts.written is None else counts.written
    cached = min(counts.cached, read)
    return Usage(
        calls=1,
        input_tokens=read,
        output_tokens=written,
        cost_micros=price.cost_micros(read, written, cached),
        degraded=model.startswith(STAND_IN),
        cached_input_tokens=cached,
        reasoning_tokens=min(counts.reasoned, written),
        estimated=counts.odd or counts.read is None or counts.written is None,
    )


def billed_in_vain(price: Price, model: str, counts: TokenCounts, request: ModelRequest, text: str) -> Usage:
    """Return what a call cost that broke off after `text`: what was counted so far, and no less than the estimate of
    what was written. Always marked: the provider knows the rest.
    """
    written = max(counts.written or 0, len(text.encode("utf-8", "replace")) // 3 + 16)
    seen = TokenCounts(counts.read, written, counts.cached, min(counts.reasoned, written), odd=True)
    return billed(price, model, seen, request, text)
