"""A specialist that asks the machine for the time, which no workflow may."""

import time

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.case import Ending, SpecialistRequest, SpecialistResult


@workflow.defn
class CarelessWorkflow:
    """Would decide otherwise at each replay."""

    @workflow.init
    def __init__(self, request: SpecialistRequest) -> None:
        self._request = request

    @workflow.run
    async def run(self, request: SpecialistRequest) -> SpecialistResult:
        """Answer at even seconds."""
        ending = Ending.ANSWER if int(time.time()) % 2 else Ending.HUMAN
        return SpecialistResult(ending=ending, finding="")
