"""Fakes of all activities: the names and types of the real ones, answers by script, every call on record."""

import asyncio
import inspect
import typing
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel
from temporalio import activity

from activities.actions.approve import CheckDecisionResult, RecordDecisionRequest
from activities.actions.close import CloseRequest, CloseResult, EndingRequest, EndingResult
from activities.actions.lead import RecordLeadRequest, RecordLeadResult
from activities.actions.pay import RefundRequest, SettleRequest, SettleResult
from activities.actions.replay import ReplayActivities, ReplayBatchResult
from activities.actions.settle import LookResult
from activities.actions.tell import TellResult
from activities.intake.admit import AdmitActivities, AdmitRequest, AdmitResult
from activities.intake.signs import SignsActivities
from activities.intake.wish import WishActivities
from activities.journal.drain import DrainResult, JournalActivities
from activities.models.answer import AnswerResult
from activities.models.diagnose import DiagnoseResult, QuestionResult
from activities.models.draft import DraftResult
from activities.models.extract import ClaimResult
from activities.models.qualify import LeadResult
from activities.models.route import RouteResult
from activities.models.tending import TendResult
from domain.case import CaseOutcome, EffectRecord
from domain.letters import Draft
from domain.model_call import Usage
from domain.money.amount import Money
from domain.money.approval import ApprovalResult
from domain.money.claim import Claim, Origin, Reason, Wants
from domain.money.records import Account, Charge, Customer, Order, OrderStatus, PaidBack
from domain.pacing.pace import ModelSigns
from domain.reading.knowledge import Article, Diagnosis
from domain.reading.sales import Interest, LeadFacts
from domain.routing import BILLING, Route
from tests.fakes.blueprint import LETTERS
from tests.workflows.conversations.fake_talk import FakeTalk
from workers.loading import activities_of, load, tools_of_specialists
from workflows import options


def _tools(*others: str, models: bool) -> list[Callable[..., Any]]:
    """The activities of one room: those of every specialist in the table, and others."""
    paths = dict.fromkeys([*others, *tools_of_specialists(models=models)])
    return [activity for path in paths for activity in activities_of(load(path))]


def served() -> dict[str, list[Callable[..., Any]]]:
    """Return the real activities by queue; those of specialists as the table has them now."""
    models = _tools(
        "activities.models.route:RouteActivities",
        "activities.models.repair:RepairActivities",
        "activities.models.tending:BatchActivities",
        models=True,
    )
    actions = _tools(
        "activities.actions.alert:AlertActivities",
        "activities.actions.approve:ApproveActivities",
        "activities.actions.bury:BuryActivities",
        "activities.actions.close:CloseActivities",
        "activities.actions.heal:HealActivities",
        "activities.actions.settle:SettlingActivities",
        "activities.actions.talk:TalkActivities",
        "activities.actions.tell:TellActivities",
        models=False,
    )
    return {
        options.ACTIONS_QUEUE: [*actions, ReplayActivities.replay_batch],
        **dict.fromkeys(options.MODEL_QUEUES.values(), models),
        options.INTAKE_QUEUE: [AdmitActivities.admit_batch, WishActivities.keep_wish, SignsActivities.look_at_models],
        options.JOURNAL_QUEUE: [JournalActivities.drain_outcomes],
    }


MOVE_MONEY = frozenset({"refund", "settle_effects"})
ONE_CALL = Usage(calls=1, input_tokens=100, output_tokens=10, cost_micros=7)
ARTICLE = Article(
    article_id="KB-7",
    version=3,
    area="technical",
    title="The tap drips",
    symptoms=["it drips"],
    cause="The washer is worn.",
    steps=["Close the valve.", "Change the washer."],
)

CALLED_AT: ContextVar[datetime] = ContextVar("CALLED_AT")
"""When the activity that is answered began, at the server's time."""
Answer = BaseModel | Exception | Callable[[Any], Any] | None  # Any: each activity has its own request


@dataclass(frozen=True)
class Call:
    """One try of an activity: when the workflow asked for it and when it began, at the server's time."""

    name: str
    request: Any  # Any: each activity has its own request
    asked_at: datetime
    at: datetime
    attempt: int
    workflow_id: str


