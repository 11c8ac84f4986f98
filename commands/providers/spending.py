"""What model calls used today: the part of `headgate status` that `headgate budget show` says in full."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from domain.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from workers.bootstrap import Parts


async def spend_document(parts: "Parts") -> dict[str, object]:
    """Return the sums of today and the budgets; without a blueprint that can be read, those that calls came under."""
    try:
        budgets = parts.blueprint.budgets
    except (ConfigurationError, UsageError):
        budgets = []
    windows = await asyncio.to_thread(parts.spend.report.windows, budgets)
    sums = await asyncio.to_thread(parts.spend.report.sums, 1)
    return {
        "calls": sum(s.calls for s in sums),
        "tokens": sum(s.tokens_in + s.tokens_out for s in sums),
        "cost_micros": sum(s.cost_micros for s in sums),
        "windows": [w.model_dump(mode="json", include={"scope", "unit", "cap", "used", "held"}) for w in windows],
    }


def spend_line(spend: Mapping[str, Any]) -> str:  # Any: a document of JSON
    """Write in one line what was used today (by UTC), and how full the budgets are, the fullest first.

    >>> spend_line({"calls": 2, "tokens": 900, "cost_micros": 1500, "windows": [
    ...     {"scope": "all", "unit": "micros", "cap": 2000, "used": 1500, "held": 100}]})
    'today 2 calls, 900 tokens, 0.0015 USD; all 80% of 2,000 micros'
    """
    line = f"today {spend['calls']} calls, {spend['tokens']:,} tokens, {spend['cost_micros'] / 1_000_000:.4f} USD"
    full = sorted(spend["windows"], key=lambda w: -(w["used"] + w["held"]) / w["cap"])[:3]
    shown = [f"{w['scope']} {100 * (w['used'] + w['held']) // w['cap']}% of {w['cap']:,} {w['unit']}" for w in full]
    return "; ".join([line, *shown])
