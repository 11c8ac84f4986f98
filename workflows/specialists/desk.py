"""What every specialist shares: its steps with grants and costs, and the ending that it reports to the case."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, overload

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from activities.actions.talk import TalkActivities, UnreadRequest
    from domain.cache.record import ReusedAnswer
    from domain.cascade.stepping import AnsweredBy
    from domain.case import EffectRecord, Ending, ProgressNote, SpecialistRequest, SpecialistResult
    from domain.case_details import plain
    from domain.deadletter import FailedStep
    from domain.errors import FailureKind
    from domain.letters import Letter
    from domain.model_call import Usage
    from domain.model_steps import ModelStep
    from domain.specialists import SPECIALISTS
    from workflows import options
    from workflows.failures import failed_step, step_error, with_usage
    from workflows.options import StepKind
    from workflows.spending.parking import tell_case
    from workflows.steps import AsyncActivity, PlainActivity, run_step

Request = TypeVar("Request", bound=BaseModel)
Result = TypeVar("Result")


class Desk:
    """One specialist at work on one case: inside the case's workflow, or apart in one of its own.

    Its steps are the tools granted to its category; what they cost is summed up. A specialist is a workflow class with
    a desk:

        async def run(self, request: SpecialistRequest) -> SpecialistResult:
            return await self._desk.work(self._answer)
    """

    def __init__(self, request: SpecialistRequest, specialist: str) -> None:
        self.case = request.case
        self.usage = Usage()
        self.notes: list[str] = []
        self.effects: list[EffectRecord] = []
        self._specialist = SPECIALISTS[specialist]
        self._steps = 0
        self.category = request.category
        self._round = request.round
        category = request.case.policy.category(request.category)
        self.knowledge: tuple[str, ...] = category.knowledge if category else ()
        granted = self._specialist.tools
        self._tools = granted & set(category.tools) if category and category.tools is not None else granted

    async def work(self, answer: Callable[[], Awaitable[SpecialistResult]]) -> SpecialistResult:
        """Return how the case shall end; what no retry mends goes to a person with the reason.

        Raises:
            ApplicationError: of type `StepFailed`, with what was spent: the case becomes a dead letter.
        """
        try:
            return await answer()
        except ApplicationError as error:
            failed = failed_step(error, step=self._specialist.step)
            if failed.kind in (FailureKind.BAD_ANSWER, FailureKind.REFUSED):
                self.usage = self.usage.plus(failed.usage)
                return self.end(Ending.HUMAN, f"{failed.step}: {failed.message}")
            raise with_usage(error, self.usage) from error

    @overload
    async def step(
        self,
        step: str,
        kind: StepKind,
        tool: AsyncActivity[Request, Result],
        request: Request,
        *,
        summary: str,
        asks: ModelStep | None = None,
    ) -> Result: ...
    @overload
    async def step(
        self,
        step: str,
        kind: StepKind,
        tool: PlainActivity[Request, Result],
        request: Request,
        *,
        summary: str,
        asks: ModelStep | None = None,
    ) -> Result: ...
    async def step(
        self,
        step: str,
        kind: StepKind,
        tool: Callable[..., Any],
        request: BaseModel,
        *,
        summary: str,
        asks: ModelStep | None = None,
    ) -> Any:
        """Use a tool as a step on the case's ladder, and count what it cost; `asks` is what it asks a model.

        Raises:
            ApplicationError: of type `StepFailed`: the tool is not granted, or the step failed for good.
        """
        self.require(tool.__name__, step)
        self._steps += 1
        result = await run_step(
            step,
            kind,
            tool,
            request,
            ladder_s=self.ladder_s,
            summary=summary,
            activity_id=f"{self._specialist.name}/{self._round}.{self._steps}",
            tier=self.case.policy.tiers.get(asks) if asks is not None else None,
        )
        used = getattr(result, "usage", None)
        if isinstance(used, Usage):
            self.usage = self.usage.plus(used)
        by = getattr(result, "answered_by", None)
        if isinstance(by, AnsweredBy) and by.remark:
            self.notes.append(by.remark)
        reused = getattr(result, "reused", None)
        if isinstance(reused, ReusedAnswer):
            self.notes.append(reused.remark)
        return result

    def require(self, tool: str, step: str) -> None:
        """Let only those tools be used that the category grants.

        Raises:
            ApplicationError: of type `StepFailed` and the kind `refused`: the case goes to a person.
        """
        if tool not in self._tools:
            message = f"the tool {tool!r} is not granted to the category {self.category!r}"
            raise step_error(message, FailedStep(step=step, kind=FailureKind.REFUSED, message=message))

    @property
    def ladder_s(self) -> Sequence[float]:
        """Waits between the tries of a step, seconds."""
        return self.case.policy.ladder_s

    @property
    def apart(self) -> bool:
        """Whether it works in a workflow of its own, with or without a case above it."""
        return workflow.info().workflow_type == self._specialist.workflow_type

    async def note(self, note: ProgressNote) -> None:
        """Tell the case what is waited for, wherever it is."""
        await tell_case(note)

    def show(self, details: str) -> None:
        """Say in the workflow's details where it stands; inside a case the case says so itself."""
        if self.apart:
            workflow.set_current_details(details)

    async def customer_wrote(self) -> bool:
        """Return whether the customer wrote what this specialist has not seen: then a person looks before money moves.

        Raises:
            ApplicationError: of type `StepFailed`: the case above does not answer.
        """
        if not self.case.policy.waits_for_customers:
            return False
        if not self.apart:
            unread: int = workflow.instance().unread_words().unread
            return unread > 0
        parent = workflow.info().parent
        if parent is None:
            return False
        self._steps += 1
        asked = await run_step(
            "look for further messages",
            options.OTHER_CASE,
            TalkActivities.unread_words,
            UnreadRequest(case_id=parent.workflow_id),
            ladder_s=self.ladder_s,
            summary="ask the case whether its customer wrote again",
            activity_id=f"{self._specialist.name}/{self._round}.{self._steps}",
        )
        return asked.unread > 0

    def end(self, ending: Ending, finding: str, letter: Letter | None = None) -> SpecialistResult:
        """Report how the case shall end; `finding` is one line for people, without personal data."""
        finding = finding[:300]
        self.show(f"**{ending}** — {plain(finding)}")
        return SpecialistResult(
            ending=ending, finding=finding, letter=letter, effects=self.effects, usage=self.usage, notes=self.notes
        )
