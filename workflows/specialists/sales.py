"""Sales: read what is wanted, find whose account it is, record the lead with its owner, draft the reply."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.actions.lead import LeadActivities, RecordLeadRequest, RecordLeadResult
    from activities.models.draft import DraftActivities, DraftRequest, DraftResult
    from activities.models.qualify import LeadRequest, LeadResult, QualifyActivities
    from domain.case import Ending, SpecialistRequest, SpecialistResult
    from domain.letters import DraftedReply
    from domain.model_steps import ModelStep
    from workflows import options
    from workflows.specialists.desk import Desk


@workflow.defn
class SalesWorkflow:
    """Works one sales case; the lead is on record even where the draft fails."""

    @workflow.init
    def __init__(self, request: SpecialistRequest) -> None:
        self._desk = Desk(request, "sales")

    @workflow.run
    async def run(self, request: SpecialistRequest) -> SpecialistResult:
        """Return the drafted reply."""
        return await self._desk.work(self._answer)

    async def _answer(self) -> SpecialistResult:
        wanted = await self._qualify()
        lead = await self._record(wanted)
        if lead.noted_on is not None:
            noted = self._desk.end(Ending.ANSWER, f"noted on the lead of {lead.noted_on}: nothing new is asked")
            return noted.model_copy(update={"noted_on": lead.noted_on})
        drafted = await self._draft(wanted, lead)
        finding = f"lead {lead.score}/100 for {lead.owner} ({lead.team}), {wanted.facts.interest.replace('_', ' ')}"
        letter = DraftedReply(subject=drafted.draft.subject, text=drafted.draft.text)
        return self._desk.end(Ending.ANSWER, finding, letter)

    async def _qualify(self) -> LeadResult:
        return await self._desk.step(
            "qualify the lead",
            options.MODEL_SMALL,
            QualifyActivities.qualify_lead,
            LeadRequest(case=self._desk.case),
            summary="read what is wanted, how much of it and how soon",
            asks=ModelStep.LEAD,
        )

    async def _record(self, wanted: LeadResult) -> RecordLeadResult:
        recorded = await self._desk.step(
            "record the lead",
            options.STORE,
            LeadActivities.record_lead,
            RecordLeadRequest(case=self._desk.case, facts=wanted.facts),
            summary="find the account, map the territory, score and record the lead",
        )
        if recorded.effect is not None:
            self._desk.effects.append(recorded.effect)
        return recorded

    async def _draft(self, wanted: LeadResult, lead: RecordLeadResult) -> DraftResult:
        return await self._desk.step(
            "draft the reply",
            options.MODEL_LARGE,
            DraftActivities.draft_reply,
            DraftRequest(case=self._desk.case, facts=wanted.facts, owner=lead.owner, team=lead.team),
            summary="draft the reply to the lead",
            asks=ModelStep.REPLY,
        )
