"""Run folders as a worker leaves them, of competitions that are prepared on this host."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from core.files import json_bytes
from inspection.findings import Finding
from inspection.report import Report, inspect
from inspection.rollouts import Known, Rollout, read_run
from inspection.similar_code import read_notebooks
from store.storage import Folder
from tasks.data import prepare
from tasks.registry import load_competition
from worker.instructions import TEXT

ROWS = 400
DESCRIBED = "See kaggle.com/c/made-up/, where a leaderboard.csv is, and never answers.csv."
THRESHOLDS = {"kind": "reference", "gold": 1.0, "silver": 0.9, "bronze": 0.8, "median": 0.5}
PREPARE = """
def prepare(raw, public, private):
    rows = range({rows})
    for folder, file, value in ((public, "sample_submission.csv", {sample!r}), (private, "answers.csv", {answer!r})):
        (folder / file).write_text("id,y\\n" + "".join(f"{{id}},{{value}}\\n" for id in map({id}, rows)))
    (public / "train.csv").write_text("id,x,y\\n-1,0,{answer}\\n")
    (public / "test.csv").write_text("id,x\\n" + "".join(f"{{id}},0\\n" for id in map({id}, rows)))
"""
KINDS: dict[
    str, tuple[dict[str, Any], str, str]
] = {  # of the column, with a value for the sample and one for the answers
    "number": ({"kind": "number"}, "0.5", "1"),
    "label": ({"kind": "label", "classes": ["cat", "dog", "newt"]}, "cat", "dog"),
    "text": ({"kind": "text"}, "", "1 3"),
}

Files = Mapping[str, str | bytes]


def row_id(row: int) -> str:
    """The ids of the competitions here."""
    return f"img_{row:05d}"


def table(values: Sequence[object] | NDArray[np.float64], order: Sequence[int] | None = None) -> str:
    """A submission with one value a row."""
    rows = [f"{row_id(row)},{value}\n" for row, value in enumerate(values)]
    return "id,y\n" + "".join(rows if order is None else [rows[row] for row in order])


def noise(seed: int, rows: int = ROWS) -> NDArray[np.float64]:
    """Predictions without a pattern."""
    return np.random.default_rng(seed).normal(size=rows)


def choices(seed: int, rows: int = ROWS) -> list[str]:
    """Labels without a pattern."""
    labels: list[str] = np.random.default_rng(seed).choice(["cat", "dog", "newt"], size=rows).tolist()
    return labels


@dataclass(kw_only=True)
class Site:
    """A host with competitions and runs."""

    folder: Path
    runs: list[Path] = field(default_factory=list)

    def competition(self, name: str, kind: str = "number", *, rows: int = ROWS) -> str:
        """Add a competition of a column of that kind; gives its id."""
        folder = self.folder / "competitions" / name
        folder.mkdir(parents=True)
        column, sample, answer = KINDS[kind]
        entry = {
            "id": name,
            "name": name,
            "category": "tabular",
            "source": "package",
            "metric": "mae" if kind == "number" else "accuracy",
            "answers": "answers.csv",
            "submission": {"id": "id", "columns": [{"name": "y", **column}]},
        }
        (folder / "competition.yaml").write_text(yaml.safe_dump(entry))
        thresholds = dict(THRESHOLDS)
        if kind == "number":
            thresholds |= {"gold": 0.1, "silver": 0.2, "bronze": 0.3, "median": 0.5}
        (folder / "thresholds.yaml").write_text(yaml.safe_dump(thresholds))
        (folder / "description.md").write_text(f"# Made up\n\n{DESCRIBED}\n")
        text = PREPARE.format(rows=rows, sample=sample, answer=answer, id='"img_{:05d}".format')
        (folder / "prepare.py").write_text(text)
        return name

    def run(self, competition: str, *attempts: Files, agent: str = "one", technique: str | None = None) -> Path:
        """Add a run of an agent: for each attempt its files, with seeds from 0."""
        number = len(self.runs)
        folder = self.folder / "runs" / f"2026-01-01T00-00-{number:02d}-UTC_run-group_{agent}"
        folder.mkdir(parents=True)
        storage = Folder(path=folder)
        runs = {}
        for seed, files in enumerate(attempts):
            name = f"{competition}_{uuid.UUID(int=1000 * number + seed)}"
            out = self.folder / "out"
            for file, content in {"run.log": f"[mlebench] attempt {seed}\n", **files}.items():
                (out / file).parent.mkdir(parents=True, exist_ok=True)
                (out / file).write_bytes(content if isinstance(content, bytes) else content.encode())
            storage.publish(out, attempt=name, fence=1)
            runs[name] = {"competition_id": competition, "technique": technique, "seed": seed, "status": "completed"}
        metadata = {"run_id": f"run{number}", "agent_id": agent, "agent_hash": "0" * 64, "runs": runs}
        storage.write("metadata.json", json_bytes(metadata))
        self.runs.append(folder)
        return folder

    def known(self, competition_id: str) -> Known:
        """What this host knows of a competition."""
        competition = load_competition(competition_id, roots=[self.folder / "competitions"])
        return Known.of(competition, prepare(competition, self.folder / "data"), texts=(TEXT,))

    def rollouts(self) -> list[Rollout]:
        """The attempts of all runs."""
        return [rollout for run in self.runs for rollout in read_run(Folder(path=run), name=run.name)]

    def inspect(self, notebooks: Path | None = None) -> Report:
        """Inspect all runs."""
        competitions = [path.name for path in (self.folder / "competitions").iterdir()]
        references = [] if notebooks is None else read_notebooks(notebooks, competitions)[0]
        return inspect(self.rollouts(), known_of=self.known, notebooks=references)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(folder=tmp_path)


def degrees(findings: Sequence[Finding], check: str = "") -> list[str]:
    """The degrees of what a check found."""
    return [str(finding.degree) for finding in findings if check in finding.check]
