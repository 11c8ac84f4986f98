"""The example specialist: wishes a happy birthday."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.case import Ending, SpecialistRequest, SpecialistResult
    from domain.letters import PersonAnswer
    from tests.examples.loyalty.activities import BirthdayRequest, LoyaltyActivities
    from tests.examples.loyalty.rules import points
    from workflows import options
    from workflows.specialists.desk import Desk


@workflow.defn
class LoyaltyWorkflow:
    """Works one birthday."""

    @workflow.init
    def __init__(self, request: SpecialistRequest) -> None:
        self._desk = Desk(request, "loyalty")

    @workflow.run
    async def run(self, request: SpecialistRequest) -> SpecialistResult:
        """Return the wishes."""
        return await self._desk.work(self._answer)

    async def _answer(self) -> SpecialistResult:
        birthday = await self._desk.step(
            "look up the birthday",
            options.STORE,
            LoyaltyActivities.look_up_birthday,
            BirthdayRequest(case=self._desk.case),
            summary="ask the loyalty programme",
        )
        found = points(birthday)
        if not found:
            return self._desk.end(Ending.HUMAN, "not a member")
        letter = PersonAnswer(text=f"Happy birthday! {found} points are yours.")
        return self._desk.end(Ending.ANSWER, f"{found} points", letter)
