"""Collecting what an agent left: plain files come through, everything else stays behind and is named."""

import os
import socket
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker import evidence
from worker.evidence import Evidence, collect
from worker.sandbox import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    live = Workspace(root=tmp_path / "live", data=tmp_path / "data")
    for folder in (live.submission, live.code, live.logs):
        folder.mkdir(parents=True)
    return live


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def reasons(collected: Evidence) -> dict[str, str]:
    return {entry.path: entry.reason for entry in collected.dropped}


def test_plain_files_come_through(workspace: Workspace, out: Path) -> None:
    (workspace.submission / "submission.csv").write_text("id,target\n")
    (workspace.code / "src").mkdir()
    (workspace.code / "src" / "model.py").write_text("print()\n")
    (workspace.code / "src").chmod(0o500)
    collected = collect(workspace, out)
    assert (out / "submission" / "submission.csv").read_text() == "id,target\n"
    assert (out / "code" / "src" / "model.py").read_text() == "print()\n"
    assert (out / "logs").is_dir()
    assert (collected.files, collected.bytes, collected.dropped_count) == (2, 18, 0)
    assert collected.summary() == "collected 2 files, 18 bytes"


def test_what_is_kept_of_a_try_has_the_machinerys_logs_too(workspace: Workspace, out: Path) -> None:
    (workspace.root / "run.log").write_text("it began\n")
    (workspace.root / "model_calls.jsonl").write_text("{}\n")
    (workspace.root / "gateway_token").write_text("sk-mlebench-1")
    evidence.keep(workspace.root, out)
    assert {path.name for path in out.iterdir()} == {"submission", "code", "logs", "run.log", "model_calls.jsonl"}
    assert not workspace.root.exists()


@pytest.mark.parametrize(
    ("enough", "left"),
    [
        (0, {"logs/a", "logs/large", "code/deep/large", "submission/submission.csv", "submission/large"}),
        (2, {"logs/a", "submission/submission.csv", "submission/large"}),
        (3, {"submission/submission.csv", "submission/large"}),
        (9, {"submission/submission.csv"}),
    ],
)
def test_room_is_made_of_what_matters_least(workspace: Workspace, enough: int, left: set[str]) -> None:
    (workspace.code / "deep").mkdir()
    for path in (workspace.logs / "large", workspace.code / "deep" / "large", workspace.submission / "large"):
        path.write_bytes(bytes(2 << 20))
    for path in (workspace.logs / "a", workspace.submission / "submission.csv"):
        path.write_text("small")

    def found() -> set[str]:
        return {path.relative_to(workspace.root).as_posix() for path in workspace.root.rglob("*") if path.is_file()}

    everything = len(found())
    removed = evidence.make_room(workspace, lambda: everything - len(found()) >= enough)
    assert (found(), removed) == (left, everything - len(left))


def test_modes_are_plain(workspace: Workspace, out: Path) -> None:
    program, folder = workspace.code / "program", workspace.code / "folder"
    program.touch()
    program.chmod(0o6777)
    folder.mkdir()
    (folder / "inside").touch()
    folder.chmod(0o1333)
    collect(workspace, out)
    assert stat.S_IMODE((out / "code" / "program").stat().st_mode) == 0o644
    assert stat.S_IMODE((out / "code" / "folder").stat().st_mode) == 0o755
    assert (out / "code" / "folder" / "inside").exists()
    assert (out / "code" / "program").stat().st_uid == os.geteuid()


def test_links_stay_behind(workspace: Workspace, out: Path) -> None:
    (workspace.submission / "submission.csv").symlink_to("/etc/passwd")
    (workspace.code / "everything").symlink_to("/etc")
    collected = collect(workspace, out)
    assert list((out / "submission").iterdir()) == list((out / "code").iterdir()) == []
    assert reasons(collected) == {"submission/submission.csv": "symbolic link", "code/everything": "symbolic link"}


def test_a_folder_that_became_a_link_stays_behind(workspace: Workspace, out: Path) -> None:
    workspace.code.rmdir()
    workspace.code.symlink_to("/etc")
    workspace.logs.rmdir()
    collected = collect(workspace, out)
    assert (out / "code").is_dir() and not (out / "code").is_symlink()
    assert list((out / "code").iterdir()) == []
    assert set(reasons(collected)) == {"code", "logs"}
    assert Path("/etc/passwd").exists()


