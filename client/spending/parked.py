"""Cases that wait because no budget bears their next call, its provider is out, or because they ran in a circle."""

import asyncio

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from client.case_rows import row_of
from client.refusals import describe
from domain.case import CaseState
from domain.errors import ImpossibleError
from domain.spend.resuming import ResumeWord
from workflows.approval import ApprovalWorkflow
from workflows.spending.parking import RESUME

RUNAWAY = "runaway"
TOLD_AT_ONCE = 16


class ParkedCases:
    """Lets parked cases try again; those that cannot go on yet park once more."""

    def __init__(self, temporal: Client) -> None:
        self._temporal = temporal

    async def resume(self, case_id: str, by: str) -> None:
        """Let one case try again.

        Raises:
            UnknownCaseError: there is no such case.
            ImpossibleError: it is not parked.
        """
        await self.require_parked(case_id)
        await self._tell(case_id, ResumeWord(by=by))

    async def require_parked(self, case_id: str) -> None:
        """Check that a case is parked; raises as `resume` does."""
        state = row_of(await describe(self._temporal, case_id)).state
        if state != CaseState.PARKED:
            raise ImpossibleError(f"{case_id} is not parked, it is {state}")

    async def resume_all(self, by: str) -> list[str]:
        """Let all try again that wait for a budget or a provider, the urgent ones first; return which they are."""
        query = f"CaseState = '{CaseState.PARKED}' AND ExecutionStatus = 'Running' AND SuspendReason != '{RUNAWAY}'"
        ids = [found.id async for found in self._temporal.list_workflows(query)]
        turns = asyncio.Semaphore(TOLD_AT_ONCE)

        async def tell(case_id: str) -> bool:
            async with turns:
                return await self._tell(case_id, ResumeWord(by=by, cases=len(ids)))

        told = await asyncio.gather(*map(tell, ids))
        return [case_id for case_id, was_told in zip(ids, told, strict=True) if was_told]

    async def _tell(self, case_id: str, word: ResumeWord) -> bool:
        """Tell a case, and whoever works for it apart; return False where it has ended meanwhile."""
        try:
            raw = (await self._temporal.get_workflow_handle(case_id).describe()).raw_description
            apart = [c.workflow_id for c in raw.pending_children if c.workflow_type_name != ApprovalWorkflow.__name__]
            for workflow_id in (case_id, *apart):
                await self._temporal.get_workflow_handle(workflow_id).signal(RESUME, word)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return True
