"""technique-view and grade-technique: what they write, print and refuse."""

import json
from pathlib import Path

import pytest

from scripts import mlebench
from scripts.draw_techniques import DRAWINGS, FOLDER, draw
from tests.scripts.conftest import Call

VIEW = ("technique-view", "imbalance", "credit-status")
GRADE = ("imbalance", "credit-status", "--seed", "2")


@pytest.fixture
def data(folder: Path, call: Call) -> Path:
    """The data folder, with credit-status prepared."""
    assert call(mlebench.main, "prepare", "-c", "credit-status").code == 0
    return folder / "data"


def truth_of(data: Path, seed: int) -> dict[str, object]:
    (path,) = data.glob(f"credit-status/views/imbalance-{seed}-*/private/truth.json")
    answer: dict[str, object] = json.loads(path.read_text())["truth"]["answer"]
    return answer


def test_a_view_is_written_without_its_truth_and_its_answer_graded(data: Path, call: Call, folder: Path) -> None:
    out = folder / "out"
    done = call(mlebench.main, *VIEW, "--seed", "2", "--out", str(out))
    assert done.code == 0
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert files == {"technique_description.md", "data/train.csv", "data/test.csv", "data/description.md"}

    answer = folder / "answer"
    answer.mkdir()
    (answer / "imbalance_analysis.json").write_text(json.dumps(truth_of(data, 2)))
    report = json.loads(call(mlebench.main, "grade-technique", str(answer), *GRADE).out)
    assert (report["score"], report["passed"], report["seed"], report["judge"]) == (1.0, True, 2, None)
    other = json.loads(call(mlebench.main, "grade-technique", str(answer), *GRADE[:3], "3").out)
    assert other["score"] < 0.7


def test_no_answer_is_zero_and_exit_code_zero(data: Path, call: Call, folder: Path) -> None:
    done = call(mlebench.main, "grade-technique", str(folder), *GRADE)
    assert done.code == 0
    assert json.loads(done.out)["score"] == 0.0


def test_what_cannot_be_asked_is_said_in_the_report(data: Path, call: Call, folder: Path) -> None:
    assert call(mlebench.main, "prepare", "-c", "diamond-prices").code == 0
    done = call(mlebench.main, "grade-technique", str(folder), "imbalance", "diamond-prices")
    report = json.loads(done.out)
    assert (done.code, report["applicable"], report["score"]) == (0, False, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("technique-view", "imbalanse", "credit-status", "--out", "new"), "did you mean imbalance"),
        (("technique-view", "imbalance", "credit-statsu", "--out", "new"), "did you mean credit-status"),
        (("technique-view", "imbalance", "credit-status", "--out", "."), "is there already"),
        (("technique-view", "imbalance", "credit-status", "--out", "new", "--seed", "-1"), "--seed -1"),
        (("grade-technique", "nowhere", *GRADE), "nowhere is not a folder"),
        (("grade-technique", ".", "imbalance", "flight-delays"), "mlebench prepare -c flight-delays"),
        (("grade-technique", ".", *GRADE, "--judge", "model"), "needs OPENAI_API_KEY"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_two(
    data: Path, call: Call, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.chdir(data)
    done = call(mlebench.main, *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not (data / "new").exists()


@pytest.mark.parametrize("technique", list(DRAWINGS))
def test_the_drawings_of_the_docs_are_of_real_views(technique: str, tmp_path: Path) -> None:
    committed = (FOLDER / f"{technique}.svg").read_text()
    assert committed == draw(technique, tmp_path)
    assert len(committed) < 60_000
