"""Competitions are folders: what is read, what is refused, how a submission is checked and scored."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.errors import DataError, GraderFailed, InputError, SubmissionInvalid, UnknownName
from tasks import registry
from tasks.registry import competition_roots, list_competitions, list_techniques, load_competition, load_technique
from tests.tasks.conftest import COMPETITION, THRESHOLDS, Load, Write


def test_an_added_folder_is_a_competition(load: Load, root: Path) -> None:
    competition = load(expected_secs=3)
    assert list_competitions([root]) == ["toy"]
    assert (competition.id, competition.metric, competition.expected_secs) == ("toy", "accuracy", 3)
    assert (competition.thresholds.gold, competition.thresholds.lower_is_better) == (1.0, False)
    assert [column.name for column in competition.format.columns] == ["label"]


def test_a_folder_without_competition_yaml_is_none(root: Path) -> None:
    (root / "notes").mkdir()
    assert list_competitions([root]) == []


def test_further_roots_come_after_ours(tmp_path: Path) -> None:
    extra = [tmp_path / "one", tmp_path / "two"]
    for path in extra:
        path.mkdir()
    assert competition_roots(os.pathsep.join(map(str, extra))) == [registry.COMPETITIONS, *extra]
    assert competition_roots(None) == competition_roots("") == [registry.COMPETITIONS]


def test_a_root_that_is_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"MLEBENCH_COMPETITIONS_PATH names .*missing"):
        competition_roots(str(tmp_path / "missing"))


def test_an_unknown_competition_gets_the_nearest_names(write: Write, root: Path) -> None:
    write()
    with pytest.raises(UnknownName, match="did you mean toy"):
        load_competition("tyo", roots=[root])


@pytest.mark.parametrize("name", ["../competitions/toy", ".", "", "toy/", "/etc"])
def test_an_id_never_reaches_outside_the_roots(name: str, write: Write, root: Path) -> None:
    write()
    with pytest.raises(UnknownName):
        load_competition(name, roots=[root])


def test_one_id_in_two_roots_is_refused(write: Write, root: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    write().rename(tmp_path / "other" / "toy")
    write()
    with pytest.raises(InputError, match="'toy' is in two folders"):
        load_competition("toy", roots=[root, tmp_path / "other"])


TABLE: dict[str, Any] = COMPETITION["table"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"name": None}, "missing key 'name'"),
        ({"name": 3}, "name: input should be a valid string, not 3"),
        ({"source": "web"}, "source: input should be 'kaggle' or 'package', not \"web\""),
        ({"expected_secs": -1}, "expected_secs: input should be greater than 0"),
        ({"table": {**TABLE, "kind": "ranking"}}, "table.kind: input should be"),
        ({"table": {**TABLE, "tme": "t"}}, "unknown key 'table.tme'"),
        ({"submission": {"id": "id", "columns": []}}, "submission.columns"),
        ({"submission": {"id": "id", "columns": [{"name": "x", "kind": "colour"}]}}, "colour"),
        ({"metric": "accurcy"}, "unknown metric 'accurcy'; did you mean accuracy"),
        ({"lower_is_better": True}, "'lower_is_better' belongs to a metric of its own"),
        ({"id": "other"}, "its id is 'other', expected the folder's name 'toy'"),
        ({"folder_name": "to y", "id": "to y"}, "an id has letters, digits"),
        ({"grade": "def grade(s, a): return 1"}, "missing key 'lower_is_better'"),
        ({"thresholds": {**THRESHOLDS, "gold": "high"}}, "gold: input should be a valid number"),
        ({"thresholds": {**THRESHOLDS, "gold": float("nan")}}, "gold: input should be a finite number"),
        ({"thresholds": {**THRESHOLDS, "kind": "guess"}}, "guess"),
        ({"thresholds": {**THRESHOLDS, "gold": 0.85}}, "the thresholds must not get worse"),
    ],
)
def test_a_wrong_folder_is_refused_in_one_line(keys: dict[str, Any], message: str, load: Load) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        load(**keys)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file", ["competition.yaml", "thresholds.yaml"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [", "is not valid YAML"),
        (b"- a", "the file: input should be an object"),
        (b"", "the file"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_broken_file_is_named(file: str, content: bytes, message: str, write: Write, root: Path) -> None:
    (write() / file).write_bytes(content)
    with pytest.raises(InputError, match=f"{file}.*{message}"):
        load_competition("toy", roots=[root])


@pytest.mark.parametrize("file", ["thresholds.yaml", "description.md", "prepare.py"])
def test_a_missing_file_is_named(file: str, write: Write, root: Path) -> None:
    (write() / file).unlink()
    with pytest.raises(InputError, match=f"{file} is missing"):
        load_competition("toy", roots=[root])


def test_the_description_ends_with_the_facts_for_programs(load: Load) -> None:
    description = load().description()
    assert description.startswith("# Toy\n\nTell a from b.\n")
    block = re.search(r"\n```yaml\n(table:\n.*)```\n\Z", description, flags=re.DOTALL)
    assert block is not None
    facts = yaml.safe_load(block[1])
    assert facts["table"]["target"] == "label"
    assert facts["metric"] == {"name": "accuracy", "lower_is_better": False}
    assert facts["submission"]["columns"] == [{"name": "label", "kind": "label", "classes": ["a", "b"]}]


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, Path]:
    """Public and private folders of the toy competition."""
    public, private = tmp_path / "public", tmp_path / "private"
    public.mkdir()
    private.mkdir()
    return public, private


def _submit(tmp_path: Path, labels: str) -> Path:
    path = tmp_path / "submission.csv"
    path.write_text("id,label\n" + "".join(f"{row + 2},{label}\n" for row, label in enumerate(labels)))
    return path


@pytest.mark.parametrize(("labels", "expected"), [("abba", 1.0), ("aaaa", 0.5), ("aaba", 0.75), ("baab", 0.0)])
def test_a_submission_is_scored(
    labels: str, expected: float, load: Load, parts: tuple[Path, Path], tmp_path: Path
) -> None:
    competition = load()
    competition.prepare_parts(tmp_path, *parts)
    assert competition.score(_submit(tmp_path, labels), *parts) == expected


@pytest.mark.parametrize("labels", ["abb", "abbab", "abbc"])
def test_a_wrong_submission_is_invalid_when_checked_and_when_scored(
    labels: str, load: Load, parts: tuple[Path, Path], tmp_path: Path
) -> None:
    competition = load()
    competition.prepare_parts(tmp_path, *parts)
    submission = _submit(tmp_path, labels)
    with pytest.raises(SubmissionInvalid):
        competition.check(submission, parts[0])
    with pytest.raises(SubmissionInvalid):
        competition.score(submission, *parts)


def test_checking_needs_no_answers(load: Load, parts: tuple[Path, Path], tmp_path: Path) -> None:
    competition = load()
    competition.prepare_parts(tmp_path, *parts)
    (parts[1] / "test.csv").unlink()
    competition.check(_submit(tmp_path, "abba"), parts[0])


def test_a_broken_sample_is_the_datas_fault(load: Load, parts: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="sample submission of toy"):
        load().check(_submit(tmp_path, "abba"), parts[0])


def test_missing_answers_are_the_graders_fault(load: Load, parts: tuple[Path, Path], tmp_path: Path) -> None:
    competition = load()
    competition.prepare_parts(tmp_path, *parts)
    (parts[1] / "test.csv").unlink()
    with pytest.raises(GraderFailed, match="answers of toy"):
        competition.score(_submit(tmp_path, "abba"), *parts)


def test_a_metric_of_its_own_sees_aligned_rows(load: Load, parts: tuple[Path, Path], tmp_path: Path) -> None:
    grade = "def grade(submission, answers):\n    return (submission['label'] == answers['label']).sum() / 3\n"
    falling = {**THRESHOLDS, "gold": 0.5, "silver": 0.8, "bronze": 0.9, "median": 1.0}
    competition = load(grade=grade, metric="hits", lower_is_better=True, thresholds=falling)
    competition.prepare_parts(tmp_path, *parts)
    submission = tmp_path / "submission.csv"
    submission.write_text("label,id\na,5\nb,4\na,3\na,2\n")
    assert competition.score(submission, *parts) == 1.0
    assert competition.thresholds.lower_is_better is True


GRADERS = {
    "raises": "def grade(submission, answers):\n    raise KeyError('x')\n",
    "gives nan": "def grade(submission, answers):\n    return float('nan')\n",
    "gives text": "def grade(submission, answers):\n    return 'good'\n",
    "is no Python": "def grade(",
    "has no grade": "x = 1\n",
}


@pytest.mark.parametrize("grade", GRADERS.values(), ids=GRADERS)
def test_a_broken_grader_is_never_an_invalid_submission(
    grade: str, load: Load, parts: tuple[Path, Path], tmp_path: Path
) -> None:
    competition = load(grade=grade, metric="own", lower_is_better=False)
    competition.prepare_parts(tmp_path, *parts)
    with pytest.raises(GraderFailed, match="of toy"):
        competition.score(_submit(tmp_path, "abba"), *parts)


def test_a_grader_may_call_a_submission_invalid(load: Load, parts: tuple[Path, Path], tmp_path: Path) -> None:
    grade = (
        "from core.errors import SubmissionInvalid\n"
        "def grade(submission, answers):\n    raise SubmissionInvalid('no good')\n"
    )
    competition = load(grade=grade, metric="own", lower_is_better=False)
    competition.prepare_parts(tmp_path, *parts)
    with pytest.raises(SubmissionInvalid, match="no good"):
        competition.score(_submit(tmp_path, "abba"), *parts)


def test_a_preparer_that_raises_is_a_data_error(load: Load, parts: tuple[Path, Path], tmp_path: Path) -> None:
    competition = load(prepare="def prepare(raw, public, private):\n    return 1 / 0\n")
    with pytest.raises(DataError, match="preparing toy failed: ZeroDivisionError"):
        competition.prepare_parts(tmp_path, *parts)


def test_techniques_are_found_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "TECHNIQUES", tmp_path)
    folder = tmp_path / "scaling"
    folder.mkdir()
    (folder / "technique.yaml").write_text(
        "id: scaling\nname: Scaling\nfields: [x]\nchecks: [{name: x, weight: 1, finds: x}]\n"
    )
    for file in ("plant.py", "checks.py"):
        (folder / file).write_text("")
    (folder / "description.md").write_text("How would you scale?\n")
    assert list_techniques() == ["scaling"]
    assert load_technique("scaling").description() == "How would you scale?\n"
    with pytest.raises(UnknownName, match="did you mean scaling"):
        load_technique("scalng")


@pytest.mark.parametrize(
    ("checks", "message"),
    [
        ("[]", "checks"),
        ("[{name: x, weight: 0, finds: x}]", "weight: input should be greater than 0"),
        ("[{name: x, weight: 1, finds: x, needs: [y]}]", "x needs 'y', no check before it"),
        ("[{name: x, weight: 1, finds: x, nedes: [y]}]", "unknown key 'checks.0.nedes'"),
    ],
)
def test_a_wrong_technique_is_refused(
    checks: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "TECHNIQUES", tmp_path)
    (tmp_path / "scaling").mkdir()
    (tmp_path / "scaling" / "technique.yaml").write_text(f"id: scaling\nname: S\nfields: [x]\nchecks: {checks}\n")
    with pytest.raises(InputError, match=re.escape(message)):
        load_technique("scaling")


def test_importing_the_registry_is_cheap() -> None:
    code = "import sys, tasks.registry; print(sorted({'pandas', 'numpy', 'sklearn'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
