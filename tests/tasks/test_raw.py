"""Raw data is brought here once, from wherever it is nearest, and nothing is taken for whole that is not."""

import hashlib
import io
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import DataError, InputError
from tasks import disk
from tasks.data import is_prepared, prepare
from tasks.raw import Found, Need, disk_need, found
from tasks.registry import Competition, load_competition
from tasks.schema import ChecksumsFile
from tests.kaggle_server import ACCOUNT, FakeKaggle, fake_kaggle
from tests.services import wait_until

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "competitions"
TRAIN = "id,x,late\n" + "".join(f"{x},{x},{int(x >= 20)}\n" for x in range(40))


def archive_of(**files: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as opened:
        for name, text in files.items():
            opened.writestr(name.replace("_", "."), text)
    return content.getvalue()


ARCHIVE = archive_of(train_csv=TRAIN)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeKaggle]:
    monkeypatch.setenv("HOME", str(tmp_path))
    with fake_kaggle(archives={"tiny-kaggle": ARCHIVE}) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def competition() -> Competition:
    return load_competition("tiny-kaggle", roots=[FIXTURES])


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def own(data_dir: Path) -> Path:
    """The competition's folder, made."""
    folder = data_dir / "tiny-kaggle"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def left(data_dir: Path) -> set[str]:
    return {path.name for path in own(data_dir).iterdir()} - {".lock"}


def test_data_is_downloaded_unpacked_and_prepared(server: FakeKaggle, competition: Competition, data_dir: Path) -> None:
    lines: list[str] = []
    done = prepare(competition, data_dir, credentials=ACCOUNT, log=lines.append)
    assert (own(data_dir) / "raw" / "train.csv").read_text() == TRAIN
    assert (own(data_dir) / "tiny-kaggle.zip").read_bytes() == ARCHIVE
    assert left(data_dir) == {"raw", "tiny-kaggle.zip", "prepared"}
    assert len((done.public / "train.csv").read_text().splitlines()) == 21
    assert "downloading tiny-kaggle from Kaggle" in lines
    assert f"tiny-kaggle: downloading: {len(ARCHIVE)} B of {len(ARCHIVE)} B (100%)" in lines


def test_an_archive_that_is_there_is_used(server: FakeKaggle, competition: Competition, data_dir: Path) -> None:
    (own(data_dir) / "tiny-kaggle.zip").write_bytes(ARCHIVE)
    prepare(competition, data_dir)
    assert is_prepared(competition, data_dir)
    assert server.asked == []


def test_raw_data_that_is_there_is_used(server: FakeKaggle, competition: Competition, data_dir: Path) -> None:
    (own(data_dir) / "raw").mkdir()
    (own(data_dir) / "raw" / "train.csv").write_text(TRAIN)
    prepare(competition, data_dir)
    assert left(data_dir) == {"raw", "prepared"}
    assert server.asked == []


def test_without_credentials_it_is_said_where_they_go(competition: Competition, data_dir: Path) -> None:
    with pytest.raises(
        DataError,
        match=r"no Kaggle credentials, needed to download tiny-kaggle: set KAGGLE_API_TOKEN, or KAGGLE_USERNAME and "
        r"KAGGLE_KEY, .* kaggle.json into ~/.kaggle; or unpack .*/tiny-kaggle/data into .*/tiny-kaggle/raw",
    ):
        prepare(competition, data_dir)
    assert left(data_dir) == set()


PREPARE = """
import sys
from pathlib import Path
from tasks.data import prepare
from tasks.registry import load_competition
from tests.kaggle_server import ACCOUNT
prepare(load_competition("tiny-kaggle", roots=[Path(sys.argv[1])]), Path(sys.argv[2]), credentials=ACCOUNT)
"""


