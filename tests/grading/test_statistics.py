"""Rates over seeds against plain arithmetic, coverage, and the bootstrap against theory."""

import math
import statistics as plain
from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.status import Status
from grading.bootstrap import intervals
from grading.reports import AttemptReport
from grading.statistics import OUTCOMES, aggregate, competition_scores, mean_and_sem
from tests.grading.reporting import LOW_THRESHOLDS, report

FEW = 500
QUICK = settings(max_examples=25, deadline=None)
scores = st.one_of(st.none(), st.floats(0, 1))


@st.composite
def complete_runs(draw: st.DrawFn) -> list[AttemptReport]:
    competitions, seeds = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    return [report(f"c{index}", seed, draw(scores)) for index in range(competitions) for seed in range(seeds)]


@QUICK
@given(complete_runs())
def test_rates_are_means_over_seeds_of_percentages_of_competitions(reports: list[AttemptReport]) -> None:
    found = aggregate(reports, resamples=FEW)
    seeds = sorted({entry.seed for entry in reports})
    for outcome in OUTCOMES:
        per_seed = [
            100 * plain.mean(float(getattr(entry, outcome)) for entry in reports if entry.seed == seed)
            for seed in seeds
        ]
        estimate = found.outcomes[outcome]
        assert estimate.mean == pytest.approx(plain.mean(per_seed))
        if len(seeds) == 1:
            assert estimate.sem is None
        else:
            assert estimate.sem == pytest.approx(plain.stdev(per_seed) / math.sqrt(len(seeds)))
        assert [found.per_seed[seed][outcome] for seed in seeds] == pytest.approx(per_seed)
    assert found.coverage.planned == found.coverage.scored == len(reports)


@QUICK
@given(complete_runs(), st.randoms(use_true_random=False))
def test_the_order_of_reports_does_not_matter(reports: list[AttemptReport], random: Random) -> None:
    shuffled = random.sample(reports, len(reports))
    assert aggregate(shuffled, resamples=FEW) == aggregate(reports, resamples=FEW)


@QUICK
@given(complete_runs())
def test_an_interval_lies_around_the_mean(reports: list[AttemptReport]) -> None:
    for estimate in aggregate(reports, resamples=FEW).outcomes.values():
        if len(reports) == 1:
            assert estimate.interval is None
            continue
        assert estimate.interval is not None
        assert estimate.mean is not None
        low, high = estimate.interval
        assert -1e-9 <= low <= estimate.mean + 1e-9
        assert estimate.mean - 1e-9 <= high <= 100 + 1e-9


def test_an_agents_failure_is_a_miss() -> None:
    found = aggregate([report("a", 1, 0.95), report("b", 1, None, status=Status.TIME_LIMIT)], resamples=FEW)
    assert found.outcomes["any_medal"].mean == 50.0


@pytest.mark.parametrize("competitions", range(2, 12))
@pytest.mark.parametrize("score", [None, 1.0])
def test_where_nothing_varies_both_ends_of_an_interval_are_the_same_number(
    competitions: int, score: float | None
) -> None:
    found = aggregate([report(f"c{number}", 0, score) for number in range(competitions)])
    expected = 0.0 if score is None else 100.0
    assert found.outcomes["any_medal"].interval == (expected, expected)


@pytest.mark.parametrize("status", [Status.INFRASTRUCTURE_FAILED, Status.GRADER_FAILED, Status.CANCELLED])
def test_what_says_nothing_about_the_agent_is_named_and_not_scored(status: Status) -> None:
    reports = [
        report("a", 1, 0.95),
        report("b", 1, None, status=status, technique="cv"),
        report("a", 2, 0.95),
        report("b", 2, 0.1),
    ]
    found = aggregate(reports, resamples=FEW)
    assert found.outcomes["any_medal"].mean == 75.0
    assert found.per_seed[1]["competitions"] == 1
    assert found.per_seed[2]["competitions"] == 2
    coverage = found.coverage
    assert (coverage.planned, coverage.scored) == (4, 3)
    assert coverage.lost_to_machinery + coverage.cancelled == ("b cv seed 1",)


def test_a_seed_that_was_lost_as_a_whole_is_shown() -> None:
    lost = [report(name, 2, None, status=Status.INFRASTRUCTURE_FAILED) for name in "ab"]
    found = aggregate([report("a", 1, 0.95), report("b", 1, 0.1), *lost], resamples=FEW)
    assert found.coverage.seeds == (1, 2)
    assert found.coverage.seeds_scored == (1,)
    assert found.outcomes["any_medal"].mean == 50.0
    assert found.outcomes["any_medal"].sem is None


