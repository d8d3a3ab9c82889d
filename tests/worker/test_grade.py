"""From a collected submission to its status: who is to blame where there is no score."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.status import Status
from store.records import Attempt
from store.storage import Folder
from tests.records import a_run, some_attempts
from worker import grade
from worker.context import Context, open_store
from worker.settings import REPO, load_settings

Graded = Callable[[str, Status], tuple[Status, str, float | None]]
SOMETIMES = """
def grade(prediction, answers):
    if (prediction["late"] == 0.123).any():
        raise ZeroDivisionError("no such row")
    if (prediction["late"] == 0.124).any():
        return float("nan")
    return 0.75
"""
NEVER = "def grade(prediction, answers):\n    raise ZeroDivisionError('broken')\n"


@pytest.fixture(params=[SOMETIMES, NEVER], ids=["sometimes", "never"])
def grader(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def graded(tmp_path: Path, grader: str) -> Iterator[Graded]:
    """Grade a prediction for all rows of a competition with this grader."""
    competition = tmp_path / "competitions" / "tiny"
    shutil.copytree(REPO / "tests" / "fixtures" / "competitions" / "tiny", competition)
    (competition / "grade.py").write_text(grader)
    text = (competition / "competition.yaml").read_text()
    (competition / "competition.yaml").write_text(text + "\nlower_is_better: false\n")
    settings = load_settings(
        data_dir=tmp_path / "data",
        runs_dir=tmp_path / "runs",
        competitions_path=str(tmp_path / "competitions"),
        env_file=tmp_path / ".env",
    )
    open_store(settings, create=True).close()
    context = Context(settings)

    def graded(prediction: str, ended: Status) -> tuple[Status, str, float | None]:
        run = a_run(planned=1, run_dir=str(tmp_path / "run"))
        attempt: Attempt = replace(some_attempts(run)[0], status=ended, message="ended")
        folder = tmp_path / "run" / attempt.name / "submission"
        folder.mkdir(parents=True)
        sample = context.competition("tiny")
        storage = Folder(path=tmp_path / "run")
        (folder / "submission.csv").write_text("id,late\n")
        grade._score(attempt, run, storage, context)  # prepares the data
        public = tmp_path / "data" / "tiny" / "prepared" / "public"
        header, *rows = (public / sample.sample).read_text().splitlines()
        lines = [header, *(f"{row.split(',')[0]},{prediction}" for row in rows)]
        (folder / "submission.csv").write_text("\n".join(lines) + "\n")
        return grade._score(attempt, run, storage, context)

    yield graded
    context.close()


@pytest.mark.parametrize("ended", [Status.COMPLETED, Status.TIME_LIMIT])
@pytest.mark.parametrize("prediction", ["0.123", "0.124"])
def test_a_submission_with_which_alone_the_grader_fails_is_invalid(
    graded: Graded, grader: str, prediction: str, ended: Status
) -> None:
    """Or it would be counted nowhere, as lost to the machinery."""
    status, message, score = graded(prediction, ended)
    assert score is None
    if grader == NEVER:
        assert status is Status.GRADER_FAILED
    else:
        assert status is (Status.INVALID_SUBMISSION if ended is Status.COMPLETED else ended)
        assert "the grader fails with this submission, and not with the sample" in message


@pytest.mark.parametrize("grader", [SOMETIMES], indirect=True)
def test_other_submissions_have_their_score(graded: Graded) -> None:
    assert graded("0.5", Status.COMPLETED) == (Status.COMPLETED, "ended", 0.75)
