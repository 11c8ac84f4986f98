"""What brings a restored store up to what happened since, on any database. Sub-classed with a `store` fixture."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from adapters.installation.record import SqlInstallation
from adapters.installation.wishes import SqlIntakeWishes
from adapters.rescue.open_cases import SqlOpenCases
from adapters.rescue.reconcile import SqlReconciler
from adapters.store import Store
from adapters.store.tables import effects
from domain.audit.facts import AuditFacts, PenFacts, RailEntry
from domain.audit.verdict import judge
from domain.authority.reconciling import ReconcileReport
from domain.case import CaseInput
from domain.errors import ConfigurationError, RefusedError
from domain.installation.home import Home
from domain.intake import IntakeWish
from domain.money.action import Action
from domain.money.approval import Standing
from domain.money.effect import RECONCILED
from ports.rescue import OpenCase
from tests.contracts.store_ledger import approve, intend
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

PAID_AT = NOW - timedelta(minutes=30)


def in_log(asked: Action, **changes: object) -> RailEntry:
    values = {
        "key": asked.key,
        "reference": f"re_{asked.case_id[-2:]}",
        "charge_id": getattr(asked, "charge_id", None),
        "payee": asked.payee,
        "amount_minor": asked.money.minor,
        "currency": asked.money.currency,
        "digest": asked.digest(),
        "at": PAID_AT,
    }
    return RailEntry.model_validate({**values, **changes})


def reconcile(store: Store, *log: RailEntry, dry_run: bool = False) -> ReconcileReport:
    return SqlReconciler(store.database, store.ledger).reconcile(log, NOW, by="ops", dry_run=dry_run)


class ReconcileContract:
    """The ledger catches up with the payment provider's log."""

    @pytest.fixture(autouse=True)
    def _admitted(self, store: Store) -> None:
        store.cases.admit([stored_case("e1"), stored_case("e2")])

    def test_what_the_ledger_never_heard_of_is_told_once_and_booked(self, store: Store) -> None:
        lost = in_log(action("e1"))
        for _ in range(2):
            assert store.ledger.unknown([lost], NOW) == [lost.key]
        report = reconcile(store, lost)
        assert (report.unknown, report.missing, report.looked_at) == ([lost.key], 1, 1)
        assert store.ledger.unknown([lost], NOW) == []
        export = store.reports.ledger_export()
        assert [(e.key, e.amount_minor, e.step) for e in export.effects] == [(lost.key, 500, RECONCILED)]
        assert [(e.side, e.amount_minor) for e in export.entries] == [("debit", 500), ("credit", 500)]
        behind, booked = store.words.untold(10, NOW)
        assert {behind.word_id, booked.word_id} == {f"{lost.key}/not-in-ledger", f"{lost.key}/reconciled"}

    def test_a_second_time_changes_nothing_and_a_dry_run_never_does(self, store: Store) -> None:
        lost = in_log(action("e1"))
        dry = reconcile(store, lost, dry_run=True)
        assert (dry.unknown, dry.booked, store.ledger.find(lost.key)) == ([lost.key], False, None)
        assert store.words.untold(10, NOW) == []
        reconcile(store, lost)
        again = reconcile(store, lost)
        assert (again.missing, again.looked_at) == (0, 1)
        assert len(store.reports.ledger_export().entries) == 2

    def test_what_was_lost_counts_against_charge_customer_and_case(self, store: Store) -> None:
        reconcile(store, in_log(action("e1")))
        with pytest.raises(RefusedError, match="decided again"):
            intend(store, action("e2"), seen_back_minor=0)
        account = store.records.find_account(
            tenant="default", customer_id="C-1", sender_email=None, order_id="ORD-1", now=NOW, case_id="case/shop/e2"
        )
        assert account.refunded_today_minor == 500
        assert account.order is not None
        assert account.order.charges[0].refunded_minor == 500
        own = store.records.find_account(
            tenant="default", customer_id="C-1", sender_email=None, order_id="ORD-1", now=NOW, case_id="case/shop/e1"
        )
        assert own.own_effect is not None
        assert own.own_effect.provider_ref == "re_e1"

    def test_an_intention_whose_payment_was_lost_is_booked_as_it_was_meant(self, store: Store) -> None:
        intend(store, action("e1"))
        report = reconcile(store, in_log(action("e1")))
        assert (report.unbooked, report.unknown) == (["case/shop/e1/refund"], [])
        row = store.ledger.find("case/shop/e1/refund")
        assert row is not None
        assert (row.paid, row.action) == (True, action("e1"))

    @pytest.mark.parametrize("changes", [{"amount_minor": 501}, {"currency": "EUR"}, {"payee": "card:thief"}])
    def test_other_money_under_a_known_key_is_named_and_not_touched(
        self, store: Store, changes: dict[str, object]
    ) -> None:
        intend(store, action("e1"))
        report = reconcile(store, in_log(action("e1"), **changes))
        assert (report.differs, report.missing) == (["case/shop/e1/refund"], 0)
        assert store.reports.ledger_export().entries == []

    def test_an_approval_on_record_is_used_up_by_its_payment(self, store: Store) -> None:
        asked = big_action("e1")
        approval_id = approve(store, asked)
        reconcile(store, in_log(asked))
        row = store.ledger.find(asked.key)
        assert row is not None
        assert row.effect.approval_id == approval_id

    def test_a_payment_of_a_case_that_the_store_lost_too_is_booked(self, store: Store) -> None:
        reconcile(store, in_log(action("gone")), in_log(action("none", charge_id="CH-77")))
        with store.database.reading() as connection:
            rows = connection.execute(sa.select(effects.c.case_id, effects.c.step, effects.c.customer_id)).all()
        assert set(map(tuple, rows)) == {("case/shop/gone", RECONCILED, "C-1"), ("case/shop/none", RECONCILED, None)}

    def test_a_pending_payment_is_asked_about_again(self, store: Store) -> None:
        reconcile(store, in_log(action("e1"), pending=True))
        [due] = store.settling.due(5, NOW + timedelta(days=1))
        assert (due.key, due.provider_ref) == ("case/shop/e1/refund", "re_e1")

    def test_a_kind_that_the_ledger_does_not_know_is_refused(self, store: Store) -> None:
        with pytest.raises(ConfigurationError, match="of kind 'bribe'"):
            reconcile(store, in_log(action("e1"), kind="bribe"))

    def test_the_audit_is_clean_afterwards_and_notes_what_has_no_approval(self, store: Store) -> None:
        log = [in_log(big_action("e1"))]
        before, after = (self._audited(store, log, reconciled=done) for done in (False, True))
        assert "not_in_ledger" in before
        assert after == ["case/shop/e1/refund: booked from the provider's log; of its approval nothing is on record"]

    def _audited(self, store: Store, log: list[RailEntry], *, reconciled: bool) -> list[str]:
        if reconciled:
            reconcile(store, *log)
        stored = store.audit.read(["CH-2"])
        facts = AuditFacts(now=NOW, pen=PenFacts(accepted=["case/shop/e1"]), rail=log, effects=stored.effects,
                           entries=stored.entries, charges=stored.charges)  # fmt: skip
        report = judge(facts)
        return [v.kind for v in report.violations if v.promise.startswith("S")] + report.notes


