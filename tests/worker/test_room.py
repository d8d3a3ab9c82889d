"""Room on the disks: what is lacking, and for how long that is remembered."""

import math
from pathlib import Path

import pytest

from worker import room
from worker.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path / "data", runs_dir=tmp_path / "runs", env_file=tmp_path / "none")


def test_a_disk_with_less_than_is_wanted_is_named(settings: Settings, tmp_path: Path) -> None:
    assert room.lacking(settings.model_copy(update={"min_free_disk_gb": 0.0})) is None
    said = room.lacking(settings.model_copy(update={"min_free_disk_gb": 1e6}), tmp_path)
    assert said is not None
    assert said.startswith(f"the disk of {tmp_path / 'data'} is nearly full: ")
    assert said.endswith("1e+06 GiB wanted (MLEBENCH_MIN_FREE_DISK_GB)")


def test_a_disk_with_next_to_nothing_is_full_whatever_is_wanted(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_wanted = settings.model_copy(update={"min_free_disk_gb": 0.0})
    assert room.full(tmp_path) is None
    monkeypatch.setattr(room, "FULL_BYTES", 1 << 60)
    assert room.lacking(nothing_wanted) is not None
    assert room.full(tmp_path) is not None


def test_what_an_agent_has_taken_itself_may_count_as_free(settings: Settings, tmp_path: Path) -> None:
    free = room.free_bytes(tmp_path)
    much = settings.model_copy(update={"min_free_disk_gb": (free + (10 << 30)) / 2**30})
    assert room.lacking(much, besides=1 << 30) is not None
    assert room.lacking(much, besides=20 << 30) is None


def test_a_disk_of_which_nothing_is_known_lacks_nothing() -> None:
    nowhere = Path("/" + 5000 * "x")
    assert math.isnan(room.free_bytes(nowhere))
    assert room.full(nowhere) is None


def test_what_was_lacking_is_remembered_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = room.Lacking()
    lacking.note(None)
    assert lacking.lately() is None
    lacking.note("the disk is full")
    lacking.note(None)
    assert lacking.lately() == "the disk is full"
    monkeypatch.setattr(room, "LATELY_SECS", 0.0)
    assert lacking.lately() is None
