"""A ledger believes what is on record, not who asks, on any database. Sub-classed with a `store` fixture."""

from datetime import timedelta

import pytest

from adapters.store import Store
from domain.blueprint import ApprovalRules, CasePolicy
from domain.case import UNVOUCHED, Machine
from domain.errors import RecordsMovedError, RefusedError
from domain.money.amount import Money
from domain.money.approval import Approver
from domain.money.effect import RECONCILED, LedgerState
from domain.money.refund import RefundPolicy
from domain.money.refund_action import RefundTerms
from tests.contracts.store_ledger import LIMIT, approve, intend
from tests.contracts.store_samples import NOW, action, approval_request, approval_result, big_action, case_input
from tests.contracts.store_samples import stored_case as stored

GENEROUS = CasePolicy(
    version="forged@1",
    approval=ApprovalRules(approvers=[Approver(name="mallory")], expires_after_s=366 * 86_400),
    refund=RefundPolicy(approval_limit_minor={"USD": 10**9}, daily_cap_minor={"USD": 10**9}),
)


class AuthorityContract:
    """S3 against somebody who reaches Temporal's port and starts workflows and activities of their own."""

    @pytest.fixture(autouse=True)
    def _admitted(self, store: Store) -> None:
        store.cases.admit([stored("e1"), stored("e2")])

    def test_a_limit_that_the_caller_brings_counts_only_where_it_is_lower(self, store: Store) -> None:
        with pytest.raises(RecordsMovedError, match=r"limit of 5,000\.00 USD: it needs an approval"):
            intend(store, big_action(minor=900_000), limit_minor=10**9)
        with pytest.raises(RecordsMovedError, match=r"limit of 0\.01 USD"):
            intend(store, big_action(minor=100), limit_minor=1)
        assert intend(store, big_action(minor=LIMIT - 1), limit_minor=10**9) is LedgerState.INTENDED

    def test_no_limit_of_the_caller_is_the_limit_on_record(self, store: Store) -> None:
        with pytest.raises(RecordsMovedError, match="needs an approval"):
            intend(store, big_action(minor=LIMIT), limit_minor=None)

    def test_a_cap_that_the_caller_brings_counts_only_where_it_is_lower(self, store: Store) -> None:
        policy = CasePolicy(version="main@1", refund=RefundPolicy(daily_cap_minor={"USD": 1_000}))
        capped = case_input("e3").model_copy(update={"policy": policy})
        store.cases.admit([stored("e3", case=capped)])
        asked = action("e3", money=Money(minor=1_001, currency="USD"))
        for given in (10**9, None):
            with pytest.raises(RecordsMovedError, match=r"above the cap of 10\.00 USD"):
                intend(store, asked, daily_cap_minor=given)

    def test_a_case_pays_one_refund_under_whatever_key_it_is_asked_for(self, store: Store) -> None:
        """Six payments of one case would each be below the limit, and leave each other out of the cap."""
        for key in ("case/shop/e1/refund1", "case/shop/e1/refund/2", "case/shop/e1/REFUND"):
            with pytest.raises(RefusedError, match="is no key of a refund"):
                intend(store, action("e1", key=key))
        assert intend(store, action("e1")) is LedgerState.INTENDED

    def test_nobody_makes_a_customer_of_a_case_that_came_without_one(self, store: Store) -> None:
        nameless = case_input("e4").model_copy(update={"customer_id": None})
        store.cases.admit([stored("e4", case=nameless)])
        store.cases.keep_input(nameless.model_copy(update={"customer_id": "C-1"}))
        assert store.cases.load("case/shop/e4").case.customer_id is None

    def test_a_forged_request_with_approvers_of_its_own_pays_nothing(self, store: Store) -> None:
        asked = big_action()
        request = approval_request(asked).model_copy(
            update={"approvers": [Approver(name="mallory")], "expires_after_s": 366 * 86_400.0}
        )
        store.ledger.record_approval(request, approval_result(request, by="mallory"))
        with pytest.raises(RefusedError, match="'mallory' is not among the approvers of the policy of the case"):
            intend(store, asked, request.approval_id)

    def test_an_approval_after_its_time_pays_nothing(self, store: Store) -> None:
        asked = big_action()
        request = approval_request(asked)
        late = approval_result(request).model_copy(update={"at": NOW + timedelta(hours=1)})
        store.ledger.record_approval(request, late)
        with pytest.raises(RefusedError, match="after its expiry"):
            intend(store, asked, request.approval_id)

    @pytest.mark.parametrize(
        "changes",
        [
            {"machine": Machine.AUTO_REPLY},
            {"skip_to_human": "there is nothing readable in it"},
            {"suspicious": True},
            {"flags": [UNVOUCHED]},
            {"edited_by": ["dana"]},
        ],
    )
    def test_of_a_case_for_people_nothing_is_paid_without_an_approval(
        self, store: Store, changes: dict[str, object]
    ) -> None:
        store.cases.admit([stored("odd", case=case_input("odd").model_copy(update=changes))])
        with pytest.raises(RefusedError, match="'case/shop/odd/refund' needs an approval on record"):
            intend(store, action("odd"))
        assert intend(store, action("odd"), approve(store, action("odd"))) is LedgerState.INTENDED

    def test_a_case_cannot_be_told_to_have_another_policy_or_tenant(self, store: Store) -> None:
        """The activity that keeps a conversation can be started by anybody, as all can."""
        odd = case_input().model_copy(update={"suspicious": True, "flags": ["hidden_text"]})
        store.cases.admit([stored("e3", case=odd.model_copy(update={"case_id": "case/shop/e3"}))])
        odd = odd.model_copy(update={"case_id": "case/shop/e4", "edited_by": ["dana"]})
        store.cases.admit([stored("e4", case=odd)])
        forged: dict[str, object] = {"policy": GENEROUS, "tenant": "other", "text": "pay me", "suspicious": False}
        forged |= {"flags": [], "edited_by": []}
        for name in ("e1", "e3", "e4"):
            before = store.cases.load(f"case/shop/{name}").case
            told = before.model_copy(update={**forged, "answers": ["ORD-2"], "answered_by": ["case/shop/e2"]})
            store.cases.keep_input(told)
            after = store.cases.load(f"case/shop/{name}").case
            assert after == before.model_copy(update={"answers": ["ORD-2"], "answered_by": ["case/shop/e2"]})
        with pytest.raises(RefusedError, match="needs an approval"):
            intend(store, big_action(minor=900_000), limit_minor=None)

    def test_what_a_customer_wrote_cannot_be_made_to_be_forgotten(self, store: Store) -> None:
        talked = case_input().model_copy(update={"answers": ["ORD-1"], "answered_by": ["case/shop/e2"]})
        store.cases.keep_input(talked)
        store.cases.keep_input(case_input())
        assert store.cases.load("case/shop/e1").case == talked

    def test_a_replay_goes_by_the_policy_of_the_admission(self, store: Store) -> None:
        store.cases.admit([stored("e1", case=case_input().model_copy(update={"policy": GENEROUS}))])
        assert store.cases.load("case/shop/e1").case.policy.version == "main@1"

    def test_somebody_elses_order_is_paid_by_a_person_only(self, store: Store) -> None:
        """The action may name any order of the tenant; whose message it is stands in the store."""
        store.cases.admit([stored("bob", sender_email="bob@example.com"), stored("nobody", sender_email=None)])
        for name in ("bob", "nobody"):
            with pytest.raises(RecordsMovedError, match="'ORD-1' is not of whoever sent"):
                intend(store, action(name), customer_id="C-1")
        assert intend(store, action("bob"), approve(store, action("bob"))) is LedgerState.INTENDED

    def test_no_caller_makes_its_payment_look_like_one_of_the_providers_log(self, store: Store) -> None:
        """The audit asks for no approval of those."""
        with pytest.raises(RefusedError, match="calls itself 'reconciled'"):
            store.ledger.intend(action(), step=RECONCILED, approval_id=None, terms=RefundTerms(), now=NOW)
