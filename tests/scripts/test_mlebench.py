"""The mlebench command: list, grade, grade-sample. tests/scripts/test_preparing.py has prepare and preflight."""

import json
import subprocess
import sys
from pathlib import Path

from scripts import mlebench
from tests.scripts.conftest import Call


def prepared(call: Call, folder: Path) -> Path:
    called = call(mlebench.main, "prepare", "-c", "tiny")
    assert called.code == 0, called.err
    return folder / "data" / "tiny" / "prepared"


def test_help_loads_nothing_heavy() -> None:
    heavy = "pandas numpy sklearn scipy celery sqlalchemy docker pydantic starlette kaggle kagglesdk requests"
    code = f"import sys, scripts.mlebench; print([name for name in {heavy.split()!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_list_says_what_there_is(call: Call) -> None:
    rows = json.loads(call(mlebench.main, "list", "--json").out)
    tiny = next(row for row in rows if row["id"] == "tiny")
    assert tiny == {
        "id": "tiny",
        "name": "Tiny",
        "splits": [],
        "category": "tabular",
        "metric": "roc_auc",
        "direction": "higher",
        "thresholds": "reference",
        "download_bytes": None,
        "prepared_bytes": None,
        "prepared": False,
    }
    assert "diamond-prices" in call(mlebench.main, "list").out


def test_list_says_how_large_data_is_or_would_be(call: Call, folder: Path) -> None:
    data = prepared(call, folder)
    rows = {row["id"]: row for row in json.loads(call(mlebench.main, "list", "--json").out)}
    size = sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
    assert (rows["tiny"]["prepared"], rows["tiny"]["prepared_bytes"]) == (True, size)
    assert (rows["tiny-kaggle"]["prepared_bytes"], rows["tiny-kaggle"]["download_bytes"]) == (None, 1000)
    assert "1.0 kB to download" in call(mlebench.main, "list").out


def test_list_may_be_of_a_split(call: Call, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("tiny-kaggle\n")
    rows = json.loads(call(mlebench.main, "list", "--split", str(tmp_path / "mine.txt"), "--json").out)
    assert [row["id"] for row in rows] == ["tiny-kaggle"]
    assert {row["id"] for row in json.loads(call(mlebench.main, "list", "--split", "dev", "--json").out)} >= {
        "diamond-prices"
    }


def test_list_says_what_is_known_to_be_wrong(call: Call, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("tiny\ntiny-kaggle\n")
    mine = ("list", "--issues", "--split", str(tmp_path / "mine.txt"))
    assert json.loads(call(mlebench.main, *mine, "--json").out) == {"tiny-kaggle": ["Column x nearly says the answer."]}
    assert call(mlebench.main, *mine).out == "tiny-kaggle\n  - Column x nearly says the answer.\n"


def test_prepare_prepares_once(call: Call, folder: Path) -> None:
    public = prepared(call, folder) / "public"
    before = (public / "train.csv").stat().st_mtime_ns
    again = call(mlebench.main, "prepare", "-c", "tiny")
    assert again.code == 0
    assert "1 of 1 prepared" in again.err
    assert (public / "train.csv").stat().st_mtime_ns == before


def test_one_that_cannot_be_prepared_stops_no_other(
    call: Call, folder: Path, tmp_path: Path, monkeypatch: object
) -> None:
    (folder / "data" / "tiny").mkdir(parents=True)
    listed = tmp_path / "some.txt"
    listed.write_text("credit-status\ntiny\n")
    (folder / "data" / "credit-status").write_text("in the way")
    called = call(mlebench.main, "prepare", "--list", str(listed))
    assert called.code != 0
    assert "credit-status" in called.err
    assert (folder / "data" / "tiny" / "prepared" / "private" / "test.csv").is_file()


def test_grade_sample_prints_the_report_and_nothing_else(call: Call, folder: Path) -> None:
    data = prepared(call, folder)
    called = call(mlebench.main, "grade-sample", str(data / "private" / "test.csv"), "tiny")
    assert called.code == 0
    report = json.loads(called.out)
    assert (report["score"], report["gold_medal"], report["valid_submission"]) == (1.0, True, True)


def test_grade_sample_says_what_is_wrong_with_a_submission(call: Call, folder: Path, tmp_path: Path) -> None:
    prepared(call, folder)
    bad = tmp_path / "bad.csv"
    bad.write_text("id,late\n1,0.5\n")
    called = call(mlebench.main, "grade-sample", str(bad), "tiny")
    report = json.loads(called.out)
    assert called.code == 0
    assert (report["score"], report["valid_submission"], report["submission_exists"]) == (None, False, True)
    assert "invalid_submission" in called.err


def test_grade_writes_one_report_of_all(call: Call, folder: Path, tmp_path: Path) -> None:
    data = prepared(call, folder)
    listed = tmp_path / "list.jsonl"
    paths = [data / "private" / "test.csv", data / "public" / "sample_submission.csv", tmp_path / "missing.csv"]
    entries = [json.dumps({"competition_id": "tiny", "submission_path": str(path)}) for path in paths]
    listed.write_text("\n".join(entries))
    called = call(mlebench.main, "grade", "--submission", str(listed), "--output-dir", str(tmp_path / "out"))
    assert called.code == 0, called.err
    (path,) = (tmp_path / "out").iterdir()
    assert called.out.strip() == str(path)
    report = json.loads(path.read_text())
    assert report["total_runs"] == 3
    assert report["total_runs_with_submissions"] == report["total_valid_submissions"] == 2
    assert report["total_gold_medals"] == 1
    assert [entry["status"] for entry in report["competition_reports"]] == ["completed", "completed", "no_submission"]
