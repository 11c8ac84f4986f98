"""Which order a conversation is about."""

import time

import pytest

from domain.conversations.orders import newest_order


@pytest.mark.parametrize(
    ("answers", "order"),
    [
        ([], None),
        (["I do not know"], None),
        (["W-20011 and W-20012"], None),  # a choice is none
        (["W-20011", "W-20012 or W-20013"], None),
        (["XW-20011"], None),
        (["W-200112"], None),
        (["W-20011-7"], None),
        (["A-W-20011"], None),
        (["W-20011"], "W-20011"),
        (["It is w-20011."], "w-20011"),
        (["W-20012", "No, W-20011!", "Thanks"], "W-20011"),
        (["W-20011, I said w-20011"], "w-20011"),
    ],
)
def test_the_newest_answer_that_names_one_counts(answers: list[str], order: str | None) -> None:
    assert newest_order("W-99999", answers) == order


@pytest.mark.parametrize("proposed", ["(" * 60, "A" * 60 + "9", "W-[0-9]", "\\d+9", "9"])
def test_whatever_was_proposed_is_no_pattern_and_read_in_linear_time(proposed: str) -> None:
    began = time.perf_counter()
    newest_order(proposed, ["A" * 100_000 + "9" * 100_000] * 3)
    assert time.perf_counter() - began < 2.0
