"""Grading submission files outside of any run."""

import json
from datetime import UTC, datetime
from pathlib import Path

from core.errors import GraderFailed, InputError, SubmissionInvalid
from core.files import write_json
from core.status import Status
from grading.reports import AttemptReport, attempt_report, grading_report
from scripts.choosing import competition as competition_named
from scripts.choosing import data_place_of
from scripts.terminal import say
from tasks.data import Prepared, is_prepared, prepare
from tasks.registry import Competition
from worker import preparing


def grade_list(submission: Path, output_dir: Path, data_dir: str | None) -> None:
    """Grade the submissions that a JSON-lines file lists into one grading report, and print its path.

    Raises:
        InputError: the list is broken, names an unknown competition, or the report cannot be written.
    """
    entries = _entries(submission)
    for name, _ in entries:
        competition_named(name)  # all names are checked before the first is graded
    reports = [grade_file(path, name, data_dir) for name, path in entries]
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S-%Z")
    target = output_dir / f"{moment}_grading_report.json"
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        write_json(target, grading_report(reports, planned=len(reports), splits={}))
    except OSError as error:
        raise InputError(f"cannot write to --output-dir {output_dir}: {error.strerror}") from error
    say(f"{sum(report.valid_submission for report in reports)} of {len(reports)} submissions valid")
    print(target)


def grade_file(submission: Path, name: str, data_dir: str | None) -> AttemptReport:
    """Grade a file outside of any run.

    Raises:
        InputError: there is no such competition, or it is not prepared.
    """
    competition = competition_named(name)
    data = prepared_data(competition, data_dir)
    score, status, message = None, Status.COMPLETED, "graded"
    if not submission.exists():
        status, message = Status.NO_SUBMISSION, f"there is no file {submission}"
    else:
        try:
            score = competition.score(submission, data.public, data.private)
        except SubmissionInvalid as error:
            status, message = Status.INVALID_SUBMISSION, str(error)
        except GraderFailed as error:
            status, message = Status.GRADER_FAILED, str(error)
    if status is not Status.COMPLETED:
        say(f"{name}: {status}: {message}")
    return attempt_report(
        competition_id=name,
        thresholds=competition.thresholds,
        score=score,
        submission_exists=submission.exists(),
        submission_path=str(submission),
        status=status,
        message=message,
        issues=competition.issues,
    )


def prepared_data(competition: Competition, data_dir: str | None) -> Prepared:
    """Give a competition's data, which has to be prepared already.

    Raises:
        InputError: it is not.
    """
    place = data_place_of(data_dir)
    if not is_prepared(competition, place.folder) and not preparing.fetch(competition, place, note=say):
        raise InputError(
            f"{competition.id} is not prepared in {place.address}; "
            f"run: mlebench prepare -c {competition.id} --data-dir {place.address}"
        )
    return prepare(competition, place.folder)


def _entries(path: Path) -> list[tuple[str, Path]]:
    """Read a JSON-lines list of submissions."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read --submission {path}: {error}") from error
    entries = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            entries.append((str(value["competition_id"]), Path(str(value["submission_path"]))))
        except (ValueError, TypeError, KeyError):
            raise InputError(
                f"{path}, line {number}: expected a JSON object with competition_id and submission_path"
            ) from None
    if not entries:
        raise InputError(f"{path} names no submissions")
    return entries
