"""The steps that answer from articles go by the day on which Temporal scheduled them, and by the message's language."""

import dataclasses
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.clock import asked_on
from activities.models.answer import AnswerActivities, AnswerRequest
from activities.models.diagnose import DiagnoseActivities, DiagnoseRequest, QuestionRequest
from domain.model_call import ModelReply, ModelRequest, Tier, Usage
from domain.reading.knowledge import Article
from tests.contracts.store_samples import case_input
from tests.fakes.blueprint import BLUEPRINT

LAST = date(2026, 11, 30)
STEPS = ("diagnose", "answer", "billing")
OF = {"diagnose": "TechnicalSupportWorkflow", "answer": "KnowledgeWorkflow", "billing": "BillingWorkflow"}


def article(name: str, **more: object) -> Article:
    given = {
        "article_id": name,
        "area": "it",
        "title": "fax",
        "symptoms": ["the fax is dead"],
        "cause": "",
        "steps": [],
    }
    return Article.model_validate(given | more)


class TakesTheFirst:
    """A model that chooses the first article that it is shown, and keeps what it was shown."""

    def __init__(self) -> None:
        self.shown: list[list[str]] = []

    async def complete(self, request: ModelRequest) -> ModelReply:
        said = request.messages[-1].content
        articles = json.loads(said.partition("<articles>\n")[2].partition("\n</articles>")[0])
        self.shown.append([a["article_id"] for a in articles])
        choice: dict[str, object] = {"article_id": self.shown[-1][0], "confidence": 0.9}
        if request.schema_name == "diagnosis":
            choice |= {"cause": "", "steps": []}
        return ModelReply(text=json.dumps(choice), model="fake-1", usage=Usage())


async def asked(
    step: str, articles: Sequence[Article], *, at: datetime, lang: str = "en", text: str = "the fax is dead"
) -> tuple[str | None, list[list[str]]]:
    """Return the article that a step answers with, and what its model was shown."""
    model = TakesTheFirst()
    of: Any = {"answer_cache": None, "article_embedder": None, "unanswered": None}
    models = dict.fromkeys(Tier, model)
    diagnosing = DiagnoseActivities(models, BLUEPRINT, articles, **of)
    case = case_input().model_copy(update={"text": text, "lang": lang})
    calls: dict[str, tuple[Any, object]] = {
        "diagnose": (diagnosing.diagnose, DiagnoseRequest(case=case, knowledge=("it",))),
        "answer": (
            AnswerActivities(models, BLUEPRINT, articles, **of).answer_from_articles,
            AnswerRequest(case=case, knowledge=("it",)),
        ),
        "billing": (diagnosing.search_billing_knowledge, QuestionRequest(case=case, knowledge=("it",))),
    }
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(
        environment.info,
        workflow_type=OF[step],
        current_attempt_scheduled_time=at,
        scheduled_time=at - timedelta(days=9),
    )
    found = await environment.run(*calls[step])
    return found.article.article_id if found.article else None, model.shown


@pytest.mark.parametrize("step", STEPS)
async def test_an_article_is_quoted_to_the_end_of_its_last_day_and_from_the_begin_of_its_first(step: str) -> None:
    articles = [article("kb-old", valid_until=LAST), article("kb-new", valid_from=LAST + timedelta(days=1))]
    evening = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
    assert (await asked(step, articles, at=evening))[0] == "kb-old"
    assert (await asked(step, articles, at=evening + timedelta(seconds=1)))[0] == "kb-new"


@pytest.mark.parametrize("step", STEPS)
async def test_with_nothing_valid_no_model_is_asked_and_nothing_is_quoted(step: str) -> None:
    found = await asked(step, [article("kb-old", valid_until=LAST)], at=datetime(2026, 12, 1, tzinfo=UTC))
    assert found == (None, [])


@pytest.mark.parametrize("step", STEPS)
async def test_the_article_in_the_language_of_the_message_is_the_one_that_is_quoted(step: str) -> None:
    articles = [article("kb-a"), article("kb-b", lang="de"), article("kb-c", lang="fr")]
    now = datetime(2026, 11, 30, tzinfo=UTC)
    for lang, wanted, shown in (("de", "kb-b", ["kb-b", "kb-a"]), ("en", "kb-a", ["kb-a"]), ("nl", "kb-a", ["kb-a"])):
        found, offered = await asked(step, articles, at=now, lang=lang)
        assert found == wanted
        assert offered == ([] if step == "billing" else [shown])


async def test_billing_does_not_quote_what_fits_too_little_for_its_language() -> None:
    articles = [article("kb-a"), article("kb-b", lang="de", title="fax papier einzug toner", symptoms=[])]
    now = datetime(2026, 11, 30, tzinfo=UTC)
    assert (await asked("billing", articles, at=now, lang="de"))[0] == "kb-a"


async def test_the_day_is_that_of_utc() -> None:
    environment = ActivityEnvironment()
    east = datetime(2026, 12, 1, 3, 0, tzinfo=timezone(timedelta(hours=5)))
    environment.info = dataclasses.replace(environment.info, current_attempt_scheduled_time=east)
    assert environment.run(asked_on) == LAST
