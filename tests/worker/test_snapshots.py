"""Snapshots: the last good submission survives whatever the agent does at the end."""

import os
import time
from pathlib import Path

import pytest

from tests.sandbox.launching import validate
from worker.snapshots import Snapshots

GOOD = "id,target\n1,0\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "submission"
    folder.mkdir()
    return folder


@pytest.fixture
def snapshots(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Snapshots:
    monkeypatch.setattr("worker.snapshots.SHARE", 0)  # tests do not wait
    return Snapshots(folder, tmp_path / "side", validate=validate, max_bytes=1 << 20)


def poll_twice(snapshots: Snapshots) -> bool:
    """The first poll sees a file, the second finds it unchanged."""
    return [snapshots.poll(), snapshots.poll()][1]


def test_a_whole_file_is_kept_once(snapshots: Snapshots, folder: Path) -> None:
    (folder / "submission.csv").write_text(GOOD)
    assert [snapshots.poll() for _ in range(4)] == [False, True, False, False]


def test_a_file_in_motion_is_left_alone(snapshots: Snapshots, folder: Path) -> None:
    for number in range(5):
        (folder / "submission.csv").write_text(GOOD * (number + 1))
        assert not snapshots.poll()


def test_the_last_good_copy_takes_the_place_of_a_broken_file(snapshots: Snapshots, folder: Path) -> None:
    path = folder / "submission.csv"
    path.write_text(GOOD)
    assert poll_twice(snapshots)
    path.write_text("id,tar")
    assert not poll_twice(snapshots)
    said = snapshots.restore_if_better()
    assert said is not None and "submission.csv" in said
    assert path.read_text() == GOOD


def test_a_good_file_at_the_end_stays(snapshots: Snapshots, folder: Path) -> None:
    path = folder / "submission.csv"
    path.write_text(GOOD)
    assert poll_twice(snapshots)
    path.write_text(GOOD + "2,1\n")
    assert snapshots.restore_if_better() is None
    assert path.read_text() == GOOD + "2,1\n"


def test_nothing_good_ever_means_nothing_to_put_back(snapshots: Snapshots, folder: Path) -> None:
    (folder / "submission.csv").write_text("rubbish")
    assert not poll_twice(snapshots)
    assert snapshots.restore_if_better() is None
    assert (folder / "submission.csv").read_text() == "rubbish"


def test_a_missing_file_or_folder_comes_back(snapshots: Snapshots, folder: Path) -> None:
    (folder / "submission.csv").write_text(GOOD)
    assert poll_twice(snapshots)
    (folder / "submission.csv").unlink()
    folder.rmdir()
    assert not snapshots.poll()
    assert snapshots.restore_if_better() is not None
    assert (folder / "submission.csv").read_text() == GOOD


@pytest.mark.parametrize("kind", ["link", "folder", "folder-link"])
def test_what_stands_in_the_way_is_replaced_and_not_followed(
    snapshots: Snapshots, folder: Path, tmp_path: Path, kind: str
) -> None:
    path, outside = folder / "submission.csv", tmp_path / "outside"
    outside.mkdir()
    (outside / "submission.csv").write_text("precious")
    path.write_text(GOOD)
    assert poll_twice(snapshots)
    path.unlink()
    if kind == "link":
        path.symlink_to(outside / "submission.csv")
    elif kind == "folder":
        path.mkdir()
    else:
        folder.rmdir()
        folder.symlink_to(outside)
    assert not poll_twice(snapshots)
    assert snapshots.restore_if_better() is not None
    assert path.read_text() == GOOD and not folder.is_symlink()
    assert (outside / "submission.csv").read_text() == "precious"


def test_only_plain_files_of_moderate_size_are_looked_at(snapshots: Snapshots, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text(GOOD)
    (folder / "submission.csv").symlink_to(outside)
    os.mkfifo(folder / "submission.json")
    (folder / "submission.txt").hardlink_to(outside)
    (folder / "submission.big").write_text(GOOD + "x" * (1 << 20))
    (folder / "other.csv").write_text(GOOD)
    assert not poll_twice(snapshots)
    assert snapshots.restore_if_better() is None


def test_a_checker_that_breaks_does_not_end_the_attempt(folder: Path, tmp_path: Path) -> None:
    def broken(_path: Path) -> str | None:
        raise RecursionError("too clever a file")

    snapshots = Snapshots(folder, tmp_path / "side", validate=broken, max_bytes=1 << 20)
    (folder / "submission.csv").write_text(GOOD)
    assert not poll_twice(snapshots)


def test_a_checker_never_sees_the_agents_own_file(folder: Path, tmp_path: Path) -> None:
    seen: list[Path] = []

    def note(path: Path) -> str | None:
        seen.append(path)
        return None

    snapshots = Snapshots(folder, tmp_path / "side", validate=note, max_bytes=1 << 20)
    (folder / "submission.csv").write_text(GOOD)
    assert poll_twice(snapshots)
    assert all(folder not in path.parents for path in seen)


def test_costly_checks_are_made_seldom(folder: Path, tmp_path: Path) -> None:
    def slow(path: Path) -> str | None:
        time.sleep(0.2)  # so that the wait is seconds, on a busy machine too
        return validate(path)

    snapshots = Snapshots(folder, tmp_path / "side", validate=slow, max_bytes=1 << 20)
    (folder / "submission.csv").write_text(GOOD)
    assert poll_twice(snapshots)
    (folder / "submission.csv").write_text(GOOD + "2,1\n")
    assert not poll_twice(snapshots)  # at once: the copy just made has to pay off first


def test_what_an_earlier_worker_kept_is_not_forgotten(
    snapshots: Snapshots, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "submission.csv"
    path.write_text(GOOD)
    assert poll_twice(snapshots)
    path.write_text("half")
    successor = Snapshots(folder, tmp_path / "side", validate=validate, max_bytes=1 << 20)
    assert successor.restore_if_better() is not None
    assert path.read_text() == GOOD
    path.write_text(GOOD + "2,1\n")
    another = Snapshots(folder, tmp_path / "side", validate=validate, max_bytes=1 << 20)
    assert another.restore_if_better() is None
    assert path.read_text() == GOOD + "2,1\n"
