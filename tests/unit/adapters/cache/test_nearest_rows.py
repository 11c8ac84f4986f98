"""What is compared by bytes first finds what an exact look at every vector finds."""

import numpy as np
import numpy.typing as npt
import pytest

from adapters.cache.matrix import ScopeMatrix
from domain.cache.lexicon import GuardMarks
from domain.cache.neighbours import AnsweredQuestion

NOW = 1_800_000_000.0
OFF = 0.004
"""By so much at most a row that is left out may be nearer than one that is taken."""


def question(number: int, answer: str, *, lasts_s: float = 60.0) -> AnsweredQuestion:
    return AnsweredQuestion(
        entry_id=f"e{number}", answer=answer, customer="c", created_s=NOW - 60, expires_s=NOW + lasts_s,
        marks=GuardMarks(),
    )  # fmt: skip


def unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / lengths).astype(np.float32)


def around(n: int, size: int, *, seed: int, spike: float = 0.0) -> tuple[npt.NDArray[np.float32], list[str]]:
    """Return questions around twenty answers; a spike is one figure above all others, and makes the steps coarse."""
    drawn, centres = np.random.default_rng(seed), np.random.default_rng(7).standard_normal((20, size))
    centres[:, 3] += spike
    answers = drawn.integers(0, 20, n)
    return unit(centres[answers] + drawn.standard_normal((n, size)) * 0.6), [f"kb-{a}@1" for a in answers]


@pytest.mark.parametrize("size", [8, 384, 1537])
@pytest.mark.parametrize("spike", [0.0, 30.0])
def test_the_nearest_are_found_as_by_an_exact_search(size: int, spike: float) -> None:
    vectors, answers = around(1500, size, seed=1, spike=spike)
    asked, _ = around(50, size, seed=2, spike=spike)
    matrix, over = ScopeMatrix(), set(range(0, 1500, 7))
    for n, vector in enumerate(vectors):
        matrix.add(question(n, answers[n], lasts_s=-1.0 if n in over else 60.0), vector)
    for vector in asked:
        cosines = {f"e{n}": float(vectors[n] @ vector) for n in range(1500) if n not in over}
        found = matrix.nearest(vector.tolist(), NOW, top=5)
        assert all(abs(near.cosine - cosines[near.question.entry_id]) < 1e-5 for near in found), "none is a guess"
        by_cosine = sorted(found, key=lambda near: -near.cosine)
        exact = sorted(cosines.values(), reverse=True)
        assert all(near.cosine > best - OFF for near, best in zip(by_cosine[:5], exact[:5], strict=True))
        first = by_cosine[0].question.answer
        other = max(cosine for entry, cosine in cosines.items() if answers[int(entry[1:])] != first)
        assert max(near.cosine for near in found if near.question.answer != first) > other - OFF


def test_among_many_equal_ones_the_nearest_other_answer_is_seen() -> None:
    vectors, _ = around(2, 384, seed=3)
    matrix = ScopeMatrix()
    for n in range(500):
        matrix.add(question(n, "vpn@1"), vectors[0])
    matrix.add(question(500, "mail@1"), vectors[1])
    found = matrix.nearest(vectors[0].tolist(), NOW, top=5)
    assert [near.question.answer for near in found].count("vpn@1") == 5
    assert [near.question.entry_id for near in found if near.question.answer == "mail@1"] == ["e500"]


def test_a_row_that_is_used_again_keeps_nothing_of_the_one_before() -> None:
    vectors, _ = around(3, 384, seed=4)
    matrix = ScopeMatrix(most=2)
    for n in range(3):  # the third takes the first one's row
        matrix.add(question(n, f"kb-{n}@1"), vectors[n])
    found = {near.question.entry_id: near.cosine for near in matrix.nearest(vectors[2].tolist(), NOW, top=5)}
    assert set(found) == {"e1", "e2"}
    assert found["e2"] == pytest.approx(1.0, abs=1e-5)
    matrix.remove("e2")
    assert [near.question.entry_id for near in matrix.nearest(vectors[2].tolist(), NOW, top=5)] == ["e1"]
    matrix.remove("e1")
    assert matrix.nearest(vectors[2].tolist(), NOW, top=5) == []
