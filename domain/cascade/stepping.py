"""Which tier begins, when a denser one is asked, and who answered in the end.

Once begun it goes only ever upwards, and at most one step.
"""

from collections.abc import Collection, Mapping

from pydantic import BaseModel

from domain.model_call import Tier, is_cheaper
from domain.model_steps import DenserWhen, StepRules
from domain.money.amount import Money

_UPWARDS = tuple(Tier)


def serving(tier: Tier, there: Collection[Tier]) -> Tier:
    """Return the tier that serves a step: its own, or the next denser one that is there; never a cheaper one.

    Raises:
        LookupError: there is none.

    >>> serving(Tier.EMBEDDED, {Tier.SMALL, Tier.LARGE})
    <Tier.SMALL: 'small'>
    """
    for denser in _UPWARDS[_UPWARDS.index(tier) :]:
        if denser in there:
            return denser
    raise LookupError(f"no model of the tier {tier.value!r}, nor of a denser one")


def denser_than(tier: Tier, there: Collection[Tier]) -> Tier | None:
    """Return the next denser tier that is there; None above the densest."""
    return next((t for t in _UPWARDS[_UPWARDS.index(tier) + 1 :] if t in there), None)


def cheaper_when_short(rules: StepRules, there: Collection[Tier]) -> Tier | None:
    """Return the tier that begins in place of the step's own while money is short; None: the step's own begins.

    None unless the blueprint names one, where what serves it is no cheaper, and wherever much may be at stake.
    """
    if rules.cheaper_when_short is None or DenserWhen.HIGH_STAKES in rules.denser_when:
        return None
    begins = serving(rules.cheaper_when_short, there)
    return begins if is_cheaper(begins, serving(rules.tier, there)) else None


def reason_to_step_up(found: Collection[DenserWhen], taken: Collection[DenserWhen]) -> DenserWhen | None:
    """Return the first of the reasons found that are taken for one; None: the answer stands as it is."""
    return next((reason for reason in DenserWhen if reason in found and reason in taken), None)


def is_unsure(confidence: float | None, rules: StepRules) -> bool:
    """Return whether a confidence is below the rules' limit; one that nobody tells is not."""
    return confidence is not None and rules.min_confidence is not None and confidence < rules.min_confidence


def is_high(amount: Money | None, limits_minor: Mapping[str, int]) -> bool:
    """Return whether so much is at stake; of a currency without a limit any amount is."""
    return amount is not None and amount.minor >= limits_minor.get(amount.currency, 0)


class AnsweredBy(BaseModel):
    """Who answered a question in the end, and why it was not the first model of the step's tier.

    `money_short`: it was asked of a cheaper tier first, since a budget had come to its warning.
    """

    step: str
    tier: Tier
    model: str = ""
    stepped_up: DenserWhen | None = None
    stands_in_for: str = ""  # the tier's own model, during an outage of it
    money_short: bool = False

    @property
    def remark(self) -> str:
        """One line for people; empty where all went as usual.

        >>> AnsweredBy(step="route", tier="large", model="gpt-5.4", stepped_up="abstained").remark
        'route: answered by gpt-5.4 of the tier large (abstained)'
        """
        said = f"{self.step}: answered by {self.model}"
        if self.stepped_up is not None:
            said += f" of the tier {self.tier} ({self.stepped_up.replace('_', ' ')})"
        elif self.money_short:
            said += f" of the tier {self.tier} (a budget is nearly used up)"
        if self.stands_in_for:
            said += f" for {self.stands_in_for}, which is out"
        return said if self.stepped_up is not None or self.stands_in_for or self.money_short else ""
