"""What people are told of budgets and of cases that run in a circle: one word for each, in its own transaction."""

from datetime import datetime

from domain.spend.budgets import Unit
from domain.words_to_people import WordKind, WordToPeople
from ports.models.spend import BudgetWindow


def amount(unit: Unit, number: int) -> str:
    """Return an amount as people write it.

    >>> amount(Unit.TOKENS, 12345), amount(Unit.MICROS, 20_000_000), amount(Unit.MICROS, 1)
    ('12,345 tokens', '20.00 USD', '0.000001 USD')
    """
    if unit is Unit.TOKENS:
        return f"{number:,} tokens"
    whole, rest = divmod(number, 1_000_000)
    return f"{whole:,}.{f'{rest:06d}'.rstrip('0').ljust(2, '0')} USD"


def word_on_budget(account: BudgetWindow, now: datetime, *, needs: int = 0) -> WordToPeople:
    """Return what is said when a budget comes to its warning; with `needs`, when a call of so much does not fit in it.

    It is said once for each cap: whoever raises one hears of it again.
    """
    cap, taken = amount(account.unit, account.cap), amount(account.unit, account.used + account.held)
    raised = f"`headgate budget set {account.scope} CAP --unit {account.unit}`"
    if needs > account.cap:
        subject = f"the budget of {account.scope} bears not even one call: its cases are parked"
        remedy = (
            f"One call may take {amount(account.unit, needs)}, so tomorrow will be the same: raise the cap in the "
            f"blueprint. {raised} raises it for today, and lets cases go on."
        )
    elif needs:
        subject = f"the budget of {account.scope} is used up: its cases are parked"
        remedy = (
            f"The next call may take {amount(account.unit, needs)}. Cases go on by themselves after "
            f"{account.ends_at:%Y-%m-%d %H:%M} UTC, urgent ones first. {raised} raises it for today, and lets them go "
            "on."
        )
    else:
        subject = f"the budget of {account.scope} is nearly used up"
        remedy = (
            "Where the blueprint allows it, steps begin at a cheaper tier from now on. At the cap its cases park until "
            "the day is over. `headgate budget show` says what uses it."
        )
    which = "full" if needs else "warning"
    return WordToPeople(
        word_id=f"budget/{account.scope}/{account.unit}/{account.window}/{which}/{account.cap}",
        kind=WordKind.BUDGET,
        case_id="",
        subject=subject,
        text=f"{taken} of {cap} on {account.window}. {remedy}",
        data={"scope": account.scope, "unit": account.unit, "cap": str(account.cap)},
        at=now,
    )


def word_on_runaway(case_id: str, why: str, story: str, released: int, now: datetime) -> WordToPeople:
    """Return what is said when a case is stopped; `released` counts how often people let it go on before."""
    return WordToPeople(
        word_id=f"runaway/{case_id}/{released}",
        kind=WordKind.BUDGET,
        case_id=case_id,
        subject=f"{case_id} runs in a circle and was stopped",
        text=f"{why}. Last asked: {story}. `headgate cases show {case_id}`, then `headgate cases resume {case_id}` or "
        f"`headgate cases cancel {case_id}`.",
        at=now,
    )
