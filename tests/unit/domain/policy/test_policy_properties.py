"""Whatever a policy says and whatever is known: nothing catastrophic goes alone, more doubt never loosens."""

from typing import Any

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from domain.money.amount import Money
from domain.policy.decide import decide
from domain.policy.facts import MONEY_FIELDS, ActionFacts, FieldOrigin, Moved, ProposedAction
from domain.policy.needs import Needs
from domain.policy.rules import NEVER_ALONE, ActionPolicy, AmountRange, Decider, Per, Velocity, first_gap
from domain.policy.verdict import PolicyVerdict

NAMES = ("ann", "bob", "Ann ", "cfo")
FIELDS = (*MONEY_FIELDS, "order_id")
FLAGS = ("edited", "forwarded", "hidden_text")
DAYS = (1, 90)
minor = st.integers(0, 50)
currency = st.sampled_from(["USD", "USD", "USD", "USD", "EUR", "XTS"])
people = st.sampled_from([Needs.ONE, Needs.TWO, Needs.REFUSED])
actions = st.builds(
    ProposedAction,
    kind=st.sampled_from(["refund", "credit", "refund", "credit", "wire", "account_change", "deletion", "barter"]),
    payee=st.just("p"),
    money=st.builds(Money, minor=minor, currency=currency),
)


def some(*values: Any) -> st.SearchStrategy[frozenset[Any]]:  # Any: names and flags alike
    return st.frozensets(st.sampled_from(values))


@st.composite
def sound_ranges(draw: st.DrawFn) -> list[AmountRange]:
    """Ranges as validation lets them through, for one currency."""
    bounds = sorted(draw(st.sets(st.integers(1, 50), max_size=3)))
    needs = sorted(
        draw(st.lists(st.sampled_from(Needs), min_size=len(bounds) + 1, max_size=len(bounds) + 1)),
        key=lambda one: one.strictness,
    )
    code = draw(currency)
    return [
        AmountRange(currency=code, from_minor=start, below_minor=end, needs=need)
        for start, end, need in zip([0, *bounds], [*bounds, None], needs, strict=True)
    ]


wild_ranges = st.lists(
    st.builds(
        AmountRange, currency=currency, from_minor=minor, below_minor=st.none() | minor, needs=st.sampled_from(Needs)
    ),
    max_size=4,
)
deciders = st.one_of(
    st.builds(Decider, name=st.sampled_from(NAMES), any_amount=st.booleans()),
    st.builds(Decider, name=st.sampled_from(NAMES), limits_minor=st.dictionaries(currency, minor, max_size=2)),
    st.builds(Decider, role=st.just("finance"), any_amount=st.just(True)),
)
wild_policies = st.builds(
    ActionPolicy,
    ranges=st.one_of(sound_ranges(), wild_ranges).map(tuple),
    velocities=st.lists(
        st.builds(
            Velocity,
            per=st.sampled_from(Per),
            days=st.sampled_from(DAYS),
            most_count=st.none() | st.integers(0, 3),
            most_minor=st.dictionaries(currency, minor, max_size=2),
            beyond=people,
        ),
        max_size=2,
    ).map(tuple),
    guessed=people,
    guessed_fields=st.dictionaries(st.sampled_from(FIELDS), people, max_size=2),
    tainted=people,
    flags=st.dictionaries(st.sampled_from(FLAGS), people, max_size=2),
    first_time_customer=st.sampled_from(Needs),
    first_time_payee=st.sampled_from(Needs),
    deciders=st.lists(deciders, max_size=4).map(tuple),
    ask_next=st.just(("ann", "finance")),
)
counts = st.integers(0, 4)
wild_facts = st.builds(
    ActionFacts,
    before_minor=st.none() | minor,
    origins=st.none() | st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(FieldOrigin)),
    flags=st.none() | some(*FLAGS),
    taints=st.none() | some("suspicious", "a machine wrote it"),
    marks=st.none() | some("paid_in_part"),
    customer_had=st.none() | counts,
    payee_had=st.none() | counts,
    moved=st.lists(
        st.builds(
            Moved,
            per=st.sampled_from(Per),
            days=st.sampled_from(DAYS),
            count=st.none() | counts,
            minor=st.none() | minor,
        ),
        max_size=3,
        unique_by=lambda moved: (moved.per, moved.days),
    ).map(tuple),
    requester=st.sampled_from(["C-1", "ann"]),
    editors=some(*NAMES),
)


QUIET = ActionPolicy(
    first_time_customer=Needs.NOBODY,
    first_time_payee=Needs.NOBODY,
    deciders=(Decider(name="cfo", any_amount=True), Decider(name="omar", any_amount=True)),
)
CLEAN = ActionFacts(
    before_minor=0,
    origins=dict.fromkeys(FIELDS, FieldOrigin.RECORDS),
    flags=frozenset(),
    taints=frozenset(),
    marks=frozenset(),
    customer_had=1,
    payee_had=1,
    moved=tuple(Moved(per=per, days=days, count=0, minor=0) for per in Per for days in DAYS),
    requester="C-1",
)


