"""What `headgate budget show` says of steps that begin at a cheaper tier while money is short."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.blueprint import Blueprint
    from domain.spend.budgets import Budget
    from ports.models.spend import BudgetWindow


def cheaper_tiers(blueprint: "Blueprint", profile: str) -> dict[str, str]:
    """Return the tier that begins while money is short, by the steps that have one in a profile."""
    from domain.cascade.stepping import cheaper_when_short
    from domain.model_steps import ModelStep

    there, tuned = blueprint.models.get(profile), blueprint.for_profile(profile)
    if there is None:
        return {}
    found = {step: cheaper_when_short(tuned.step(step), there) for step in ModelStep}
    return {step.value: tier.value for step, tier in found.items() if tier is not None}


def short_windows(budgets: "Sequence[Budget]", windows: "Sequence[BudgetWindow]") -> list[bool]:
    """Return of each window whether its budget has come to its warning; one that is no budget any more has not."""
    from domain.spend.budgets import budgets_named
    from domain.spend.thrift import is_short

    return [
        any(
            is_short(window.used + window.held, window.cap, budget.warn_at)
            for budget in budgets_named(budgets, window.scope)
            if budget.unit == window.unit
        )
        for window in windows
    ]


def short_line(cheaper: Mapping[str, str], *, full: bool = False) -> str:
    """Return what is said of a budget that has come to its warning, or to its cap.

    >>> short_line({"reply": "small", "lead": "embedded"}), short_line({}, full=True)
    ('; nearly used up, cheaper tiers in use: reply small, lead embedded', '; used up')
    """
    steps = ", ".join(f"{step} {tier}" for step, tier in cheaper.items())
    return ("; used up" if full else "; nearly used up") + (f", cheaper tiers in use: {steps}" if steps else "")
