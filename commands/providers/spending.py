"""What model calls used today: the part of `headgate status` that `headgate budget show` says in full."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from commands.providers.reusing import reuse_document, reuse_line
from domain.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from ports.models.spend import SpendSum
    from workers.bootstrap import Parts

SHOWN_BY = ("tenant", "step", "model", "day")
SHOWN_DAYS = 7
SHOWN_NAMES = 5


async def spend_document(parts: "Parts") -> dict[str, object]:
    """Return the sums of today and the budgets; without a blueprint that can be read, those that calls came under."""
    try:
        budgets = parts.blueprint.budgets
    except (ConfigurationError, UsageError):
        budgets = []
    windows = await asyncio.to_thread(parts.spend.report.windows, budgets)
    sums = await asyncio.to_thread(parts.spend.report.sums, 1)
    week = await asyncio.to_thread(parts.spend.report.sums, SHOWN_DAYS)
    return {
        **total_of(sums),
        "reused": reuse_document(await asyncio.to_thread(parts.reuse.sums, 1)),
        **{f"by_{name}": totals_by(week if name == "day" else sums, name) for name in SHOWN_BY},
        "windows": [w.model_dump(mode="json", include={"scope", "unit", "cap", "used", "held"}) for w in windows],
    }


def total_of(sums: "Iterable[SpendSum]") -> dict[str, int]:
    """Return what all these calls used together; tokens are those in and out."""
    sums = list(sums)
    return {
        "calls": sum(s.calls for s in sums),
        "tokens": sum(s.tokens_in + s.tokens_out for s in sums),
        "cost_micros": sum(s.cost_micros for s in sums),
    }


def totals_by(sums: "Iterable[SpendSum]", name: str) -> dict[str, dict[str, int]]:
    """Return the same for each tenant, step, model or day; what cost most comes first, days in their order."""
    parts: dict[str, list[SpendSum]] = {}
    for one in sums:
        parts.setdefault(getattr(one, name), []).append(one)
    totals = [(key, total_of(found)) for key, found in parts.items()]
    if name == "day":
        return dict(sorted(totals))
    return dict(sorted(totals, key=lambda total: (-total[1]["cost_micros"], -total[1]["tokens"], total[0])))


def lines_by(document: Mapping[str, Any]) -> dict[str, str]:  # Any: a document of JSON
    """Write by tenant, step and model what cost most, and by day, the newest at the end.

    >>> lines_by({"by_step": {"claim": {"calls": 2, "tokens": 900, "cost_micros": 1500}}})
    {'by step': 'claim 2 calls, 900 tokens, 0.0015 USD'}
    """
    lines = {}
    for name in SHOWN_BY:
        found = [f"{key} {_used(total)}" for key, total in document.get(f"by_{name}", {}).items()]
        if name == "day":
            found = found[-SHOWN_DAYS:]
        elif len(found) > SHOWN_NAMES:
            found[SHOWN_NAMES:] = [f"{len(found) - SHOWN_NAMES} more"]
        if found:
            lines[f"by {name}"] = "; ".join(found)
    return lines


def spend_rows(spend: Mapping[str, Any]) -> dict[str, str]:  # Any: a document of JSON
    """Return the lines of `headgate status`: what was used today in all, what reused answers saved, and what was used
    by tenant, step and model, and in each of the last days.
    """
    reused = reuse_line(spend.get("reused", {}))
    return {
        "spend": spend_line(spend),
        **({"spend saved": reused} if reused else {}),
        **{f"spend {name}": line for name, line in lines_by(spend).items()},
    }


def spend_line(spend: Mapping[str, Any]) -> str:  # Any: a document of JSON
    """Write in one line what was used today (by UTC), and how full the budgets are, the fullest first.

    >>> spend_line({"calls": 2, "tokens": 900, "cost_micros": 1500, "windows": [
    ...     {"scope": "all", "unit": "micros", "cap": 2000, "used": 1500, "held": 100}]})
    'today 2 calls, 900 tokens, 0.0015 USD; all 80% of 2,000 micros'
    """
    line = f"today {_used(spend)}"
    full = sorted(spend["windows"], key=lambda w: -(w["used"] + w["held"]) / w["cap"])[:3]
    shown = [f"{w['scope']} {100 * (w['used'] + w['held']) // w['cap']}% of {w['cap']:,} {w['unit']}" for w in full]
    return "; ".join([line, *shown])


def _used(total: Mapping[str, Any]) -> str:
    return f"{total['calls']} calls, {total['tokens']:,} tokens, {total['cost_micros'] / 1_000_000:.4f} USD"
