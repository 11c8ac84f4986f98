"""Draft: a reply to a lead, checked by code before anybody reads it."""

from collections.abc import Mapping

from pydantic import BaseModel
from temporalio import activity

from activities.grants import require_grant
from activities.models.asking import OfAModel, Question
from activities.models.prompting import fenced_json, fenced_ticket, read_json, ticket_text
from domain.blueprint import Blueprint
from domain.case import CaseInput
from domain.errors import UnfitAnswerError
from domain.letters import Draft
from domain.model_call import ModelReply, Tier
from domain.model_steps import ModelStep
from domain.reading.answers import ReplyAnswer
from domain.reading.letter_rules import objections_to_reply
from domain.reading.sales import LeadFacts
from ports.models.model import LanguageModel


class DraftRequest(BaseModel):
    """What the reply is written from: the message, the facts read out of it, and who takes the lead."""

    case: CaseInput
    facts: LeadFacts
    owner: str
    team: str


class DraftResult(OfAModel):
    """The draft; it may hold tokens for personal data, put back only where it is sent."""

    draft: Draft


class DraftActivities:
    """Writes replies.

    Raises:
        ConfigurationError: when built, if the blueprint has no prompt `reply`.
    """

    def __init__(self, models: Mapping[Tier, LanguageModel], blueprint: Blueprint) -> None:
        self._question = Question(models, blueprint, ModelStep.REPLY, ReplyAnswer)

    @activity.defn
    async def draft_reply(self, request: DraftRequest) -> DraftResult:
        """Write a reply that promises nothing: no link, address, account number or amount that the sender did not name.

        Raises:
            RefusedError: not asked by Sales.
            BadAnswerError: two answers did not fit or held what may not go out.
            TransientError, ToldToWaitError, UnsupportedTaskError, ConfigurationError: as the model's.
        """
        require_grant("draft_reply")
        known = request.facts.model_dump(mode="json") | {"owner": request.owner, "team": request.team}
        on_file = f"{ticket_text(request.case)}\n{request.owner}\n{request.team}"
        asked = await self._question.ask(
            fenced_json("facts", known),
            fenced_ticket(request.case),
            read=lambda reply: _checked(reply, on_file),
            may_wait=request.case.may_wait,
        )
        draft = Draft(subject=asked.answer.subject, text=asked.answer.text)
        return DraftResult(draft=draft, usage=asked.usage, answered_by=asked.by)


def _checked(reply: ModelReply, on_file: str) -> ReplyAnswer:
    answer = read_json(reply, ReplyAnswer)
    objections = objections_to_reply(f"{answer.subject}\n{answer.text}", on_file=on_file)
    if objections:
        raise UnfitAnswerError(f"it holds {', '.join(objections)} that nobody gave you")
    return answer
