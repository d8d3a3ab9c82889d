"""A run's finished files, in a folder and in an object store: the same tests over both, and what only one has."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.errors import InfrastructureError, InputError, ServiceUnavailable
from store.bucket import Bucket
from store.folders import RunFolder, create_run_folder
from store.storage import LONGEST_KEY, Folder, ObjectFolder, Storage
from tests.object_store import BUCKET, keys, s3_client, throwaway_s3
from tests.services import wait_until

NAMES = ("run.log", "submission/submission.csv", "code/a b/ä%20#?&+.py", 'code/.hidden/"quoted"', "logs/~x\\y")


@pytest.fixture(scope="session")
def s3() -> Iterator[dict[str, str]]:
    with throwaway_s3() as known:
        yield known


@pytest.fixture
def bucket(s3: dict[str, str], tmp_path: Path) -> Bucket:
    """A prefix of the test's own."""
    return Bucket.open(f"s3://{BUCKET}/{tmp_path.parent.name}/{tmp_path.name}", s3)


@pytest.fixture(params=["folder", "bucket"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "bucket":
        return ObjectFolder(bucket=request.getfixturevalue("bucket"))
    (tmp_path / "run").mkdir()
    return Folder(path=tmp_path / "run")


@pytest.fixture
def finished(tmp_path: Path) -> Callable[[str], Path]:
    """Make a folder with an attempt's files, each of which holds `text`."""

    def make(text: str) -> Path:
        folder = tmp_path / f"out-{text}"
        for name in NAMES:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return folder

    return make


def content(storage: Storage, attempt: str, name: str) -> str | None:
    found = storage.find(attempt, name)
    if found is None:
        return None
    with storage.local(found) as path:
        return path.read_text()


def test_a_file_is_read_as_it_was_written_last(storage: Storage) -> None:
    assert storage.read("metadata.json") is None
    storage.write("metadata.json", b"old")
    storage.write("metadata.json", b"new")
    storage.write("tiny/report.json", b"{}")
    assert storage.read("metadata.json") == b"new"
    assert storage.read("tiny/report.json") == b"{}"


def test_a_published_attempt_has_all_its_files(storage: Storage, finished: Callable[[str], Path]) -> None:
    assert storage.find("tiny", "run.log") is None
    storage.publish(finished("first"), attempt="tiny", fence=1)
    assert {name: content(storage, "tiny", name) for name in NAMES} == dict.fromkeys(NAMES, "first")
    assert storage.find("tiny", "submission/other.csv") is None
    assert storage.find("tin", "run.log") is None
    assert {name: found.bytes for name, found in storage.files("tiny").items()} == dict.fromkeys(NAMES, 5)
    assert storage.files("tin") == {}


def test_what_is_published_later_counts_and_the_earlier_is_kept(
    storage: Storage, finished: Callable[[str], Path]
) -> None:
    for fence in (1, 9, 10):
        storage.publish(finished(str(fence)), attempt="tiny", fence=fence)
    assert content(storage, "tiny", "run.log") == "10"
    if isinstance(storage, Folder):
        kept = {path.read_text() for path in (storage.path / "tiny" / "tries").glob("*/run.log")}
        assert kept == {"1", "9"}
    else:
        assert storage.read("tiny/try-1/run.log") == b"1"
        assert storage.read("tiny/try-9/run.log") == b"9"


def test_a_missing_run_folder_is_not_made_again(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Folder(path=tmp_path / "unmounted" / "run").write("tiny/report.json", b"{}")


def test_what_a_stale_owner_uploads_does_not_replace_its_successors(
    bucket: Bucket, finished: Callable[[str], Path]
) -> None:
    storage = ObjectFolder(bucket=bucket)
    storage.publish(finished("successor"), attempt="tiny", fence=2)
    storage.publish(finished("stale"), attempt="tiny", fence=1)
    assert {name: content(storage, "tiny", name) for name in NAMES} == dict.fromkeys(NAMES, "successor")


PUBLISH = """
import os, sys
from pathlib import Path
from store.bucket import Bucket
from store.storage import ObjectFolder
ObjectFolder(bucket=Bucket.open(sys.argv[1], os.environ)).publish(Path(sys.argv[2]), attempt="tiny", fence=1)
"""


def test_a_publisher_that_is_killed_leaves_nothing_that_counts(
    bucket: Bucket, s3: dict[str, str], tmp_path: Path, finished: Callable[[str], Path]
) -> None:
    for number in range(2000):
        path = tmp_path / "killed" / f"{number:04}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text("killed")
    command = [sys.executable, "-c", PUBLISH, bucket.address, str(tmp_path / "killed")]
    with subprocess.Popen(command, env={**s3, "PYTHONPATH": "."}, stdin=subprocess.DEVNULL) as publisher:
        wait_until(lambda: keys(s3, f"{bucket.prefix}tiny/"), timeout_secs=30, description="it uploads")
        publisher.kill()
    there = len(keys(s3, f"{bucket.prefix}tiny/"))
    assert 0 < there < 2000, "it was killed in the middle"
    storage = ObjectFolder(bucket=bucket)
    assert storage.find("tiny", "0000.txt") is None
    storage.publish(finished("next"), attempt="tiny", fence=2)
    assert content(storage, "tiny", "run.log") == "next"
    assert storage.find("tiny", "0000.txt") is None


def test_an_upload_that_fails_leaves_nothing_that_counts(s3: dict[str, str], finished: Callable[[str], Path]) -> None:
    own = s3_client(s3)
    own.create_bucket(Bucket="short-lived")
    storage = ObjectFolder(bucket=Bucket.open("s3://short-lived/runs", s3))
    own.delete_bucket(Bucket="short-lived")
    with pytest.raises(
        ServiceUnavailable, match=r"^the object store s3://short-lived/runs/tiny/try-1: there is no such bucket$"
    ):
        storage.publish(finished("first"), attempt="tiny", fence=1)
    own.create_bucket(Bucket="short-lived")
    assert storage.find("tiny", "run.log") is None


def test_a_name_that_is_too_long_for_s3_stays_behind_alone(bucket: Bucket, tmp_path: Path) -> None:
    deep = tmp_path / "out" / "/".join(["x" * 200] * 6)
    deep.mkdir(parents=True)
    (deep / "file").write_text("deep")
    (tmp_path / "out" / "run.log").write_text("flat")
    assert len(str(deep)) > LONGEST_KEY
    storage = ObjectFolder(bucket=bucket)
    storage.publish(tmp_path / "out", attempt="tiny", fence=1)
    assert content(storage, "tiny", "run.log") == "flat"
    assert b"xxx/file" in (storage.read("tiny/manifest-1.json") or b"")


def test_a_file_that_was_changed_since_is_refused(bucket: Bucket, finished: Callable[[str], Path]) -> None:
    storage = ObjectFolder(bucket=bucket)
    storage.publish(finished("first"), attempt="tiny", fence=1)
    storage.write("tiny/try-1/submission/submission.csv", b"better")
    with pytest.raises(InfrastructureError, match="is not what was published"):
        content(storage, "tiny", "submission/submission.csv")


def test_a_large_file_goes_in_parts(bucket: Bucket, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(range(256)) * (80 << 10))  # 20 MiB; parts have 8
    bucket.upload(large, "large")
    bucket.download("large", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == large.read_bytes()
    assert bucket.size("large") == 20 << 20
    assert bucket.size("larg") is None


def test_two_runs_of_one_second_get_two_prefixes(bucket: Bucket, tmp_path: Path) -> None:
    first, second = (create_run_folder(tmp_path, "aide/dev", bucket=bucket) for _ in range(2))
    assert first.address != second.address
    assert first.address.startswith(f"{bucket.address}/")
    assert first.address.endswith("-UTC_run-group_aide-dev")
    first.discard()
    assert [key.partition("/")[0] for key, _ in bucket.objects()] == [second.path.name]


def test_with_an_object_store_an_attempt_works_on_this_host_and_leaves_nothing_there(
    bucket: Bucket, tmp_path: Path
) -> None:
    folder = RunFolder(path=tmp_path / "scratch" / "run", bucket=bucket)
    folder.live("tiny", 1).mkdir(parents=True)
    folder.out("tiny", 1).mkdir(parents=True)
    (folder.out("tiny", 1) / "run.log").write_text("first")
    folder.publish("tiny", 1)
    assert content(folder.storage, "tiny", "run.log") == "first"
    folder.clean()
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    "address",
    ["s3://", "s3:///runs", "s3://Upper/runs", "s3://b/runs", "s3://bench/a//b", "s3://bench/a b", "s3://bench?x=y"],
)
def test_a_wrong_address_is_named(address: str) -> None:
    with pytest.raises(InputError, match=r"expected s3://bucket/prefix") as caught:
        Bucket.open(address, {})
    assert address in str(caught.value)


def test_what_may_be_a_password_is_not_shown() -> None:
    with pytest.raises(InputError) as caught:
        Bucket.open("s3://key:hunter2@bench/runs", {})
    assert "hunter2" not in str(caught.value)


def test_a_missing_bucket_and_a_missing_server_are_named(s3: dict[str, str]) -> None:
    with pytest.raises(InputError, match=r"^the object store s3://nowhere: there is no such bucket$"):
        Bucket.open("s3://nowhere", s3).check()
    away = {**s3, "AWS_ENDPOINT_URL": "http://me:hunter2@127.0.0.1:1"}
    with pytest.raises(InputError, match=r"127\.0\.0\.1:1 does not answer; check AWS_ENDPOINT_URL$") as caught:
        Bucket.open(f"s3://{BUCKET}/runs", away).check()
    assert "hunter2" not in str(caught.value)


def test_missing_credentials_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, s3: dict[str, str]) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    known = {"AWS_ENDPOINT_URL": s3["AWS_ENDPOINT_URL"], "AWS_REGION": "us-east-1"}
    with pytest.raises(InputError, match=r"no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY$"):
        Bucket.open(f"s3://{BUCKET}", known).check()


def test_without_the_extra_the_way_to_install_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)  # what the import system does for a package that is not there
    with pytest.raises(InputError, match=r"pip install 'mlebench-runner\[s3\]'"):
        Bucket.open("s3://bench/runs", {"AWS_REGION": "nobody-asked-here-before"})


def test_the_library_is_loaded_for_object_stores_alone() -> None:
    code = "import sys, worker.jobs, scripts.submit, scripts.mlebench; sys.exit('boto3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