class FakeWorld:
    """Answers each activity by its script, then as a world where all goes well.

    >>> world = FakeWorld()
    >>> world.will("route_case", TransientError("down"), routed(SALES))
    """

    def __init__(self) -> None:
        self.server_time: Callable[[], Awaitable[datetime]] | None = None  # set by whoever runs the workers
        self.calls: list[Call] = []
        self._script: dict[str, list[Answer]] = defaultdict(list)
        self._always: dict[str, Answer] = {}
        self._held: list[Held] = []
        self.endings: dict[tuple[str, int], CaseOutcome] = {}
        self.talk = FakeTalk(self.endings)

    def will(self, name: str, *answers: Answer) -> None:
        """Queue answers for an activity: a result, an error to raise, or a function of the request (may be async)."""
        self._script[name].extend(answers)

    def always(self, name: str, answer: Answer) -> None:
        """Set what an activity answers when its script is used up."""
        self._always[name] = answer

    def usually(self, name: str) -> None:
        """Let an activity answer again as in a world where all goes well."""
        self._always.pop(name, None)

    def hold(self, name: str, then: Answer = None) -> "Held":
        """Have the next call of an activity stay under way until it is let go; then it answers so, or as usual.

        A call that is cut off, since it was only a first try, is held in the next one.
        """
        held = Held(self._usual(name) if then is None else then, lambda: self._script[name].insert(0, held.wait))
        self._held.append(held)
        self.will(name, held.wait)
        return held

    def let_go(self) -> None:
        """Let everything go that is held."""
        for held in self._held:
            held.let_go()

    def of(self, name: str, workflow_id: str | None = None) -> list[Call]:
        """Return the calls of one activity, in order."""
        return [c for c in self.calls if c.name == name and workflow_id in (None, c.workflow_id)]

    def requests(self, name: str) -> list[Any]:
        """Return what one activity was asked."""
        return [c.request for c in self.of(name)]

    @property
    def names(self) -> list[str]:
        """The names of all calls, in order."""
        return [c.name for c in self.calls]

    def closed(self) -> CaseOutcome:
        """Return the one outcome that was recorded."""
        [outcome] = self.endings.values()
        return outcome

    def reply(self) -> str:
        """Return the text of the one reply, or nothing."""
        close: CloseRequest = self.requests("close_case")[-1]
        return LETTERS.write(close.letter, lang=close.lang, subject=close.subject).text if close.letter else ""

    def activities(self, queue: str) -> list[Callable[..., Any]]:
        """Return the fakes that a queue's worker serves."""
        return [self._fake(real) for real in served()[queue]]

    def first_tries(self) -> list[Callable[..., Any]]:
        """Return the fakes that the case worker tries first; none of those that move money."""
        short = {
            real.__name__: real
            for queue in (options.ACTIONS_QUEUE, *options.MODEL_QUEUES.values())
            for real in served()[queue]
        }
        return [self._fake(real) for name, real in short.items() if name not in MOVE_MONEY]

    def _fake(self, real: Callable[..., Any]) -> Callable[..., Any]:
        hints = typing.get_type_hints(real)
        argument = next(p for p in inspect.signature(real).parameters if p != "self")
        name = real.__name__

        async def fake(request: Any) -> Any:  # Any: annotated below as the real one is
            return await self._answer(name, request)

        fake.__annotations__ = {"request": hints[argument], "return": hints["return"]}
        return activity.defn(name=name)(fake)

    def _usual(self, name: str) -> Answer:
        ours: dict[str, Answer] = {"close_case": self._close, "find_ending": self._ending, **self.talk.answers}
        return self._always[name] if name in self._always else ours.get(name) or _DEFAULTS[name]

    def _close(self, request: CloseRequest) -> CloseResult:
        """The first ending stands, as in the store."""
        outcome = request.outcome
        stands = self.endings.setdefault((outcome.case_id, outcome.replay), outcome)
        return CloseResult(stands=None if stands == outcome else stands)

    def _ending(self, request: EndingRequest) -> EndingResult:
        return EndingResult(outcome=self.endings.get((request.case_id, request.replay)))

    async def _answer(self, name: str, request: Any) -> Any:
        info = activity.info()
        asked_at, at = info.scheduled_time, info.started_time
        if info.is_local and self.server_time is not None:  # those times are this machine's, which skips none
            asked_at = at = await self.server_time()
        CALLED_AT.set(at)
        self.calls.append(Call(name, request, asked_at, at, info.attempt, info.workflow_id or ""))
        script = self._script[name]
        answer = script.pop(0) if script else self._usual(name)
        return await _given(answer, request)


class Held:
    """A call that is under way."""

    def __init__(self, then: Answer, hold_again: Callable[[], None]) -> None:
        self.reached = asyncio.Event()
        self._released = asyncio.Event()
        self._then = then
        self._hold_again = hold_again

    async def wait(self, request: Any) -> Any:
        """Stay under way until let go, then answer."""
        self.reached.set()
        try:
            await self._released.wait()
        except asyncio.CancelledError:
            self._hold_again()
            raise
        return await _given(self._then, request)

    def let_go(self) -> None:
        """Let it end."""
        self._released.set()


