"""Archives that came from elsewhere: hostile or broken ones are refused before anything is written."""

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import py7zr
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import DataError
from tasks import archives
from tests.competitions.case import write_files

HOSTILE_NAMES = ["../x", "/tmp/x", "a/../../x", "a\\..\\x"]


def _zip(path: Path, name: str, *, mode: int = stat.S_IFREG | 0o644) -> Path:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("good", b"good")
        opened.writestr(entry, b"content")
    return path


def _tar(path: Path, name: str, *, kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w:gz") as opened:
        opened.addfile(tarfile.TarInfo("good"), io.BytesIO())
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, "/etc/passwd"
        opened.addfile(entry, io.BytesIO())
    return path


def _refuse_all(path: Path, message: str, tmp_path: Path) -> None:
    """No way of reading takes the archive, not even for its good members."""
    written: list[str] = []
    for read in (
        lambda: archives.members(path),
        lambda: archives.read_members(path, {"good"}, lambda name, _: written.append(name)),
    ):
        with pytest.raises(DataError, match=message):
            read()
    if path.suffix == ".zip":
        assert written == []


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_that_leads_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    _refuse_all(_zip(tmp_path / "a.zip", name), r"a\.zip is hostile: it holds .*leads out of the folder", tmp_path)
    with pytest.raises(DataError, match=r"a\.tar\.gz is hostile"):
        archives.members(_tar(tmp_path / "a.tar.gz", name))


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_special_files_in_a_zip_are_refused(mode: int, tmp_path: Path) -> None:
    _refuse_all(_zip(tmp_path / "a.zip", "x", mode=mode | 0o644), "neither a file nor a folder", tmp_path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_special_files_in_a_tar_are_refused(kind: bytes, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="neither a file nor a folder"):
        archives.members(_tar(tmp_path / "a.tar.gz", "x", kind=kind))


def test_a_link_in_a_7z_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    with py7zr.SevenZipFile(tmp_path / "a.7z", "w") as opened:
        opened.write(tmp_path / "link", "link")
    with pytest.raises(DataError, match="neither a file nor a folder"):
        archives.members(tmp_path / "a.7z")


def test_an_absurd_size_is_refused_before_anything_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened,
        opened.open("zeros", "w", force_zip64=True) as file,
    ):
        for _ in range((archives.SUSPICIOUS_BYTES >> 24) + 1):
            file.write(bytes(1 << 24))
    _refuse_all(path, "no honest archive holds", tmp_path)


BREAKS: dict[str, Callable[[bytes], bytes]] = {
    "half": lambda content: content[: len(content) // 2],
    "no archive": lambda _: b"<html>sorry</html>",
    "empty": lambda _: b"",
    "a byte flipped": lambda content: content[:90] + bytes([content[90] ^ 255]) + content[91:],
}


@pytest.mark.parametrize("how", BREAKS)
@pytest.mark.parametrize("name", ["a.zip", "a.7z", "a.tar.gz"])
def test_a_broken_archive_is_named(name: str, how: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write_files(tmp_path, {name: {"x": os.urandom(100_000)}})
    path.write_bytes(BREAKS[how](path.read_bytes()))
    with pytest.raises(DataError, match=name):
        archives.read_members(path, {"x"}, lambda _, content: archives.write_stream(content, tmp_path / "out"))


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.zip is missing"):
        archives.members(tmp_path / "none.zip")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["a.zip", "a.7z", "a.tar", "a.tar.gz"]), st.data())
def test_no_bytes_break_the_reader(tmp_path: Path, name: str, data: st.DataObject) -> None:
    path = tmp_path / name
    write_files(tmp_path, {name: {"x": "some content", "y/z": "more"}})
    content = bytearray(path.read_bytes())
    for share in data.draw(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=4)):
        content[int(share * len(content))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    seen: list[bytes] = []
    try:
        names = archives.members(path)
        archives.read_members(path, set(names), lambda _, member: seen.append(member.read()))
    except DataError as error:
        assert name in str(error)


def test_the_one_member_is_found_without_its_name(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.7z": {"x.csv": "content"}, "b.zip": {"x": "", "y": ""}})
    with archives.opened_member(tmp_path / "a.7z") as file:
        assert file.read() == b"content"
    with pytest.raises(DataError, match=r"b\.zip holds 2 files, expected one"):
        archives.only_member(tmp_path / "b.zip")
