"""The three ways of grading: a named metric, grade.py over tables, grade.py that reads for itself."""

import zipfile
from pathlib import Path

import pytest

from core.errors import DataError, GraderFailed, InputError, SubmissionInvalid
from tasks.data import prepare
from tasks.registry import load_competition
from tests.tasks.conftest import PREPARE, Load, Write

OWN = {"metric": "own", "lower_is_better": False}
TRUTH = "id,label\n2,a\n3,b\n4,b\n5,a\n"
SUBMISSION = "id,label\n5,b\n4,b\n3,b\n2,a\n"


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("public", "private"):
        (tmp_path / name).mkdir()
    return tmp_path / "public", tmp_path / "private"


def _submission(folder: Path, content: str = SUBMISSION) -> Path:
    path = folder / "submission.csv"
    path.write_text(content)
    return path


TABLES = """
from core.errors import SubmissionInvalid

def grade(prediction, answers):
    assert list(prediction["id"]) == list(answers["id"]) == ["2", "3", "4", "5"]
    return (prediction["label"] == answers["label"]).mean() / answers["weight"].iloc[0]

def validate(prediction):
    if prediction["label"].nunique() == 1:
        raise SubmissionInvalid("all labels are the same")
"""
WEIGHTED = PREPARE.replace(
    '"id,label\\n2,a\\n3,b\\n4,b\\n5,a\\n"', '"id,label,weight\\n2,a,3\\n3,b,3\\n4,b,3\\n5,a,3\\n"'
)
ANSWERS = [{"name": "label", "kind": "text"}, {"name": "weight", "kind": "number"}]


def test_grade_gets_the_answers_columns_and_validate_the_prediction(
    load: Load, parts: tuple[Path, Path], tmp_path: Path
) -> None:
    competition = load(grade=TABLES, prepare=WEIGHTED, answer_columns=ANSWERS, **OWN)
    competition.prepare_parts(tmp_path, *parts)
    assert competition.score(_submission(tmp_path), *parts) == 0.25
    same = _submission(tmp_path, SUBMISSION.replace(",b", ",a"))
    with pytest.raises(SubmissionInvalid, match="all labels are the same"):
        competition.check(same, parts[0])
    with pytest.raises(SubmissionInvalid, match="all labels are the same"):
        competition.score(same, *parts)


OWN_READING = """
import json
from core.errors import SubmissionInvalid

def check(submission, public):
    try:
        found = json.loads(submission.read_text())
    except ValueError as error:
        raise SubmissionInvalid(f"the submission is not JSON: {error}") from error
    if len(found) != (public / "test.csv").read_text().count("\\n") - 1:
        raise SubmissionInvalid("the list has a wrong length")

def score(submission, public, private):
    check(submission, public)
    return (private / "test.csv").stat().st_size / 3
"""


def test_a_grader_may_read_for_itself(load: Load, parts: tuple[Path, Path], tmp_path: Path) -> None:
    competition = load(grade=OWN_READING, **OWN)
    competition.prepare_parts(tmp_path, *parts)
    submission = _submission(tmp_path, '["a", "b", "a", "a"]')
    competition.check(submission, parts[0])
    assert competition.score(submission, *parts) == round(len(TRUTH) / 3, 5)
    for content, message in (("nonsense", "is not JSON"), ('["a"]', "a wrong length")):
        with pytest.raises(SubmissionInvalid, match=message):
            competition.check(_submission(tmp_path, content), parts[0])
        with pytest.raises(SubmissionInvalid, match=message):
            competition.score(_submission(tmp_path, content), *parts)


