"""An agent's folder is the same folder after its journey, and hostile archives and folders are refused."""

import io
import os
import shutil
import socket
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import contents
from agents.contents import Entry, Kind, checked, content_hash, pack, read_folder, unpack, write_folder
from core.errors import InputError

PARTS = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="/"), min_size=1, max_size=6)
NAMES = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
ENTRIES = st.lists(
    st.builds(Entry, name=NAMES, kind=st.sampled_from([Kind.FILE, Kind.EXECUTABLE]), content=st.binary(max_size=50)),
    max_size=8,
)


@settings(max_examples=100, deadline=None)
@given(entries=ENTRIES)
def test_folders_and_archives_hold_what_was_put_in(
    tmp_path_factory: pytest.TempPathFactory, entries: list[Entry]
) -> None:
    try:
        entries = checked(entries, where="here")
    except InputError:
        return
    folder = tmp_path_factory.mktemp("agent") / "mine"
    write_folder(entries, folder, where="here")
    assert read_folder(folder) == entries
    assert unpack(pack(entries), where="here") == entries


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An agent's folder with something of everything."""
    folder = tmp_path / "mine"
    (folder / "sub" / "__pycache__").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "sub" / "__pycache__" / "a.pyc").write_text("x")
    (folder / "sub" / "a.py").write_text("print()\n")
    (folder / "start.sh").write_text("exit 0\n")
    (folder / "start.sh").chmod(0o700)
    (folder / "run").symlink_to("sub/../start.sh")
    return folder


def test_the_same_folder_is_the_same_archive_anywhere_at_any_time(folder: Path, tmp_path: Path) -> None:
    twin = tmp_path / "elsewhere"
    shutil.copytree(folder, twin, symlinks=True)
    for path in twin.rglob("*.*"):
        os.utime(path, (1, 1))
    (twin / "start.sh").chmod(0o755)
    assert pack(read_folder(folder)) == pack(read_folder(twin))
    (twin / "start.sh").chmod(0o644)
    assert pack(read_folder(folder)) != pack(read_folder(twin))


def test_an_unpacked_agent_has_its_links_and_its_executable_files(folder: Path, tmp_path: Path) -> None:
    entries = unpack(pack(read_folder(folder)), where="here")
    write_folder(entries, tmp_path / "there" / "mine", where="here")
    there = tmp_path / "there" / "mine"
    assert {path.relative_to(there).as_posix() for path in there.rglob("*")} == {"run", "start.sh", "sub", "sub/a.py"}
    assert (there / "run").readlink() == Path("sub/../start.sh")
    assert (there / "start.sh").stat().st_mode & 0o777 == 0o755
    assert (there / "sub" / "a.py").stat().st_mode & 0o777 == 0o644
    assert content_hash(read_folder(there)) == content_hash(read_folder(folder))


@pytest.mark.parametrize(
    ("put", "message"),
    [
        (lambda folder: (folder / "x").symlink_to("/etc/passwd"), "'x' leads out"),
        (lambda folder: (folder / "x").symlink_to("../secret"), "'x' leads out"),
        (lambda folder: (folder / "sub" / "x").symlink_to("../sub/../.."), "'sub/x' leads out"),
        (lambda folder: os.mkfifo(folder / "x"), "'x' cannot be part of an agent: is not a plain file"),
        (lambda folder: (folder / "a\nb").write_text(""), "control characters"),
        (lambda folder: (folder / os.fsdecode(b"\xff")).write_text(""), "not in UTF-8"),
        (lambda folder: (folder / "x").symlink_to(os.fsdecode(b"\xff")), "does not lead to a file's name"),
    ],
)
def test_what_can_be_no_part_of_an_agent_is_named(folder: Path, put: Callable[[Path], object], message: str) -> None:
    put(folder)
    with pytest.raises(InputError, match=message):
        read_folder(folder)


def test_a_socket_in_the_folder_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)  # a socket's path is to be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("x")
        with pytest.raises(InputError, match="'x' cannot be part of an agent"):
            read_folder(folder)


def test_folders_that_are_too_large_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(contents, "MOST_BYTES", 20)
        with pytest.raises(InputError, match=r"mine holds more than .* MB"):
            read_folder(folder)
    monkeypatch.setattr(contents, "MOST_FILES", 2)
    with pytest.raises(InputError, match="mine holds more than 2 files"):
        read_folder(folder)


def member(
    name: str, kind: bytes = tarfile.REGTYPE, *, to: str = "", content: bytes = b""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, to, len(content)
    return info, content


def archive_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", encoding="utf-8", errors="surrogateescape") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


HOSTILE = {
    "above": [member("../x")],
    "absolute": [member("/tmp/x")],
    "dots": [member("a/./x")],
    "device": [member("x", tarfile.CHRTYPE)],
    "pipe": [member("x", tarfile.FIFOTYPE)],
    "folder": [member("x", tarfile.DIRTYPE)],
    "hard link": [member("a"), member("x", tarfile.LNKTYPE, to="a")],
    "hard link out": [member("x", tarfile.LNKTYPE, to="/etc/passwd")],
    "absolute link": [member("x", tarfile.SYMTYPE, to="/etc")],
    "link out": [member("a/x", tarfile.SYMTYPE, to="../../y")],
    "link through a link": [member("a/b", tarfile.SYMTYPE, to=".."), member("x", tarfile.SYMTYPE, to="a/b/../y")],
    "link to nothing": [member("x", tarfile.SYMTYPE, to="")],
    "file below a link": [member("x", tarfile.SYMTYPE, to="y"), member("x/a")],
    "file below a file": [member("x"), member("x/a")],
    "twice": [member("x"), member("x", content=b"y")],
    "link and file": [member("x", tarfile.SYMTYPE, to="y"), member("x")],
    "not hashed": [member(".git/config")],
    "not hashed below": [member("a/__pycache__/x.pyc")],
    "control characters": [member("a\x1b[2Jb")],
    "not UTF-8": [member("\udcff")],
    "long": [member("x" * 300)],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_and_writes_nothing_outside(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    with pytest.raises(InputError):
        write_folder(unpack(archive_of(*HOSTILE[name]), where="here"), root / "agent" / "mine", where="here")
    assert {path.name for path in tmp_path.iterdir()} <= {"root"}
    assert {path.name for path in root.glob("*/*")} <= {"mine"}


def test_archives_of_too_much_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    many = archive_of(*(member(f"f{number}", content=b"x" * 10) for number in range(5)))
    with monkeypatch.context() as patch:
        patch.setattr(contents, "MOST_FILES", 4)
        with pytest.raises(InputError, match="more than 4 files"):
            unpack(many, where="here")
    monkeypatch.setattr(contents, "MOST_BYTES", 49)
    with pytest.raises(InputError, match="MB"):
        unpack(many, where="here")


WHOLE = archive_of(
    member("start.sh", content=b"exit 0\n"), member("l" * 120), member("x", tarfile.SYMTYPE, to="start.sh")
)


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, len(WHOLE)), put=st.binary(max_size=20), end=st.integers(0, len(WHOLE)))
def test_a_damaged_archive_is_read_or_refused(at: int, put: bytes, end: int) -> None:
    try:
        entries = unpack((WHOLE[:at] + put + WHOLE[at + len(put) :])[:end], where="here")
    except InputError as error:
        assert str(error).startswith("here")
    else:
        assert entries == checked(entries, where="here")
