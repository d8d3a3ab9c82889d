"""Technique attempts in the whole flow, embedded: views as agents' data, answers graded, one file of grades."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.bench import Bench

PROCESS = ("--sandbox", "process")


def grades_of(result: dict[str, Any]) -> dict[str, Any]:
    """A run's grades as printed, which are those of its file."""
    printed: dict[str, Any] = result["technique_grades"]
    assert json.loads((Path(result["run_dir"]) / "technique_grades.json").read_text()) == printed
    return printed


def test_the_baseline_answers_all_techniques(bench: Bench) -> None:
    result = bench.submit(
        *("--techniques", "all", "--competitions", "job-classes,handwritten-digits"), *PROCESS, timeout_secs=115
    )
    grades = grades_of(result)
    assert set(grades["job-classes"]["tasks"]) == {"imbalance", "missing", "encoding", "cv", "scaling", "leakage"}
    assert grades["job-classes"]["summary"]["total"] == 6
    assert grades["job-classes"]["summary"]["mean_score"] > 0.8
    digits = grades["handwritten-digits"]
    assert {name for name, task in digits["tasks"].items() if task["applicable"]} == {"imbalance", "cv"}
    assert "images" in digits["tasks"]["leakage"]["message"]
    assert len(result["reports"]) == 8
    for report in result["reports"]:
        folder = Path(result["run_dir"]) / report["submission_path"]
        assert folder.name == f"{report['technique']}_analysis.json"
        assert json.loads(folder.read_text())
        assert not report["any_medal"]


def test_seeds_have_views_of_their_own_and_make_an_error(bench: Bench) -> None:
    result = bench.submit(
        *("--techniques", "imbalance", "--competitions", "credit-status", "--agent", "dummy", "--seeds", "2"), *PROCESS
    )
    (task,) = grades_of(result)["credit-status"]["tasks"].values()
    assert (task["score"], task["sem"], task["passed"]) == (0.0, 0.0, False)
    expected = [entry["checks"][0]["expected"] for entry in task["seeds"]]
    assert expected[0] != expected[1]
    views = list(bench.data_dir.glob("credit-status/views/imbalance-*/private/truth.json"))
    assert len(views) >= 2
    hashes = {
        attempt["environment"]["data_hash"]
        for attempt in json.loads((Path(result["run_dir"]) / "metadata.json").read_text())["runs"].values()
    }
    assert len(hashes) == 2


def test_data_that_does_not_bear_the_question_needs_no_agent(bench: Bench) -> None:
    result = bench.submit(
        "--techniques", "missing", "--competitions", "tiny,credit-status", "--agent", "dummy", *PROCESS
    )
    grades = grades_of(result)
    assert grades["tiny"]["tasks"]["missing"]["applicable"] is False
    assert "rows; at least 500 are needed" in grades["tiny"]["tasks"]["missing"]["message"]
    assert grades["tiny"]["summary"]["mean_score"] is None
    assert grades["credit-status"]["summary"]["mean_score"] == 0.0


def test_an_agent_without_an_answer_gets_zero(bench: Bench) -> None:
    result = bench.submit("--techniques", "cv", "--competitions", "credit-status", "--agent", "idler", *PROCESS)
    (report,) = result["reports"]
    assert (report["status"], report["score"]) == ("no_submission", 0.0)
    assert grades_of(result)["credit-status"]["tasks"]["cv"]["message"].startswith("there is no submission/cv_analysis")


@pytest.mark.timeout(420)  # the image with the libraries may have to be built
@pytest.mark.parametrize("sandbox", ["process", "docker"])
def test_code_that_comes_with_an_answer_runs_in_the_sandbox(
    bench: Bench, sandbox: str, no_containers_left: None
) -> None:
    result = bench.submit(
        *("--techniques", "cv,encoding", "--competitions", "credit-status", "--agent", "coder", "--sandbox", sandbox),
        timeout_secs=400 if sandbox == "docker" else 100,
    )
    tasks = grades_of(result)["credit-status"]["tasks"]
    extra = {name: next(check for check in task["checks"] if check["is_extra"]) for name, task in tasks.items()}
    assert extra["cv"]["answered"] == dict.fromkeys(("covers", "keeps_groups_apart", "keeps_time_in_order"), True)
    assert extra["encoding"]["answered"] == {"numbers": True, "ignores_target": False}
    assert [check["points"] for check in extra.values()] == [0.0, 0.0]  # they rest on facts that {} does not have
    for path in Path(result["run_dir"]).glob("credit-status_*"):
        assert (path / "code_check.json").is_file()
        assert "in a sandbox of its own" in (path / "run.log").read_text()
