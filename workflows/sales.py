"""Sales: read what is wanted, find whose account it is, record the lead with its owner, draft the reply."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.actions.lead import LeadActivities, RecordLeadRequest, RecordLeadResult
    from activities.models.draft import DraftActivities, DraftRequest, DraftResult
    from activities.models.qualify import LeadRequest, LeadResult, QualifyActivities
    from domain.case import EffectRecord, Ending, SpecialistRequest, SpecialistResult
    from domain.errors import FailureKind
    from domain.model_call import Tier, Usage
    from domain.story import plain
    from workflows import options
    from workflows.steps import failed_step, on_ladder, with_usage


@workflow.defn
class SalesWorkflow:
    """Works one sales case."""

    @workflow.init
    def __init__(self, request: SpecialistRequest) -> None:
        self._case = request.case
        self._usage = Usage()
        self._effects: list[EffectRecord] = []

    @workflow.run
    async def run(self, request: SpecialistRequest) -> SpecialistResult:
        """Return the drafted reply; the lead is on record even where the draft fails."""
        try:
            wanted = await self._qualify()
            lead = await self._record(wanted)
            drafted = await self._draft(wanted, lead)
        except ApplicationError as error:
            failed = failed_step(error, step="sales")
            if failed.kind in (FailureKind.BAD_ANSWER, FailureKind.REFUSED):
                self._usage = self._usage.plus(failed.usage)
                return self._end(Ending.HUMAN, f"{failed.step}: {failed.message}"[:300])
            raise with_usage(error, self._usage) from error
        finding = f"lead {lead.score}/100 for {lead.owner} ({lead.team}), {wanted.facts.interest.replace('_', ' ')}"
        return self._end(Ending.ANSWER, finding, drafted)

    async def _qualify(self) -> LeadResult:
        result: LeadResult = await on_ladder(
            "qualify the lead",
            self._case.policy.ladder_s,
            lambda: workflow.execute_activity_method(
                QualifyActivities.qualify_lead,
                LeadRequest(case=self._case),
                task_queue=options.MODEL_QUEUES[Tier.SMALL],
                start_to_close_timeout=options.MODEL_TIMEOUT,
                schedule_to_close_timeout=options.STEP_BUDGET,
                heartbeat_timeout=options.HEARTBEAT,
                retry_policy=options.NATIVE_RETRY,
                summary="read what is wanted, how much of it and how soon",
            ),
        )
        self._usage = self._usage.plus(result.usage)
        return result

    async def _record(self, wanted: LeadResult) -> RecordLeadResult:
        result: RecordLeadResult = await on_ladder(
            "record the lead",
            self._case.policy.ladder_s,
            lambda: workflow.execute_activity_method(
                LeadActivities.record_lead,
                RecordLeadRequest(case=self._case, facts=wanted.facts),
                task_queue=options.ACTIONS_QUEUE,
                start_to_close_timeout=options.STORE_TIMEOUT,
                schedule_to_close_timeout=options.STEP_BUDGET,
                retry_policy=options.NATIVE_RETRY,
                summary="find the account, map the territory, score and record the lead",
            ),
        )
        self._effects.append(result.effect)
        return result

    async def _draft(self, wanted: LeadResult, lead: RecordLeadResult) -> DraftResult:
        result: DraftResult = await on_ladder(
            "draft the reply",
            self._case.policy.ladder_s,
            lambda: workflow.execute_activity_method(
                DraftActivities.draft_reply,
                DraftRequest(case=self._case, facts=wanted.facts, owner=lead.owner, team=lead.team),
                task_queue=options.MODEL_QUEUES[Tier.LARGE],
                start_to_close_timeout=options.MODEL_TIMEOUT,
                schedule_to_close_timeout=options.STEP_BUDGET,
                heartbeat_timeout=options.HEARTBEAT,
                retry_policy=options.NATIVE_RETRY,
                summary="draft the reply to the lead",
            ),
        )
        self._usage = self._usage.plus(result.usage)
        return result

    def _end(self, ending: Ending, finding: str, drafted: DraftResult | None = None) -> SpecialistResult:
        workflow.set_current_details(f"**{ending}** — {plain(finding)}")
        return SpecialistResult(
            ending=ending,
            finding=finding,
            draft=drafted.draft if drafted else None,
            effects=self._effects,
            usage=self._usage,
        )
