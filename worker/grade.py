"""From a collected attempt to its report."""

import logging

from core.errors import DataError, GraderFailed, InfrastructureError, SubmissionInvalid
from core.files import json_bytes
from core.status import State, Status
from grading.checks import TechniqueGrade, lost
from grading.reports import AttemptReport, ModelUse, attempt_report
from grading.technique_reports import technique_report
from store import spending
from store.records import Attempt, Run
from store.storage import Storage
from tasks.data import Prepared
from tasks.graders import plain_table
from tasks.registry import Competition
from worker import logs, metrics, preparing, technique_grading
from worker.context import Context
from worker.places import data_place, run_folder

log = logging.getLogger(__name__)

SUBMISSION = "submission/submission.csv"


def grade(attempt_id: str, context: Context) -> None:
    """Grade an attempt and store its report, unless it has one. Safe to call any number of times.

    Raises:
        InfrastructureError, DataError, OSError: this host cannot grade it now; try again.
    """
    attempt = context.store.attempt(attempt_id)
    logs.about(attempt_id=attempt_id, run_id=attempt.run_id, competition=attempt.competition_id)
    if attempt.state is not State.COLLECTED:
        return
    run = context.store.run(attempt.run_id)
    storage = run_folder(run.run_dir, context.settings).storage
    if storage.find(attempt.name, "run.log") is None:  # every attempt that was collected has one
        raise InfrastructureError(f"the files of attempt {attempt.name} are not in {run.run_dir}")
    report = _graded(attempt, run, storage, context)
    status, message, score = report.status, report.message, report.score
    if context.store.finish(
        attempt_id,
        status=status,
        message=message,
        score=score,
        medal=str(report.medal) if report.any_medal else None,
        report=report.to_json(),
    ):
        # Only whose grade stands writes it. Where that fails, closing the run does it.
        write_report(report, attempt, storage)
        metrics.done(status)
        log.info("graded: %s, score %s", status, score, extra={"action": "attempt_graded"})


def report_name(attempt: Attempt) -> str:
    """Where an attempt's report is in the run folder."""
    return f"{attempt.name}/report.json"


def write_report(report: AttemptReport, attempt: Attempt, storage: Storage) -> None:
    """Put a report with the attempt's files."""
    storage.write(report_name(attempt), json_bytes(report.to_json()))


def _graded(attempt: Attempt, run: Run, storage: Storage, context: Context) -> AttemptReport:
    if attempt.technique is not None:
        status, message, grade = technique_grading.grade_technique(attempt, run, storage, context)
        return report_of(attempt, run, context, status=status, message=message, score=None, grade=grade)
    status, message, score = _score(attempt, run, storage, context)
    return report_of(attempt, run, context, status=status, message=message, score=score)


def _score(attempt: Attempt, run: Run, storage: Storage, context: Context) -> tuple[Status, str, float | None]:
    """Give the final status with its message, and the score where there is one."""
    ended = attempt.status or Status.GRADER_FAILED
    submission = storage.find(attempt.name, SUBMISSION)
    if submission is None:
        if ended is Status.COMPLETED:
            return Status.NO_SUBMISSION, "ended by itself without submission/submission.csv", None
        return ended, f"{attempt.message}; no submission", None
    competition = context.competition(attempt.competition_id)
    data = data_place(context.settings, run.request.data_dir)
    prepared = preparing.prepared(competition, data, context.settings, note=log.info)
    try:
        with storage.local(submission) as path:
            return ended, attempt.message, competition.score(path, prepared.public, prepared.private)
    except SubmissionInvalid as error:
        if ended is Status.COMPLETED:
            return Status.INVALID_SUBMISSION, str(error), None
        return ended, f"{attempt.message}; invalid submission: {error}", None
    except GraderFailed as error:
        if not _can_grade(competition, prepared):
            log.error("grading attempt %s failed: %s", attempt.attempt_id, error)
            return Status.GRADER_FAILED, str(error), None
        # Or whoever knows that a submission is bad makes one that is counted nowhere.
        reason = f"the grader fails with this submission, and not with the sample: {error}"
        if ended is Status.COMPLETED:
            return Status.INVALID_SUBMISSION, reason, None
        return ended, f"{attempt.message}; invalid submission: {reason}", None


def _can_grade(competition: Competition, prepared: Prepared) -> bool:
    """Whether the grader works at all here: the sample submission has a score."""
    try:
        with plain_table(prepared.public / competition.sample) as sample:
            competition.score(sample, prepared.public, prepared.private)
    except (GraderFailed, SubmissionInvalid, DataError):
        return False
    return True


def report_of(
    attempt: Attempt,
    run: Run,
    context: Context,
    *,
    status: Status,
    message: str,
    score: float | None,
    grade: TechniqueGrade | None = None,
) -> AttemptReport:
    """Make the report of an attempt that ended with `status`; with the `grade` of a technique attempt that has one."""
    competition = context.competition(attempt.competition_id)
    handed_in = SUBMISSION if attempt.technique is None else technique_grading.answer_path(attempt.technique)
    submission = run_folder(run.run_dir, context.settings).storage.find(attempt.name, handed_in)
    report = attempt_report(
        competition_id=attempt.competition_id,
        thresholds=competition.thresholds,
        score=score,
        submission_exists=submission is not None,
        submission_path=submission.name if submission else None,
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
        model_use=_model_use(attempt, context),
    )
    if attempt.technique is None:
        return report
    return technique_report(report, grade or lost(attempt.technique, f"{status}: {message}"))


def _model_use(attempt: Attempt, context: Context) -> ModelUse | None:
    used = spending.total(spending.usage_of_attempt(context.store, attempt.attempt_id))
    if used is None:
        return None
    return ModelUse(
        calls=used.calls,
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        cost_usd=used.cost_usd,
    )


def give_up(attempt_id: str, context: Context, *, reason: str) -> None:
    """End a collected attempt that this machinery cannot grade, keeping the agent's files for another time."""
    attempt = context.store.attempt(attempt_id)
    run = context.store.run(attempt.run_id)
    status = Status.GRADER_FAILED
    message = f"could not be graded: {reason.splitlines()[0][:500]}"
    report = report_of(attempt, run, context, status=status, message=message, score=None)
    final = report.to_json()
    if context.store.finish(attempt_id, status=status, message=message, score=None, medal=None, report=final):
        write_report(report, attempt, run_folder(run.run_dir, context.settings).storage)
        metrics.done(status)
