"""Whole stacks stand in one queue; other tests stay together by their file."""

import pytest

from tests.lanes import STACKS, Lanes


@pytest.mark.parametrize(
    ("test", "lane"),
    [
        ("tests/e2e/test_money.py::test_paid[inside]", STACKS),
        ("tests/e2e/attacks/test_restore.py::test_the_drill[both]", STACKS),
        ("tests/integration/test_unstick.py::test_a[tests/e2e/]", "tests/integration/test_unstick.py"),
        ("tests/unit/domain/test_turns.py::TestA::test_b", "tests/unit/domain/test_turns.py"),
    ],
)
def test_who_runs_beside_whom(test: str, lane: str) -> None:
    assert Lanes._split_scope(Lanes.__new__(Lanes), test) == lane
