"""Commands, called in this process as their users call them."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"


@dataclass(frozen=True, kw_only=True)
class Called:
    """What a command did."""

    code: int
    out: str
    err: str


Call = Callable[..., Called]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own that all settings point into, without a file in it."""
    own = tmp_path / "own"
    own.mkdir()
    for name, value in {
        "MLEBENCH_DATA_DIR": own / "data",
        "MLEBENCH_RUNS_DIR": own / "runs",
        "MLEBENCH_AGENTS_PATH": FIXTURES / "agents",
        "MLEBENCH_COMPETITIONS_PATH": FIXTURES / "competitions",
        "MLEBENCH_ENV_FILE": own / ".env",
    }.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("HOME", str(own))  # where credentials may be
    for name in ("MLEBENCH_BROKER_URL", "MLEBENCH_DATABASE_URL", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return own


@pytest.fixture
def call(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Call a command's main function with arguments."""

    def run(main: Callable[[], object], *arguments: str) -> Called:
        monkeypatch.setattr(sys, "argv", ["command", *arguments])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        captured = capsys.readouterr()
        return Called(code=code, out=captured.out, err=captured.err)

    return run
