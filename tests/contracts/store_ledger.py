"""What a ledger promises, on any database. Sub-classed with a `store` fixture."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import exc

from adapters.store import Store
from adapters.store.tables import effects, entries
from domain.case import CaseState
from domain.errors import EffectsStoppedError, RecordsMovedError, RefusedError
from domain.money.action import Action
from domain.money.amount import Money
from domain.money.approval import Standing
from domain.money.effect import LedgerState
from domain.money.refund_action import RefundTerms
from tests.contracts.store_samples import (
    NOW,
    action,
    approval_request,
    approval_result,
    big_action,
    case_input,
    outcome,
    stored_case,
)

LIMIT = 500_000


def intend(
    store: Store,
    asked: Action,
    approval_id: str | None = None,
    customer_id: str | None = None,
    **settings: int | None,
) -> LedgerState:
    row = store.ledger.intend(
        asked,
        step="refund",
        approval_id=approval_id,
        terms=RefundTerms(
            limit_minor=settings.get("limit_minor", LIMIT),
            daily_cap_minor=settings.get("daily_cap_minor"),
            seen_back_minor=settings.get("seen_back_minor"),
            customer_id=customer_id,
        ),
        now=NOW,
    )
    return row.state


def approve(store: Store, asked: Action, standing: Standing = Standing.APPROVED, number: int = 1) -> str:
    request = approval_request(asked, number)
    store.ledger.record_approval(request, approval_result(request, standing))
    return request.approval_id


class LedgerContract:
    """Promises S1 to S6 as far as the ledger keeps them."""

    @pytest.fixture(autouse=True)
    def _admitted(self, store: Store) -> None:
        store.cases.admit([stored_case("e1"), stored_case("e2"), stored_case("e3")])

    # --- refusals ----------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"money": Money(minor=2_001, currency="USD")}, "is left"),
            ({"money": Money(minor=0, currency="USD")}, "more than nothing"),
            ({"money": Money(minor=500, currency="EUR")}, "is in USD"),
            ({"payee": "card:thief"}, "goes back where it came from"),
            ({"charge_id": "CH-9"}, "not in the records"),
            ({"order_id": "ORD-2"}, "not in the records"),
            ({"case_id": "case/shop/never", "key": "case/shop/never/refund"}, "never admitted"),
            ({"key": "case/shop/e2/refund"}, "does not belong"),
            ({"key": "case/shop/e1"}, "does not belong"),
            ({"order_id": "ORD-1'; DROP TABLE effects; --"}, "not in the records"),
        ],
    )
    def test_what_the_records_do_not_bear_out_is_refused(
        self, store: Store, changes: dict[str, object], why: str
    ) -> None:
        with pytest.raises(RefusedError, match=why):
            intend(store, action(**changes))
        assert store.ledger.find("case/shop/e1/refund") is None

    def test_another_tenants_charge_is_refused(self, store: Store) -> None:
        store.cases.admit([stored_case("x", case=case_input("x", tenant="other"))])
        with pytest.raises(RefusedError, match="not in the records of 'other'"):
            intend(store, action("x"))

    def test_at_the_limit_nothing_is_paid_without_an_approval(self, store: Store) -> None:
        with pytest.raises(RecordsMovedError, match="needs an approval"):
            intend(store, big_action(minor=LIMIT))
        assert intend(store, big_action(minor=LIMIT - 1)) is LedgerState.INTENDED

    def test_the_limit_cannot_be_passed_in_two_parts(self, store: Store) -> None:
        """Nor at the same time: an intention counts as paid."""
        store.cases.admit([stored_case("e2")])
        assert intend(store, big_action(minor=LIMIT - 1)) is LedgerState.INTENDED
        with pytest.raises(RecordsMovedError, match=r"after 4,999\.99 USD of the same charge.*needs an approval"):
            intend(store, big_action("e2", minor=1))
        asked = big_action("e2", minor=1)
        assert intend(store, asked, approve(store, asked)) is LedgerState.INTENDED

    def test_what_was_decided_before_another_refund_is_decided_again(self, store: Store) -> None:
        """Five tickets at once, each owed a quarter once, must not get the whole."""
        store.cases.admit([stored_case("e2")])
        assert intend(store, big_action(minor=100), seen_back_minor=0) is LedgerState.INTENDED
        with pytest.raises(RecordsMovedError, match="decided again"):
            intend(store, big_action("e2", minor=100), seen_back_minor=0)
        assert intend(store, big_action(minor=100), seen_back_minor=0) is LedgerState.INTENDED, "a retry is no other"
        assert intend(store, big_action("e2", minor=100), seen_back_minor=100) is LedgerState.INTENDED

    def test_only_who_wrote_an_intention_down_may_be_sure_that_it_is_new(self, store: Store) -> None:
        first, again = (
            store.ledger.intend(
                action(), step="refund", approval_id=None, terms=RefundTerms(limit_minor=LIMIT), now=NOW
            )
            for _ in range(2)
        )
        assert (first.is_new, again.is_new) == (True, False)

    @pytest.mark.parametrize("standing", [Standing.REJECTED, Standing.EXPIRED, Standing.CANCELLED])
    def test_an_approval_that_was_not_given_does_not_count(self, store: Store, standing: Standing) -> None:
        asked = big_action()
        with pytest.raises(RefusedError, match=f"is {standing}"):
            intend(store, asked, approve(store, asked, standing))

    def test_a_pending_and_an_unknown_approval_do_not_count(self, store: Store) -> None:
        asked = big_action()
        request = approval_request(asked)
        store.ledger.announce(request, NOW)
        with pytest.raises(RefusedError, match="is pending"):
            intend(store, asked, request.approval_id)
        with pytest.raises(RefusedError, match="not on record"):
            intend(store, asked, "case/shop/e1/approval/77")

    @pytest.mark.parametrize("approved", [False, True])
    def test_an_order_that_is_another_customers_by_now_is_decided_again(self, store: Store, approved: bool) -> None:
        asked = action()
        approval_id = approve(store, asked) if approved else None
        with pytest.raises(RecordsMovedError, match=r"belongs to 'C-1' now: .* has to be decided again"):
            intend(store, asked, approval_id, customer_id="C-2")
        assert intend(store, asked, approval_id, customer_id="C-1") is LedgerState.INTENDED

    def test_an_approval_for_other_bytes_does_not_count(self, store: Store) -> None:
        approval_id = approve(store, big_action(minor=600_000))
        with pytest.raises(RefusedError, match="another action"):
            intend(store, big_action(minor=600_001), approval_id)

    def test_an_approval_is_used_by_one_effect(self, store: Store) -> None:
        asked = big_action(minor=1_000)
        approval_id = approve(store, asked)
        assert intend(store, asked, approval_id) is LedgerState.INTENDED
        twin = asked.model_copy(update={"key": "case/shop/e1/refund-2"})
        with pytest.raises(RefusedError, match="another action"):
            intend(store, twin, approval_id)

    def test_one_approval_id_cannot_stand_at_two_effects_even_by_hand(self, store: Store) -> None:
        asked = big_action()
        intend(store, asked, approve(store, asked))
        copied = sa.select(sa.literal("case/shop/e1/other"), *[c for c in effects.c if c.name != "key"]).where(
            effects.c.key == asked.key
        )
        with pytest.raises(exc.IntegrityError), store.database.engine.begin() as connection:
            connection.execute(sa.insert(effects).from_select(list(effects.c.keys()), copied))

    def test_a_cancelled_case_pays_no_more(self, store: Store) -> None:
        store.ledger.forbid("case/shop/e1", "the case was cancelled", NOW)
        with pytest.raises(RefusedError, match="the case was cancelled"):
            intend(store, action())
        assert intend(store, action("e2")) is LedgerState.INTENDED

    def test_the_kill_switch_stops_what_is_not_yet_done(self, store: Store) -> None:
        intend(store, action("e1"))
        intend(store, action("e2"))
        store.ledger.execute("case/shop/e2/refund", "ref", NOW)
        store.switches.set_effects(stopped=True, by="maria", reason="odd refunds", now=NOW)
        with pytest.raises(EffectsStoppedError):
            intend(store, action("e1"))
        with pytest.raises(EffectsStoppedError):
            intend(store, action("e3"))
        assert intend(store, action("e2")) is LedgerState.EXECUTED
        store.switches.set_effects(stopped=False, by="maria", reason="all well", now=NOW)
        assert intend(store, action("e3")) is LedgerState.INTENDED

    def test_the_daily_cap_holds_over_cases_and_an_approval_lifts_it(self, store: Store) -> None:
        intend(store, action("e1", money=Money(minor=700, currency="USD")))
        over = action("e2", money=Money(minor=400, currency="USD"))
        with pytest.raises(RefusedError, match=r"above the cap of 10\.00 USD"):
            intend(store, over, daily_cap_minor=1_000)
        assert intend(store, over, approve(store, over), daily_cap_minor=1_000) is LedgerState.INTENDED

    # --- once --------------------------------------------------------------------------------------------------------

    def test_the_same_key_with_other_money_is_refused_and_the_first_stands(self, store: Store) -> None:
        intend(store, action())
        with pytest.raises(RefusedError, match="another action"):
            intend(store, action(money=Money(minor=501, currency="USD")))
        row = store.ledger.find("case/shop/e1/refund")
        assert row is not None
        assert row.effect.amount_minor == 500

    def test_the_same_money_under_a_newer_policy_is_the_first_action_again(self, store: Store) -> None:
        intend(store, action())
        row = store.ledger.intend(
            action(policy_version="main@2"),
            step="refund",
            approval_id=None,
            terms=RefundTerms(limit_minor=LIMIT),
            now=NOW,
        )
        assert row.action == action()

    def test_executing_twice_books_once_and_balances(self, store: Store) -> None:
        intend(store, action())
        store.ledger.execute("case/shop/e1/refund", "ref-1", NOW)
        again = store.ledger.execute("case/shop/e1/refund", "ref-2", NOW + timedelta(days=1))
        assert again.effect.provider_ref == "ref-1"
        export = store.reports.ledger_export()
        assert [(e.side, e.amount_minor, e.currency) for e in export.entries] == [
            ("debit", 500, "USD"),
            ("credit", 500, "USD"),
        ]
        assert [e.key for e in export.effects] == ["case/shop/e1/refund"]

    def test_nothing_is_booked_that_was_never_intended(self, store: Store) -> None:
        with pytest.raises(KeyError):
            store.ledger.execute("case/shop/e1/refund", "ref", NOW)
        with pytest.raises(KeyError):
            store.ledger.abandon("case/shop/e1/refund", "why", NOW, seen=NOW)

    def test_an_abandoned_intention_frees_charge_and_approval(self, store: Store) -> None:
        asked = big_action(minor=900_000)
        approval_id = approve(store, asked)
        intend(store, asked, approval_id)
        with pytest.raises(RefusedError, match="is left"):
            intend(store, big_action("e2", minor=1))
        store.ledger.abandon(asked.key, "the provider refused", NOW, seen=NOW)
        assert intend(store, big_action("e2", minor=1)) is LedgerState.INTENDED
        store.ledger.abandon("case/shop/e2/refund", "test", NOW, seen=NOW)
        assert intend(store, asked, approval_id) is LedgerState.INTENDED

    def test_an_intention_that_was_written_since_is_not_taken_back(self, store: Store) -> None:
        """Who asks has looked at an older one, stood still, and was overtaken."""
        intend(store, action())
        store.ledger.abandon("case/shop/e1/refund", "not found", NOW, seen=NOW)
        later = NOW + timedelta(minutes=5)
        store.ledger.intend(
            action(), step="refund", approval_id=None, terms=RefundTerms(limit_minor=500_000), now=later
        )
        store.ledger.abandon("case/shop/e1/refund", "not found, said late", later, seen=NOW)
        assert [row.at for row in store.ledger.in_doubt("case/shop/e1")] == [later]

    def test_nothing_new_begins_for_a_case_that_has_ended(self, store: Store) -> None:
        """An attempt that stood still and goes on after the ending: what was decided since is final."""
        store.cases.close(outcome("e1", CaseState.REJECTED), None)
        with pytest.raises(RefusedError, match="'case/shop/e1' ended at"):
            intend(store, action())
        intend(store, action("e2"))

    def test_an_executed_effect_cannot_be_abandoned(self, store: Store) -> None:
        intend(store, action())
        store.ledger.execute("case/shop/e1/refund", "ref", NOW)
        store.ledger.abandon("case/shop/e1/refund", "too late", NOW, seen=NOW)
        row = store.ledger.find("case/shop/e1/refund")
        assert row is not None
        assert row.state is LedgerState.EXECUTED

    def test_what_the_provider_did_is_booked_even_after_it_was_taken_back(self, store: Store) -> None:
        intend(store, action())
        store.ledger.abandon("case/shop/e1/refund", "not found", NOW, seen=NOW)
        assert store.ledger.execute("case/shop/e1/refund", "ref", NOW).state is LedgerState.EXECUTED
        assert store.ledger.in_doubt("case/shop/e1") == []

    # --- the database itself -----------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        "statement",
        [
            sa.update(entries).values(amount_minor=1),
            sa.delete(entries),
            sa.update(effects).values(amount_minor=1),
            sa.delete(effects),
        ],
    )
    def test_the_database_refuses_to_change_the_books(self, store: Store, statement: sa.UpdateBase) -> None:
        intend(store, action())
        store.ledger.execute("case/shop/e1/refund", "ref", NOW)
        with pytest.raises(exc.DBAPIError, match=r"only ever added|stays as it is"), store.database.engine.begin() as c:
            c.execute(statement)

    # --- approvals ---------------------------------------------------------------------------------------------------

    def test_of_two_opposite_decisions_the_first_recorded_stands(self, store: Store) -> None:
        request = approval_request(big_action())
        first = store.ledger.record_approval(request, approval_result(request, Standing.REJECTED, "tom"))
        second = store.ledger.record_approval(request, approval_result(request, Standing.APPROVED, "maria"))
        assert first == second
        assert (second.standing, second.by) == (Standing.REJECTED, "tom")

    def test_a_request_puts_one_word_to_the_approvers_into_the_outbox(self, store: Store) -> None:
        request = approval_request(big_action())
        store.ledger.announce(request, NOW)
        store.ledger.announce(request, NOW)
        [word] = store.words.untold(10, NOW)
        assert (word.word_id, word.kind, word.at) == (request.approval_id, "approval", NOW)
        assert word.data["digest"] == request.digest

    def test_nobody_is_told_of_what_is_decided(self, store: Store) -> None:
        request = approval_request(big_action())
        store.ledger.record_approval(request, approval_result(request))
        store.ledger.announce(request, NOW)
        assert store.words.untold(10, NOW) == []

    # --- races -------------------------------------------------------------------------------------------------------

    def test_sixteen_threads_on_one_charge_never_pay_more_than_it(self, store: Store) -> None:
        names = [f"race{n}" for n in range(16)]
        store.cases.admit([stored_case(name) for name in names])
        together = threading.Barrier(16)

        def pay(name: str) -> bool:
            together.wait()
            return _paid(lambda: intend(store, action(name, money=Money(minor=300, currency="USD"))))

        with ThreadPoolExecutor(16) as pool:
            paid = list(pool.map(pay, names))
        assert sum(paid) == 2_000 // 300
        with store.database.reading() as connection:
            moved = connection.execute(sa.select(sa.func.sum(effects.c.amount_minor))).scalar_one()
        assert int(moved) <= 2_000

    def test_threads_with_one_key_write_one_row_and_two_entries(self, store: Store) -> None:
        together = threading.Barrier(8)

        def pay(_: int) -> bool:
            together.wait()
            intend(store, action())
            store.ledger.execute("case/shop/e1/refund", "ref", NOW)
            return True

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(pay, range(8)))
        export = store.reports.ledger_export()
        assert (len(export.effects), len(export.entries)) == (1, 2)

    def test_a_cancel_and_a_payment_at_once_end_in_one_of_both_orders(self, store: Store) -> None:
        for n in range(10):
            name = f"cancel{n}"
            store.cases.admit([stored_case(name)])
            together = threading.Barrier(2)

            def pay(name: str = name, together: threading.Barrier = together) -> bool:
                together.wait()
                return _paid(lambda: intend(store, action(name, money=Money(minor=1, currency="USD"))))

            def cancel(name: str = name, together: threading.Barrier = together) -> None:
                together.wait()
                store.ledger.forbid(f"case/shop/{name}", "cancelled", NOW)

            with ThreadPoolExecutor(2) as pool:
                paid, _ = pool.submit(pay), pool.submit(cancel)
                assert paid.result() == (store.ledger.find(f"case/shop/{name}/refund") is not None)
            with pytest.raises(RefusedError, match="cancelled"):
                intend(store, action(name, key=f"case/shop/{name}/later", money=Money(minor=1, currency="USD")))


def _paid(pay: Callable[[], LedgerState]) -> bool:
    try:
        return pay() is LedgerState.INTENDED
    except RefusedError:
        return False
