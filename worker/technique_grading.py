"""From a collected technique attempt to its grade."""

import json
import logging
from dataclasses import replace
from typing import Any

from core.errors import GraderFailed, InfrastructureError, NotApplicable, SubmissionInvalid
from core.status import Status
from grading.answers import read_answer
from grading.checks import TechniqueGrade, lost, not_applicable, ungraded
from store.records import Attempt, Run
from store.storage import Storage
from tasks.registry import load_technique
from tasks.technique import Technique
from tasks.views import View
from worker import preparing
from worker.code_check import RESULT
from worker.context import Context
from worker.judging import judged
from worker.material import view_of
from worker.places import data_place
from worker.settings import secrets

log = logging.getLogger(__name__)


def answer_path(technique: str) -> str:
    """Where a technique's answer is below an attempt's folder."""
    return f"submission/{load_technique(technique).answer_file}"


def grade_technique(
    attempt: Attempt, run: Run, storage: Storage, context: Context
) -> tuple[Status, str, TechniqueGrade]:
    """Give the final status with its message, and the grade.

    Raises:
        InfrastructureError: this host has another view than the agent was given.
        DataError, InputError, ServiceUnavailable, OSError: this host cannot grade it now.
    """
    technique = load_technique(attempt.technique or "")
    ended = attempt.status or Status.GRADER_FAILED
    competition = context.competition(attempt.competition_id)
    data = data_place(context.settings, run.request.data_dir)
    prepared = preparing.prepared(competition, data, context.settings, note=log.info)
    try:
        secret = context.settings.view_secret.get_secret_value()
        view = view_of(technique, competition, prepared, attempt.seed, secret=secret, note=log.info)
    except NotApplicable as reason:
        return ended, attempt.message, not_applicable(technique.id, str(reason))
    _check_same(attempt, view)
    answer = storage.find(attempt.name, f"submission/{technique.answer_file}")
    if answer is None:
        return _without_answer(technique, attempt, ended)
    try:
        with storage.local(answer) as path:
            said = read_answer(path)
        grade = technique.grade_answer(said, view.truth(), _code_result(attempt, storage))
        if run.request.judge is not None:
            judge = judged(run.request.judge, technique, said, secrets(context.settings))
            grade = replace(grade, judge=judge)
        return ended, attempt.message, grade
    except SubmissionInvalid as error:
        if ended is Status.COMPLETED:
            return Status.INVALID_SUBMISSION, str(error), ungraded(technique.id, str(error))
        return ended, f"{attempt.message}; invalid answer: {error}", ungraded(technique.id, str(error))
    except GraderFailed as error:
        log.error("grading attempt %s failed: %s", attempt.attempt_id, error)
        return Status.GRADER_FAILED, str(error), lost(technique.id, str(error))


def _check_same(attempt: Attempt, view: View) -> None:
    """Refuse to hold an answer against another view than its agent saw."""
    seen = (attempt.environment or {}).get("data_hash")
    if seen is not None and seen != view.content_hash():
        raise InfrastructureError(
            f"the {view.technique} view of {view.competition_id}, seed {view.seed}, is not on this host what the agent "
            "was given: the data, the technique or this program differ; bring this host up to date"
        )


def _code_result(attempt: Attempt, storage: Storage) -> dict[str, Any] | None:
    """What the worker noted of the code file that came with the answer, if there was one."""
    content = storage.read(f"{attempt.name}/{RESULT}")
    return None if content is None else json.loads(content)


def _without_answer(technique: Technique, attempt: Attempt, ended: Status) -> tuple[Status, str, TechniqueGrade]:
    missing = f"there is no submission/{technique.answer_file}"
    if ended is Status.COMPLETED:
        return Status.NO_SUBMISSION, f"ended by itself; {missing}", ungraded(technique.id, missing)
    return ended, f"{attempt.message}; no answer", ungraded(technique.id, missing)