@pytest.mark.parametrize(
    "way",
    [
        "def validate(prediction): 1 / 0\ndef grade(p, a): return 1",
        "def check(s, p): 1 / 0\ndef score(s, p, q): 1 / 0",
    ],
)
def test_a_check_that_breaks_is_the_graders_failure(
    way: str, load: Load, parts: tuple[Path, Path], tmp_path: Path
) -> None:
    competition = load(grade=way, **OWN)
    competition.prepare_parts(tmp_path, *parts)
    with pytest.raises(GraderFailed, match="of toy failed: ZeroDivisionError"):
        competition.check(_submission(tmp_path), parts[0])
    with pytest.raises(GraderFailed, match="of toy failed: ZeroDivisionError"):
        competition.score(_submission(tmp_path), *parts)


ZIPPED_SAMPLE = (
    PREPARE
    + """
    import zipfile
    sample = public / "sample_submission.csv"
    with zipfile.ZipFile(public / "sample.csv.zip", "w") as opened:
        opened.write(sample, "sample.csv")
    sample.unlink()
"""
)


def test_a_sample_may_be_in_an_archive(load: Load, tmp_path: Path) -> None:
    prepared = prepare(load(prepare=ZIPPED_SAMPLE, sample="sample.csv.zip"), tmp_path / "data")
    assert {path.name for path in prepared.public.glob("sample*")} == {"sample.csv.zip"}


def test_a_broken_sample_archive_is_named(load: Load, parts: tuple[Path, Path], tmp_path: Path) -> None:
    competition = load(sample="sample.csv.zip")
    (parts[0] / "sample.csv.zip").write_bytes(b"PK nonsense")
    with pytest.raises(DataError, match=r"the sample submission of toy is broken.*sample\.csv\.zip"):
        competition.check(_submission(tmp_path), parts[0])
    with zipfile.ZipFile(parts[0] / "sample.csv.zip", "w") as opened:
        opened.writestr("one", "")
        opened.writestr("two", "")
    with pytest.raises(DataError, match="holds 2 files, expected one"):
        competition.check(_submission(tmp_path), parts[0])


def test_columns_and_classes_may_come_from_a_file(write: Write, load: Load) -> None:
    submission = {
        "id": "id",
        "columns": [
            {"names_from": "classes.txt", "kind": "probability"},
            {"name": "label", "kind": "label", "classes_from": "classes.txt"},
        ],
    }
    with pytest.raises(InputError, match=r"classes\.txt cannot be read"):
        load(submission=submission, **OWN, grade="def grade(p, a): return 1")
    other = write(folder_name="other", id="other", submission=submission, **OWN)
    (other / "grade.py").write_text("def grade(p, a): return 1")
    (other / "classes.txt").write_text("Black-grass\nFat Hen\r\n\n")
    competition = load_competition("other", roots=[other.parent])
    assert competition.format.names == ["Black-grass", "Fat Hen", "label"]
    assert competition.format.columns[2].classes == ("Black-grass", "Fat Hen")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"kind": "number"}, "a column has one of name and names_from"),
        ({"name": "x", "names_from": "f", "kind": "number"}, "a column has one of name and names_from"),
        ({"name": "x", "kind": "label", "classes": ["a"], "classes_from": "f"}, "one of classes and classes_from"),
        ({"name": "id", "kind": "number"}, "the submission has column 'id' more than once"),
    ],
)
def test_a_column_without_a_clear_name_is_refused(column: dict[str, object], message: str, load: Load) -> None:
    with pytest.raises(InputError, match=message):
        load(submission={"id": "id", "columns": [column]})


def test_known_checksums_are_read(write: Write, root: Path) -> None:
    folder = write(download_bytes=12)
    assert load_competition("toy", roots=[root]).checksums.zip is None
    (folder / "checksums.yaml").write_text(f"zip: {'a' * 32}\npublic:\n  train.csv: '{'0' * 32}'\n")
    competition = load_competition("toy", roots=[root])
    assert (competition.checksums.zip, competition.checksums.public) == ("a" * 32, {"train.csv": "0" * 32})
    assert competition.download_bytes == 12
    (folder / "checksums.yaml").write_text("zip: abc\n")
    with pytest.raises(InputError, match=r"checksums\.yaml: zip"):
        load_competition("toy", roots=[root])
