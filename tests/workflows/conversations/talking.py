"""Customers who write again, for the tests beside this file."""

from datetime import UTC, datetime
from typing import Any

from temporalio.client import WorkflowHandle

from domain.blueprint import ApprovalRules, ConversationRules
from domain.case import CaseInput, CaseOutcome, CaseState
from domain.conversations.words import CustomerWord, WordTaken
from domain.letters import DetailsAsked
from domain.money.amount import Money
from domain.money.approval import ApprovalDecision, ApprovalView, Verdict
from domain.money.claim import Origin, Reason
from domain.money.records import Account, Customer, OpenRequest
from tests.workflows.fake_world import FakeWorld, account, claimed
from tests.workflows.running import MARIA, Mill, eventually, new_case, policy
from workflows.approval import ApprovalWorkflow
from workflows.case import CaseWorkflow

Case = WorkflowHandle[CaseWorkflow, CaseOutcome]
DAY_S = 86_400.0
BIG = 600_000
WAIT_S = 14 * DAY_S
NO_ORDER = claimed(order_id=None)


def talking(**rules: Any) -> Any:
    """The rules of the tests, with conversations."""
    return policy(**{"conversation": ConversationRules(), "approval": ApprovalRules(approvers=[MARIA]), **rules})


def first(**fields: Any) -> CaseInput:
    """A message that does not say which order it is about."""
    return new_case(
        **{"subject": "Broken lamp", "text": "It arrived broken, please refund it.", "policy": talking(), **fields}
    )


def answer(to: str, text: str = "ORD-1", **fields: Any) -> CaseInput:
    """A message that continues a case."""
    return new_case(**{"subject": "Re: Broken lamp", "text": text, "continues": to, "policy": talking(), **fields})


def reads_the_answers(world: FakeWorld) -> None:
    """The model reads the order out of what the customer wrote last; only ORD-1 is theirs."""

    def claim(request: Any) -> Any:
        texts = [request.case.text, *request.case.answers]
        order = next((word for text in reversed(texts) for word in text.split() if word.startswith("ORD-")), None)
        return claimed(order_id=order, order_origin=Origin.QUOTED)

    def records(request: Any) -> Account:
        known: Account = account()(request)
        if request.order_id == "ORD-1":
            return known
        return Account(customer=Customer(customer_id="CUS-1"), candidate_orders=["ORD-1", "ORD-5"])

    world.always("extract_claim", claim)
    world.always("find_account", records)


async def asked(mill: Mill, case: CaseInput | None = None) -> Case:
    """Bring a case to the wait for its customer."""
    handle = await mill.start(case or first())
    await mill.until(handle, CaseState.WAITING_CUSTOMER)
    return handle


async def ended(mill: Mill, case: CaseInput) -> CaseOutcome:
    """Run a case to its end without skipping time, as asking for its result would: another one waits beside it."""
    handle = await mill.start(case)
    await mill.until(handle, CaseState.DONE, CaseState.REJECTED)
    return mill.world.endings[handle.id, case.replay]


def missing(world: FakeWorld, case_id: str) -> list[list[str]]:
    """Return what the customer was asked for, letter by letter."""
    asked_for = [c.request.letter for c in world.of("ask_customer", case_id)]
    return [letter.missing for letter in asked_for if isinstance(letter, DetailsAsked)]


def at(day: int) -> datetime:
    """A time in January 2026."""
    return datetime(2026, 1, day, 9, tzinfo=UTC)


async def wrote(mill: Mill, handle: Case, text: str = "Forget it, it works.") -> WordTaken:
    """Let the customer write again, past the activity that usually passes it on."""
    word = CustomerWord(from_case=new_case().case_id, text=text)
    taken: WordTaken = await handle.execute_update(CaseWorkflow.customer_wrote, word)
    return taken


async def approve(mill: Mill, handle: Case, number: int = 1) -> None:
    gate = mill.client.get_workflow_handle(f"{handle.id}/approval/{number}")
    view: ApprovalView = await gate.query(ApprovalWorkflow.view)
    decision = ApprovalDecision(approval_id=view.approval_id, digest=view.digest, verdict=Verdict.APPROVE, by="maria")
    await gate.execute_update(ApprovalWorkflow.submit, decision)


async def at_the_gate(mill: Mill, world: FakeWorld) -> Case:
    world.always("find_account", account(BIG))
    handle = await mill.start(first())
    await mill.until(handle, CaseState.WAITING_APPROVAL)

    async def announced() -> bool:
        return bool(world.of("announce_approval"))

    await eventually(announced)
    return handle


def seen_open(world: FakeWorld, older: Case) -> None:
    def records(request: object) -> Account:
        money = Money(minor=BIG, currency="USD")
        waits = OpenRequest(
            case_id=older.id, order_id="ORD-1", charge_id="CH-1", money=money, reason=Reason.NOT_RECEIVED
        )
        return account(BIG)(request).model_copy(update={"open_elsewhere": older.id, "open_requests": [waits]})

    world.will("find_account", records)
