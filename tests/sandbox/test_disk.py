"""Measuring and removing what an agent may have done to its folders."""

import os
from pathlib import Path

import pytest

from worker.sandbox.disk import BOUNDLESS, DEEPEST, DiskMeter, occupied_bytes, remove_tree


def make_deep(folder: Path, levels: int) -> None:
    """Nest folders without ever naming a long path."""
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d" * 200, dir_fd=descriptor)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open("leaf", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)


def test_blocks_count_and_not_what_a_file_pretends(tmp_path: Path) -> None:
    (tmp_path / "full").write_bytes(b"x" * (1 << 20))
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2 << 30)
    used = occupied_bytes(tmp_path)
    assert 1 << 20 <= used < 3 << 20


def test_links_are_not_followed_and_second_names_do_not_count(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    folder.mkdir()
    (outside / "large").write_bytes(b"x" * (1 << 20))
    (folder / "link").symlink_to(outside)
    assert occupied_bytes(folder) < 100_000
    (folder / "one").write_bytes(b"x" * (1 << 20))
    once = occupied_bytes(folder)
    (folder / "two").hardlink_to(folder / "one")
    assert occupied_bytes(folder) == once


def test_many_empty_files_are_not_free(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / str(number)).touch()
    assert occupied_bytes(tmp_path) >= 100 * 512


def test_a_tree_too_deep_to_measure_is_boundless(tmp_path: Path) -> None:
    deep = tmp_path / "deep"
    deep.mkdir()
    make_deep(deep, DEEPEST + 5)
    assert occupied_bytes(tmp_path) == BOUNDLESS
    remove_tree(deep)


def test_a_missing_folder_is_empty(tmp_path: Path) -> None:
    assert occupied_bytes(tmp_path / "nothing") == 0


def test_remove_tree_copes_with_depth_modes_and_links(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    (outside / "kept").touch()
    folder.mkdir()
    make_deep(folder, 1500)  # beyond the recursion limit, and paths beyond PATH_MAX
    (folder / "link").symlink_to(outside)
    (folder / "closed").mkdir()
    (folder / "closed" / "file").touch()
    (folder / "closed").chmod(0)
    os.mkfifo(folder / "pipe")
    remove_tree(folder)
    assert not folder.exists()
    assert (outside / "kept").exists()


@pytest.mark.parametrize("kind", ["missing", "file", "link"])
def test_remove_tree_of_what_is_no_folder(tmp_path: Path, kind: str) -> None:
    target, path = tmp_path / "target", tmp_path / "path"
    target.mkdir()
    if kind == "file":
        path.touch()
    elif kind == "link":
        path.symlink_to(target)
    remove_tree(path)
    assert not path.is_symlink() and not path.exists()
    assert target.exists()


def test_a_meter_measures_seldom() -> None:
    calls: list[int] = []

    def measure() -> int:
        calls.append(1)
        return 5

    meter = DiskMeter(measure, at_least_secs=60)
    assert [meter.read() for _ in range(10)] == [5] * 10
    assert len(calls) == 1
