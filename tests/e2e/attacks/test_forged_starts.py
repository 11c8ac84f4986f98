"""Whoever reaches Temporal's port starts workflows of their own; what is on record is not theirs to write."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowFailureError

from adapters.store import open_store
from client.connect import connect
from client.which import which_headgate
from domain.blueprint import ApprovalRules, CasePolicy
from domain.case import CaseInput, CaseOutcome, CaseState, Machine, SpecialistRequest
from domain.money.approval import Approver
from domain.money.refund import RefundPolicy
from tests.e2e.fault_table import FaultTable
from tests.e2e.running import Running, quick_blueprint, sample_messages, settled
from workflows.options import CASES_QUEUE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PORT_BASE = 21_700
AT_THE_LIMIT = "evt-0132"  # 5,000.00 USD: it waits for an approval
CASE = f"case/shop/{AT_THE_LIMIT}"
GENEROUS = CasePolicy(
    version="forged@1",
    ladder_s=[],
    approval=ApprovalRules(approvers=[Approver(name="mallory")]),
    refund=RefundPolicy(approval_limit_minor={"USD": 10**9}, daily_cap_minor={"USD": 10**9}),
)


@pytest.fixture(scope="module")
def running(start_headgate: Callable[..., Running], tmp_path_factory: pytest.TempPathFactory) -> Running:
    headgate = start_headgate("--samples", port_base=PORT_BASE, env=quick_blueprint(tmp_path_factory.mktemp("forged")))
    message = next(m for m in sample_messages() if m["id"] == AT_THE_LIMIT)
    case_id = headgate.hand_in(AT_THE_LIMIT, {name: value for name, value in message.items() if name != "id"})
    assert settled(headgate, [case_id]) == {CASE: "waiting_approval"}
    return headgate


@pytest.fixture
async def temporal(running: Running) -> Client:
    return await connect(which_headgate(running.data_dir))


def forged(running: Running, case_id: str = CASE) -> CaseInput:
    """The case as it was admitted, under rules of the forger's own."""
    store = open_store(f"sqlite:///{running.data_dir}/store.db")
    try:
        case = store.cases.load(CASE).case
    finally:
        store.close()
    return case.model_copy(update={"case_id": case_id, "policy": GENEROUS, "received_at": datetime.now(UTC)})


@pytest.mark.parametrize("workflow_id", ["forged/1", f"{CASE}/billing"])
async def test_a_specialist_that_was_started_by_hand_does_nothing(
    running: Running, temporal: Client, workflow_id: str
) -> None:
    request = SpecialistRequest(case=forged(running), category="Billing", round=7)
    await refused(temporal, "BillingWorkflow", request, workflow_id)
    assert await running.paid() == []


async def test_a_case_or_an_approval_under_another_id_does_nothing(running: Running, temporal: Client) -> None:
    """Else it would end the real one in silence, or write to its customer."""
    case = forged(running).model_copy(update={"machine": Machine.AUTO_REPLY})
    await refused(temporal, "CaseWorkflow", case, "forged/2")
    gate = await temporal.get_workflow_handle(f"{CASE}/approval/1").fetch_history()
    request = json.loads(gate.events[0].workflow_execution_started_event_attributes.input.payloads[0].data)
    request |= {"approvers": [{"name": "mallory"}], "expires_after_s": 1}
    for workflow_id in ("forged/3", f"{CASE}/approval/2"):
        await refused(temporal, "ApprovalWorkflow", request, workflow_id)
    assert running.states()[CASE] == "waiting_approval"


async def test_a_second_intake_does_nothing(temporal: Client) -> None:
    await refused(temporal, "IntakeWorkflow", {"a": 1}, "intake/mine")


async def refused(temporal: Client, workflow_type: str, given: object, workflow_id: str) -> None:
    with pytest.raises(WorkflowFailureError) as told:
        await temporal.execute_workflow(workflow_type, given, id=workflow_id, task_queue=CASES_QUEUE)
    assert "was started by hand" in str(told.value.cause)


async def test_a_case_that_was_started_by_hand_pays_nothing(running: Running, temporal: Client) -> None:
    """Under an id that no webhook brought. It ends with a person, who cannot make it pay either."""
    case = forged(running, "case/shop/forged")
    await temporal.start_workflow(
        "CaseWorkflow", case, id=case.case_id, task_queue=CASES_QUEUE, result_type=CaseOutcome
    )
    assert settled(running, [case.case_id]) == {case.case_id: CaseState.WAITING_HUMAN}
    assert await running.paid() == []
    assert running.command("cases", "close", case.case_id, "--reason", "forged").returncode == 0


async def test_who_is_entitled_still_approves_and_is_paid_for_once(running: Running, fault_table: FaultTable) -> None:
    began = time.monotonic()
    done = running.command("approvals", "approve", f"{CASE}/approval/1", "--by", "finance")
    assert done.returncode == 0, done.stderr
    assert settled(running, [CASE], timeout=60) == {CASE: "done"}
    [entry] = await running.paid()
    assert (entry.key, entry.amount_minor) == (f"{CASE}/refund", 500_000)
    await fault_table.add(
        running, "workflows started by hand, under a policy of their own", "S1 S3", [CASE], lifted=began
    )


def test_what_is_up_says_whose_word_counts(running: Running) -> None:
    said = "Whoever reaches Temporal's port can answer or close cases there in another's name"
    assert said in running.log_end()
    assert said in Path(running.data_dir / "logs" / "worker-action.log").read_text()