async def _given(answer: Answer, request: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer.with_traceback(None)  # the same one may be raised again
    if callable(answer):
        answer = answer(request)
    return await answer if isinstance(answer, Awaitable) else answer


# --- a world where all goes well ----------------------------------------------------------------------------


def routed(category: str) -> RouteResult:
    """The router's answer."""
    return RouteResult(route=Route(category=category, confidence=0.9), usage=ONE_CALL)


def claimed(**fields: Any) -> ClaimResult:
    """A claim for a refund of a parcel that never came, with other fields where named."""
    claim = Claim(
        wants=Wants.REFUND, reason=Reason.NOT_RECEIVED, order_id="ORD-1", order_origin=Origin.QUOTED
    ).model_copy(update=fields)
    return ClaimResult(claim=claim, usage=ONE_CALL)


def account(
    total_minor: int = 2000, *, days_ago: int = 3, currency: str = "USD", **order_fields: Any
) -> Callable[[Any], Account]:
    """The records of a customer whose parcel was lost, paid so many days before the time of the call."""

    def at_call(_: Any) -> Account:
        paid = CALLED_AT.get() - timedelta(days=days_ago)
        charge = Charge(charge_id="CH-1", amount_minor=total_minor, currency=currency, captured_at=paid, payee="card_1")
        order = Order(
            order_id="ORD-1",
            customer_id="CUS-1",
            status=OrderStatus.LOST,
            placed_at=paid,
            total_minor=total_minor,
            currency=currency,
            charges=[charge],
        ).model_copy(update=order_fields)
        return Account(customer=Customer(customer_id="CUS-1"), order=order)

    return at_call


def with_back(minor: int, *, of: int = 2000, under_way: bool = False) -> Callable[[Any], Account]:
    """The same records once another case paid so much back, or is about to."""

    def at_call(request: Any) -> Account:
        found = account(of)(request)
        assert found.order is not None
        [charge] = found.order.charges
        order = found.order.model_copy(update={"charges": [charge.model_copy(update={"refunded_minor": minor})]})
        money = Money(minor=minor, currency=charge.currency)
        paid = PaidBack(charge_id="CH-1", money=money, at=None if under_way else CALLED_AT.get())
        return found.model_copy(update={"order": order, "paid_back": [paid]})

    return at_call


def _paid(request: RefundRequest) -> EffectRecord:
    action = request.action
    return EffectRecord(
        key=action.key,
        kind=action.kind,
        amount_minor=action.money.minor,
        currency=action.money.currency,
        payee=action.payee,
        approval_id=request.approval_id,
        provider_ref="re_1",
    )


def paid_unheard(request: SettleRequest) -> SettleResult:
    """The provider's word on a payment whose answer was lost."""
    paid = EffectRecord(
        key=f"{request.case_id}/refund", kind="refund", amount_minor=2000, currency="USD", provider_ref="re_7"
    )
    return SettleResult(effects=[paid])


def _lead(request: RecordLeadRequest) -> RecordLeadResult:
    effect = EffectRecord(key=f"{request.case.case_id}/lead", kind="lead")
    return RecordLeadResult(account_name_known=True, owner="ines", team="south", score=61, effect=effect)


def _recorded(request: RecordDecisionRequest) -> ApprovalResult:
    return request.result


async def _idle(request: AdmitRequest) -> AdmitResult:
    return AdmitResult()


_DEFAULTS: dict[str, Answer] = {
    "route_case": routed(BILLING),
    "extract_claim": claimed(),
    "find_account": account(),
    "search_billing_knowledge": QuestionResult(article=ARTICLE, coverage=0.9),
    "refund": _paid,
    "settle_effects": SettleResult(),
    "diagnose": DiagnoseResult(
        article=ARTICLE,
        diagnosis=Diagnosis(article_id="KB-7", confidence=0.8),
        candidates=["KB-7 (90%)"],
        usage=ONE_CALL,
    ),
    "answer_from_articles": AnswerResult(article=ARTICLE, candidates=["KB-7 (90%)"], usage=ONE_CALL),
    "qualify_lead": LeadResult(facts=LeadFacts(interest=Interest.QUOTE, seats=120), usage=ONE_CALL),
    "record_lead": _lead,
    "draft_reply": DraftResult(draft=Draft(subject="Your quote", text="Ines will write to you."), usage=ONE_CALL),
    "forbid_effects": None,
    "announce_approval": None,
    "keep_wish": None,
    "look_at_models": ModelSigns(slowest=1, fastest=61),
    "check_decision": CheckDecisionResult(),
    "record_decision": _recorded,
    "bury": None,
    "replay_batch": ReplayBatchResult(),
    "alert_person": None,
    "look_at_pending": LookResult(),
    "tend_batches": TendResult(),
    "tell_people": TellResult(),
    "admit_batch": _idle,
    "drain_outcomes": DrainResult(written=0),
}
