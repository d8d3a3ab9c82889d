"""What any worker does for all of them, with a real database."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.status import RunState, State, Status
from store.records import Attempt, Run
from tests.records import a_run, some_attempts
from worker import grade, recovery
from worker.context import Context
from worker.settings import REPO, load_settings

FIXTURES = REPO / "tests" / "fixtures"
LONG_AGO = datetime.now(UTC) - timedelta(minutes=10)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Context]:
    settings = load_settings(
        runs_dir=tmp_path / "runs",
        database_url=f"sqlite:///{tmp_path}/mlebench.db",
        competitions_path=str(FIXTURES / "competitions"),
        env_file=tmp_path / "none",
    )
    made = Context(settings)
    yield made
    made.close()


def finished_run(here: Context, folder: Path, *, change: Callable[[Attempt], Attempt] = lambda attempt: attempt) -> Run:
    """An open run in `folder` whose one attempt was final long ago."""
    folder.mkdir()
    run = a_run(planned=1, run_dir=str(folder))
    (attempt,) = some_attempts(run)
    final = replace(attempt, state=State.DONE, status=Status.CANCELLED, message="", finished_at=LONG_AGO)
    here.store.create_run(run, [change(final)])
    return run


def unknown_competition(here: Context, folder: Path) -> Run:
    return finished_run(here, folder, change=lambda attempt: replace(attempt, competition_id="of-another-host"))


def folder_in_the_way(here: Context, folder: Path) -> Run:
    run = finished_run(here, folder)
    (folder / "grading_report.json").mkdir()
    return run


def report_that_is_none(here: Context, folder: Path) -> Run:
    """Our own mistake: no error that this project raises on purpose."""

    def with_report(attempt: Attempt) -> Attempt:
        run = a_run(planned=1, run_id=attempt.run_id, run_dir=str(folder))
        report = grade.report_of(attempt, run, here, status=Status.CANCELLED, message="", score=None)
        return replace(attempt, report={**report.to_json(), "agent_secs": math.nan})

    return finished_run(here, folder, change=with_report)


@pytest.mark.parametrize("obstacle", [unknown_competition, folder_in_the_way, report_that_is_none])
def test_a_run_that_cannot_be_closed_holds_up_no_other(
    here: Context, tmp_path: Path, caplog: pytest.LogCaptureFixture, obstacle: Callable[[Context, Path], Run]
) -> None:
    before = finished_run(here, tmp_path / "before")
    stuck = obstacle(here, tmp_path / "stuck")
    after = finished_run(here, tmp_path / "after")
    recovery.close_runs(here)
    states = [here.store.run(run.run_id).state for run in (before, stuck, after)]
    assert states == [RunState.CLOSED, RunState.OPEN, RunState.CLOSED]
    assert (tmp_path / "after" / "metadata.json").is_file()
    assert f"run {stuck.run_id} cannot be closed now; it is tried again" in caplog.text
