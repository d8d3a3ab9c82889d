"""From the files of a technique attempt to its status and grade."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from core.errors import InfrastructureError
from core.status import Status
from grading.checks import TechniqueGrade
from store.records import Attempt, Run
from store.storage import Folder
from tasks.data import prepare
from tasks.registry import load_technique
from tasks.views import View, make_view
from tests.records import a_request, a_run, some_attempts
from tests.tasks.asking import competition
from tests.worker.test_judging import Api, api
from worker.code_check import RESULT
from worker.context import Context, open_store
from worker.material import material_of
from worker.settings import load_settings
from worker.technique_grading import grade_technique

__all__ = ["api"]  # a fixture

JOBS = competition("job-classes")


@dataclass(kw_only=True)
class Case:
    """An attempt that was collected."""

    context: Context
    run: Run
    attempt: Attempt
    view: View
    folder: Path  # the attempt's

    def answer(self, content: str) -> None:
        (self.folder / "submission").mkdir(exist_ok=True)
        (self.folder / "submission" / "cv_analysis.json").write_text(content)

    def grade(self, **changes: Any) -> tuple[Status, str, TechniqueGrade]:
        storage = Folder(path=self.folder.parent)
        return grade_technique(replace(self.attempt, **changes), self.run, storage, self.context)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    settings = load_settings(data_dir=tmp_path / "data", runs_dir=tmp_path / "runs", env_file=tmp_path / ".env")
    open_store(settings, create=True).close()
    context = Context(settings)
    run = a_run(planned=1, request=a_request(techniques=("cv",)), run_dir=str(tmp_path / "run"))
    view = make_view(load_technique("cv"), JOBS, prepare(JOBS, tmp_path / "data"), 5)
    attempt = replace(
        some_attempts(run)[0],
        technique="cv",
        competition_id=JOBS.id,
        seed=5,
        status=Status.COMPLETED,
        message="ended by itself",
        environment={"data_hash": view.content_hash()},
    )
    folder = tmp_path / "run" / attempt.name
    folder.mkdir(parents=True)
    yield Case(context=context, run=run, attempt=attempt, view=view, folder=folder)
    context.close()


def test_the_right_answer_gets_all_points(case: Case) -> None:
    case.answer(json.dumps(case.view.truth()["answer"]))
    status, message, grade = case.grade()
    assert (status, message, grade.score, grade.passed) == (Status.COMPLETED, "ended by itself", 1.0, True)


def test_an_answer_is_held_against_the_view_of_this_hosts_secret(case: Case, tmp_path: Path) -> None:
    secret = "sesame"
    case.context.settings = case.context.settings.model_copy(update={"view_secret": SecretStr(secret)})
    prepared = prepare(JOBS, tmp_path / "data")
    view = make_view(load_technique("cv"), JOBS, prepared, 5, secret=secret)
    material = material_of(case.attempt, JOBS, prepared, secret=secret, note=lambda line: None)
    assert material.view == view != case.view
    case.answer(json.dumps(view.truth()["answer"]))
    _, _, grade = case.grade(environment={"data_hash": view.content_hash()})
    assert grade.score == 1.0
    with pytest.raises(InfrastructureError, match="is not on this host what the agent was given"):
        case.grade(environment={"data_hash": case.view.content_hash()})


def test_what_a_failed_agent_left_is_graded(case: Case) -> None:
    case.answer(json.dumps(case.view.truth()["answer"]))
    status, _, grade = case.grade(status=Status.TIME_LIMIT)
    assert (status, grade.score) == (Status.TIME_LIMIT, 1.0)


def test_no_answer_and_no_object_are_zero_with_the_reason(case: Case) -> None:
    status, message, grade = case.grade()
    assert (status, grade.score) == (Status.NO_SUBMISSION, 0.0)
    assert "cv_analysis.json" in message
    case.answer("kfold, five of them")
    status, message, grade = case.grade()
    assert (status, grade.score) == (Status.INVALID_SUBMISSION, 0.0)
    assert "not JSON" in grade.message
    status, message, _ = case.grade(status=Status.AGENT_FAILED)
    assert (status, "invalid answer" in message) == (Status.AGENT_FAILED, True)


def test_fields_that_are_not_there_are_named(case: Case) -> None:
    case.answer('{"has_groups": false}')
    assert "not answered: data_characteristics, has_temporal_structure, is_imbalanced" in case.grade()[2].message


def test_an_answer_is_held_against_no_other_view_than_its_agent_saw(case: Case) -> None:
    case.answer(json.dumps(case.view.truth()["answer"]))
    with pytest.raises(InfrastructureError, match="bring this host up to date"):
        case.grade(environment={"data_hash": "another"})


def test_what_the_code_did_adds_points_that_rest_on_the_answer(case: Case) -> None:
    truth = case.view.truth()["answer"]
    case.answer(json.dumps({**truth, "recommended_strategy": "bootstrap"}))
    without = case.grade()[2].score
    did = {"covers": True, "keeps_groups_apart": True, "keeps_time_in_order": True, "note": ""}
    (case.folder / RESULT).write_text(json.dumps(did))
    with_code = case.grade()[2].score
    (case.folder / RESULT).write_text(json.dumps({"note": "the code ended with exit code 1"}))
    assert without is not None
    assert with_code is not None
    assert without < with_code < 1.0
    assert case.grade()[2].score == without
    case.answer("{}")
    (case.folder / RESULT).write_text(json.dumps(did))
    assert case.grade()[2].score == 0.0


def test_a_judge_stands_beside_the_score(case: Case, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in api.secrets.items():
        monkeypatch.setenv(name, value)
    case.run = replace(case.run, request=a_request(techniques=("cv",), judge="some-model"))
    case.answer(json.dumps({**case.view.truth()["answer"], "reasoning": "there are 4 classes"}))
    grade = case.grade()[2]
    assert grade.judge == {"model": "some-model", "score": 0.7, "comment": "names counts"}
    assert grade.score == 1.0
    api.says = lambda: (500, "{}")
    grade = case.grade()[2]
    assert grade.judge is not None
    assert (grade.score, grade.judge["score"]) == (1.0, None)
