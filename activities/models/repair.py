"""Repair: what a message says of the fields that the document in it lacks."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, Field
from temporalio import activity

from activities.models.asking import OfAModel, Question
from activities.models.prompting import fenced_json, fenced_ticket
from domain.blueprint import Blueprint
from domain.case import CaseInput
from domain.errors import BadAnswerError, UnsupportedTaskError
from domain.model_call import ModelReply, Tier, Usage
from domain.model_steps import DenserWhen, ModelStep
from domain.reading.answers import FieldsAnswer
from domain.repair.kinds import DocumentKind
from domain.repair.patching import PATCH_NAMES_AT_MOST, FieldPatch
from ports.models.model import LanguageModel


class FieldsRequest(BaseModel):
    """The message, the fields that its document lacks, and what our records say of its order."""

    case: CaseInput
    missing: Sequence[str] = Field(min_length=1)
    facts: dict[str, object] = Field(default_factory=dict)


class FieldsResult(OfAModel):
    """What the model proposes: nothing counts before it is proven (`domain.repair.patching`)."""

    patches: list[FieldPatch] = Field(default_factory=list)


class RepairActivities:
    """Looks for missing fields of documents. It reads, and has no effects."""

    def __init__(self, models: Mapping[Tier, LanguageModel], blueprint: Blueprint) -> None:
        self._documents = blueprint.documents
        self._question = (
            Question(models, blueprint, ModelStep.REPAIR, FieldsAnswer) if "repair" in blueprint.prompts else None
        )

    @activity.defn
    async def find_fields(self, request: FieldsRequest) -> FieldsResult:
        """Ask for the named fields only; of a kind of document that the blueprint does not know any more, for none.
        Where no answer fits, nothing is proposed.

        Raises:
            BadSpellError: no answer fitted, nor did those to other messages.
            TransientError, ToldToWaitError, ConfigurationError: as the model's.
        """
        kind = self._documents.get(request.case.document)
        wanted = [] if kind is None else _wanted(kind, request.missing, request.case.lang)
        if self._question is None or not wanted:
            return FieldsResult(usage=Usage())
        try:
            asked = await self._question.ask(
                fenced_json("facts", {"fields": wanted, "records": request.facts}),
                fenced_ticket(request.case),
                doubts=_found_nothing,
                may_wait=request.case.may_wait,
            )
        except BadAnswerError as error:  # then its customer is asked
            return FieldsResult(usage=error.usage or Usage())
        except UnsupportedTaskError as error:
            return FieldsResult(usage=(error.usage or Usage()).plus(Usage(calls=1)))
        names = {str(field["name"]) for field in wanted}
        patches = [patch for patch in asked.answer.fields if patch.name in names]
        return FieldsResult(patches=patches, usage=asked.usage, answered_by=asked.by)


def _found_nothing(said: FieldsAnswer, _: ModelReply) -> list[DenserWhen]:
    return [] if any(patch.quote.strip() for patch in said.fields) else [DenserWhen.NO_EVIDENCE]


def _wanted(kind: DocumentKind, missing: Sequence[str], lang: str) -> list[dict[str, str]]:
    """Return the fields to look for as a model is told of them: by their name, what they are, and what people call
    them.
    """
    known = [name for name in missing if name in kind.fields][:PATCH_NAMES_AT_MOST]
    return [
        {"name": name, "kind": str(kind.fields[name].kind), "called": kind.label(name, lang)}
        | ({"in_short": ", ".join(short)} if (short := kind.short_names(name, lang)) else {})
        for name in known
    ]
