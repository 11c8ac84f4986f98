"""A kind of action is its own model, its terms and one row in the ledger; gate, audit and pages take it as it is."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from pydantic import ValidationError

from adapters.store import Store, open_store
from adapters.store.guards import KINDS, KindRules
from domain.audit.facts import AuditFacts, PenFacts, RailEntry
from domain.audit.verdict import judge
from domain.case import CaseState
from domain.errors import RefusedError
from domain.money.action import Action, Terms, read_action
from domain.money.amount import Money
from domain.money.approval import (
    ApprovalDecision,
    ApprovalRequest,
    Objection,
    Standing,
    Verdict,
    object_to,
)
from domain.money.effect import LedgerState
from domain.money.refund_action import RefundTerms
from tests.contracts.store_samples import (
    NOW,
    action,
    approval_request,
    approval_result,
    outcome,
    seed_samples,
    stored_case,
)
from tests.fakes.wire import WireAction, WireTerms, guard_wire

IBAN = "DE89370400440532013000"
TERMS = WireTerms(vendor_iban=IBAN)


def wire(**changes: object) -> WireAction:
    values: dict[str, object] = {
        "key": "case/shop/e1/wire",
        "case_id": "case/shop/e1",
        "payee": "vendor:V-7",
        "money": Money(minor=1_250_000, currency="EUR"),
        "policy_version": "main@1",
        "iban": IBAN,
        "invoice_number": "2026-117",
        **changes,
    }
    return WireAction.model_validate(values)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setitem(KINDS, "test_wire", KindRules(guard_wire, debit="payables", credit="bank"))
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    store.cases.admit([stored_case("e1")])
    return store


def pay(store: Store, asked: Action, terms: Terms = TERMS, *, approval_id: str | None = None) -> LedgerState:
    row = store.ledger.intend(asked, step="wire", approval_id=approval_id, terms=terms, now=NOW + timedelta(minutes=11))
    return row.state


def test_the_digest_covers_what_is_particular_to_the_kind() -> None:
    digests = {wire().digest(), wire(iban="DE00").digest(), wire(invoice_number="2").digest()}
    assert len(digests) == 3
    assert not wire().same_money(wire(iban="DE00"))


def test_an_action_is_read_back_as_its_kind_and_no_field_is_lost() -> None:
    for asked in (wire(), action()):
        request = approval_request(asked)
        again = ApprovalRequest.model_validate_json(request.model_dump_json())
        assert again.action == read_action(asked.model_dump_json()) == asked
        assert again.action.digest() == request.digest


def test_an_unknown_kind_is_refused_and_the_kinds_are_named() -> None:
    with pytest.raises(ValidationError, match=r"action of kind 'bribe': expected one of .*refund"):
        read_action(wire().model_dump_json().replace("test_wire", "bribe"))
    with pytest.raises(TypeError, match="an action has a kind"):
        Action.model_validate(action().model_dump())


def test_a_kind_that_another_has_already_is_refused_and_the_first_stays() -> None:
    with pytest.raises(TypeError, match="kind 'refund' of Theft is that of RefundAction"):

        class Theft(Action):
            kind: Literal["refund"] = "refund"

    assert type(read_action(action().model_dump_json())) is type(action())


def test_the_gate_binds_a_decision_to_every_field() -> None:
    request = approval_request(wire())
    yes = ApprovalDecision(approval_id=request.approval_id, digest=request.digest, verdict=Verdict.APPROVE, by="maria")
    assert object_to(yes, request, standing=Standing.PENDING, expired=False) is None
    swapped = request.model_copy(update={"action": wire(iban="GB33BUKB20201555555555")})
    assert object_to(yes, swapped, standing=Standing.PENDING, expired=False) is Objection.STALE_DIGEST
    tom = yes.model_copy(update={"by": "tom"})
    assert object_to(tom, request, standing=Standing.PENDING, expired=False) is Objection.ABOVE_LIMIT


def test_the_ledger_guards_by_kind_and_books_on_the_kinds_accounts(store: Store) -> None:
    request = approval_request(wire())
    with pytest.raises(RefusedError, match="needs an approval"):
        pay(store, wire())
    with pytest.raises(RefusedError, match="not the vendor's account"):
        pay(store, wire(iban="GB33"), approval_id=None)
    store.ledger.record_approval(request, approval_result(request))
    with pytest.raises(RefusedError, match="not the vendor's account"):
        pay(store, wire(), WireTerms(vendor_iban="GB33"), approval_id=request.approval_id)
    with pytest.raises(RefusedError):  # the approval is for another account
        pay(store, wire(iban="GB33"), WireTerms(vendor_iban="GB33"), approval_id=request.approval_id)
    assert pay(store, wire(), approval_id=request.approval_id) is LedgerState.INTENDED
    store.ledger.execute(wire().key, "bank-ref-1", NOW + timedelta(minutes=12))
    assert {(e.account, e.side, e.amount_minor) for e in store.reports.ledger_export().entries} == {
        ("payables", "debit", 1_250_000),
        ("bank", "credit", 1_250_000),
    }
    [row] = store.ledger.effects_of("case/shop/e1")
    assert row.action == wire()


def test_a_kind_without_a_row_and_terms_of_another_kind_pay_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed_samples(store, tmp_path)
    with pytest.raises(RefusedError, match="terms of another kind"):
        pay(store, action(), TERMS)
    monkeypatch.delitem(KINDS, "test_wire")
    with pytest.raises(RefusedError, match="no guard for actions of kind 'test_wire'"):
        pay(store, wire(), RefundTerms())


def facts_of(store: Store, *paid: WireAction) -> AuditFacts:
    stored = store.audit.read([])
    return AuditFacts(
        now=NOW + timedelta(hours=1),
        pen=PenFacts(accepted=["case/shop/e1"]),
        rail=[
            RailEntry(
                kind=a.kind, key=a.key, reference="bank-ref-1", payee=a.payee, amount_minor=a.money.minor,
                currency=a.money.currency, digest=a.digest(), at=NOW + timedelta(minutes=12),
            )
            for a in paid
        ],
        **{name: getattr(stored, name) for name in type(stored).model_fields},
    )  # fmt: skip


def test_the_audit_sees_what_is_wrong_with_any_kind(store: Store) -> None:
    request = approval_request(wire())
    store.ledger.record_approval(request, approval_result(request))
    pay(store, wire(), approval_id=request.approval_id)
    store.ledger.execute(wire().key, "bank-ref-1", NOW + timedelta(minutes=12))
    store.cases.close(outcome("e1", CaseState.DONE), None)

    def kinds(*paid: WireAction) -> set[str]:
        money = {"S1", "S2", "S3", "S4", "S5", "S6"}
        return {v.kind for v in judge(facts_of(store, *paid)).violations if v.promise in money}

    assert kinds(wire()) == set()
    assert kinds() == {"not_paid"}
    assert kinds(wire(), wire()) == {"paid_twice"}
    assert "other_bytes" in kinds(wire(iban="GB33"))
    assert "bad_approval" in kinds(wire(money=Money(minor=9_999_999, currency="EUR")))
    assert {"not_in_ledger", "no_approval"} <= kinds(wire(), wire(key="case/shop/e1/wire-2"))
