"""An archive that is not trusted is unpacked whole or refused whole."""

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BrokenArchive, DataError
from tasks import unpacking
from tasks.unpacking import unpack, unpacked_bytes


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "toy.zip"


def _quiet(stage: str, done: int, total: int | None) -> None:
    """No progress."""


def _write(archive: Path, *members: tuple[str | zipfile.ZipInfo, str]) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for member, content in members:
            opened.writestr(member, content)


def _names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_all_members_are_unpacked_and_archives_within_are_not(archive: Path, tmp_path: Path) -> None:
    _write(archive, ("train.csv", "id\n1\n"), ("images/a/1.png", "x"), ("empty/", ""), ("nested.zip", "PK"))
    seen: list[tuple[int, int | None]] = []
    unpack(archive, tmp_path / "raw", progress=lambda _, done, total: seen.append((done, total)))
    assert (tmp_path / "raw" / "train.csv").read_text() == "id\n1\n"
    assert _names(tmp_path / "raw") == {"train.csv", "images", "images/a", "images/a/1.png", "empty", "nested.zip"}
    assert unpacked_bytes(archive) == 8
    assert seen[-1] == (8, 8)
    assert (tmp_path / "raw").stat().st_mode & 0o777 == 0o755


def test_an_empty_folder_is_filled(archive: Path, tmp_path: Path) -> None:
    _write(archive, ("train.csv", ""))
    (tmp_path / "raw").mkdir()
    unpack(archive, tmp_path / "raw", progress=_quiet)
    assert _names(tmp_path / "raw") == {"train.csv"}


def _special(kind: int) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo("special")
    member.external_attr = (kind | 0o777) << 16
    return member


HOSTILE: dict[str, tuple[str | zipfile.ZipInfo, str]] = {
    "absolute": ("/tmp/escaped", "would lie outside"),
    "upwards": ("../escaped", "would lie outside"),
    "upwards in the middle": ("a/../../escaped", "would lie outside"),
    "backslashes": ("..\\escaped", "would lie outside"),
    "no name": (".", "would lie outside"),
    "a link": (_special(stat.S_IFLNK), "is a link or a device"),
    "a device": (_special(stat.S_IFBLK), "is a link or a device"),
    "a pipe": (_special(stat.S_IFIFO), "is a link or a device"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_member_is_refused_before_anything_is_written(archive: Path, tmp_path: Path, case: str) -> None:
    member, message = HOSTILE[case]
    _write(archive, ("train.csv", "x"), (member, "/etc/passwd"))
    with pytest.raises(DataError, match=message):
        unpack(archive, tmp_path / "raw", progress=_quiet)
    assert _names(tmp_path) == {"toy.zip"}


@given(name=st.lists(st.sampled_from(["a", "..", ".", "/", "\\", "C:", "\u202e", " "]), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_whatever_its_members_are_called_nothing_lands_outside(
    tmp_path_factory: pytest.TempPathFactory, name: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    _write(folder / "toy.zip", ("/".join(name), "x"))
    try:
        unpack(folder / "toy.zip", folder / "raw", progress=_quiet)
    except (DataError, OSError):
        assert _names(folder) == {"toy.zip"}
    assert {path.name for path in folder.iterdir()} <= {"toy.zip", "raw"}


def test_two_members_of_one_name_are_refused(archive: Path, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        _write(archive, ("train.csv", "x"), ("train.csv", "y"))
    with pytest.raises(DataError, match=r"holds 'train.csv' twice"):
        unpack(archive, tmp_path / "raw", progress=_quiet)


def test_an_absurd_size_is_refused(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(archive, ("zeros", "0" * 10_000_000))
    assert unpacked_bytes(archive) == 10_000_000
    monkeypatch.setattr(unpacking, "ALLOWANCE_BYTES", 0)
    with pytest.raises(DataError, match=r"bytes cannot hold the 10,000,000 bytes"):
        unpacked_bytes(archive)


def test_members_that_share_their_bytes_are_refused(archive: Path) -> None:
    _write(archive, ("a", "0123456789" * 100), ("b", "9876543210" * 100))
    with zipfile.ZipFile(archive) as opened:
        opened.infolist()[1].compress_size = archive.stat().st_size
        with pytest.raises(DataError, match="cannot hold"):
            unpacking._checked(archive, opened)


def test_an_encrypted_member_is_refused(archive: Path, tmp_path: Path) -> None:
    _write(archive, ("train.csv", "x"))
    content = bytearray(archive.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1  # the flag in the archive's directory
    archive.write_bytes(content)
    with pytest.raises(DataError, match=r"'train.csv' is encrypted"):
        unpack(archive, tmp_path / "raw", progress=_quiet)


BREAKS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "no zip": lambda content: b"<html>please sign in</html>",
    "truncated": lambda content: content[: len(content) // 2],
    "damaged": lambda content: content.replace(b"0123456789", b"0123456780", 1),
    "directory damaged": lambda content: content.replace(b"PK\x01\x02", b"PK\x09\x09"),
}


@pytest.mark.parametrize("damage", BREAKS)
def test_a_broken_archive_is_named_and_leaves_nothing(archive: Path, tmp_path: Path, damage: str) -> None:
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("a.txt", "whole")
        opened.writestr("b.txt", "0123456789" * 1000)
    archive.write_bytes(BREAKS[damage](archive.read_bytes()))
    with pytest.raises(BrokenArchive, match=r"toy\.zip is no whole zip archive"):
        unpack(archive, tmp_path / "raw", progress=_quiet)
    assert _names(tmp_path) == {"toy.zip"}


@given(position=st.integers(0, 10**6), value=st.integers(0, 255))
@settings(max_examples=60, deadline=None)
def test_a_flipped_byte_ends_in_a_data_error_or_in_data(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int
) -> None:
    folder = tmp_path_factory.mktemp("flipped")
    _write(folder / "toy.zip", ("a.txt", "hello " * 20), ("b/c.txt", "world " * 20))
    content = bytearray((folder / "toy.zip").read_bytes())
    content[position % len(content)] = value
    (folder / "toy.zip").write_bytes(content)
    try:
        unpack(folder / "toy.zip", folder / "raw", progress=_quiet)
    except DataError:
        assert _names(folder) == {"toy.zip"}
