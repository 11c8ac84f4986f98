"""Questions as owners of articles see them: which article answered how often, and what people had to answer."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel

from domain.case import WORDLESS, CaseInput
from domain.repair.bodies import UNMENDED


class ArticleUse(BaseModel):
    """How often a version of an article was quoted in a letter, and when last."""

    article_id: str
    version: int
    letters: int
    last_at: datetime


class Why(StrEnum):
    """Why a person had to answer a question."""

    PERSON = "answered by a person"
    NO_ARTICLE = "no article"  # and no person has answered it yet, or not by a letter


class PersonAsked(BaseModel):
    """A question that knowledge did not answer; its words have personal data replaced by tokens. `at` is when a person
    answered it, or else when no article did.
    """

    case_id: str
    why: Why
    category: str = ""
    lang: str = "und"
    subject: str = ""
    text: str = ""
    received_at: datetime
    at: datetime


def is_question(case: CaseInput) -> bool:
    """Return whether a person asked it: no program, no broken body, and no document without words."""
    return case.machine is None and case.skip_to_human != UNMENDED and WORDLESS not in case.flags
