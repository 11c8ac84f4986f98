"""Knowledge: answer a question from an approved article and name it, or hand it to a person with what was found."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.models.answer import AnswerActivities, AnswerRequest
    from domain.case import Ending, SpecialistRequest, SpecialistResult
    from domain.letters import ArticleAnswer
    from domain.model_steps import ModelStep
    from workflows import options
    from workflows.specialists.desk import Desk


@workflow.defn
class KnowledgeWorkflow:
    """Works one question, such as those to a help desk."""

    @workflow.init
    def __init__(self, request: SpecialistRequest) -> None:
        self._desk = Desk(request, "knowledge")

    @workflow.run
    async def run(self, request: SpecialistRequest) -> SpecialistResult:
        """Return the article as the answer, or the findings for a person."""
        return await self._desk.work(self._answer)

    async def _answer(self) -> SpecialistResult:
        found = await self._desk.step(
            "find the article",
            options.MODEL_LARGE,
            AnswerActivities.answer_from_articles,
            AnswerRequest(case=self._desk.case, knowledge=self._desk.knowledge, category=self._desk.category),
            summary="look for an approved article that answers the question",
            asks=ModelStep.ARTICLE,
        )
        if found.article is None:
            seen = ", ".join(found.candidates) or "none"
            return self._desk.end(Ending.HUMAN, f"no approved article answers it; looked at: {seen}")
        finding = f"answered from {found.article.named}"
        return self._desk.end(Ending.ANSWER, finding, ArticleAnswer(article=found.article))