def mostly(calm: Any, wild: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:  # Any: a policy or facts
    """Return models of which most is as in `calm`: of what is wild throughout, hardly anything would go alone."""
    names = st.sets(st.sampled_from(sorted(type(calm).model_fields)), max_size=2)
    return st.builds(
        lambda other, taken: calm.model_copy(update={name: getattr(other, name) for name in taken}), wild, names
    )


calm_policies = st.builds(
    lambda policy, ranges: policy.model_copy(update={"ranges": tuple(ranges)}),
    mostly(QUIET, wild_policies),
    sound_ranges(),
)
calm_facts = st.builds(
    lambda known, before, field, origin: known.model_copy(
        update={
            "before_minor": None if known.before_minor is None else before,
            "origins": None if known.origins is None else known.origins | {field: origin},
        }
    ),
    mostly(CLEAN, wild_facts),
    minor,
    st.sampled_from(FIELDS),
    st.sampled_from(FieldOrigin),
)
policies = st.one_of(wild_policies, calm_policies)
facts = st.one_of(wild_facts, calm_facts)


def looser(one: PolicyVerdict, other: PolicyVerdict) -> bool:
    return one.needs.strictness < other.needs.strictness


@settings(max_examples=700)
@given(actions, calm_facts, calm_policies)
def test_nothing_catastrophic_goes_alone(action: ProposedAction, known: ActionFacts, policy: ActionPolicy) -> None:
    """Alone goes only what the policy lets go by an amount that is sound and known, of a kind that can be called back,
    and of which every field of money is proven, nothing is suspect, and no fact that a rule asks for is missing.
    """
    verdict = decide(action, known, policy)
    event(verdict.needs)
    if not verdict.goes_alone:
        return
    ranges = policy.of_currency(action.money.currency)
    assert first_gap(ranges) is None
    assert known.before_minor is not None
    counted = known.before_minor + action.money.minor
    assert [r.needs for r in ranges if r.holds(counted)] == [Needs.NOBODY]
    assert action.kind not in NEVER_ALONE
    assert known.origins is not None
    assert set(MONEY_FIELDS) <= known.origins.keys()
    assert not {FieldOrigin.GUESSED, FieldOrigin.MODEL} & set(known.origins.values())
    assert known.taints == frozenset()
    assert known.marks == frozenset()
    assert known.flags is not None
    assert not known.flags & policy.flags.keys()


@given(actions, facts)
def test_a_kind_without_a_policy_goes_nowhere(action: ProposedAction, known: ActionFacts) -> None:
    assert decide(action, known, None).needs is Needs.REFUSED


@settings(max_examples=250)
@given(actions, facts, policies, st.integers(1, 60))
def test_more_money_never_loosens(action: ProposedAction, known: ActionFacts, policy: ActionPolicy, more: int) -> None:
    larger = action.model_copy(update={"money": Money(minor=action.money.minor + more, currency=action.money.currency)})
    assert not looser(decide(larger, known, policy), decide(action, known, policy))
    assert set(decide(larger, known, policy).deciders) <= set(decide(action, known, policy).deciders)


def doubted(known: ActionFacts) -> st.SearchStrategy[ActionFacts]:
    """Return the facts with one more reason for doubt: something bad is known, or something is known no more."""
    changes: list[dict[str, object]] = [
        {name: None} for name in ("before_minor", "origins", "flags", "taints", "marks", "customer_had", "payee_had")
    ]
    changes += [{"moved": known.moved[1:]}, {"moved": ()}]
    changes += [{"taints": known.taints | {"hidden text"}}] if known.taints is not None else []
    changes += [{"marks": known.marks | {"one_more"}}] if known.marks is not None else []
    changes += [{"flags": known.flags | {flag}} for flag in FLAGS] if known.flags is not None else []
    for name in FIELDS if known.origins is not None else ():
        origins = known.origins or {}
        changes += [
            {"origins": origins | {name: FieldOrigin.MODEL}},
            {"origins": origins | {name: FieldOrigin.GUESSED}},
        ]
        changes += [{"origins": {k: v for k, v in origins.items() if k != name}}] if name in MONEY_FIELDS else []
    changes += [{"before_minor": known.before_minor + 7}] if known.before_minor is not None else []
    changes += [{had: 0} for had in ("customer_had", "payee_had")]
    grown = [Moved(per=m.per, days=m.days, count=(m.count or 0) + 2, minor=(m.minor or 0) + 9) for m in known.moved]
    changes += [{"moved": (*known.moved, *grown)}, {"editors": known.editors | {"cfo"}}, {"requester": "bob"}]
    return st.sampled_from([known.model_copy(update=change) for change in changes])


@settings(max_examples=500)
@given(actions, facts, policies, st.data())
def test_more_doubt_never_loosens(
    action: ProposedAction, known: ActionFacts, policy: ActionPolicy, data: st.DataObject
) -> None:
    worse = data.draw(doubted(known))
    assume(known.requester in (worse.requester, "C-1"))
    assert not looser(decide(action, worse, policy), decide(action, known, policy))


@settings(max_examples=250)
@given(actions, facts, policies, st.randoms(use_true_random=False))
def test_the_order_of_rules_means_nothing(
    action: ProposedAction, known: ActionFacts, policy: ActionPolicy, random: Any
) -> None:
    shuffled: dict[str, object] = {}
    for name in ("ranges", "velocities", "deciders"):
        rules = list(getattr(policy, name))
        random.shuffle(rules)
        shuffled[name] = tuple(rules)
    for name in ("flags", "guessed_fields"):
        pairs = list(getattr(policy, name).items())
        random.shuffle(pairs)
        shuffled[name] = dict(pairs)
    assert decide(action, known, policy.model_copy(update=shuffled)) == decide(action, known, policy)


@given(actions, facts, policies)
def test_who_decides_is_no_more_than_one_person_once(
    action: ProposedAction, known: ActionFacts, policy: ActionPolicy
) -> None:
    verdict = decide(action, known, policy)
    folded = [name.strip().casefold() for name in verdict.deciders]
    never = {name.strip().casefold() for name in (known.requester, *known.editors)}
    assert len(set(folded)) == len(folded)
    assert not never & set(folded)
    assert verdict.needs.people <= len(folded)
    assert set(verdict.ask_next) <= set(verdict.deciders)
    assert verdict.on_expiry == "reject"
