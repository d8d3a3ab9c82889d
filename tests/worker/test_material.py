"""What an attempt's agent is given: the competition's data and format, or a view, its question and its format."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import NotApplicable
from store.records import Attempt
from tasks.data import Prepared, data_hash, prepare
from tests.records import a_run, some_attempts
from tests.tasks.asking import competition
from worker.material import material_of
from worker.sandbox import Workspace

JOBS = competition("job-classes")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare(JOBS, tmp_path_factory.mktemp("data"))


def attempt(technique: str | None, seed: int = 1) -> Attempt:
    (row,) = some_attempts(a_run(planned=1))
    return replace(row, technique=technique, seed=seed, competition_id=JOBS.id)


def test_a_competitions_material_is_its_public_data_and_its_format(prepared: Prepared, tmp_path: Path) -> None:
    material = material_of(attempt(None), JOBS, prepared, note=lambda line: None)
    assert (material.public, material.data_hash(), material.view) == (prepared.public, data_hash(prepared), None)
    wrong = tmp_path / "submission.csv"
    wrong.write_text("id\n1\n")
    assert material.validate(prepared.public / JOBS.sample) is None
    assert material.validate(wrong)


def test_a_techniques_material_is_a_view_and_its_question(prepared: Prepared, tmp_path: Path) -> None:
    notes: list[str] = []
    material = material_of(attempt("scaling"), JOBS, prepared, note=notes.append)
    assert material.view is not None
    assert material.public == material.view.public != prepared.public
    assert material.data_hash() != data_hash(prepared)
    assert notes == ["making the scaling view of job-classes, seed 1"]
    workspace = Workspace(root=tmp_path, data=material.public)
    material.write_texts(workspace, 60.0)
    assert "`model_type` is" in workspace.technique_description.read_text()
    assert "scaling_analysis.json" in workspace.instructions.read_text()
    assert "submission.csv" not in workspace.instructions.read_text()
    again = material_of(attempt("scaling"), JOBS, prepared, note=notes.append)
    assert (again.view, len(notes)) == (material.view, 1)


def test_an_answer_is_valid_when_it_is_an_object_whatever_it_says(prepared: Prepared, tmp_path: Path) -> None:
    material = material_of(attempt("imbalance"), JOBS, prepared, note=lambda line: None)
    assert material.patterns == ("imbalance_analysis.json",)
    answer = tmp_path / "imbalance_analysis.json"
    answer.write_text('{"severity": "no such thing"}')
    assert material.validate(answer) is None
    answer.write_text("severe, I think")
    assert "not JSON" in (material.validate(answer) or "")


def test_what_cannot_be_asked_is_raised_from_the_other_process_too(tmp_path: Path) -> None:
    digits = competition("handwritten-digits")
    with pytest.raises(NotApplicable, match="images"):
        material_of(attempt("leakage"), digits, prepare(digits, tmp_path), note=lambda line: None)
