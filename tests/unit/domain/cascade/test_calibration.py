"""A confidence says what share of such answers is right."""

import random

import pytest

from domain.cascade.calibration import calibrated, error_by_chance, expected_error, fit_isotonic


def test_nothing_judged_calibrates_nothing() -> None:
    assert fit_isotonic([]) == []
    assert calibrated(0.73, []) == 0.73
    assert expected_error([]) is None


def test_a_curve_never_falls() -> None:
    drawn = random.Random(3)
    judged = [(drawn.random(), drawn.random() < 0.5) for _ in range(500)]
    knots = fit_isotonic(judged)
    shares = [share for _, share in knots]
    assert shares == sorted(shares)
    assert [score for score, _ in knots] == sorted({score for score, _ in knots})


def test_neighbours_that_fall_are_pooled() -> None:
    """Right at .2 and wrong at .4 and .6 is one pool: what is surer may not be less often right."""
    assert fit_isotonic([(0.2, True), (0.4, False), (0.6, False)]) == [(pytest.approx(0.4), pytest.approx(1.5 / 4))]


def test_no_score_is_ever_certain() -> None:
    knots = fit_isotonic([(1.0, True)] * 50 + [(0.1, False)] * 50)
    assert 0 < calibrated(0.0, knots) < 0.02
    assert 0.98 < calibrated(1.0, knots) < 1


def test_what_is_too_sure_becomes_honest() -> None:
    """Scores of .99 of which six in ten are right, by another draw than the one judged."""
    drawn = random.Random(5)
    rows = [(score, drawn.random() < score * 0.6) for score in (drawn.random() for _ in range(4000))]
    knots = fit_isotonic(rows[:2000])
    before, after = expected_error(rows[2000:]), expected_error((calibrated(s, knots), r) for s, r in rows[2000:])
    assert before is not None
    assert after is not None
    assert before > 0.15
    assert after < 0.05


@pytest.mark.parametrize(
    ("right", "error"), [(400, 0.1), (360, 0.0), (0, 0.9)], ids=["too modest", "as it says", "always wrong"]
)
def test_expected_error_is_the_distance_from_the_share_that_is_right(right: int, error: float) -> None:
    rows = [(0.9, n % 400 < right) for n in range(400)]
    random.Random(1).shuffle(rows)
    assert expected_error(rows) == pytest.approx(error, abs=0.06)


def test_bins_hold_equally_many_so_that_no_crowded_one_hides_an_error() -> None:
    """Nearly all scores lie at .99: ten bins of equal width would be one."""
    rows = [(0.99 + n / 100_000, n % 2 == 0) for n in range(200)] + [(0.1, False)] * 2
    error = expected_error(rows)
    assert error is not None
    assert error > 0.45


@pytest.mark.parametrize("count", [30, 118, 1000])
def test_what_chance_makes_of_the_error_is_what_draws_make_of_it(count: int) -> None:
    drawn = random.Random(11)
    scores = [1 - 0.3 * drawn.random() ** 2 for _ in range(count)]
    errors = sorted(expected_error([(s, drawn.random() < s) for s in scores]) or 0 for _ in range(400))
    chance = error_by_chance(scores)
    assert chance is not None
    assert chance.mean == pytest.approx(sum(errors) / len(errors), rel=0.15)
    assert chance.upper == pytest.approx(errors[380], rel=0.2)


def test_few_answers_cannot_tell_a_small_error_from_none() -> None:
    few, many = error_by_chance([0.9] * 100), error_by_chance([0.9] * 3000)
    assert few is not None
    assert many is not None
    assert (few.hides(), many.hides()) == (True, False)
    assert few.explains(0.08)
    assert not many.explains(0.03)
    assert error_by_chance([]) is None