class RescueContract(ReconcileContract):
    """Cases without an ending begin again."""

    def begin(self, store: Store, replay: int = 0) -> CaseInput | None:
        return SqlOpenCases(store.database).begin_again(OpenCase(case_id="case/shop/e1", replay=replay), "gone", NOW)

    def test_open_are_those_without_an_ending(self, store: Store) -> None:
        store.cases.close(outcome("e2"), None)
        assert SqlOpenCases(store.database).open_cases() == [OpenCase(case_id="case/shop/e1")]

    def test_what_the_store_does_not_have_is_said(self, store: Store) -> None:
        asked = ["case/shop/e1", "case/shop/x", *(f"case/shop/n{n}" for n in range(600)), "case/shop/e2"]
        assert SqlOpenCases(store.database).lacking(asked) == asked[1:-1]

    def test_it_begins_under_the_next_number_with_what_was_said_and_the_policy_of_then(self, store: Store) -> None:
        talked = case_input().model_copy(update={"answers": ["ORD-1"], "answered_by": ["case/shop/e2"]})
        store.cases.keep_input(talked)
        again = self.begin(store)
        assert again == talked.model_copy(update={"replay": 1})
        assert store.cases.load("case/shop/e1").case == again
        assert self.begin(store) is None, "somebody else began it"
        assert self.begin(store, replay=1) is not None, "that run was lost too"

    def test_what_has_ended_or_never_was_does_not_begin(self, store: Store) -> None:
        store.cases.close(outcome("e1"), None)
        assert self.begin(store) is None
        assert SqlOpenCases(store.database).begin_again(OpenCase(case_id="case/shop/x"), "gone", NOW) is None

    def test_an_approval_that_waited_is_asked_anew_and_never_counts(self, store: Store) -> None:
        """Its number is that of the run which is gone; whoever decides it all the same changes nothing."""
        asked = big_action("e1")
        request = approval_request(asked)
        store.ledger.announce(request, NOW)
        self.begin(store)
        late = store.ledger.record_approval(request, approval_result(request))
        assert late.standing is Standing.CANCELLED
        with pytest.raises(RefusedError, match="it is cancelled"):
            intend(store, asked, request.approval_id)

    def test_the_ending_of_the_next_run_is_recorded(self, store: Store) -> None:
        self.begin(store)
        assert store.cases.close(outcome("e1", replay=1), None).replay == 1
        assert SqlOpenCases(store.database).open_cases() == [OpenCase(case_id="case/shop/e2")]

    def test_the_last_wish_of_the_intake_comes_back(self, store: Store) -> None:
        wishes = SqlIntakeWishes(store.database)
        assert wishes.last() is None
        for wish in (IntakeWish(per_second=0.001, paused=True), IntakeWish(per_second=7.5)):
            wishes.keep(wish, NOW)
            assert SqlIntakeWishes(store.database).last() == wish

    def test_the_home_is_the_one_that_was_settled_last_and_first_seen(self, store: Store) -> None:
        """Of two that settle at once the second is told who was first; an inode has 64 bits."""
        installation = SqlInstallation(store.database)
        one, two = Home(path="/one", inode=2**64 - 1), Home(path="/two", inode=2)
        assert installation.home() is None
        assert installation.settle(one, instead_of=None, now=NOW) == one
        assert installation.settle(two, instead_of=None, now=NOW) == one
        assert installation.settle(two, instead_of=one, now=NOW) == two
        assert installation.home() == two
