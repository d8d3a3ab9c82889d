"""Medals: reached at equality, exclusive, the median strict, both directions mirror images."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.medals import Medal, ThresholdKind, Thresholds

numbers = st.floats(-1e6, 1e6)
QUICK = settings(max_examples=60, deadline=None)


@st.composite
def thresholds(draw: st.DrawFn) -> Thresholds:
    median, bronze, silver, gold = sorted(draw(st.lists(numbers, min_size=4, max_size=4)))
    return Thresholds(
        kind=ThresholdKind.LEADERBOARD,
        gold=gold,
        silver=silver,
        bronze=bronze,
        median=median,
        lower_is_better=False,
    )


def mirrored(given_thresholds: Thresholds) -> Thresholds:
    return Thresholds(
        kind=given_thresholds.kind,
        gold=-given_thresholds.gold,
        silver=-given_thresholds.silver,
        bronze=-given_thresholds.bronze,
        median=-given_thresholds.median,
        lower_is_better=True,
    )


@QUICK
@given(thresholds(), numbers)
def test_the_medal_is_the_best_threshold_reached(limits: Thresholds, score: float) -> None:
    reached = [
        medal
        for medal, limit in ((Medal.GOLD, limits.gold), (Medal.SILVER, limits.silver), (Medal.BRONZE, limits.bronze))
        if score >= limit
    ]
    assert limits.medal(score) is (reached[0] if reached else Medal.NONE)
    assert limits.above_median(score) is (score > limits.median)


@QUICK
@given(thresholds(), numbers)
def test_lower_is_better_is_the_mirror_image(limits: Thresholds, score: float) -> None:
    assert mirrored(limits).medal(-score) is limits.medal(score)
    assert mirrored(limits).above_median(-score) is limits.above_median(score)
    assert mirrored(limits).next_step(-score) == limits.next_step(score)


@QUICK
@given(thresholds())
def test_equality_reaches_a_medal_but_does_not_beat_the_median(limits: Thresholds) -> None:
    assert limits.medal(limits.gold) is Medal.GOLD
    assert limits.medal(limits.silver) in (Medal.GOLD, Medal.SILVER)
    assert limits.medal(limits.bronze) is not Medal.NONE
    assert not limits.above_median(limits.median)


@QUICK
@given(thresholds(), numbers)
def test_the_next_step_is_what_the_distance_reaches(limits: Thresholds, score: float) -> None:
    step = limits.next_step(score)
    if step is None:
        assert limits.medal(score) is Medal.GOLD
        return
    name, distance = step
    assert distance >= 0
    assert score + distance == pytest.approx(getattr(limits, name), abs=1e-6)


LIMITS = Thresholds(kind=ThresholdKind.REFERENCE, gold=0.9, silver=0.8, bronze=0.7, median=0.6, lower_is_better=False)


@pytest.mark.parametrize(
    ("score", "name", "distance"),
    [(0.5, "median", 0.1), (0.6, "median", 0.0), (0.65, "bronze", 0.05), (0.7, "silver", 0.1), (0.8, "gold", 0.1)],
)
def test_the_next_step_is_the_nearest_better_one(score: float, name: str, distance: float) -> None:
    step = LIMITS.next_step(score)
    assert step is not None
    assert step[0] == name
    assert step[1] == pytest.approx(distance)


def test_no_score_earns_nothing() -> None:
    assert LIMITS.medal(None) is Medal.NONE
    assert not LIMITS.above_median(None)
    assert LIMITS.next_step(None) is None
    assert LIMITS.next_step(0.95) is None
