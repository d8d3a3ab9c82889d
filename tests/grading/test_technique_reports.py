"""Technique grades of a run: per task over seeds, per competition, and what is left out of averages."""

import json
from dataclasses import replace
from typing import Any

import pytest

from core.status import Status
from grading.checks import Finding, Weighed, graded, not_applicable, ungraded
from grading.medals import Medal
from grading.reports import AttemptReport, grading_report
from grading.technique_reports import grade_of, overall, technique_grades, technique_report
from tests.grading.reporting import report


def attempt(
    competition: str, technique: str, seed: int, share: float | None, *, status: Status = Status.COMPLETED
) -> AttemptReport:
    """A report of a technique attempt; a share of None cannot be asked."""
    made = report(competition, seed, None, status=status, technique=technique)
    if share is None:
        return technique_report(made, not_applicable(technique, "no table"))
    check = Weighed(
        name="counts",
        weight=2.0,
        needs=(),
        check=lambda answer, truth: Finding(share=share, expected=1, answered=2),
    )
    return technique_report(made, graded(technique, [check], {}, {}))


def test_one_seed_is_its_attempts_grade_without_an_error() -> None:
    grades = technique_grades([attempt("a", "cv", 0, 0.75)], inapplicable={})
    task: dict[str, Any] = grades["a"]["tasks"]["cv"]
    assert {key: task[key] for key in ("task", "score", "sem", "passed", "applicable")} == {
        **{"task": "cv", "score": 0.75, "sem": None},
        **{"passed": True, "applicable": True},
    }
    assert task["checks"][0]["expected"] == 1
    assert grades["a"]["summary"] == {
        **{"total": 1, "passed": 1, "pass_rate": 1.0, "mean_score": 0.75},
        **{"sem": None, "not_applicable": 0, "not_scored": 0},
    }
    json.dumps(grades, allow_nan=False)


def test_several_seeds_are_a_mean_with_its_standard_error() -> None:
    grades = technique_grades(
        [attempt("a", "cv", seed, share) for seed, share in enumerate((1.0, 0.5))], inapplicable={}
    )
    task = grades["a"]["tasks"]["cv"]
    assert task["score"] == 0.75
    assert task["sem"] == pytest.approx(0.25)  # sample standard deviation 0.3536 over the root of 2
    assert task["checks"] == [{"name": "counts", "weight": 2.0, "points": 1.5, "seeds": 2}]
    assert [entry["score"] for entry in task["seeds"]] == [1.0, 0.5]


def test_the_error_of_a_competition_is_over_its_seeds_means() -> None:
    reports = [attempt("a", name, seed, share) for seed, share in enumerate((1.0, 0.5)) for name in ("cv", "missing")]
    summary = technique_grades(reports, inapplicable={})["a"]["summary"]
    assert (summary["mean_score"], summary["sem"]) == (0.75, pytest.approx(0.25))


def test_what_cannot_be_asked_counts_in_no_average() -> None:
    reports = [attempt("a", "cv", 0, 0.8), attempt("a", "missing", 0, None)]
    grades = technique_grades(reports, inapplicable={("a", "leakage"): "it has images"})
    assert grades["a"]["summary"]["total"] == 1
    assert grades["a"]["summary"]["mean_score"] == 0.8
    assert grades["a"]["summary"]["not_applicable"] == 2
    leakage = grades["a"]["tasks"]["leakage"]
    assert (leakage["applicable"], leakage["score"], leakage["message"]) == (False, None, "it has images")
    assert not reports[1].scored
    assert overall(grades)["techniques"] == {"cv": {"mean": 0.8, "sem": None}}


def test_what_was_lost_to_the_machinery_counts_in_no_average_and_is_said() -> None:
    lost = report("a", 1, None, status=Status.INFRASTRUCTURE_FAILED, technique="cv")
    task = technique_grades([attempt("a", "cv", 0, 0.8), lost], inapplicable={})["a"]["tasks"]["cv"]
    assert (task["score"], task["sem"], task["applicable"]) == (0.8, None, True)
    assert task["message"] == "1 of 2 seeds scored"
    assert "infrastructure_failed" in task["seeds"][1]["message"]
    only = technique_grades([lost], inapplicable={})["a"]["summary"]
    assert (only["total"], only["mean_score"], only["not_scored"]) == (0, None, 1)


def test_a_missing_answer_is_a_zero_that_counts() -> None:
    made = report("a", 0, None, status=Status.NO_SUBMISSION, technique="cv")
    empty = technique_report(made, ungraded("cv", "there is no file"))
    assert technique_grades([empty], inapplicable={})["a"]["summary"]["mean_score"] == 0.0
    assert not empty.valid_submission


@pytest.mark.parametrize("seeds", range(1, 12))
def test_seeds_that_have_all_just_passed_are_a_task_that_has(seeds: int) -> None:
    reports = [attempt("a", "cv", seed, 0.7) for seed in range(seeds)]
    graded = technique_grades(reports, inapplicable={})["a"]
    assert graded["tasks"]["cv"]["passed"] and graded["summary"]["pass_rate"] == 1.0


@pytest.mark.parametrize("status", [Status.INVALID_SUBMISSION, Status.AGENT_FAILED, Status.TIME_LIMIT])
def test_an_answer_that_cannot_be_read_is_no_valid_submission_however_the_agent_ended(status: Status) -> None:
    made = replace(report("a", 1, None, status=status, technique="cv"), submission_exists=True)
    unread = technique_report(made, ungraded("cv", "not JSON"))
    assert (unread.score, unread.valid_submission) == (0.0, False)
    task = technique_grades([attempt("a", "cv", 0, 0.9), unread], inapplicable={})["a"]["tasks"]["cv"]
    assert task["score"] == 0.45
    assert task["checks"] == [{"name": "counts", "weight": 2.0, "points": 0.9, "seeds": 2}]  # 0.45 of 2


def test_a_techniques_score_earns_no_medal_and_survives_json() -> None:
    made = attempt("a", "cv", 0, 1.0)
    assert (made.score, made.medal, made.any_medal, made.above_median) == (1.0, Medal.NONE, False, False)
    again = AttemptReport.from_json(json.loads(json.dumps(made.to_json())))
    assert again == made
    assert grade_of(again).score == 1.0
    total = grading_report([made], planned=1, splits={})
    assert (total["total_gold_medals"], total["scored_runs"]) == (0, 1)


def test_reports_from_before_techniques_are_read() -> None:
    old = report("a", 0, 0.5).to_json()
    del old["technique_grade"]
    assert AttemptReport.from_json(old).technique_grade is None
