"""Qualify: what a sender who may buy is after."""

from collections.abc import Mapping

from pydantic import BaseModel
from temporalio import activity

from activities.grants import require_grant
from activities.models.prompting import Question, fenced_ticket, ticket_text
from domain.blueprint import Blueprint
from domain.case import CaseInput
from domain.model_call import Tier, Usage
from domain.reading.answers import LeadAnswer, lead_from_answer
from domain.reading.sales import LeadFacts
from domain.writers.junk import JunkSigns
from ports.model import LanguageModel

MAX_OUTPUT = 300


class LeadRequest(BaseModel):
    """The message to qualify."""

    case: CaseInput


class LeadResult(BaseModel):
    """What the message says about the lead."""

    facts: LeadFacts
    usage: Usage


class QualifyActivities:
    """Reads leads with the small model.

    Raises:
        ConfigurationError: when built, if the blueprint has no prompt `lead`.
    """

    def __init__(self, models: Mapping[Tier, LanguageModel], blueprint: Blueprint) -> None:
        self._question = Question(models, blueprint, "lead", LeadAnswer, tier=Tier.SMALL, max_output=MAX_OUTPUT)
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
        asked = await self._question.ask(fenced_ticket(case))
        text = ticket_text(case)
        facts = lead_from_answer(asked.answer, text=text, junk=self._signs.verdict(text))
        return LeadResult(facts=facts, usage=asked.usage)
