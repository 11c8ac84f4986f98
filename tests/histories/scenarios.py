"""The ways of cases, approvals and what lives for ever, each played once for its history."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from temporalio.client import WorkflowFailureError, WorkflowHandle

from activities.actions.approve import CheckDecisionResult
from activities.models.answer import AnswerResult
from activities.models.diagnose import DiagnoseResult
from activities.models.route import RouteResult
from domain.blueprint import ApprovalRules, HumanLane
from domain.case import FORWARDED, CaseInput, CaseState, HumanDecision, Lane, Machine
from domain.errors import (
    BadAnswerError,
    ConfigurationError,
    EffectsStoppedError,
    PoisonError,
    RecordsMovedError,
    TransientError,
)
from domain.money.approval import ApprovalDecision, ApprovalView, Verdict
from domain.money.claim import Reason, Wants
from domain.money.records import Account, OrderStatus
from domain.reading.knowledge import Diagnosis
from domain.routing import BILLING, DEFAULT_CATEGORIES, SALES, TECHNICAL_SUPPORT, Category, Route, Unroutable
from tests.workflows.fake_world import ONE_CALL, FakeWorld, account, claimed, paid_unheard, routed, with_back
from tests.workflows.running import JUNIOR, MARIA, OMAR, Mill, Specialists, eventually, new_case, policy
from workflows.approval import ApprovalWorkflow
from workflows.case import CaseWorkflow

SCENARIO_S = 60.0  # real time; one that hangs must not hang the others
BIG = 600_000  # above the limit of 5,000.00 USD
HOUR_S = 3600.0
DAY_S = 24 * HOUR_S

Recorded = dict[str, str]  # the name of the file: the id of the workflow
Scenario = Callable[[Mill, FakeWorld], Awaitable[Recorded]]


def case(**fields: Any) -> CaseInput:
    """A case with short waits, so that its history stays short."""
    rules = policy(
        approval=ApprovalRules(approvers=[MARIA, OMAR, JUNIOR], expires_after_s=DAY_S, remind_every_s=8 * HOUR_S),
        human=HumanLane(remind_every_s=DAY_S, escalate_after_s=2 * DAY_S, deadline_s=3 * DAY_S),
    )
    return new_case(policy=rules, **fields)


async def ended(handle: WorkflowHandle[Any, Any]) -> None:
    """Wait for the end, a cancellation included."""
    with suppress(WorkflowFailureError):
        await handle.result()


async def run(mill: Mill) -> str:
    """Run a case to its end; return its id."""
    handle = await mill.start(case())
    await ended(handle)
    return handle.id


async def called(world: FakeWorld, name: str, times: int = 1) -> bool:
    return len(world.of(name)) >= times


# --- cases and their specialists ---------------------------------------------------------------------------------


async def refund(mill: Mill, world: FakeWorld) -> Recorded:
    case_id = await run(mill)
    return {"case_done": case_id, "billing_refund": f"{case_id}/billing"}


async def machine(mill: Mill, world: FakeWorld) -> Recorded:
    cases = [case(machine=Machine.AUTO_REPLY), case(machine=Machine.BOUNCE, about_case="case/shop/e1")]
    for one in cases:
        await ended(await mill.start(one))
    return {"case_machine": cases[0].case_id, "case_bounce": cases[1].case_id}


async def ladder(mill: Mill, world: FakeWorld) -> Recorded:
    world.will("route_case", TransientError("503"), TransientError("503"))
    world.will("refund", TransientError("504"))
    case_id = await run(mill)
    return {"case_retried": case_id, "billing_retried": f"{case_id}/billing"}


async def dead_letter(mill: Mill, world: FakeWorld) -> Recorded:
    world.always("route_case", TransientError("connection refused"))
    return {"case_dead_letter": await run(mill)}


async def dead_letter_of_the_specialist(mill: Mill, world: FakeWorld) -> Recorded:
    world.always("extract_claim", PoisonError("not text"))
    case_id = await run(mill)
    return {"case_dead_letter_of_specialist": case_id, "billing_failed": f"{case_id}/billing"}


async def deny(mill: Mill, world: FakeWorld) -> Recorded:
    world.always("extract_claim", claimed(reason=Reason.DAMAGED))
    world.always("find_account", account(status=OrderStatus.SHIPPED))
    case_id = await run(mill)
    return {"case_rejected": case_id, "billing_deny": f"{case_id}/billing"}


async def ask(mill: Mill, world: FakeWorld) -> Recorded:
    world.always("extract_claim", claimed(order_id=None))
    case_id = await run(mill)
    return {"case_ask": case_id, "billing_ask": f"{case_id}/billing"}


async def forwarded(mill: Mill, world: FakeWorld) -> Recorded:
    world.always("find_account", Account())
    handle = await mill.start(case(flags=[FORWARDED]))
    await mill.until(handle, CaseState.WAITING_HUMAN)
    await mill.close_by_hand(handle)
    return {"case_forwarded": handle.id, "billing_forwarded": f"{handle.id}/billing"}


async def inform(mill: Mill, world: FakeWorld) -> Recorded:
    world.always("extract_claim", claimed(wants=Wants.INFORMATION))
    case_id = await run(mill)
    return {"case_inform": case_id, "billing_inform": f"{case_id}/billing"}


async def support(mill: Mill, world: FakeWorld) -> Recorded:
    world.always("route_case", routed(TECHNICAL_SUPPORT))
    case_id = await run(mill)
    return {"case_support": case_id, "support_answer": f"{case_id}/support"}


async def sales(mill: Mill, world: FakeWorld) -> Recorded:
    world.always("route_case", routed(SALES))
    case_id = await run(mill)
    return {"case_sales": case_id, "sales_answer": f"{case_id}/sales"}


async def help_desk(mill: Mill, world: FakeWorld) -> Recorded:
    """Two questions: an article answers the first, a person the second."""
    category = Category(
        name="Help desk",
        description="a question.",
        specialist="knowledge",
        knowledge=("it",),
        apart=Specialists.apart,
    )
    rules = policy(categories=(*DEFAULT_CATEGORIES, category))
    world.always("route_case", routed("Help desk"))
    answered_id = (await mill.run(new_case(policy=rules))).case_id
    world.always("answer_from_articles", AnswerResult(article=None, candidates=["KB-7 (20%)"], usage=ONE_CALL))
    handle = await mill.start(new_case(policy=rules))
    await mill.until(handle, CaseState.WAITING_HUMAN)
    await mill.close_by_hand(handle)
    return {
        "case_article": answered_id,
        "knowledge_answer": f"{answered_id}/knowledge",
        "case_no_article": handle.id,
        "knowledge_human": f"{handle.id}/knowledge",
    }


async def specialists_that_fail(mill: Mill, world: FakeWorld) -> Recorded:
    """Support gives up after its ladder, Sales at once."""
    world.will("route_case", routed(TECHNICAL_SUPPORT), routed(SALES))
    world.always("diagnose", TransientError("503"))
    support_id = await run(mill)
    world.always("qualify_lead", ConfigurationError("no such model"))
    sales_id = await run(mill)
    return {"support_failed": f"{support_id}/support", "sales_failed": f"{sales_id}/sales"}


async def specialists_that_hand_over(mill: Mill, world: FakeWorld) -> Recorded:
    """Answers that fit no schema go to a person, whoever asked."""
    recorded = {}
    for category, activity, step in (
        (BILLING, "extract_claim", "billing"),
        (TECHNICAL_SUPPORT, "diagnose", "support"),
        (SALES, "qualify_lead", "sales"),
    ):
        world.always("route_case", routed(category))
        world.always(activity, BadAnswerError("not JSON", ONE_CALL))
        handle = await mill.start(case())
        await mill.until(handle, CaseState.WAITING_HUMAN)
        await mill.close_by_hand(handle)
        recorded[f"{step}_bad_answer"] = f"{handle.id}/{step}"
    return recorded


# --- payments in doubt -------------------------------------------------------------------------------------------


async def payment_given_up(mill: Mill, world: FakeWorld) -> Recorded:
    """Every answer is lost; the provider says at last that it paid."""
    world.always("refund", TransientError("504"))
    world.always("settle_effects", paid_unheard)
    return {"case_dead_letter_of_payment": await run(mill)}


async def replayed(mill: Mill, world: FakeWorld) -> Recorded:
    handle = await mill.start(case(replay=1))
    await ended(handle)
    return {"case_replayed": handle.id}


async def stopped_by_the_kill_switch(mill: Mill, world: FakeWorld) -> Recorded:
    world.always("refund", EffectsStoppedError("effects are stopped"))
    handle = await mill.start(case())
    await mill.until(handle, CaseState.WAITING_HUMAN)
    await mill.close_by_hand(handle)
    return {"case_effects_stopped": handle.id, "billing_effects_stopped": f"{handle.id}/billing"}


async def cancelled_while_it_pays(mill: Mill, world: FakeWorld) -> Recorded:
    held = world.hold("refund")
    handle = await mill.start(case())
    await held.reached.wait()
    await handle.cancel()
    await asyncio.sleep(0.3)  # the cancellation reaches both workflows
    held.let_go()
    await ended(handle)
    return {"case_cancelled_paying": handle.id, "billing_cancelled_paying": f"{handle.id}/billing"}


async def cancelled_on_the_ladder(mill: Mill, world: FakeWorld) -> Recorded:
    world.always("route_case", TransientError("503"))
    handle = await mill.start(case())
    await eventually(lambda: called(world, "route_case"))
    await asyncio.sleep(0.3)  # its failure reaches the workflow
    await handle.cancel()
    await ended(handle)
    return {"case_cancelled_on_ladder": handle.id}


# --- the human lane ----------------------------------------------------------------------------------------------


async def waiting(mill: Mill, world: FakeWorld) -> WorkflowHandle[CaseWorkflow, Any]:
    """Bring a case to the human lane."""
    world.will("route_case", RouteResult(route=Route(unroutable=Unroutable.ABSTAINED), usage=ONE_CALL))
    handle = await mill.start(case())
    await mill.until(handle, CaseState.WAITING_HUMAN)
    return handle


async def answered(mill: Mill, world: FakeWorld) -> Recorded:
    handle = await waiting(mill, world)
    await handle.execute_update(CaseWorkflow.decide, HumanDecision(verdict=Lane.ANSWER, by=" ", text="Nobody said so."))
    answer = HumanDecision(verdict=Lane.ANSWER, by="ana", text="We will call you.")
    await handle.execute_update(CaseWorkflow.decide, answer)
    await ended(handle)
    return {"case_human_answered": handle.id}


async def closed(mill: Mill, world: FakeWorld) -> Recorded:
    handle = await waiting(mill, world)
    await handle.signal(CaseWorkflow.decide_human, HumanDecision(verdict=Lane.CLOSE, by="ana", reason="spam"))
    await ended(handle)
    return {"case_human_closed": handle.id}


async def unanswered(mill: Mill, world: FakeWorld) -> Recorded:
    handle = await waiting(mill, world)
    await ended(handle)
    return {"case_human_unanswered": handle.id}


async def handed_back(mill: Mill, world: FakeWorld) -> Recorded:
    """Support finds nothing; a person routes the case to Sales."""
    unsure = DiagnoseResult(
        article=None, diagnosis=Diagnosis(confidence=0.2), candidates=["KB-1 (40%)"], usage=ONE_CALL
    )
    world.always("route_case", routed(TECHNICAL_SUPPORT))
    world.always("diagnose", unsure)
    handle = await mill.start(case())
    await mill.until(handle, CaseState.WAITING_HUMAN)
    route = HumanDecision(verdict=Lane.ROUTE, by="ana", category=SALES)
    await handle.signal(CaseWorkflow.decide_human, route)
    await ended(handle)
    return {"case_human_routed": handle.id, "support_human": f"{handle.id}/support"}


async def cancelled(mill: Mill, world: FakeWorld) -> Recorded:
    handle = await waiting(mill, world)
    await handle.cancel()
    await ended(handle)
    return {"case_cancelled": handle.id}


# --- the gate ----------------------------------------------------------------------------------------------------


async def at_the_gate(
    mill: Mill, world: FakeWorld, its_case: CaseInput | None = None
) -> tuple[WorkflowHandle[Any, Any], WorkflowHandle[Any, Any]]:
    """Bring a case to its gate; return the case and the approval."""
    world.always("find_account", account(BIG))
    handle = await mill.start(its_case or case())
    await mill.until(handle, CaseState.WAITING_APPROVAL)
    await eventually(lambda: called(world, "announce_approval"))
    return handle, mill.client.get_workflow_handle(f"{handle.id}/approval/1")


def gate(name: str, handle: WorkflowHandle[Any, Any]) -> Recorded:
    return {
        f"case_approval_{name}": handle.id,
        f"billing_approval_{name}": f"{handle.id}/billing",
        f"approval_{name}": f"{handle.id}/approval/1",
    }


async def decision(approval: WorkflowHandle[Any, Any], verdict: Verdict, by: str) -> ApprovalDecision:
    view: ApprovalView = await approval.query(ApprovalWorkflow.view)
    return ApprovalDecision(approval_id=view.approval_id, digest=view.digest, verdict=verdict, by=by)


async def approved(mill: Mill, world: FakeWorld) -> Recorded:
    """Somebody who may not tries first."""
    handle, approval = await at_the_gate(mill, world)
    for by in ("jo", "maria"):
        await approval.execute_update(ApprovalWorkflow.submit, await decision(approval, Verdict.APPROVE, by))
    await ended(handle)
    return gate("approved", handle)


async def answered_by_record(mill: Mill, world: FakeWorld) -> Recorded:
    """The answer to a decision comes once it is on record."""
    handle, approval = await at_the_gate(mill, world)
    await approval.execute_update(ApprovalWorkflow.submit, await decision(approval, Verdict.APPROVE, "maria"))
    await ended(handle)
    return {"approval_answered_by_record": approval.id}


async def forged_first(mill: Mill, world: FakeWorld) -> Recorded:
    """A decision that nobody signed does not count, and the next does."""
    handle, approval = await at_the_gate(mill, world)
    world.will("check_decision", CheckDecisionResult(objection="it is not signed"))
    for _ in range(2):
        await approval.execute_update(ApprovalWorkflow.submit, await decision(approval, Verdict.APPROVE, "maria"))
    await ended(handle)
    return {"approval_forged_first": approval.id}


async def approved_unread(mill: Mill, world: FakeWorld) -> Recorded:
    """No model was to read it; a person sends it to Billing, and somebody approves."""
    handle = await mill.start(case(skip_to_human="it is in a picture"))
    await mill.until(handle, CaseState.WAITING_HUMAN)
    await handle.signal(CaseWorkflow.decide_human, HumanDecision(verdict=Lane.ROUTE, by="ana", category=BILLING))
    await mill.until(handle, CaseState.WAITING_APPROVAL)
    await eventually(lambda: called(world, "announce_approval"))
    approval = mill.client.get_workflow_handle(f"{handle.id}/approval/1")
    await approval.signal("decide", await decision(approval, Verdict.APPROVE, "maria"))
    await ended(handle)
    return {"case_approved_unread": handle.id, "billing_approved_unread": f"{handle.id}/billing"}


async def rejected(mill: Mill, world: FakeWorld) -> Recorded:
    handle, approval = await at_the_gate(mill, world)
    await approval.signal("decide", await decision(approval, Verdict.REJECT, "omar"))
    await ended(handle)
    return gate("rejected", handle)


async def expired(mill: Mill, world: FakeWorld) -> Recorded:
    handle, _ = await at_the_gate(mill, world)
    await ended(handle)
    return gate("expired", handle)


async def decided_again(mill: Mill, world: FakeWorld) -> Recorded:
    """Others were paid meanwhile: people are asked anew, for what is left."""
    world.will("refund", RecordsMovedError("it has to be decided again"))
    world.will("find_account", account(BIG), with_back(50_000, of=BIG))
    handle, approval = await at_the_gate(mill, world)
    await approval.signal("decide", await decision(approval, Verdict.APPROVE, "maria"))
    await eventually(lambda: called(world, "announce_approval", 2))
    second = mill.client.get_workflow_handle(f"{handle.id}/approval/1.2")
    await second.signal("decide", await decision(second, Verdict.APPROVE, "maria"))
    await ended(handle)
    return {"case_decided_again": handle.id, "billing_decided_again": f"{handle.id}/billing"}


async def paid_by_another(mill: Mill, world: FakeWorld) -> Recorded:
    """The same request twice at once: this one waits for the other, and says what was paid."""
    world.will("find_account", with_back(2000, under_way=True), with_back(2000))
    case_id = await run(mill)
    return {"case_paid_before": case_id, "billing_paid_before": f"{case_id}/billing"}


async def cancelled_at_the_gate(mill: Mill, world: FakeWorld) -> Recorded:
    handle, approval = await at_the_gate(mill, world)
    await handle.cancel()
    await ended(handle)
    await ended(approval)
    return gate("cancelled", handle)