def test_special_files_stay_behind(workspace: Workspace, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(workspace.logs / "pipe")
    monkeypatch.chdir(workspace.logs)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    if os.geteuid() == 0:
        os.mknod(workspace.logs / "device", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    collected = collect(workspace, out)
    assert list((out / "logs").iterdir()) == []
    assert {"logs/pipe": "pipe", "logs/socket": "socket"}.items() <= reasons(collected).items()


def test_a_file_with_several_names_stays_behind_untouched(workspace: Workspace, out: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("not the agent's")
    outside.chmod(0o600)
    (workspace.code / "second-name").hardlink_to(outside)
    collected = collect(workspace, out)
    assert reasons(collected) == {"code/second-name": "has several names (hard links)"}
    assert stat.S_IMODE(outside.stat().st_mode) == 0o600


def test_a_sparse_giant_stays_behind(workspace: Workspace, out: Path) -> None:
    with (workspace.submission / "submission.csv").open("wb") as file:
        file.truncate(2 << 30)
    assert reasons(collect(workspace, out)) == {"submission/submission.csv": "mostly holes (a sparse file)"}


def test_strange_names_are_named_readably(workspace: Workspace, out: Path) -> None:
    descriptor = os.open(workspace.code, os.O_RDONLY)
    for name in (b"new\nline", b"\x1b[31mred", b"\xff\xfe", b"fine \xc3\xa4"):
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)
    collected = collect(workspace, out)
    assert [path.name for path in (out / "code").iterdir()] == ["fine ä"]
    assert set(reasons(collected)) == {"code/new?line", "code/?[31mred", "code/\\udcff\\udcfe"}
    assert collected.summary().isprintable()


def test_limits_hold(workspace: Workspace, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "MOST_ENTRIES", 20)
    monkeypatch.setattr(evidence, "MOST_BYTES", 1000)
    monkeypatch.setattr(evidence, "DEEPEST", 3)
    for number in range(30):
        (workspace.code / f"{number}").touch()
    (workspace.logs / "a" / "b" / "c" / "d").mkdir(parents=True)
    for number in range(3):
        (workspace.submission / f"{number}").write_bytes(b"x" * 400)
    collected = collect(workspace, out)
    assert len(list((out / "code").iterdir())) == 20
    assert (out / "logs" / "a" / "b").is_dir() and not (out / "logs" / "a" / "b" / "c").exists()
    assert sorted(path.name for path in (out / "submission").iterdir()) == ["0", "1"]
    assert set(reasons(collected)) == {"code", "logs/a/b/c", "submission/2"}


def test_the_list_of_what_stayed_behind_is_short(workspace: Workspace, out: Path) -> None:
    for number in range(500):
        (workspace.code / f"{'x' * 150}{number}").symlink_to("/")
    collected = collect(workspace, out)
    assert collected.dropped_count == 500
    assert len(collected.dropped) == evidence.MOST_DROPPED
    assert len(collected.summary()) < 6000


def test_across_file_systems_files_are_copied(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    out = memory / f"evidence-{os.getpid()}"
    out.mkdir()
    try:
        (workspace.submission / "submission.csv").write_text("id,target\n")
        assert collect(workspace, out).files == 1
        assert (out / "submission" / "submission.csv").read_text() == "id,target\n"
    finally:
        for path in sorted(out.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        out.rmdir()


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..")
)


@settings(max_examples=30)
@given(names=st.sets(NAMES, max_size=5))
def test_every_file_is_collected_or_named(tmp_path_factory: pytest.TempPathFactory, names: set[str]) -> None:
    root = tmp_path_factory.mktemp("names")
    live = Workspace(root=root, data=root)
    live.code.mkdir()
    out = root / "out"
    out.mkdir()
    for name in names:
        (live.code / name).write_text(name)
    collected = collect(live, out)
    assert collected.files + collected.dropped_count == len(names) + 2  # submission and logs are not there
    for path in (out / "code").iterdir():
        assert path.name.isprintable() and path.read_text() == path.name
