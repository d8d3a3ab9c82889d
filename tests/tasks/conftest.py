"""A small competition, written as a folder like anybody's own."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.registry import Competition, load_competition

COMPETITION: dict[str, Any] = {
    "id": "toy",
    "name": "Toy",
    "category": "tabular",
    "source": "package",
    "metric": "accuracy",
    "submission": {"id": "id", "columns": [{"name": "label", "kind": "label", "classes": ["a", "b"]}]},
    "table": {"train": "train.csv", "test": "test.csv", "target": "label", "id": "id", "kind": "binary"},
}
THRESHOLDS: dict[str, Any] = {"kind": "reference", "gold": 1.0, "silver": 0.9, "bronze": 0.8, "median": 0.5}
PREPARE = """
def prepare(raw, public, private):
    (public / "train.csv").write_text("id,x,label\\n0,1,a\\n1,2,b\\n")
    (public / "test.csv").write_text("id,x\\n2,1\\n3,2\\n4,2\\n5,1\\n")
    (public / "sample_submission.csv").write_text("id,label\\n2,a\\n3,a\\n4,a\\n5,a\\n")
    (private / "test.csv").write_text("id,label\\n2,a\\n3,b\\n4,b\\n5,a\\n")
"""

Write = Callable[..., Path]
Load = Callable[..., Competition]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder for competitions, as MLEBENCH_COMPETITIONS_PATH would name it."""
    path = tmp_path / "competitions"
    path.mkdir()
    return path


@pytest.fixture
def write(root: Path) -> Write:
    """Write the toy competition, with keys of competition.yaml replaced (None: left out), and return its folder."""

    def write(
        *,
        folder_name: str = "toy",
        thresholds: Mapping[str, Any] = THRESHOLDS,
        prepare: str = PREPARE,
        grade: str | None = None,
        **keys: Any,
    ) -> Path:
        folder = root / folder_name
        folder.mkdir()
        entry = {key: value for key, value in {**COMPETITION, **keys}.items() if value is not None}
        (folder / "competition.yaml").write_text(yaml.safe_dump(entry))
        (folder / "thresholds.yaml").write_text(yaml.safe_dump(dict(thresholds)))
        (folder / "description.md").write_text("# Toy\n\nTell a from b.\n")
        (folder / "prepare.py").write_text(prepare)
        if grade is not None:
            (folder / "grade.py").write_text(grade)
        return folder

    return write


@pytest.fixture
def load(root: Path, write: Write) -> Load:
    """Write the toy competition and load it."""

    def load(**keys: Any) -> Competition:
        return load_competition(write(**keys).name, roots=[root])

    return load