def test_a_split_takes_its_competitions_only() -> None:
    reports = [report("a", 1, 0.95), report("b", 1, 0.1), report("c", 1, 0.1)]
    found = aggregate(reports, competitions=["a", "b", "d"], resamples=FEW)
    assert found.outcomes["gold_medal"].mean == 50.0
    assert found.coverage.absent == ("d",)
    assert (found.coverage.competitions, found.coverage.competitions_scored) == (3, 2)


def test_techniques_of_a_competition_count_as_one() -> None:
    reports = [
        report("a", 1, 0.95, technique="cv"),
        report("a", 1, 0.1, technique="missing"),
        report("b", 1, 0.95, technique="cv"),
    ]
    assert aggregate(reports, resamples=FEW).outcomes["any_medal"].mean == 75.0


def test_scores_of_a_competition_over_seeds() -> None:
    reports = [
        report("a", 2, 0.4),
        report("a", 1, 0.2),
        report("a", 3, None, status=Status.INVALID_SUBMISSION),
        report("a", 4, None, status=Status.INFRASTRUCTURE_FAILED),
        report("b", 1, 0.15, thresholds=LOW_THRESHOLDS),
    ]
    first, second = competition_scores(reports)
    assert (first.planned, first.scored) == (4, 3)
    assert first.scores == ((1, 0.2), (2, 0.4), (3, None))
    assert first.mean == pytest.approx(0.3)
    assert first.sem == pytest.approx(0.1)
    assert second.is_lower_better
    assert second.threshold_kind == "leaderboard"
    assert (second.mean, second.sem) == (0.15, None)


def test_mean_and_error_of_few() -> None:
    assert mean_and_sem([]) == (None, None)
    assert mean_and_sem([3.0]) == (3.0, None)
    assert mean_and_sem([1.0, 3.0]) == (2.0, 1.0)


# The bootstrap


def standard_error(groups: Sequence[Sequence[float]]) -> float:
    """Half the width of the interval, as standard errors of a normal distribution."""
    bounds = intervals([np.array(group)[:, None] for group in groups])
    assert bounds is not None
    return float(bounds[0, 1] - bounds[0, 0]) / 2 / 1.96


def test_with_one_seed_it_is_the_bootstrap_over_competitions() -> None:
    values = np.random.default_rng(1).normal(size=60)
    assert standard_error([[value] for value in values]) == pytest.approx(values.std() / 60**0.5, rel=0.05)


def test_with_one_competition_it_is_the_bootstrap_over_seeds() -> None:
    values = np.random.default_rng(1).normal(size=60)
    assert standard_error([list(values)]) == pytest.approx(values.std() / 60**0.5, rel=0.05)


def test_both_levels_add_their_variance() -> None:
    random = np.random.default_rng(1)
    groups = random.normal(size=(40, 1)) + random.normal(size=(40, 5))
    between, within = groups.mean(axis=1).var(), groups.var(axis=1).mean()
    expected = (between / 40 + within / (40 * 5)) ** 0.5
    assert standard_error(groups.tolist()) == pytest.approx(expected, rel=0.05)


def test_groups_weigh_the_same_whatever_their_size() -> None:
    bounds = intervals([np.array([[1.0]]), np.array([[1.0]] * 7)])
    assert bounds == pytest.approx(np.array([[1.0, 1.0]]))
    draws = intervals([np.array([[0.0]]), np.array([[100.0]] * 9)], resamples=2000)
    assert draws is not None
    assert draws[0].tolist() == [0.0, 100.0]  # each group is drawn twice in a quarter of the resamples


def test_batches_do_not_change_what_a_resample_is(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = [np.random.default_rng(index).normal(size=(3, 2)) for index in range(8)]
    whole = intervals(groups, resamples=4000)
    monkeypatch.setattr("grading.bootstrap.BATCH_CELLS", 24 * 700)
    batched = intervals(groups, resamples=4000)
    assert whole == pytest.approx(batched, abs=0.1)


def test_the_same_input_gives_the_same_interval() -> None:
    groups = [np.array([[0.0], [1.0]]), np.array([[1.0]])]
    first, second = intervals(groups, resamples=FEW), intervals(groups, resamples=FEW)
    assert first is not None
    assert np.array_equal(first, np.asarray(second))


def test_a_single_result_has_no_interval() -> None:
    assert intervals([]) is None
    assert intervals([np.array([[1.0]])]) is None