def start(data_dir: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", PREPARE, str(FIXTURES), str(data_dir)], stdin=subprocess.DEVNULL)


def test_processes_that_come_at_once_download_once(server: FakeKaggle, data_dir: Path) -> None:
    processes = [start(data_dir) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert len(server.downloads) == 1


def test_an_unpacking_that_is_killed_is_taken_up_by_the_next(
    server: FakeKaggle, competition: Competition, data_dir: Path
) -> None:
    members = {f"file{number}_csv": "x" * 2_000_000 for number in range(60)}
    server.archives["tiny-kaggle"] = archive_of(**members, train_csv=TRAIN)
    process = start(data_dir)
    wait_until(
        lambda: list(own(data_dir).glob(".unpacking-*/unpacked/file3.csv")),
        timeout_secs=30,
        description="some files are unpacked",
    )
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert found("tiny-kaggle", data_dir) is Found.ARCHIVE
    assert "raw" not in left(data_dir)
    assert list(own(data_dir).glob(".unpacking-*"))
    prepare(competition, data_dir)
    assert left(data_dir) == {"raw", "tiny-kaggle.zip", "prepared"}
    assert len(list((own(data_dir) / "raw").iterdir())) == 61
    assert len(server.downloads) == 1


def test_an_archive_that_arrives_broken_is_deleted_and_the_next_try_downloads_it_anew(
    server: FakeKaggle, competition: Competition, data_dir: Path
) -> None:
    server.archives["tiny-kaggle"] = ARCHIVE.replace(b"20,20,1", b"20,20,0")
    with pytest.raises(DataError, match=r"is no whole zip archive: Bad CRC.*is deleted, prepare tiny-kaggle again"):
        prepare(competition, data_dir, credentials=ACCOUNT)
    assert left(data_dir) == set()
    server.archives["tiny-kaggle"] = ARCHIVE
    prepare(competition, data_dir, credentials=ACCOUNT)


@pytest.mark.parametrize("content", [b"", b"<html>", ARCHIVE[:300]])
def test_a_broken_archive_of_somebody_else_is_kept(competition: Competition, data_dir: Path, content: bytes) -> None:
    (own(data_dir) / "tiny-kaggle.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"tiny-kaggle.zip is no whole zip archive.*delete it to have it downloaded"):
        prepare(competition, data_dir)
    assert left(data_dir) == {"tiny-kaggle.zip"}


def test_a_hostile_archive_is_refused_and_kept(server: FakeKaggle, competition: Competition, data_dir: Path) -> None:
    server.archives["tiny-kaggle"] = archive_of(**{"../../../escaped": "x"})
    with pytest.raises(DataError, match="would lie outside"):
        prepare(competition, data_dir, credentials=ACCOUNT)
    assert left(data_dir) == {"tiny-kaggle.zip"}
    assert not (data_dir.parent / "escaped").exists()


@pytest.fixture
def with_checksum(competition: Competition, tmp_path: Path) -> Competition:
    """The competition with a checksum that its archive has not."""
    folder = tmp_path / "competitions" / "tiny-kaggle"
    folder.mkdir(parents=True)
    for path in competition.folder.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / "checksums.yaml").write_text(f"zip: '{'0' * 32}'\n")
    return load_competition("tiny-kaggle", roots=[folder.parent])


def test_an_archive_of_another_md5_is_named_and_kept(
    server: FakeKaggle, with_checksum: Competition, data_dir: Path
) -> None:
    md5 = hashlib.md5(ARCHIVE).hexdigest()
    for _ in range(2):
        with pytest.raises(
            DataError, match=rf"tiny-kaggle.zip has the MD5 {md5}, expected {'0' * 32}.* kept.*--skip-verification"
        ):
            prepare(with_checksum, data_dir, credentials=ACCOUNT)
        assert left(data_dir) == {"tiny-kaggle.zip"}
    prepare(with_checksum, data_dir, credentials=ACCOUNT, verify=False)
    assert is_prepared(with_checksum, data_dir)
    assert len(server.downloads) == 1


def test_the_right_md5_is_accepted(server: FakeKaggle, with_checksum: Competition, data_dir: Path) -> None:
    right = ChecksumsFile(zip=hashlib.md5(ARCHIVE).hexdigest())
    prepare(replace(with_checksum, checksums=right), data_dir, credentials=ACCOUNT)


def test_a_disk_that_cannot_take_what_is_in_the_archive_is_named_before_it_is_unpacked(
    competition: Competition, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own(data_dir) / "tiny-kaggle.zip").write_bytes(ARCHIVE)
    monkeypatch.setattr(disk, "free_bytes", lambda _: disk.FREE_BYTES + 2 * len(TRAIN) - 1)
    with pytest.raises(InputError, match=r"tiny-kaggle, \d+ B to be unpacked and as much to be prepared: the disk"):
        prepare(competition, data_dir)
    assert left(data_dir) == {"tiny-kaggle.zip"}


def test_what_the_disk_has_to_take_depends_on_what_is_there(data_dir: Path) -> None:
    assert disk_need("tiny-kaggle", data_dir, archive_bytes=None) is None
    assert disk_need("tiny-kaggle", data_dir, archive_bytes=1000) == Need(prepared=1000, raw=2000)
    (own(data_dir) / "tiny-kaggle.zip").write_bytes(ARCHIVE)
    assert disk_need("tiny-kaggle", data_dir, archive_bytes=1000) == Need(prepared=len(TRAIN), raw=len(TRAIN))
    (own(data_dir) / "raw").mkdir()
    (own(data_dir) / "raw" / "train.csv").write_text(TRAIN)
    assert disk_need("tiny-kaggle", data_dir, archive_bytes=1000) == Need(prepared=len(TRAIN), raw=0)
