"""A reused answer as it is put on record, with what it saved."""

from pydantic import BaseModel, Field

from domain.case_details import format_cost
from domain.model_steps import CacheRule


class ReusedAnswer(BaseModel):
    """One answer that a case got without a call, or that was checked by one.

    Attributes:
        case_id: whose.
        asked_by: the specialist's step; with the case it names the answer: a step tried again writes it once.
        tenant: of the case.
        step: the question.
        lang: of the message.
        answer: `article@version`.
        rule: by which it was reused.
        cosine: of the nearest question; 1.0 where the very same was being asked at the moment.
        margin: by which the nearest one with another answer is farther.
        agree: how many of the nearest five had the answer; 0 where the same was being asked at the moment.
        confirmed: what a model said that was asked all the same; None: none was.
        saved_tokens: in and out; nothing where a model was asked.
        saved_micros: millionths of a US dollar.
    """

    case_id: str
    asked_by: str
    tenant: str
    step: str
    lang: str
    answer: str
    rule: CacheRule
    cosine: float
    margin: float
    agree: int
    confirmed: bool | None = None
    saved_tokens: int = Field(default=0, ge=0)
    saved_micros: int = Field(default=0, ge=0)

    @property
    def remark(self) -> str:
        """One line for our people; never for the sender."""
        if self.confirmed is not None:
            said = "says the same" if self.confirmed else "says something else, which counts"
            return f"{self.step}: {self.answer} would have been reused; the model, asked to check it, {said}"
        why = f"{self.agree} of the 5 nearest questions agree, cosine {self.cosine:.2f}"
        why = why if self.agree else "the same was being asked at the moment"
        saved = f"saved {self.saved_tokens:,} tokens, {format_cost(self.saved_micros)}"
        return f"{self.step}: {self.answer} reused without a call ({why}); {saved}"


class ReuseSum(BaseModel):
    """What reused answers of one day, tenant, step and language saved. `checked` counts those that a model was asked
    about, `wrong` those of them where it said something else; neither is among `hits`.
    """

    day: str
    tenant: str
    step: str
    lang: str
    hits: int
    saved_tokens: int
    saved_micros: int
    checked: int = 0
    wrong: int = 0
