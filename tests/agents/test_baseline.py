"""The baseline from end to end, as a process of its own, on small data of every kind."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from sklearn.metrics import roc_auc_score

from agents.registry import AGENTS


@dataclass(frozen=True)
class Attempt:
    """The folders of one attempt."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    def put(self, block: dict[str, Any] | None = None, **tables: pd.DataFrame) -> None:
        """Write the public data: a CSV file for each table, and a description with `block`."""
        self.data.mkdir()
        for name, table in tables.items():
            table.to_csv(self.data / f"{name}.csv", index=False)
        text = f"# A competition\n\n```yaml\n{yaml.safe_dump(block)}```\n" if block else "# A competition\n"
        (self.data / "description.md").write_text(text)

    def run(self, agent: str = "baseline", **environment: str) -> str:
        """Run the agent; its output."""
        folders = {name: self.root / name.lower() for name in ("SUBMISSION_DIR", "LOGS_DIR", "CODE_DIR")}
        for folder in folders.values():
            folder.mkdir(exist_ok=True)
        variables = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "AGENT_DIR": str(AGENTS / agent),
            "DATA_DIR": str(self.data),
            "COMPETITION_ID": "tiny",
            "TIME_LIMIT_SECS": "60",
            "SEED": "0",
            "OMP_NUM_THREADS": "1",
            **{name: str(folder) for name, folder in folders.items()},
            **environment,
        }
        start = AGENTS / agent / "start.sh"
        done = subprocess.run(["bash", start], env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def submission(self) -> pd.DataFrame:
        return pd.read_csv(self.root / "submission_dir" / "submission.csv")

    @property
    def scores(self) -> dict[str, Any]:
        scores: dict[str, Any] = json.loads((self.root / "logs_dir" / "scores.json").read_text())
        return scores


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    return Attempt(tmp_path)


def test_a_table_of_everything_without_a_description(attempt: Attempt) -> None:
    """Numbers with gaps, categories with unseen levels, dates, a constant and an infinity; nothing is declared."""
    generator = np.random.default_rng(0)
    rows = 400
    x, city = generator.normal(size=rows), generator.choice(["Rome", "Oslo", "Bonn"], rows)
    days = generator.integers(0, 365, rows)
    y = (x + 2 * (city == "Rome") + generator.normal(size=rows) * 0.3 > 0.7).astype(int)
    table = pd.DataFrame(
        {
            "row": [f"r{number}" for number in range(rows)],
            "x": np.where(generator.random(rows) < 0.1, np.nan, x),
            "city": pd.Series(city).mask(generator.random(rows) < 0.1),
            "when": (pd.Timestamp("2023-01-01") + pd.to_timedelta(days, unit="D")).strftime("%d/%m/%Y"),
            "constant": 1,
            "wild": np.where(generator.random(rows) < 0.1, np.inf, 0.0),
            "y": y,
        }
    )
    train, test = table.iloc[:300], table.iloc[300:].drop(columns="y").copy()
    test.loc[test.index[:3], "city"] = "Quito"
    sample = pd.DataFrame({"row": test["row"][::-1], "y": 0.5})
    attempt.put(train=train, test=test, sample_submission=sample)
    attempt.run()

    submission = attempt.submission
    assert submission["row"].tolist() == sample["row"].tolist()
    truth = table.set_index("row")["y"].reindex(submission["row"])
    assert roc_auc_score(truth, submission["y"]) > 0.8
    assert submission["y"].between(0, 1).all()
    assert (attempt.root / "code_dir" / "learner" / "work.py").is_file()
    assert "log_loss" in (attempt.root / "logs_dir" / "baseline.log").read_text()


def test_texts(attempt: Attempt) -> None:
    generator = np.random.default_rng(0)
    words = np.array(["tea", "cup", "box", "leaf", "shop", "day"])
    good = generator.random(300) < 0.5
    text = [
        " ".join([*generator.choice(words, 8), "lovely" if value else "awful"])
        for value in np.where(generator.random(300) < 0.1, ~good, good)
    ]
    table = pd.DataFrame({"id": range(300), "review": text, "good": good.astype(int)})
    table.loc[5, "review"] = None
    block = {
        "table": {"train": "train.csv", "test": "test.csv", "target": "good", "id": "id", "kind": "binary"}
        | {"text": ["review"]},
        "metric": {"name": "roc_auc"},
        "submission": {"sample": "sample_submission.csv", "columns": [{"name": "good", "kind": "probability"}]},
    }
    train, test = table.iloc[:200], table.iloc[200:]
    sample = pd.DataFrame({"id": test["id"], "good": 0.5})
    attempt.put(block, train=train, test=test.drop(columns="good"), sample_submission=sample)
    attempt.run()
    assert roc_auc_score(test["good"], attempt.submission["good"]) > 0.8
    assert "naive bayes of words" in attempt.scores["goals"]["good"]["scores"]


def test_images_without_a_description(attempt: Attempt) -> None:
    """Bright on the left or on the right, in folders that nothing names; one file is broken, one is missing."""
    generator = np.random.default_rng(0)
    labels = generator.choice(["left", "right"], 80)
    table = pd.DataFrame({"id": [f"im{number}" for number in range(80)], "side": labels})
    train, test = table.iloc[:60], table.iloc[60:]
    sample = pd.DataFrame({"id": test["id"], "side": "left"})
    attempt.put(train=train, test=test.drop(columns="side"), sample_submission=sample)
    for folder, part in (("train_images", train), ("test_images", test)):
        (attempt.data / folder).mkdir()
        for name, side in zip(part["id"], part["side"], strict=True):
            pixels = generator.integers(0, 100, (10, 12)).astype(np.uint8)
            pixels[:, slice(0, 6) if side == "left" else slice(6, 12)] += 120
            Image.fromarray(pixels).save(attempt.data / folder / f"{name}.png")
    (attempt.data / "train_images" / "im7.png").write_bytes(b"no image")
    (attempt.data / "train_images" / "im8.png").unlink()
    attempt.run()
    assert (attempt.submission["side"].to_numpy() == test["side"].to_numpy()).mean() > 0.9


def test_two_numbers_and_gaps_in_a_target(attempt: Attempt) -> None:
    generator = np.random.default_rng(0)
    table = pd.DataFrame({"id": range(120), "u": generator.normal(size=120), "v": generator.normal(size=120)})
    table["a"], table["b"] = 3 * table["u"], table["v"] - 2
    train, test = table.iloc[:100].copy(), table.iloc[100:]
    train.loc[:9, "a"] = np.nan
    sample = pd.DataFrame({"id": test["id"], "a": 0.0, "b": 0.0})
    attempt.put(train=train, test=test.drop(columns=["a", "b"]), sample_submission=sample)
    attempt.run()
    for column in ("a", "b"):
        assert np.corrcoef(attempt.submission[column], test[column])[0, 1] > 0.9


def test_probabilities_of_classes_and_the_seed(attempt: Attempt) -> None:
    generator = np.random.default_rng(0)
    table = pd.DataFrame({"id": range(150), "x": generator.normal(size=150)})
    table["kind"] = pd.cut(table["x"], [-9, -0.5, 0.5, 9], labels=["lo", "mid", "hi"]).astype(str)
    table.loc[3, "kind"] = "rare"  # a class of a single row
    block = {
        "table": {"train": "train.csv", "test": "test.csv", "target": "kind", "id": "id", "kind": "multiclass"},
        "metric": {"name": "log_loss"},
        "submission": {"columns": [{"name": name, "kind": "probability"} for name in ("lo", "mid", "hi", "no")]},
    }
    train, test = table.iloc[:100], table.iloc[100:]
    sample = pd.DataFrame({"id": test["id"], "lo": 0.25, "mid": 0.25, "hi": 0.25, "no": 0.25})
    attempt.put(block, train=train, test=test.drop(columns="kind"), sample_submission=sample)
    attempt.run()
    first = attempt.submission
    classes = ["lo", "mid", "hi", "no"]
    assert np.allclose(first[classes].sum(axis=1), 1)
    assert (first["no"] == 0).all()
    assert (first[classes].idxmax(axis=1).to_numpy() == test["kind"].to_numpy()).mean() > 0.85
    attempt.run()
    pd.testing.assert_frame_equal(first, attempt.submission)


@pytest.mark.parametrize("rows", [1, 2, 6])
def test_few_rows(attempt: Attempt, rows: int) -> None:
    train = pd.DataFrame({"id": range(rows), "x": range(rows), "c": ["a"] * rows, "y": [0, 1, 0, 1, 1, 0][:rows]})
    test = pd.DataFrame({"id": [90, 91], "x": [1, None], "c": ["b", None]})
    attempt.put(train=train, test=test, sample_submission=pd.DataFrame({"id": [90, 91], "y": [0.5, 0.5]}))
    attempt.run()
    assert attempt.submission["id"].tolist() == [90, 91]
    assert attempt.submission["y"].between(0, 1).all()


def test_no_time(attempt: Attempt) -> None:
    train = pd.DataFrame({"id": range(50), "x": range(50), "y": [0, 1] * 25})
    sample = pd.DataFrame({"id": [90], "y": [0.3]})
    attempt.put(train=train, test=pd.DataFrame({"id": [90], "x": [1]}), sample_submission=sample)
    assert "no time left" in attempt.run(TIME_LIMIT_SECS="1")
    assert attempt.submission["y"].tolist() == [0.5], "the constant, which costs nothing"


@contextmanager
def validation(result: str) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers `result`; its address, and the bodies that were sent."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"result": result}).encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/validate", bodies
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("result", "kept"), [("Submission is valid.", True), ("Submission invalid: no column z", False)]
)
def test_validation_is_asked_once_and_heeded(attempt: Attempt, result: str, kept: bool) -> None:
    train = pd.DataFrame({"id": range(4), "x": range(4), "y": [0, 1, 1, 1]})
    sample = pd.DataFrame({"id": [90], "y": [0.5]})
    attempt.put(train=train, test=pd.DataFrame({"id": [90], "x": [1]}), sample_submission=sample)
    with validation(result) as (url, bodies):
        attempt.run(VALIDATION_URL=url, http_proxy="http://127.0.0.1:9")
    (body,) = bodies
    assert b'name="file"; filename="submission.csv"\r\n\r\nid,y\n90,' in body
    assert (attempt.submission["y"].tolist() != [0.5]) is kept


