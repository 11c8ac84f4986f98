"""What every store promises of refunds that the provider called pending. Sub-classed with a `store` fixture."""

from datetime import timedelta

import pytest

from adapters.store import Store
from domain.errors import RefusedError
from domain.money.effect import FIRST_LOOK, OVERDUE, LedgerState, PendingEffect, Settling
from domain.money.refund_action import RefundTerms
from tests.contracts.records import find
from tests.contracts.store_samples import NOW, action, stored_case

KEY = "case/shop/e1/refund"
LATER = NOW + timedelta(days=1)
TERMS = RefundTerms(limit_minor=500_000)


class SettlingContract:
    """Pending is not paid for good: it is asked about again, and what failed is booked back and told."""

    @pytest.fixture(autouse=True)
    def _pending(self, store: Store) -> None:
        store.cases.admit([stored_case("e1"), stored_case("e2")])
        store.ledger.intend(action(), step="refund", approval_id=None, terms=TERMS, now=NOW)
        row = store.ledger.execute(KEY, "re_1", NOW, pending=True)
        assert (row.state, row.settling) == (LedgerState.EXECUTED, Settling.PENDING)
        assert (row.effect.pending, row.paid) == (True, True)

    def due(self, store: Store) -> PendingEffect:
        [effect] = store.settling.due(10, LATER)
        return effect

    def balances(self, store: Store) -> dict[str, int]:
        found: dict[str, int] = {}
        for entry in store.reports.ledger_export().entries:
            sign = 1 if entry.side == "debit" else -1
            found[entry.account] = found.get(entry.account, 0) + sign * entry.amount_minor
        return found

    def test_it_is_asked_about_a_while_later_and_not_twice(self, store: Store) -> None:
        assert store.settling.due(10, NOW) == []
        effect = self.due(store)
        assert (effect.key, effect.case_id) == (KEY, "case/shop/e1")
        assert (effect.provider_ref, effect.money.minor) == ("re_1", 500)
        store.settling.put_off(effect, LATER)
        assert store.settling.due(10, LATER) == []
        [again] = store.settling.due(10, LATER + 2 * FIRST_LOOK)
        assert (again.looks, again.since) == (1, NOW)

    def test_what_was_paid_at_once_is_never_asked_about(self, store: Store) -> None:
        store.ledger.intend(action("e2"), step="refund", approval_id=None, terms=TERMS, now=NOW)
        row = store.ledger.execute("case/shop/e2/refund", "re_2", NOW)
        assert (row.settling, row.effect.pending) == (None, False)
        assert [effect.key for effect in store.settling.due(10, LATER)] == [KEY]

    def test_what_arrived_stays_booked(self, store: Store) -> None:
        effect = self.due(store)
        store.settling.settle(KEY, LATER)
        store.settling.fail(effect, "said late", LATER)
        assert store.settling.due(10, LATER + OVERDUE) == []
        assert self.balances(store) == {"refunds": 500, "provider_balance": -500}
        assert store.words.untold(10, LATER) == []
        row = store.ledger.find(KEY)
        assert row is not None
        assert (row.settling, row.effect.pending, row.paid) == (Settling.SETTLED, False, True)

    def test_other_cases_hear_that_it_has_not_arrived_until_it_has(self, store: Store) -> None:
        def pending() -> list[bool]:
            found = find(store.records, customer_id="C-1", order_id="ORD-1", case_id="case/shop/e2")
            return [paid.pending for paid in found.paid_back]

        assert pending() == [True]
        store.settling.settle(KEY, LATER)
        assert pending() == [False]

    def test_what_failed_is_booked_back_once_and_told_once(self, store: Store) -> None:
        effect = self.due(store)
        for _ in range(2):
            store.settling.fail(effect, "expired_or_canceled_card", LATER)
        store.settling.settle(KEY, LATER)
        assert self.balances(store) == {"refunds": 0, "provider_balance": 0}
        assert len(store.reports.ledger_export().entries) == 4
        [word] = store.words.untold(10, LATER)
        assert (word.kind, word.case_id) == ("refund_failed", "case/shop/e1")
        assert word.subject == "refund of 5.00 USD failed at the provider: case/shop/e1"
        assert "expired_or_canceled_card" in word.text
        assert store.settling.due(10, LATER + OVERDUE) == []
        assert store.audit.read(["CH-1"]).failed == {KEY: "expired_or_canceled_card"}
        assert store.reports.counts().refunded_minor == {}

    def test_who_looks_at_the_case_sees_what_became_of_it(self, store: Store) -> None:
        [waiting] = store.settling.of_case("case/shop/e1")
        assert (waiting.key, waiting.money.minor, waiting.settling) == (KEY, 500, Settling.PENDING)
        store.settling.fail(self.due(store), "expired_or_canceled_card", LATER)
        [failed] = store.settling.of_case("case/shop/e1")
        assert (failed.settling, failed.since, failed.ended_at) == (Settling.FAILED, NOW, LATER)
        assert failed.why == "expired_or_canceled_card"
        assert store.settling.of_case("case/shop/e2") == []

    def test_what_failed_is_no_refund_any_more_and_not_paid_again_by_itself(self, store: Store) -> None:
        store.settling.fail(self.due(store), "lost_or_stolen_card", LATER)
        row = store.ledger.find(KEY)
        assert row is not None
        assert (row.state, row.paid) == (LedgerState.EXECUTED, False)
        with pytest.raises(RefusedError, match="failed at the provider: a person"):
            store.ledger.intend(action(), step="refund", approval_id=None, terms=TERMS, now=LATER)
        own = find(store.records, customer_id="C-1", order_id="ORD-1", case_id="case/shop/e1")
        other = find(store.records, customer_id="C-1", order_id="ORD-1", case_id="case/shop/e2")
        assert own.own_effect is None
        assert other.order is not None
        assert (other.order.charges[0].refunded_minor, other.paid_back, other.refunded_today_minor) == (0, [], 0)
        terms = RefundTerms(limit_minor=500_000, seen_back_minor=0)
        again = store.ledger.intend(action("e2"), step="refund", approval_id=None, terms=terms, now=LATER)
        assert again.state is LedgerState.INTENDED

    def test_while_it_is_pending_it_counts_as_paid(self, store: Store) -> None:
        account = find(store.records, customer_id="C-1", order_id="ORD-1", case_id="case/shop/e2")
        assert account.order is not None
        assert account.order.charges[0].refunded_minor == 500

    def test_its_own_case_says_that_it_is_pending_until_it_arrived(self, store: Store) -> None:
        """A replay answers with it: it must not say that it was done."""
        of = {"customer_id": "C-1", "order_id": "ORD-1", "case_id": "case/shop/e1"}
        for pending in (True, False):
            own = find(store.records, **of).own_effect
            assert own is not None
            assert own.pending is pending
            store.settling.settle(KEY, LATER)

    def test_one_that_stays_pending_is_told_once(self, store: Store) -> None:
        effect = self.due(store)
        store.settling.put_off(effect, NOW + OVERDUE)
        assert store.words.untold(10, LATER) == []
        for days in (1, 2):
            store.settling.put_off(effect, NOW + OVERDUE + timedelta(days=days))
        [word] = store.words.untold(10, LATER)
        assert (word.kind, word.data["provider_ref"]) == ("refund_overdue", "re_1")
