"""What submit says while it follows a run of its own."""

import io
from pathlib import Path

from rich.console import Console

from scripts.submit import _telling_of_disks
from worker.settings import load_settings


def test_a_full_disk_is_told_once(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, runs_dir=tmp_path, min_free_disk_gb=1e6, env_file=tmp_path / "none")
    checks: list[str] = []
    said = io.StringIO()
    look = _telling_of_disks(lambda: checks.append("checked"), settings, Console(file=said, width=300))
    look()
    look()
    assert checks == ["checked", "checked"]
    (line,) = said.getvalue().splitlines()
    assert line.startswith(f"nothing new is started: the disk of {tmp_path} is nearly full")