def test_a_validation_that_does_not_answer_is_no_failure(attempt: Attempt) -> None:
    attempt.put(sample_submission=pd.DataFrame({"id": [90], "y": [0.5]}))
    output = attempt.run(VALIDATION_URL="http://127.0.0.1:9/validate")
    assert "no train table" in output and "validation does not answer" in output
    assert attempt.submission["y"].tolist() == [0.5], "without a train table, the sample is handed in"


def test_dummy_hands_in_the_sample(attempt: Attempt) -> None:
    sample = pd.DataFrame({"id": [1, 2], "y": [0.25, 0.5]})
    attempt.put(sample_submission=sample)
    attempt.run("dummy")
    pd.testing.assert_frame_equal(attempt.submission, sample)
    assert [path.name for path in (attempt.root / "submission_dir").iterdir()] == ["submission.csv"]


def _ask(attempt: Attempt, technique: str, agent: str) -> dict[str, Any]:
    """Ask about a small table, with the question where a sandbox puts it; the answer."""
    rows = pd.DataFrame({"id": range(60), "x": range(60), "y": ["a"] * 45 + ["b"] * 15})
    table = {"train": "train.csv", "test": "test.csv", "target": "y", "id": "id", "kind": "binary"}
    attempt.put({"table": table}, train=rows, test=rows.drop(columns="y"))
    (attempt.root / "technique_description.md").write_text("Well?\n\n`model_type` is `linear`.\n")
    folder = attempt.root / "agent"
    shutil.copytree(AGENTS / agent, folder)
    attempt.run(agent, TECHNIQUE_TASK=technique, AGENT_DIR=str(folder))
    assert not (attempt.root / "submission_dir" / "submission.csv").exists()
    answer: dict[str, Any] = json.loads((attempt.root / "submission_dir" / f"{technique}_analysis.json").read_text())
    return answer


def test_asked_a_question_it_answers_that_alone(attempt: Attempt) -> None:
    answer = _ask(attempt, "imbalance", "baseline")
    assert answer["class_distribution"] == {"a": 45, "b": 15}
    assert (answer["imbalance_ratio"], answer["severity"]) == (3.0, "moderate")


def test_it_reads_which_model_is_meant(attempt: Attempt) -> None:
    assert _ask(attempt, "scaling", "baseline")["model_type"] == "linear"


def test_the_dummy_answers_with_an_empty_object(attempt: Attempt) -> None:
    assert _ask(attempt, "cv", "dummy") == {}
