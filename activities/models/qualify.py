"""Qualify: what a sender who may buy is after."""

from collections.abc import Mapping

from pydantic import BaseModel
from temporalio import activity

from activities.grants import require_grant
from activities.models.asking import OfAModel, Question
from activities.models.prompting import fenced_ticket, ticket_text
from domain.blueprint import Blueprint
from domain.case import CaseInput
from domain.model_call import Tier
from domain.model_steps import DenserWhen, ModelStep
from domain.reading.answers import LeadAnswer, lead_from_answer
from domain.reading.sales import LeadFacts
from domain.writers.junk import JunkSigns
from ports.models.model import LanguageModel


class LeadRequest(BaseModel):
    """The message to qualify."""

    case: CaseInput


class LeadResult(OfAModel):
    """What the message says about the lead."""

    facts: LeadFacts


class QualifyActivities:
    """Reads leads.

    Raises:
        ConfigurationError: when built, if the blueprint has no prompt `lead`.
    """

    def __init__(self, models: Mapping[Tier, LanguageModel], blueprint: Blueprint) -> None:
        self._question = Question(models, blueprint, ModelStep.LEAD, LeadAnswer)
        self._signs = JunkSigns(blueprint.words)

    @activity.defn
    async def qualify_lead(self, request: LeadRequest) -> LeadResult:
        """Read the facts of a lead; product, company and seats count only if the message holds them, the interest only
        with a quote of it. Signs of junk are noted.

        Raises:
            RefusedError: not asked by Sales.
            BadAnswerError: two answers did not fit.
            TransientError, ToldToWaitError, UnsupportedTaskError, ConfigurationError: as the model's.
        """
        require_grant("qualify_lead")
        case = request.case
        text = ticket_text(case)
        asked = await self._question.ask(
            fenced_ticket(case), doubts=lambda answer, _: _doubts(answer, text), may_wait=case.may_wait
        )
        facts = lead_from_answer(asked.answer, text=text, junk=self._signs.verdict(text))
        return LeadResult(facts=facts, usage=asked.usage, answered_by=asked.by)


def _doubts(answer: LeadAnswer, text: str) -> list[DenserWhen]:
    """Say whether the model named what does not stand in the message."""
    kept = lead_from_answer(answer, text=text)
    dropped = any(getattr(answer, name) and getattr(kept, name) is None for name in ("product", "seats", "company"))
    return [DenserWhen.NO_EVIDENCE] if dropped or kept.interest is not answer.interest else []
