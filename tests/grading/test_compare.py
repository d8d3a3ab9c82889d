"""Two runs by pairs: what is paired, who wins, and what is named instead of dropped."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.status import Status
from grading.compare import compare
from grading.reports import AttemptReport
from tests.grading.reporting import LOW_THRESHOLDS, report

FEW = 500
scores = st.one_of(st.none(), st.floats(0, 1))


def test_pairs_share_competition_technique_and_seed() -> None:
    first = [report("a", 1, 0.5), report("a", 2, 0.5), report("b", 1, 0.5, technique="cv"), report("c", 1, 0.5)]
    second = [report("a", 1, 0.95), report("b", 1, 0.5, technique="cv"), report("b", 1, 0.5), report("d", 3, 0.5)]
    found = compare(first, second, resamples=FEW)
    assert found.pairs == 2
    assert found.unpaired_first == ("a seed 2", "c seed 1")
    assert found.unpaired_second == ("b seed 1", "d seed 3")
    assert [(row.competition_id, row.technique, row.pairs) for row in found.competitions] == [
        ("a", None, 1),
        ("b", "cv", 1),
    ]
    assert (found.any_medal.first, found.any_medal.second, found.any_medal.difference) == (0.0, 50.0, 50.0)


def test_attempts_lost_in_one_run_are_named_on_both_sides() -> None:
    first = [report("a", 1, 0.5), report("b", 1, 0.5)]
    second = [report("a", 1, None, status=Status.INFRASTRUCTURE_FAILED), report("b", 1, 0.6)]
    found = compare(first, second, resamples=FEW)
    assert found.pairs == 1
    assert found.unpaired_first == ("a seed 1",)
    assert found.not_scored_second == ("a seed 1",)
    assert (found.unpaired_second, found.not_scored_first) == ((), ())


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        (0.5, 0.6, "wins"),
        (0.6, 0.5, "losses"),
        (0.5, 0.5, "ties"),
        (None, 0.5, "wins"),
        (0.5, None, "losses"),
        (None, None, "ties"),
    ],
)
def test_a_score_wins_in_the_metrics_direction_and_over_none(
    first: float | None, second: float | None, outcome: str
) -> None:
    counts = compare([report("a", 1, first)], [report("a", 1, second)]).counts
    assert getattr(counts, outcome) == 1
    assert counts.wins + counts.ties + counts.losses == 1
    if first is None or second is None:
        return
    low = compare(
        [report("a", 1, -first, thresholds=LOW_THRESHOLDS)], [report("a", 1, -second, thresholds=LOW_THRESHOLDS)]
    )
    assert low.counts == counts


@pytest.mark.parametrize(("wins", "losses", "expected"), [(5, 0, 2 / 32), (3, 3, 1.0), (6, 1, 16 / 128), (0, 0, None)])
def test_the_sign_test_is_exact(wins: int, losses: int, expected: float | None) -> None:
    second = [1.0] * wins + [0.0] * losses + [0.5]
    found = compare(
        [report(f"c{index}", 1, 0.5) for index in range(len(second))],
        [report(f"c{index}", 1, score) for index, score in enumerate(second)],
        resamples=FEW,
    )
    assert (found.counts.wins, found.counts.ties, found.counts.losses) == (wins, 1, losses)
    assert found.p_value == (None if expected is None else pytest.approx(expected))


@st.composite
def run_pairs(draw: st.DrawFn) -> tuple[list[AttemptReport], list[AttemptReport]]:
    keys = [(f"c{index}", seed) for index in range(draw(st.integers(1, 4))) for seed in range(draw(st.integers(1, 3)))]
    return [report(*key, draw(scores)) for key in keys], [report(*key, draw(scores)) for key in keys]


@settings(max_examples=25, deadline=None)
@given(run_pairs())
def test_swapping_the_runs_mirrors_the_comparison(runs: tuple[list[AttemptReport], list[AttemptReport]]) -> None:
    forth, back = compare(*runs, resamples=FEW), compare(*reversed(runs), resamples=FEW)
    assert (forth.counts.wins, forth.counts.losses) == (back.counts.losses, back.counts.wins)
    assert forth.p_value == pytest.approx(back.p_value)
    for name in ("any_medal", "above_median"):
        one, other = getattr(forth, name), getattr(back, name)
        assert one.difference == pytest.approx(-other.difference)
        assert one.difference == pytest.approx(one.second - one.first)
        if one.interval is not None:
            assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]))


@settings(max_examples=15, deadline=None)
@given(run_pairs())
def test_a_run_does_not_differ_from_itself(runs: tuple[list[AttemptReport], list[AttemptReport]]) -> None:
    found = compare(runs[0], runs[0], resamples=FEW)
    assert found.counts.wins == found.counts.losses == 0
    assert found.any_medal.difference == 0
    assert found.any_medal.interval in (None, (0.0, 0.0))


def test_the_rows_and_json() -> None:
    first = [report("a", 1, 0.5), report("a", 2, None), report("b", 1, 0.2, thresholds=LOW_THRESHOLDS)]
    second = [report("a", 1, 0.7), report("a", 2, 0.9), report("b", 1, 0.3, thresholds=LOW_THRESHOLDS)]
    found = json.loads(json.dumps(compare(first, second, resamples=FEW).to_json(), allow_nan=False))
    assert found["competitions"][0] == {
        "competition_id": "a",
        "technique": None,
        "is_lower_better": False,
        "pairs": 2,
        "counts": {"wins": 2, "ties": 0, "losses": 0},
        "first_score": 0.5,
        "second_score": pytest.approx(0.8),
        "first_medal_rate": 0.0,
        "second_medal_rate": 100.0,
    }
    assert found["competitions"][1]["counts"] == {"wins": 0, "ties": 0, "losses": 1}
    assert found["any_medal"]["difference"] == 50.0


def test_runs_that_cannot_be_compared_are_wrong_input() -> None:
    one = [report("a", 1, 0.5)]
    with pytest.raises(InputError, match="in common"):
        compare(one, [report("a", 2, 0.5)])
    with pytest.raises(InputError, match="two reports of a seed 1"):
        compare(one * 2, one)
    with pytest.raises(InputError, match="disagree on whether a lower score of a is better"):
        compare(one, [report("a", 1, 0.5, thresholds=LOW_THRESHOLDS)])
