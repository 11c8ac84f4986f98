"""A specialist at work inside the case, without a workflow of its own."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.case import SpecialistRequest, SpecialistResult
    from domain.specialists import Specialist


async def work_inside(specialist: Specialist, request: SpecialistRequest) -> SpecialistResult:
    """Let a specialist work inside the case. Its module is loaded here, into the sandbox that holds the case."""
    module, _, name = specialist.workflow.partition(":")
    with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
        loaded = __import__(module, fromlist=[name])
    result: SpecialistResult = await getattr(loaded, name)(request).run(request)
    return result
