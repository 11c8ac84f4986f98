"""Extract: what the customer asks of Billing, as far as the message itself proves it."""

from collections.abc import Mapping

from pydantic import BaseModel, Field
from temporalio import activity

from activities.grants import require_grant
from activities.models.asking import OfAModel, Question
from activities.models.prompting import fenced_ticket, spoken_text
from domain.blueprint import Blueprint
from domain.cascade.stepping import is_high
from domain.case import WORDLESS, CaseInput
from domain.conversations.orders import newest_order
from domain.inbound.cleaned import ANSWERED
from domain.model_call import Tier, Usage
from domain.model_steps import DenserWhen, ModelStep
from domain.money.claim import Claim, Doubt, Origin, Reason
from domain.reading.answers import ClaimAnswer, QuotedOrder
from domain.reading.claim_reading import GivenFields, claim_from_answer
from domain.reading.documents.claim_fields import claim_from_fields, filled_places
from domain.reading.quoted import normal_order_id
from domain.reading.sentences import Span
from ports.models.model import LanguageModel

BY_FIELDS = "the claim was read by the fields of its document"
UNPROVEN = frozenset({Doubt.WISH, Doubt.REASON})  # what the customer's own words do not say


class ClaimRequest(BaseModel):
    """The message to read a claim from."""

    case: CaseInput


class ClaimResult(OfAModel):
    """The claim, checked; `notes` say for people what was dropped or guessed, without the customer's words."""

    claim: Claim
    notes: list[str] = Field(default_factory=list)


class ExtractActivities:
    """Reads claims.

    Raises:
        ConfigurationError: when built, if the blueprint has no prompt `claim`.
    """

    def __init__(self, models: Mapping[Tier, LanguageModel], blueprint: Blueprint) -> None:
        self._question = Question(models, blueprint, ModelStep.CLAIM, ClaimAnswer)
        self._words = blueprint.words
        self._documents = blueprint.documents

    @activity.defn
    async def extract_claim(self, request: ClaimRequest) -> ClaimResult:
        """Read what the customer wants; values count only if they stand in the message word for word or in a field of
        the payload.

        Raises:
            RefusedError: not asked by Billing.
            BadAnswerError: two answers did not fit.
            TransientError, ToldToWaitError, UnsupportedTaskError, ConfigurationError: as the model's.
        """
        require_grant("extract_claim")
        return await self.read_claim(request)

    async def read_claim(self, request: ClaimRequest) -> ClaimResult:
        """Read it whoever asks: for measurement. Raises as `extract_claim` does, but for the grant."""
        case = request.case
        if case.claimed is not None and WORDLESS in case.flags:
            claim = self._by_fields(case, case.claimed)
            return ClaimResult(claim=claim, usage=Usage(), notes=[BY_FIELDS, *_notes(claim)])
        asked = await self._question.ask(
            fenced_ticket(case), doubts=lambda said, _: self._doubts(said, case), may_wait=case.may_wait
        )
        claim = self._claim(asked.answer, case)
        return ClaimResult(claim=claim, usage=asked.usage, notes=_notes(claim), answered_by=asked.by)

    def _by_fields(self, case: CaseInput, reason: Reason) -> Claim:
        """Return what a document without words asks for; no model is asked."""
        text = "\n\n".join([case.subject, *case.answers])
        filled = filled_places(text, case.in_fields, self._labels(case))
        return claim_from_fields(reason, _given(case), text=text, filled=filled, words=self._words, lang=case.lang)

    def _answered(self, text: str, case: CaseInput) -> list[Span]:
        """Return the places in the answers to our letter that are values of the document's fields."""
        if not case.answers or not case.in_fields:
            return []
        places = filled_places(text, case.in_fields, self._labels(case))
        return [place for place in places if ANSWERED in text[: place.start]]

    def _labels(self, case: CaseInput) -> list[str]:
        """Return what the fields of its document are called, by its customer and by its sender."""
        kind = self._documents.get(case.document)
        names = [] if kind is None else list(kind.fields)
        return [
            *names,
            *(name.replace("_", " ") for name in names),
            *(kind.label(name, case.lang) for name in names if kind),
            *(short for name in names if kind for short in kind.short_names(name, case.lang)),
        ]

    def _claim(self, said: ClaimAnswer, case: CaseInput) -> Claim:
        answer, text = _of_the_newest(said, case), spoken_text(case)
        return claim_from_answer(
            answer,
            text=text,
            given=_given(case),
            filled=self._answered(text, case),
            claimed=case.claimed,
            superseded=_slips(answer, case),
            lang=case.lang,
            words=self._words,
        )

    def _doubts(self, said: ClaimAnswer, case: CaseInput) -> list[DenserWhen]:
        """Say why a claim may be a matter for a denser model; what of it counts is decided the same way for both."""
        rules = self._question.rules
        if not rules.denser_when:
            return []
        claim = self._claim(said, case)
        guessed = claim.order_id is not None and claim.order_origin is Origin.GUESSED
        found = []
        if claim.unreadable or guessed or any(doubted.doubt in UNPROVEN for doubted in claim.doubts):
            found.append(DenserWhen.NO_EVIDENCE)
        if is_high(claim.amount, rules.high_stakes_minor):
            found.append(DenserWhen.HIGH_STAKES)
        return found


def _given(case: CaseInput) -> GivenFields:
    return GivenFields(order_id=case.order_id, amount=case.amount, currency=case.currency)


def _of_the_newest(answer: ClaimAnswer, case: CaseInput) -> ClaimAnswer:
    """Let the order count that the customer named last, where we asked for it; what they named before was a slip."""
    named = normal_order_id(answer.order_id.value) if answer.order_id is not None else None
    newest = newest_order(named, case.answers) if named is not None and _was_asked(case) else None
    if newest is None:
        return answer
    return answer.model_copy(update={"order_id": QuotedOrder(value=newest, quote=newest)})


def _slips(answer: ClaimAnswer, case: CaseInput) -> str:
    """Return what was said before the customer named the order that counts, if we asked for it."""
    if answer.order_id is None or not _was_asked(case):
        return ""
    said = [case.subject, case.text, *case.answers]
    newest = answer.order_id.value.casefold()
    last = max((n for n, text in enumerate(said) if newest in text.casefold()), default=0)
    return "\n\n".join(said[:last])


def _was_asked(case: CaseInput) -> bool:
    return "order_id" in case.asked_for and bool(case.answers)


def _notes(claim: Claim) -> list[str]:
    notes = [f"{name}: given, but without one clear reading" for name in claim.unreadable]
    notes += [f"unread ({doubted.doubt.replace('_', ' ')})" for doubted in claim.doubts]
    if claim.order_id is not None and claim.order_origin is Origin.GUESSED:
        notes.append("order_id: guessed by the model, the message does not hold it")
    return list(dict.fromkeys(notes))
