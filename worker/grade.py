"""From a collected attempt to its report."""

import logging
from pathlib import Path

from core.errors import GraderFailed, SubmissionInvalid
from core.files import write_json
from core.status import State, Status
from grading.reports import AttemptReport, attempt_report
from store.folders import RunFolder
from store.records import Attempt, Run
from worker import preparing
from worker.context import Context

log = logging.getLogger(__name__)

SUBMISSION = Path("submission") / "submission.csv"


def grade(attempt_id: str, context: Context) -> None:
    """Grade an attempt and store its report, unless it has one. Safe to call any number of times.

    Raises:
        InfrastructureError, DataError, OSError: this host cannot grade it now; try again.
    """
    attempt = context.store.attempt(attempt_id)
    if attempt.state is not State.COLLECTED:
        return
    run = context.store.run(attempt.run_id)
    status, message, score = _score(attempt, run, context)
    report = report_of(attempt, run, context, status=status, message=message, score=score)
    write_json(RunFolder(path=Path(run.run_dir)).attempt(attempt.name) / "report.json", report.to_json())
    context.store.finish(
        attempt_id,
        status=status,
        message=message,
        score=score,
        medal=str(report.medal) if report.any_medal else None,
        report=report.to_json(),
    )


def _score(attempt: Attempt, run: Run, context: Context) -> tuple[Status, str, float | None]:
    """Give the final status with its message, and the score where there is one."""
    ended = attempt.status or Status.GRADER_FAILED
    submission = RunFolder(path=Path(run.run_dir)).attempt(attempt.name) / SUBMISSION
    if not submission.exists():
        if ended is Status.COMPLETED:
            return Status.NO_SUBMISSION, "ended by itself without submission/submission.csv", None
        return ended, f"{attempt.message}; no submission", None
    competition = context.competition(attempt.competition_id)
    asked = run.request.data_dir
    data_dir = Path(asked) if asked else context.settings.data_dir
    prepared = preparing.prepared(competition, data_dir, note=log.info)
    try:
        return ended, attempt.message, competition.score(submission, prepared.public, prepared.private)
    except SubmissionInvalid as error:
        if ended is Status.COMPLETED:
            return Status.INVALID_SUBMISSION, str(error), None
        return ended, f"{attempt.message}; invalid submission: {error}", None
    except GraderFailed as error:
        log.error("grading attempt %s failed: %s", attempt.attempt_id, error)
        return Status.GRADER_FAILED, str(error), None


def report_of(
    attempt: Attempt, run: Run, context: Context, *, status: Status, message: str, score: float | None
) -> AttemptReport:
    """Make the report of an attempt that ended with `status`."""
    competition = context.competition(attempt.competition_id)
    submission = Path(attempt.name) / SUBMISSION
    exists = (Path(run.run_dir) / submission).exists()
    return attempt_report(
        competition_id=attempt.competition_id,
        thresholds=competition.thresholds,
        score=score,
        submission_exists=exists,
        submission_path=str(submission) if exists else None,
        attempt_id=attempt.attempt_id,
        run_id=run.run_id,
        seed=attempt.seed,
        technique=attempt.technique,
        status=status,
        message=message,
        agent_id=run.request.agent_id,
        started_at=attempt.agent_started_at,
        finished_at=attempt.collected_at,
        agent_secs=attempt.agent_secs,
        exit_code=attempt.exit_code,
        tries=attempt.tries,
        issues=competition.issues,
    )


def give_up(attempt_id: str, context: Context, *, reason: str) -> None:
    """End a collected attempt that this machinery cannot grade, keeping the agent's files for another time."""
    attempt = context.store.attempt(attempt_id)
    run = context.store.run(attempt.run_id)
    status = Status.GRADER_FAILED
    message = f"could not be graded: {reason.splitlines()[0][:500]}"
    report = report_of(attempt, run, context, status=status, message=message, score=None)
    write_json(RunFolder(path=Path(run.run_dir)).attempt(attempt.name) / "report.json", report.to_json())
    context.store.finish(attempt_id, status=status, message=message, score=None, medal=None, report=report.to_json())
