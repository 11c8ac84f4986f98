"""What every store promises of spending: no budget is overdrawn, and what was sent is paid for."""

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from adapters.spend.sql import SqlSpend
from adapters.spend.tables import model_calls, spend_accounts
from adapters.store import Store
from domain.errors import StatementRefusedError
from domain.spend.budgets import SpendRules, Unit
from domain.spend.calls import LEASE
from ports.models.spend import BudgetWindow, CallSpent
from tests.contracts.spending.store_short import CASE, SPENT, ShortContract, budget, call, rules

CALLERS = 200


class SpendContract(ShortContract):
    """Spending."""

    def state(self, store: Store, call_id: str) -> sa.RowMapping:
        with store.database.reading() as connection:
            return connection.execute(sa.select(model_calls).where(model_calls.c.call_id == call_id)).mappings().one()

    def account(self, spend: SqlSpend, scope: str = "all", unit: Unit = Unit.TOKENS) -> BudgetWindow:
        [found] = [a for a in spend.report.windows([]) if (a.scope, a.unit) == (scope, unit)]
        return found

    # --- what does not fit --------------------------------------------------------------------------------

    def test_what_does_not_fit_is_refused_until_the_day_is_over_and_told_once(
        self, store: Store, spend: SqlSpend
    ) -> None:
        few = rules(budget(cap=250))
        assert [spend.reserve(call(n), few) for n in "ab"] == [None, None]
        refused = [spend.reserve(call(n), few) for n in "cd"]
        assert {r.reason for r in refused if r} == {"budget all tokens"}
        account = self.account(spend)
        assert (account.used, account.held, refused[0] and refused[0].until) == (0, 200, account.ends_at)
        words = store.words.untold(10, datetime.now(UTC) + timedelta(hours=1))
        assert [w.word_id.rsplit("/", 2)[1] for w in words] == ["warning", "full"]
        assert "budget set all CAP --unit tokens" in words[1].text
        with store.database.reading() as connection:
            assert connection.execute(sa.select(sa.func.count()).select_from(model_calls)).scalar_one() == 2

    def test_a_call_that_fits_in_one_budget_and_not_in_another_holds_nothing(self, spend: SqlSpend) -> None:
        both = rules(budget("all"), budget("source:shop", cap=10, unit=Unit.MICROS))
        refused = spend.reserve(call("a"), both)
        assert refused is not None
        assert refused.reason == "budget source:shop micros"
        assert [(a.used, a.held) for a in spend.report.windows([])] == [(0, 0), (0, 0)]
        assert spend.report.differences() == []

    def test_two_hundred_at_once_never_overdraw(self, store: Store) -> None:
        cap = 3_050
        refused: list[str] = []
        made: list[str] = []
        few = rules(budget(cap=cap), budget("source:*", cap=cap * 2), budget("all", cap=cap * 50, unit=Unit.MICROS))
        start = threading.Barrier(CALLERS)

        def caller(n: int) -> None:
            spend, name = SqlSpend(lambda: store.database), f"c{n}"
            start.wait()
            at_once = n % 3 > 0
            if spend.reserve(call(name, case_id=f"case/shop/{n}"), few, sending=at_once) is not None:
                refused.append(name)
                return
            made.append(name)
            assert at_once or spend.sent(name)
            if n % 2:
                spend.settle(name, CallSpent(tokens_in=60, tokens_out=40, cost_micros=50))

        threads = [threading.Thread(target=caller, args=(n,)) for n in range(CALLERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(made) + len(refused) == CALLERS
        assert len(made) == cap // 100, "not one more than fits, and as many as fit"
        spend = SqlSpend(lambda: store.database)
        account = self.account(spend)
        assert account.used + account.held == 100 * len(made) <= cap
        assert spend.report.differences() == []

    @pytest.mark.parametrize("seed", range(3))
    def test_whatever_comes_between_what_budgets_say_the_sums_of_calls_and_never_more_than_their_cap(
        self, store: Store, spend: SqlSpend, seed: int
    ) -> None:
        cap = 1_500
        budgets = rules(budget(cap=cap), budget("kind:*", unit=Unit.MICROS), budget("case:*"))
        over: list[BudgetWindow] = []

        def acts(chance: random.Random) -> None:
            own = SqlSpend(lambda: store.database)
            for _ in range(25):
                name = f"c{chance.randrange(40)}"  # others have the same: each comes at any time, once or again
                case = f"case/shop/{chance.randrange(4)}"
                match chance.choice(["reserve", "reserve", "send", "sent", "settle", "give up", "look"]):
                    case "reserve" | "send" as what:
                        with suppress(sa.exc.IntegrityError, StatementRefusedError):  # it is there already
                            own.reserve(call(name, case_id=case), budgets, sending=what == "send")
                    case "sent":
                        own.sent(name)
                    case "settle":
                        own.settle(name, SPENT)
                    case "give up":
                        own.give_up(name)
                    case _:
                        over.extend(a for a in own.report.windows([]) if a.used + a.held > a.cap)

        threads = [threading.Thread(target=acts, args=(random.Random(f"{seed}/{n}"),)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert over == []
        assert spend.report.differences() == []
        c = model_calls.c
        with store.database.reading() as connection:
            calls = connection.execute(sa.select(c.state, c.reserved_tokens, c.tokens_in + c.tokens_out)).all()
        held = sum(reserved for state, reserved, _ in calls if state in ("held", "sent"))
        account = self.account(spend)
        assert (account.used, account.held) == (sum(charged for *_, charged in calls), held)
        assert account.used + account.held > 0

    # --- from held to done --------------------------------------------------------------------------------

    def test_an_answer_is_charged_once_and_the_rest_is_given_back(self, store: Store, spend: SqlSpend) -> None:
        few = rules(budget(), budget(unit=Unit.MICROS))
        spend.reserve(call("a"), few)
        assert spend.sent("a")
        for _ in range(2):
            spend.settle("a", SPENT)
        assert (self.account(spend).used, self.account(spend).held) == (30, 0)
        assert (self.account(spend, unit=Unit.MICROS).used, self.account(spend, unit=Unit.MICROS).held) == (7, 0)
        row = self.state(store, "a")
        assert (row["state"], row["tokens_cached"], row["finish_reason"], row["corrected"]) == (
            "done",
            5,
            "stop",
            False,
        )
        spend.give_up("a")
        assert self.account(spend).used == 30
        assert spend.report.differences() == []

    def test_a_call_that_is_sent_at_once_is_on_record_as_sent_with_its_reservation(
        self, store: Store, spend: SqlSpend
    ) -> None:
        assert spend.reserve(call("a"), rules(budget()), sending=True) is None
        row = self.state(store, "a")
        assert (row["state"], row["sent_at"]) == ("sent", row["at"])
        assert row["lease_until"] == row["at"] + LEASE
        assert not spend.sent("a"), "nobody sends it twice"
        spend.give_up("a")
        assert (self.account(spend).used, self.account(spend).held) == (100, 0), "silence never refunds"

    def test_a_call_that_was_never_sent_is_let_go_and_one_that_was_is_charged_in_full(
        self, store: Store, spend: SqlSpend
    ) -> None:
        few = rules(budget())
        for name in "ab":
            spend.reserve(call(name), few)
        assert spend.sent("b")
        for name in "abab":
            spend.give_up(name)
        assert (self.account(spend).used, self.account(spend).held) == (100, 0)
        assert [self.state(store, name)["state"] for name in "ab"] == ["released", "unknown"]
        assert (self.state(store, "b")["tokens_in"], self.state(store, "b")["estimated"]) == (100, True)
        assert not spend.sent("a"), "its reservation is gone: nothing may be sent for it"
        assert spend.report.differences() == []

    def test_who_died_is_charged_when_the_lease_ends_and_corrected_once_by_a_late_answer(
        self, store: Store, spend: SqlSpend, late: Callable[[timedelta], None]
    ) -> None:
        few = rules(budget(cap=10_000))
        for name in ("held", "sent"):
            spend.reserve(call(name), few)
        spend.sent("sent")
        assert spend.sweep() == 0, "nobody is late yet"
        late(LEASE + timedelta(seconds=1))
        assert [spend.sweep(), spend.sweep()] == [2, 0]
        accounts = spend.report.windows([])
        assert (sum(a.used for a in accounts), sum(a.held for a in accounts)) == (100, 0)
        for _ in range(2):
            spend.settle("sent", SPENT)
        assert sum(a.used for a in spend.report.windows([])) == 30
        row = self.state(store, "sent")
        assert (row["state"], row["corrected"], row["tokens_in"], row["estimated"]) == ("done", True, 20, False)
        assert spend.report.differences() == []

    def test_what_the_dead_held_makes_room_for_the_next(
        self, spend: SqlSpend, late: Callable[[timedelta], None]
    ) -> None:
        few = rules(budget(cap=100))
        assert spend.reserve(call("dead"), few) is None
        assert spend.reserve(call("too soon"), few) is not None
        late(LEASE + timedelta(seconds=1))
        spend._swept_at = float("-inf")
        assert spend.reserve(call("next"), few) is None, "it was never sent, so it is let go"

    def test_tomorrow_there_is_a_new_budget(self, spend: SqlSpend, late: Callable[[timedelta], None]) -> None:
        few = rules(budget(cap=100))
        spend.reserve(call("a"), few)
        spend.sent("a")
        spend.settle("a", CallSpent(tokens_in=100))
        refused = spend.reserve(call("b"), few)
        assert refused is not None
        late(timedelta(days=1))
        assert spend.reserve(call("b"), few) is None

    # --- whose it is --------------------------------------------------------------------------------------

    def test_a_case_is_charged_to_its_own_tenant(self, store: Store, spend: SqlSpend) -> None:
        with store.database.engine.begin() as connection:
            taken = connection.execute(sa.text("SELECT case_id, tenant FROM cases LIMIT 1")).first()
        name, tenant = taken if taken is not None else (CASE, "default")
        assert spend.reserve(call("a", case_id=name), rules(budget("tenant:*"))) is None
        assert [a.scope for a in spend.report.windows([])] == [f"tenant:{tenant}"]

    def test_a_cap_that_a_person_set_holds_for_the_day(
        self, spend: SqlSpend, late: Callable[[timedelta], None]
    ) -> None:
        small = budget(cap=100)
        few = rules(small)
        assert spend.reserve(call("a"), few) is None
        assert spend.reserve(call("b"), few) is not None
        raised = spend.report.set_cap(small, 200, "dana")
        assert (raised.cap, raised.cap_by, raised.held) == (200, "dana", 100)
        assert spend.reserve(call("b"), few) is None
        assert spend.reserve(call("c"), few) is not None
        late(timedelta(days=1))
        assert spend.reserve(call("d"), few) is None
        assert spend.reserve(call("e"), few) is not None, "tomorrow the blueprint's cap is in force again"

    def test_whoever_raises_a_cap_hears_when_it_is_used_up_too(self, store: Store, spend: SqlSpend) -> None:
        small = budget(cap=100, warn_at=1.0)
        for n, cap in enumerate((100, 200)):
            assert spend.reserve(call(f"fits{n}"), rules(small)) is None
            assert [spend.reserve(call(f"late{n}{m}"), rules(small)) is None for m in "ab"] == [False, False]
            spend.report.set_cap(small, cap + 100, "dana")
        words = store.words.untold(10, datetime.now(UTC) + timedelta(hours=1))
        assert [w.word_id.rsplit("/", 2)[1:] for w in words if "/full/" in w.word_id] == [
            ["full", "100"],
            ["full", "200"],
        ]

    def test_a_budget_that_bears_not_one_call_says_so(self, store: Store, spend: SqlSpend) -> None:
        refused = spend.reserve(call("a"), rules(budget(cap=99)))
        assert refused is not None
        assert "bears not even one call: the next one may take 100, 99 of 99 tokens left" in refused.why
        [word] = store.words.untold(10, datetime.now(UTC) + timedelta(hours=1))
        assert "raise the cap in the blueprint" in word.text

    def test_a_lower_cap_of_the_blueprint_is_in_force_at_once(self, spend: SqlSpend) -> None:
        assert spend.reserve(call("a"), rules(budget(cap=1000))) is None
        assert spend.reserve(call("b"), rules(budget(cap=150))) is not None
        assert self.account(spend).cap == 150

    # --- running in a circle ------------------------------------------------------------------------------

    def done(self, spend: SqlSpend, name: str, limits: SpendRules, **fields: object) -> None:
        assert spend.reserve(call(name, **fields), limits) is None
        assert spend.sent(name)
        spend.settle(name, SPENT)

    def test_a_case_that_asks_too_often_is_stopped_told_once_and_let_go_by_a_person(
        self, store: Store, spend: SqlSpend
    ) -> None:
        few = rules(calls=2)
        for n in range(2):
            self.done(spend, f"n{n}", few)
        for n in range(2):
            refused = spend.reserve(call(f"late{n}"), few)
            assert refused is not None
            assert (refused.reason, refused.until) == ("runaway", None)
        assert spend.reserve(call("other", case_id="case/shop/2"), few) is None
        [word] = store.words.untold(10, datetime.now(UTC) + timedelta(hours=1))
        assert (word.case_id, "route at" in word.text) == (CASE, True)
        spend.report.let_go(CASE, "dana")
        self.done(spend, "on", few)

    def test_many_tokens_stop_a_case(self, spend: SqlSpend) -> None:
        few = rules(tokens=60)
        for n in range(2):
            self.done(spend, f"n{n}", few)
        refused = spend.reserve(call("more"), few)
        assert refused is not None
        assert "60 tokens" in refused.why

    def test_three_steps_with_the_same_question_stop_a_case_and_tries_of_one_step_do_not(self, spend: SqlSpend) -> None:
        few = rules(same_question=3)
        for n in range(5):
            self.done(spend, f"try{n}", few, asked_by="billing/1.1", question="q")
        for n in range(2):
            self.done(spend, f"step{n}", few, asked_by=f"billing/1.{n + 2}", question="q")
        self.done(spend, "else", few, asked_by="billing/1.9", question="another")
        refused = spend.reserve(call("again", asked_by="billing/1.10", question="q"), few)
        assert refused is not None
        assert "the very same (route)" in refused.why

    def test_calls_that_were_refused_do_not_count(self, spend: SqlSpend) -> None:
        few = rules(calls=1)
        for n in range(3):
            name = f"n{n}"
            assert spend.reserve(call(name), few) is None
            spend.sent(name)
            spend.settle(name, CallSpent(finish_reason="refused"))

    # --- what people see ----------------------------------------------------------------------------------

    def test_sums_are_by_day_tenant_step_and_model(self, spend: SqlSpend) -> None:
        for n in range(3):
            self.done(spend, f"n{n}", rules(), waited_s=0.5 * n)
        [found] = spend.report.sums(days=1)
        assert (found.day, found.tenant, found.step, found.model) == (
            f"{datetime.now(UTC):%Y-%m-%d}",
            "default",
            "route",
            "m",
        )
        assert (found.calls, found.tokens_in, found.tokens_out, found.cost_micros) == (3, 60, 30, 21)
        assert (found.tokens_cached, found.tokens_reasoning, found.estimated, found.waited_s) == (15, 6, 0, 1.5)

    def test_a_row_has_all_that_is_known_of_a_call(self, store: Store, spend: SqlSpend) -> None:
        self.done(spend, "a", rules(), asked_by="billing/1.1", kind="billing", step="claim", waited_s=1.25)
        row = self.state(store, "a")
        assert (row["tenant"], row["kind"], row["step"], row["tier"], row["model"]) == (
            "default",
            "billing",
            "claim",
            "small",
            "m",
        )
        assert [row[f"tokens_{part}"] for part in ("in", "cached", "reasoning", "out")] == [20, 5, 2, 10]
        assert (row["cost_micros"], row["finish_reason"], row["waited_s"]) == (7, "stop", 1.25)

    def test_what_was_charged_without_an_answer_is_summed_as_estimated(self, spend: SqlSpend) -> None:
        self.done(spend, "answered", rules())
        assert spend.reserve(call("silent"), rules()) is None
        assert spend.sent("silent")
        spend.give_up("silent")
        [found] = spend.report.sums(days=1)
        assert (found.calls, found.estimated, found.tokens_in) == (2, 1, 120)

    def test_a_budget_that_nobody_used_is_shown_whole(self, spend: SqlSpend) -> None:
        [found] = spend.report.windows([budget(cap=9), budget("tenant:*")])
        assert (found.scope, found.cap, found.used, found.held) == ("all", 9, 0, 0)

    def test_what_is_old_is_forgotten_with_its_budget(
        self, store: Store, spend: SqlSpend, late: Callable[[timedelta], None]
    ) -> None:
        self.done(spend, "a", rules(budget()))
        late(timedelta(days=89))
        spend.sweep()
        assert self.state(store, "a")["state"] == "done"
        late(timedelta(days=4))
        spend.sweep()
        with store.database.reading() as connection:
            assert [connection.execute(sa.select(t)).first() for t in (model_calls, spend_accounts)] == [None, None]
        assert spend.report.differences() == []

    def test_the_audit_sees_a_budget_that_was_tampered_with(self, store: Store, spend: SqlSpend) -> None:
        self.done(spend, "a", rules(budget()))
        store.database.writing(lambda c: c.execute(sa.update(spend_accounts).values(used=0)))
        [said] = spend.report.differences()
        assert "used 0" in said
        assert "30" in said
