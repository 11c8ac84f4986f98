"""Nobody decides in another's name: not with Temporal's port, not with one approver's token."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.authority.signed import (
    CLOCKS_DIFFER,
    DecisionKey,
    Flaw,
    SigningKey,
    approver_key,
    flaw_in,
    flaw_in_result,
    sign,
    surface_key,
)
from domain.money.approval import ApprovalDecision, ApprovalResult, Seal, Standing, Surface, Verdict
from tests.contracts.store_samples import NOW, approval_request, approval_result, big_action
from tests.fakes.signing import KEYS, MARIA, PAGE, SLACK, TOM

REQUEST = approval_request(big_action())


def bare(**changes: object) -> ApprovalDecision:
    right = {
        "approval_id": REQUEST.approval_id,
        "digest": REQUEST.digest,
        "verdict": Verdict.APPROVE,
        "by": "maria",
        "reason": "checked",
    }
    return ApprovalDecision.model_validate(right | changes)


def judged(decision: ApprovalDecision, keys: list[DecisionKey] = KEYS) -> Flaw | None:
    read_back = ApprovalDecision.model_validate_json(decision.model_dump_json())  # as it comes through Temporal
    return flaw_in(read_back, keys, asked_at=NOW, now=NOW + timedelta(minutes=10))


def with_seal(decision: ApprovalDecision, **changes: object) -> ApprovalDecision:
    assert decision.seal is not None
    return decision.model_copy(update={"seal": decision.seal.model_copy(update=changes)})


def test_a_bare_decision_is_nobodys_word() -> None:
    assert judged(bare()) is Flaw.UNSIGNED


@pytest.mark.parametrize(
    "changes",
    [
        {"approval_id": "case/shop/e2/approval/1"},
        {"digest": "e" * 64},
        {"verdict": Verdict.REJECT},
        {"by": "tom"},
        {"by": " maria"},
        {"reason": "checked."},
    ],
)
def test_nothing_that_was_signed_can_be_changed(changes: dict[str, object]) -> None:
    assert judged(sign(bare(), PAGE, NOW).model_copy(update=changes)) is Flaw.CHANGED


@pytest.mark.parametrize(
    ("changes", "flaw"),
    [
        ({"surface": Surface.SLACK}, Flaw.OTHER_SURFACE),
        ({"surface": Surface.SLACK, "key_id": SLACK.key_id}, Flaw.CHANGED),
        ({"key_id": "page:0000"}, Flaw.UNKNOWN_KEY),
        ({"at": NOW + timedelta(seconds=1)}, Flaw.CHANGED),
        ({"signature": ""}, Flaw.CHANGED),
        ({"signature": "not hex"}, Flaw.CHANGED),
        ({"signature": "00" * 64}, Flaw.CHANGED),
    ],
)
def test_a_seal_cannot_be_changed_either(changes: dict[str, object], flaw: Flaw) -> None:
    assert judged(with_seal(sign(bare(), PAGE, NOW), **changes)) is flaw


def test_an_approvers_token_decides_for_its_owner_only() -> None:
    assert judged(sign(bare(by="maria"), TOM, NOW)) is Flaw.OTHER_PERSON
    assert judged(sign(bare(by="tom"), TOM, NOW)) is None
    as_maria = SigningKey(MARIA.key_id, MARIA.surface, TOM.secret)
    assert judged(sign(bare(by="maria"), as_maria, NOW)) is Flaw.CHANGED
    assert approver_key("maria", "tom's token").secret != TOM.secret, "the same token of two people makes two keys"


def test_a_key_that_was_taken_back_signs_nothing() -> None:
    assert judged(sign(bare(), MARIA, NOW), KEYS[:1]) is Flaw.UNKNOWN_KEY


def test_own_keys_of_an_attacker_count_for_nothing() -> None:
    forged = surface_key(Surface.PAGE, b"x" * 32)
    assert judged(sign(bare(), forged, NOW)) is Flaw.UNKNOWN_KEY
    named = SigningKey(PAGE.key_id, Surface.PAGE, forged.secret)
    assert judged(sign(bare(), named, NOW)) is Flaw.CHANGED


@pytest.mark.parametrize(
    ("at", "flaw"),
    [
        (NOW - CLOCKS_DIFFER - timedelta(seconds=1), Flaw.OTHER_TIME),
        (NOW - CLOCKS_DIFFER, None),
        (NOW + timedelta(minutes=10) + CLOCKS_DIFFER, None),
        (NOW + timedelta(minutes=10, seconds=1) + CLOCKS_DIFFER, Flaw.OTHER_TIME),
    ],
)
def test_a_signature_is_of_the_time_of_the_request(at: object, flaw: Flaw | None) -> None:
    assert judged(sign(bare(), PAGE, at)) is flaw  # type: ignore[arg-type]


def test_the_key_of_an_unreadable_list_signs_nothing() -> None:
    broken = DecisionKey(key_id=PAGE.key_id, surface=PAGE.surface, public="zz")
    assert judged(sign(bare(), PAGE, NOW), [broken]) is Flaw.CHANGED


@given(by=st.text(max_size=40), reason=st.text(max_size=40))
def test_whatever_people_are_called_their_own_word_counts(by: str, reason: str) -> None:
    assert flaw_in(sign(bare(by=by, reason=reason), PAGE, NOW), KEYS, asked_at=NOW, now=NOW) is None


class TestWhatIsRecorded:
    def result(self, **changes: object) -> ApprovalResult:
        return approval_result(REQUEST).model_copy(update={"reason": "checked", **changes})

    def flaw(self, result: ApprovalResult, decision: ApprovalDecision | None) -> Flaw | None:
        return flaw_in_result(result, REQUEST, decision, lambda: KEYS, NOW + timedelta(minutes=10))

    def test_an_ending_by_a_person_needs_their_signature(self) -> None:
        assert self.flaw(self.result(), None) is Flaw.UNSIGNED
        assert self.flaw(self.result(), bare()) is Flaw.UNSIGNED
        assert self.flaw(self.result(standing=Standing.REJECTED), None) is Flaw.UNSIGNED
        assert self.flaw(self.result(), sign(bare(), PAGE, NOW)) is None

    @pytest.mark.parametrize(
        "changes",
        [
            {"standing": Standing.REJECTED},
            {"by": "tom"},
            {"digest": "e" * 64},
            {"approval_id": "case/shop/e2/approval/1"},
            {"reason": "said somebody else"},
        ],
    )
    def test_what_is_recorded_is_what_was_signed(self, changes: dict[str, object]) -> None:
        assert self.flaw(self.result(**changes), sign(bare(), PAGE, NOW)) is Flaw.OTHER_DECISION

    @pytest.mark.parametrize("standing", [Standing.EXPIRED, Standing.CANCELLED])
    def test_silence_and_withdrawal_are_nobodys_decision(self, standing: Standing) -> None:
        assert self.flaw(self.result(standing=standing, by=""), None) is None


def test_secrets_are_not_shown() -> None:
    assert "pppp" not in repr(PAGE)
    seal = sign(bare(), PAGE, NOW).seal
    assert isinstance(seal, Seal)
    assert seal.key_id.startswith("page:")
