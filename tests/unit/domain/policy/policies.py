"""Policies, facts and actions for the tests of policies."""

from domain.money.amount import Money
from domain.policy.facts import ActionFacts, FieldOrigin, Moved, ProposedAction
from domain.policy.needs import Needs
from domain.policy.rules import ActionPolicy, AmountRange, Decider, Per, Velocity

LIMIT, SECOND_LIMIT, CAP = 500_000, 2_000_000, 1_000_000
POLICY = ActionPolicy(
    ranges=(
        AmountRange(currency="USD", below_minor=LIMIT, needs=Needs.NOBODY),
        AmountRange(currency="USD", from_minor=LIMIT, below_minor=SECOND_LIMIT, needs=Needs.ONE),
        AmountRange(currency="USD", from_minor=SECOND_LIMIT, needs=Needs.TWO),
    ),
    velocities=(
        Velocity(per=Per.CUSTOMER, days=1, most_minor={"USD": CAP}),
        Velocity(per=Per.CUSTOMER, days=90, most_count=3, beyond=Needs.TWO),
    ),
    guessed_fields={"payee": Needs.REFUSED},
    flags={"forwarded": Needs.ONE, "hidden_text": Needs.TWO},
    deciders=(
        Decider(name="cfo", any_amount=True),
        Decider(name="omar", any_amount=True),
        Decider(name="dana", limits_minor={"USD": 1_000_000}),
    ),
    ask_next=("cfo",),
    ask_next_after_s=3_600,
)
FACTS = ActionFacts(
    before_minor=0,
    origins={
        "order_id": FieldOrigin.GIVEN,
        "payee": FieldOrigin.RECORDS,
        "money": FieldOrigin.DERIVED,
    },
    flags=frozenset(),
    taints=frozenset(),
    marks=frozenset(),
    customer_had=1,
    payee_had=1,
    moved=(
        Moved(per=Per.CUSTOMER, days=1, count=0, minor=0),
        Moved(per=Per.CUSTOMER, days=90, count=1, minor=100),
    ),
    requester="C-1",
)
"""Facts by which nothing speaks against an action."""


def refund(minor: int = 1_500, currency: str = "USD", *, kind: str = "refund") -> ProposedAction:
    return ProposedAction(kind=kind, payee="card:1", money=Money(minor=minor, currency=currency))


def known(**changes: object) -> ActionFacts:
    """Return the facts with some changed."""
    return FACTS.model_copy(update=changes)
