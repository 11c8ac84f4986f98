"""A start with another blueprint than the last one needs somebody's word."""

from datetime import UTC, datetime

import pytest

from domain.errors import BlueprintNotAcceptedError
from domain.installation.acceptance import FIRST_START, Acceptance, accepted_now, difference_line
from domain.installation.rules import BlueprintRules

NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
OLD = BlueprintRules(version="shop@1", settings={"refund.approval_limit_minor.USD": 100_000})
NEW = BlueprintRules(version="shop@2", settings={"refund.approval_limit_minor.USD": 500_000})
IN_FORCE = Acceptance(rules=OLD, by="ann", at=NOW)


def test_the_first_start_needs_no_word_and_is_on_record() -> None:
    assert accepted_now(None, OLD, by=None, now=NOW) == Acceptance(rules=OLD, by=FIRST_START, at=NOW)
    assert accepted_now(None, OLD, by="ann", now=NOW) == IN_FORCE


@pytest.mark.parametrize("by", [None, "ann"])
def test_the_same_again_changes_nothing(by: str | None) -> None:
    assert accepted_now(IN_FORCE, OLD, by=by, now=NOW) is None


def test_another_one_is_refused_with_the_difference_and_the_remedy() -> None:
    with pytest.raises(BlueprintNotAcceptedError) as refused:
        accepted_now(IN_FORCE, NEW, by=None, now=NOW)
    assert str(refused.value) == (
        "blueprint shop@2 is not the one in force, shop@1 (accepted by ann, 2026-03-05 09:30 UTC): limit without "
        "approval 1,000.00 USD -> 5,000.00 USD. If that is meant, start with --accept-blueprint or run `headgate "
        "blueprint accept`; if not, let HEADGATE_BLUEPRINT name the folder that was in force"
    )
    assert refused.value.exit_code == 2


def test_another_one_goes_on_record_with_who_accepted_it() -> None:
    assert accepted_now(IN_FORCE, NEW, by="bob", now=NOW) == Acceptance(rules=NEW, by="bob", at=NOW)


def test_another_version_is_another_blueprint_whatever_differs() -> None:
    """Letters and words are rules, too; a comment is not told from them."""
    with pytest.raises(BlueprintNotAcceptedError, match="only comments or the order of things"):
        accepted_now(IN_FORCE, OLD.model_copy(update={"version": "shop@3"}), by=None, now=NOW)


def test_a_long_difference_is_cut() -> None:
    many = BlueprintRules(version="shop@4", settings={f"key{n}": n for n in range(20)})
    assert difference_line(BlueprintRules(version="shop@1"), many).endswith("; and 8 more")
