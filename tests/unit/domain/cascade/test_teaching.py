"""What a router may learn, what it is judged on, and when what it learned is refused."""

import pytest

from domain.cascade.teaching import (
    FOLDS,
    HeldOut,
    Lesson,
    Opinion,
    compare,
    consistent,
    fingerprint_of,
    folds_of,
    too_few,
)


def lesson(text: str, label: str | None = "Sales", source: str = "") -> Lesson:
    return Lesson(text=text, label=label, source=source)


def said(label: str | None) -> Opinion:
    return Opinion(label=label, best=label or "Sales", score=0.9, confidence=0.9)


def test_labels_that_disagree_teach_nothing() -> None:
    rows = [lesson("Where is it?"), lesson("where  is it?", "Billing"), lesson("hello"), lesson("Hello")]
    kept, repeats, contradicting = consistent(rows, lambda text: fingerprint_of(text.lower().split()))
    assert ([row.text for row in kept], repeats, contradicting) == (["hello"], 2, 1)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "0 different messages"),
        ([lesson(f"m{n}") for n in range(29)], "at least 30"),
        ([lesson(f"m{n}") for n in range(30)] + [lesson("x", "Billing")], "'Billing' has 1"),
        ([lesson(f"m{n}", None) for n in range(40)], "no message has a category"),
    ],
    ids=["none", "few", "a rare category", "all for nobody"],
)
def test_too_little_is_said(rows: list[Lesson], words: str) -> None:
    assert words in too_few(rows)


def test_two_sources_are_held_out_whole() -> None:
    rows = [lesson(f"m{n}", source=f"s{n % 7}") for n in range(70)]
    folds, by = folds_of(rows)
    assert by is HeldOut.SOURCE
    by_source = {row.source: {f for r, f in zip(rows, folds, strict=True) if r.source == row.source} for row in rows}
    assert all(len(found) == 1 for found in by_source.values())
    assert len(set(folds)) == FOLDS


def test_one_message_of_another_source_changes_nothing() -> None:
    rows = [lesson(f"m{n}", source="own" if n else "corrections") for n in range(60)]
    folds, by = folds_of(rows)
    assert by is HeldOut.MESSAGE
    assert len(set(folds)) == FOLDS


def test_without_sources_each_category_is_in_every_fold_whatever_the_order() -> None:
    rows = [lesson(f"m{n}", "Sales" if n % 6 else "Billing") for n in range(60)]
    folds, by = folds_of(rows)
    assert by is HeldOut.MESSAGE
    assert {f for row, f in zip(rows, folds, strict=True) if row.label == "Billing"} == set(range(FOLDS))
    turned, _ = folds_of(rows[::-1])
    assert turned[::-1] == folds, "the same every time"


def test_what_is_worse_is_refused_and_says_by_how_much() -> None:
    rows = [lesson(f"m{n}") for n in range(10)]
    worse = compare(rows, [said("Sales")] * 10, [said("Sales")] * 8 + [said(None), said("Billing")], HeldOut.MESSAGE)
    assert "8 of 10 held-out messages right, before 10" in worse.objection
    assert (worse.mended, worse.spoilt) == (0, 2)


def test_what_mends_nothing_is_refused() -> None:
    rows = [lesson(f"m{n}") for n in range(10)]
    assert compare(rows, [said("Sales")] * 10, [said("Sales")] * 10, HeldOut.MESSAGE).objection


def test_what_forces_messages_for_nobody_into_a_category_counts_as_wrong() -> None:
    rows = [lesson("a"), lesson("b", None)]
    found = compare(rows, [said(None), said(None)], [said("Sales"), said("Sales")], HeldOut.MESSAGE)
    assert (found.before.right, found.after.right, found.after.forced) == (1, 1, 1)
    assert not found.objection, "one mended, one spoilt: no worse"
