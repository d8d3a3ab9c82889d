"""How checks become a score: weights, what rests on what, and points beyond the rest."""

import pytest

from grading.answers import Answer
from grading.checks import (
    Check,
    Finding,
    TechniqueGrade,
    Truth,
    Weighed,
    f1,
    graded,
    lost,
    mean,
    near,
    not_applicable,
    ungraded,
)


def check(share: float | None) -> Check:
    def function(answer: Answer, truth: Truth) -> Finding:
        return Finding(share=share, expected="right", answered=answer.get("a"))

    return function


def weighed(name: str, share: float | None, *, weight: float = 1.0, needs: tuple[str, ...] = ()) -> Weighed:
    return Weighed(name=name, weight=weight, needs=needs, check=check(share))


def score_of(*checks: Weighed) -> float | None:
    return graded("cv", checks, {"a": 1}, {}).score


def test_the_score_is_the_weighted_mean_of_the_shares() -> None:
    assert score_of(weighed("x", 1.0, weight=3), weighed("y", 0.0)) == 0.75


def test_a_check_counts_as_much_as_what_it_rests_on() -> None:
    assert score_of(weighed("facts", 0.5), weighed("verdict", 1.0, needs=("facts",))) == 0.5
    chain = [weighed("a", 0.5), weighed("b", 1.0, needs=("a",)), weighed("c", 1.0, needs=("b",))]
    assert score_of(*chain) == 0.5


def test_what_a_view_does_not_ask_is_left_out_of_the_score() -> None:
    assert score_of(weighed("x", 1.0), weighed("y", None, weight=9)) == 1.0
    assert score_of(weighed("x", None), weighed("y", 1.0, needs=("x",))) == 1.0
    assert score_of(weighed("x", None)) == 0.0


def test_extra_points_make_up_for_lost_ones_and_are_not_missed() -> None:
    def extra(share: float) -> Weighed:
        return Weighed(name="code", weight=1.0, needs=(), check=check(share), is_extra=True)

    assert score_of(weighed("x", 0.5, weight=4), extra(1.0)) == 0.75
    assert score_of(weighed("x", 0.5, weight=4), extra(0.0)) == 0.5
    assert score_of(weighed("x", 1.0), extra(1.0)) == 1.0


def test_a_report_lists_what_was_expected_answered_and_earned() -> None:
    grade = graded("cv", [weighed("x", 0.25, weight=2)], {"a": "mine"}, {})
    (row,) = grade.checks
    assert {key: row[key] for key in ("name", "weight", "points", "expected", "answered")} == {
        **{"name": "x", "weight": 2, "points": 0.5},
        **{"expected": "right", "answered": "mine"},
    }
    assert "points were lost at x" in grade.message
    assert TechniqueGrade.from_json(grade.to_json()) == grade


@pytest.mark.parametrize(("share", "passed"), [(0.7, True), (0.69, False)])
def test_an_answer_passes_at_seven_tenths(share: float, passed: bool) -> None:
    assert graded("cv", [weighed("x", share)], {}, {}).passed is passed


def test_no_answer_is_zero_and_no_question_is_no_score() -> None:
    assert (ungraded("cv", "no file").score, ungraded("cv", "no file").applicable) == (0.0, True)
    assert (not_applicable("cv", "no table").score, not_applicable("cv", "no table").applicable) == (None, False)
    assert (lost("cv", "worker died").score, lost("cv", "worker died").applicable) == (None, True)


def test_sets_and_numbers_are_compared_with_their_tolerance() -> None:
    assert (f1([], []), f1(["a"], []), f1(["a", "b"], ["a"]), f1(["a", "a"], ["a"])) == (1.0, 0.0, 2 / 3, 1.0)
    assert near(101.0, 100.0, relative=0.01)
    assert not near(101.1, 100.0, relative=0.01)
    assert near(0.05, 0.0, relative=0.01, absolute=0.1)
    assert not near(None, 0.0, relative=1.0)
    assert (mean([]), mean([True, False])) == (None, 0.5)
