"""Technical Support: diagnose from the knowledge base, answer with the steps, or hand to a person with the findings."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.models.diagnose import DiagnoseActivities, DiagnoseRequest, DiagnoseResult
    from domain import replies
    from domain.case import Ending, SpecialistRequest, SpecialistResult
    from domain.errors import FailureKind
    from domain.model_call import Tier
    from domain.story import plain
    from workflows import options
    from workflows.steps import failed_step, on_ladder


@workflow.defn
class TechnicalSupportWorkflow:
    """Works one technical case."""

    @workflow.run
    async def run(self, request: SpecialistRequest) -> SpecialistResult:
        """Return the answer with what it relies on, or the findings for a person."""
        case = request.case
        try:
            found: DiagnoseResult = await on_ladder(
                "diagnose",
                case.policy.ladder_s,
                lambda: workflow.execute_activity_method(
                    DiagnoseActivities.diagnose,
                    DiagnoseRequest(case=case),
                    task_queue=options.MODEL_QUEUES[Tier.LARGE],
                    start_to_close_timeout=options.MODEL_TIMEOUT,
                    schedule_to_close_timeout=options.STEP_BUDGET,
                    heartbeat_timeout=options.HEARTBEAT,
                    retry_policy=options.NATIVE_RETRY,
                    summary="find symptoms, cause and remedy in the knowledge base",
                ),
            )
        except ApplicationError as error:
            failed = failed_step(error, step="diagnose")
            if failed.kind in (FailureKind.BAD_ANSWER, FailureKind.REFUSED):
                finding = f"no usable diagnosis: {failed.message}"[:300]
                return SpecialistResult(ending=Ending.HUMAN, finding=finding, usage=failed.usage)
            raise
        seen = ", ".join(found.candidates) or "none"
        if found.article is None:
            finding = (
                f"no article explains it with enough confidence ({found.diagnosis.confidence:.2f}); looked at: {seen}"
            )
            ending, draft = Ending.HUMAN, None
        else:
            finding = f"{found.article.article_id}: {found.article.title} ({found.diagnosis.confidence:.2f})"
            ending = Ending.ANSWER
            draft = replies.article_answer(case.lang, case.subject, found.article)
        workflow.set_current_details(f"**{ending}** — {plain(finding)}")
        return SpecialistResult(ending=ending, finding=finding[:300], draft=draft, usage=found.usage)
