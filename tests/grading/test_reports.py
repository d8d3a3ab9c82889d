"""Reports: the contract's fields, JSON there and back, and the totals of a run."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.status import Status
from grading.medals import Medal
from grading.reports import AttemptReport, attempt_report, grading_report, model_totals
from tests.grading.reporting import LOW_THRESHOLDS, THRESHOLDS, report

RUN_FIELDS = [
    "total_runs",
    "total_runs_with_submissions",
    "total_valid_submissions",
    "total_medals",
    "total_gold_medals",
    "total_silver_medals",
    "total_bronze_medals",
    "total_above_median",
    "competition_reports",
]
COMPETITION_FIELDS = [
    "competition_id",
    "score",
    "gold_threshold",
    "silver_threshold",
    "bronze_threshold",
    "median_threshold",
    "any_medal",
    "gold_medal",
    "silver_medal",
    "bronze_medal",
    "above_median",
    "submission_exists",
    "valid_submission",
    "is_lower_better",
    "created_at",
    "submission_path",
]


def test_the_contracts_fields_come_first() -> None:
    entry = report("a", 1, 0.5)
    assert list(entry.to_json())[: len(COMPETITION_FIELDS)] == COMPETITION_FIELDS
    assert list(grading_report([entry], planned=1, splits={}))[: len(RUN_FIELDS)] == RUN_FIELDS


def test_medals_follow_from_score_and_thresholds() -> None:
    entry = report("a", 1, 0.2, thresholds=LOW_THRESHOLDS)
    assert entry.medal is Medal.SILVER
    assert (entry.any_medal, entry.gold_medal, entry.silver_medal, entry.bronze_medal) == (True, False, True, False)
    assert entry.above_median
    assert entry.valid_submission
    assert entry.is_lower_better
    assert entry.thresholds == LOW_THRESHOLDS


def test_without_a_score_there_is_neither_medal_nor_rank() -> None:
    entry = report("a", 1, None, status=Status.NO_SUBMISSION)
    medals = (entry.any_medal, entry.gold_medal, entry.silver_medal, entry.bronze_medal, entry.above_median)
    assert not any(medals)
    assert not entry.valid_submission
    assert entry.medal is Medal.NONE


def test_a_report_survives_json() -> None:
    entry = attempt_report(
        competition_id="a",
        thresholds=THRESHOLDS,
        score=0.75,
        submission_exists=True,
        submission_path="a_1/submission/submission.csv",
        status=Status.TIME_LIMIT,
        message="stopped\nat  its time limit\n",
        attempt_id="x",
        run_id="y",
        seed=3,
        technique="cv",
        agent_id="baseline",
        started_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        finished_at=datetime(2026, 1, 2, 3, 5, 5, 250, tzinfo=UTC),
        agent_secs=60.25,
        exit_code=143,
        tries=2,
        issues=("its classes are wrong",),
    )
    assert entry.message == "stopped at its time limit"
    assert entry.created_at.tzinfo is UTC
    text = json.dumps(entry.to_json(), allow_nan=False)
    assert AttemptReport.from_json(json.loads(text) | {"of a later version": 1}) == entry


@pytest.mark.parametrize(
    ("change", "message"),
    [({"status": "fine"}, "fine"), ({"created_at": 5}, "fromisoformat"), ({"issues": None}, "NoneType")],
)
def test_what_is_no_report_is_wrong_input(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        AttemptReport.from_json(report("a", 1, 0.5).to_json() | change)


def test_a_report_of_another_program_is_wrong_input() -> None:
    with pytest.raises(InputError, match="attempt_id, run_id, seed, technique, status missing"):
        AttemptReport.from_json({name: None for name in COMPETITION_FIELDS})


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=12))
def test_totals_count_reports(scores: list[float | None]) -> None:
    reports = [report(f"c{index}", 1, score) for index, score in enumerate(scores)]
    totals = grading_report(reports, planned=len(reports), splits={})
    with_score = [score for score in scores if score is not None]
    assert totals["total_runs"] == len(scores)
    assert totals["total_runs_with_submissions"] == totals["total_valid_submissions"] == len(with_score)
    assert totals["total_medals"] == sum(score >= 0.7 for score in with_score)
    assert totals["total_gold_medals"] == sum(score >= 0.9 for score in with_score)
    assert totals["total_silver_medals"] == sum(0.8 <= score < 0.9 for score in with_score)
    assert totals["total_bronze_medals"] == sum(0.7 <= score < 0.8 for score in with_score)
    assert totals["total_above_median"] == sum(score > 0.6 for score in with_score)
    assert len(totals["competition_reports"]) == len(scores)


def test_a_run_shows_what_is_missing() -> None:
    reports = [
        report("a", 1, 0.95),
        report("b", 1, None, status=Status.AGENT_FAILED),
        report("a", 2, None, status=Status.INFRASTRUCTURE_FAILED),
        report("b", 2, None, status=Status.CANCELLED, thresholds=LOW_THRESHOLDS),
    ]
    content = grading_report(reports, planned=6, splits={"both": ["a", "b"], "more": ["a", "c"], "other": ["c"]})
    assert (content["planned_runs"], content["scored_runs"]) == (6, 2)
    assert content["statuses"] == {
        "agent_failed": 1,
        "cancelled": 1,
        "completed": 1,
        "infrastructure_failed": 1,
    }
    assert content["threshold_kinds"] == ["leaderboard", "reference"]
    assert content["rates"]["coverage"]["unreported"] == 2
    assert content["rates"]["coverage"]["lost_to_machinery"] == ("a seed 2",)
    assert content["rates"]["coverage"]["cancelled"] == ("b seed 2",)
    assert content["rates"]["outcomes"]["any_medal"]["mean"] == 50.0
    assert list(content["rates_by_split"]) == ["both", "more"]
    assert content["rates_by_split"]["more"]["coverage"]["absent"] == ("c",)
    assert content["rates_by_split"]["more"]["outcomes"]["any_medal"]["mean"] == 100.0
    assert [entry["competition_id"] for entry in content["scores_by_competition"]] == ["a", "b"]


def test_a_report_of_an_older_version_is_read() -> None:
    """It knew neither techniques nor models."""
    entry = report("a", 1, 0.5)
    later = ("technique_grade", "model_calls", "input_tokens", "output_tokens", "cost_usd")
    older = {name: value for name, value in entry.to_json().items() if name not in later}
    assert AttemptReport.from_json(older) == entry


def test_totals_of_models_are_unknown_where_a_part_is() -> None:
    def used(calls: int, cost_usd: float | None) -> AttemptReport:
        return replace(
            report("a", 1, 0.5), model_calls=calls, input_tokens=10, output_tokens=2 * calls, cost_usd=cost_usd
        )

    without = report("a", 0, 0.5)
    assert set(model_totals([without]).values()) == {None}
    assert model_totals([without, used(2, 0.1), used(3, 0.2)]) == {
        "total_model_calls": 5,
        "total_input_tokens": 20,
        "total_output_tokens": 10,
        "total_cost_usd": 0.3,
    }
    unknown = model_totals([used(2, 0.1), used(3, None)])
    assert (unknown["total_model_calls"], unknown["total_cost_usd"]) == (5, None)


def test_an_empty_run_has_a_report() -> None:
    content = json.loads(json.dumps(grading_report([], planned=3, splits={"s": ["a"]}), allow_nan=False))
    assert content["total_runs"] == 0
    assert content["rates"]["coverage"]["unreported"] == 3
    assert content["rates"]["outcomes"]["any_medal"] == {"mean": None, "sem": None, "interval": None}


def test_a_grading_report_is_plain_json() -> None:
    reports = [report("a", seed, 0.1 * seed) for seed in (1, 2, 3)]
    content = grading_report(reports, planned=3, splits={"s": ["a"]})
    again = json.loads(json.dumps(content, allow_nan=False))
    assert again["rates"]["per_seed"].keys() == content["rates"]["per_seed"].keys()
    assert [AttemptReport.from_json(entry) for entry in again["competition_reports"]] == reports


def test_a_grader_failure_is_not_scored() -> None:
    entry = report("a", 1, None, status=Status.GRADER_FAILED)
    assert not entry.scored
    assert replace(entry, status=Status.INVALID_SUBMISSION).scored


@pytest.mark.parametrize("module", ["medals", "reports", "submission", "metrics"])
def test_modules_that_commands_start_with_import_quickly(module: str) -> None:
    code = (
        f"import grading.{module}, sys\n"
        "print([name for name in ('pandas', 'numpy', 'scipy', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
