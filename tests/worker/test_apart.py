"""A preparation in a process of its own: what it says is heard, and its death is a failure like others."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import DataError, InputError
from tasks.registry import Competition, load_competition
from tests.kaggle_server import ACCOUNT, FakeKaggle, fake_kaggle
from tests.tasks.test_raw import ARCHIVE
from worker.apart import Preparation, prepare_apart
from worker.places import Place
from worker.preparing import prepared
from worker.settings import load_settings

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeKaggle]:
    monkeypatch.setenv("HOME", str(tmp_path))
    with fake_kaggle(archives={"tiny-kaggle": ARCHIVE}) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def competition() -> Competition:
    return load_competition("tiny-kaggle", roots=[FIXTURES / "competitions"])


def _with_preparer(competition: Competition, folder: Path, code: str) -> Competition:
    (folder / "prepare.py").write_text(f"import os, signal, sys\ndef prepare(raw, public, private):\n    {code}\n")
    return replace(competition, folder=folder)


def _quiet(stage: str, done: int, total: int | None) -> None:
    """No progress."""


def test_what_it_says_and_how_far_it_is_is_heard(server: FakeKaggle, competition: Competition, tmp_path: Path) -> None:
    lines: list[str] = []
    moved: list[tuple[str, int, int | None]] = []
    preparation = Preparation(competition=competition, data_dir=tmp_path / "data", credentials=ACCOUNT)
    done = prepare_apart(preparation, note=lines.append, progress=lambda *now: moved.append(now))
    assert (done.private / "test.csv").is_file()
    assert "downloading tiny-kaggle from Kaggle" in lines
    assert ("downloading", len(ARCHIVE), len(ARCHIVE)) in moved


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", r"preparing tiny-kaggle was killed \(SIGKILL\); was there enough mem"),
        ("os._exit(3)", "preparing tiny-kaggle ended with exit code 3"),
        ("sys.exit(4)", "preparing tiny-kaggle ended with exit code 4"),
        ("raise OSError('no way')", "preparing tiny-kaggle failed: OSError: no way"),
        ("input()", "preparing tiny-kaggle failed: EOFError"),
    ],
)
def test_however_it_ends_this_process_lives(
    server: FakeKaggle, competition: Competition, tmp_path: Path, code: str, message: str
) -> None:
    (tmp_path / "folder").mkdir()
    broken = _with_preparer(competition, tmp_path / "folder", code)
    preparation = Preparation(competition=broken, data_dir=tmp_path / "data", credentials=ACCOUNT)
    with pytest.raises(DataError, match=message):
        prepare_apart(preparation, note=print, progress=_quiet)


def test_a_wrong_folder_is_the_error_that_it_is(competition: Competition, tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(InputError, match="cannot be written"):
        prepare_apart(Preparation(competition=competition, data_dir=tmp_path / "data"), note=print, progress=_quiet)


def test_a_worker_downloads_with_the_account_of_its_settings(
    server: FakeKaggle, competition: Competition, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(f"KAGGLE_USERNAME={ACCOUNT.username}\nKAGGLE_KEY={ACCOUNT.key}\n")
    place, lines = Place(folder=tmp_path / "data"), list[str]()
    with pytest.raises(DataError, match="no Kaggle credentials, needed to download tiny-kaggle"):
        prepared(competition, place, load_settings(env_file=tmp_path / "none"), note=lines.append)
    prepared(competition, place, load_settings(env_file=tmp_path / ".env"), note=lines.append)
    assert f"downloading: {len(ARCHIVE)} B of {len(ARCHIVE)} B (100%)" in lines
    assert len(server.downloads) == 1
