"""Technical Support: diagnose from the knowledge base, answer with the steps, or hand to a person with the findings."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.models.diagnose import DiagnoseActivities, DiagnoseRequest
    from domain.case import Ending, SpecialistRequest, SpecialistResult
    from domain.letters import ArticleAnswer
    from domain.model_steps import ModelStep
    from workflows import options
    from workflows.specialists.desk import Desk


@workflow.defn
class TechnicalSupportWorkflow:
    """Works one technical case."""

    @workflow.init
    def __init__(self, request: SpecialistRequest) -> None:
        self._desk = Desk(request, "technical_support")

    @workflow.run
    async def run(self, request: SpecialistRequest) -> SpecialistResult:
        """Return the answer with what it relies on, or the findings for a person."""
        return await self._desk.work(self._answer)

    async def _answer(self) -> SpecialistResult:
        found = await self._desk.step(
            "diagnose",
            options.MODEL_LARGE,
            DiagnoseActivities.diagnose,
            DiagnoseRequest(case=self._desk.case, knowledge=self._desk.knowledge, category=self._desk.category),
            summary="find symptoms, cause and remedy in the knowledge base",
            asks=ModelStep.DIAGNOSIS,
        )
        confidence = f"{found.diagnosis.confidence:.2f}"
        if found.article is None:
            seen = ", ".join(found.candidates) or "none"
            finding = f"no article explains it with enough confidence ({confidence}); looked at: {seen}"
            return self._desk.end(Ending.HUMAN, finding)
        finding = f"{found.article.named} ({confidence})"
        return self._desk.end(Ending.ANSWER, finding, ArticleAnswer(article=found.article))
