"""A code file runs in a sandbox of its own, under limits, and only what it gave comes back."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from store.records import Lease
from tasks.data import prepare
from tasks.registry import load_technique
from tasks.views import View, make_view
from tests.sandbox.launching import Transcript, make_agent, make_launch
from tests.tasks.asking import competition
from worker import code_check
from worker.code_check import RESULT, keep_result, run_code
from worker.heartbeat import Watch
from worker.sandbox import Execution, Launch, Limits
from worker.sandbox.process import ProcessSandbox
from worker.supervision import Ending, Supervision

LEASE = Lease(attempt_id="a", run_id="r", owner="me", fence=1)
SPLIT = "def split(train):\n    yield [0, 1], [2]\n    yield [0, 1, 2], [3]\n"


@dataclass(kw_only=True)
class Handed:
    """An attempt whose agent has ended."""

    launch: Launch
    said: Transcript
    view: View

    def run(self) -> dict[str, Any] | None:
        run_code(self.launch, self.view, ProcessSandbox(), supervise=self._supervise)
        assert not (self.launch.workspace.root / "code-check").exists()
        result = self.launch.workspace.root / RESULT
        return json.loads(result.read_text()) if result.exists() else None

    def _supervise(self, execution: Execution, limits: Limits) -> Ending:
        return Supervision(
            execution=execution,
            limits=limits,
            grace_secs=1,
            watch=Watch(lease=LEASE, last_line=lambda: "", lease_secs=600),
            stopping=threading.Event(),
            snapshots=None,
            note=self.launch.note,
        ).run()


@pytest.fixture
def handed(tmp_path: Path) -> Handed:
    """A cv attempt on a small table, with its three folders."""
    jobs = competition("job-classes")
    view = make_view(load_technique("cv"), jobs, prepare(jobs, tmp_path / "data"), 0)
    launch, said = make_launch(tmp_path, make_agent(tmp_path / "agent", ""), technique="cv")
    for folder in (launch.workspace.submission, launch.workspace.code, launch.workspace.logs):
        folder.mkdir()
    limits = replace(launch.limits, memory_bytes=2 << 30)
    return Handed(launch=replace(launch, limits=limits), said=said, view=view)


def test_without_a_code_file_nothing_is_run(handed: Handed) -> None:
    assert handed.run() is None
    assert handed.said.notes == []


def test_what_split_gives_is_judged(handed: Handed, tmp_path: Path) -> None:
    (handed.launch.workspace.code / "split.py").write_text(SPLIT)
    result = handed.run()
    assert result is not None
    assert result["covers"] is True
    keep_result(handed.launch.workspace.root, tmp_path)
    assert json.loads((tmp_path / RESULT).read_text()) == result


def test_code_in_the_submission_folder_counts_and_its_error_is_said(handed: Handed) -> None:
    (handed.launch.workspace.submission / "split.py").write_text("print('hello'); raise RuntimeError('mine')\n")
    assert handed.run() == {"note": "the code ended with exit code 1"}
    assert "RuntimeError: mine" in handed.said.text


def test_code_that_does_not_end_is_stopped(handed: Handed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_check, "MOST_SECS", 2.0)
    (handed.launch.workspace.code / "split.py").write_text("while True: pass\n")
    result = handed.run()
    assert result is not None
    assert "time limit of 2 s" in result["note"]


def judged_pairs(handed: Handed, folder: Path, pairs: str) -> Mapping[str, Any]:
    (folder / "pairs.json").write_text(pairs)
    return code_check._judged(load_technique("cv"), folder, handed.view)


def test_what_takes_too_long_to_judge_is_no_good(
    handed: Handed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_check, "JUDGING_SECS", 0.01)
    assert "took more than 0.01 s" in judged_pairs(handed, tmp_path, "[]")["note"]


def test_what_takes_too_much_memory_to_judge_is_no_good(
    handed: Handed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = f"[{','.join(['[[],[]]'] * 2_500_000)}]"  # 20 MB, and some 600 MB as lists
    assert "took too much memory" not in judged_pairs(handed, tmp_path, many)["note"]
    monkeypatch.setattr(code_check, "JUDGING_BYTES", 256 << 20)
    assert judged_pairs(handed, tmp_path, many)["note"] == "judging what the code gave took too much memory"


def test_code_sees_neither_the_truth_nor_the_agents_folders(handed: Handed) -> None:
    """It is given the public tables and itself; in a container that is all there is."""
    script = "import os\nprint('SEES', sorted(os.listdir(os.environ['DATA_DIR'])), os.environ.get('TECHNIQUE_TASK'))\n"
    (handed.launch.workspace.logs / "secret.log").write_text("mine")
    (handed.launch.workspace.code / "split.py").write_text(script + SPLIT)
    handed.run()
    (seen,) = [line for line in handed.said.text.splitlines() if line.startswith("SEES")]
    assert seen == "SEES ['description.md', 'test.csv', 'train.csv'] None"


def test_what_the_agent_put_in_place_of_the_result_does_not_count(handed: Handed) -> None:
    root = handed.launch.workspace.root
    (root / RESULT).write_text('{"covers": true, "note": ""}')
    (root / "code-check").symlink_to(root / "logs")
    assert handed.run() is None
    (root / RESULT).mkdir()
    (root / "code-check" / "submission").mkdir(parents=True)
    (handed.launch.workspace.code / "split.py").write_text("raise SystemExit(3)\n")
    assert handed.run() == {"note": "the code ended with exit code 3"}
    assert (root / "logs").is_dir()


def test_a_link_or_a_folder_in_place_of_the_code_is_not_followed(handed: Handed, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.py").write_text(SPLIT)
    (handed.launch.workspace.code / "split.py").symlink_to(tmp_path / "elsewhere.py")
    (handed.launch.workspace.submission / "split.py").mkdir()
    assert handed.run() is None
