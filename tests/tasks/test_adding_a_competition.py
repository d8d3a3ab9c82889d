"""docs/adding-a-competition.md, followed to the letter: its files, its commands."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adding-a-competition.md"
FILE = re.compile(r"`plant-heights/([a-z.]+)`\n\n```\w+\n(.*?)\n```", re.DOTALL)
COMMANDS = re.compile(r"## 6.*?```sh\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_page_can_be_followed(page: str, tmp_path: Path) -> None:
    files = dict(FILE.findall(page))
    assert set(files) == {"competition.yaml", "thresholds.yaml", "prepare.py", "description.md"}
    folder = tmp_path / "my-competitions" / "plant-heights"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(content + "\n", encoding="utf-8")
    raw = tmp_path / "data" / "plant-heights" / "raw"
    raw.mkdir(parents=True)
    rows = [f"{n},{3 * n},{'clay' if n % 2 else 'sand'},{20 + n / 4}" for n in range(40)]
    (raw / "plants.csv").write_text("\n".join(["plant,age,soil,height", *rows]) + "\n")

    found = COMMANDS.search(page)
    assert found is not None
    commands = found[1].splitlines()
    assert len(commands) == 3
    listed, _, graded = (_run(command, tmp_path) for command in commands)
    assert "plant-heights" in listed
    report = json.loads(graded)
    # The four test plants, each predicted 1 too high.
    assert (report["score"], report["silver_medal"], report["gold_medal"]) == (1.0, False, True)
    assert report["issues"] == ["Plants of one bed stand on both sides of the split."]


def _run(command: str, folder: Path) -> str:
    """Run one of the page's commands as a user would; before the last one the agent leaves its submission."""
    if "grade-sample" in command:
        answers = (folder / "data/plant-heights/prepared/private/test.csv").read_text().splitlines()
        rows = [(plant, float(height)) for plant, height in (line.split(",") for line in answers[1:])]
        lines = [answers[0], *(f"{plant},{height + 1}" for plant, height in rows)]
        (folder / "submission.csv").write_text("\n".join(lines) + "\n")
    environment = {
        **os.environ,
        "MLEBENCH_COMPETITIONS_PATH": str(folder / "my-competitions"),
        "MLEBENCH_DATA_DIR": str(folder / "data"),
        "COLUMNS": "300",
        "PYTHONPATH": str(PAGE.parent.parent),
    }
    arguments = [sys.executable, "-m", "scripts.mlebench", *command.split()[1:]]
    done = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_names_files_that_exist(page: str) -> None:
    named = set(re.findall(r"`((?:tasks|grading|docs|tests|splits)/[\w/.-]*)`", page))
    assert named
    assert [name for name in sorted(named) if not (PAGE.parent.parent / name).exists()] == []
