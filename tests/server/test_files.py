"""Files of run folders: the finished ones, whatever they are called and hold, and nothing else."""

import os
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.status import RunState
from store.folders import RunFolder, create_run_folder
from store.listing import open_file
from store.runs import Store
from tests.object_store import BUCKET, throwaway_s3
from tests.records import a_run, some_attempts
from tests.server.conftest import settings_in
from tests.server.live import Live, live, problem
from worker.context import open_store
from worker.places import runs_place
from worker.settings import Settings

CONTENT = bytes(range(256)) * 4
HOSTILE = ("a b%41?#&.csv", "ünïcödé\u3000.txt", '";x=".html', "<script>.svg", "%2e%2e", "...", "C:\\x", "-", "a;b,c")


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A server with a run that has left files."""

    server: Live
    group: str
    attempt: str
    fence: int | None  # of the attempt's files, in an object store

    def path(self, within: str) -> str:
        """Where a file of the attempt is fetched."""
        below = "" if self.fence is None else f"try-{self.fence}/"
        return f"/files/{self.group}/{self.attempt}/{below}{quote(within)}"


def keep_a_run(own: Settings, store: Store) -> tuple[str, str, RunFolder]:
    """Write a run down that has files of all kinds; gives the names of its folder and its attempt, and the folder."""
    place = runs_place(own)
    folder = create_run_folder(place.folder, "keeper", bucket=place.bucket)
    run = replace(a_run(planned=1), run_group=folder.path.name, run_dir=folder.address, state=RunState.CLOSED)
    [attempt] = some_attempts(run)
    store.create_run(run, [attempt])
    out = folder.out(attempt.name, 7)
    for name in ("submission/submission.csv", "logs/a/b/deep.txt", "run.log", *(f"code/{name}" for name in HOSTILE)):
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CONTENT)
    (out / "code" / ".hidden").write_bytes(b"hidden")
    folder.publish(attempt.name, 7)
    folder.storage.write("grading_report.json", b"{}")
    return run.run_group, attempt.name, folder


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    own = settings_in(tmp_path_factory.mktemp("kept"))
    store = open_store(own, create=True)
    group, attempt, folder = keep_a_run(own, store)
    store.close()
    code = folder.path / attempt / "code"
    (code / "link.txt").symlink_to("/etc/passwd")
    (code / "out").symlink_to("/etc")
    (code / "inside.txt").symlink_to(folder.path / "grading_report.json")
    os.mkfifo(code / "pipe")
    (folder.path / ".live").mkdir(exist_ok=True)
    (folder.path / ".live" / "carrier.lock").write_text("machinery")
    (folder.path / ".metadata.json.x").write_text("half")
    (own.runs_dir / "stray").mkdir()
    (own.runs_dir / "stray" / "file.txt").write_text("no run's")
    with live(own) as server:
        yield Kept(server=server, group=group, attempt=attempt, fence=None)


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with throwaway_s3() as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        own = settings_in(tmp_path_factory.mktemp("remote"), runs_dir=f"s3://{BUCKET}/runs")
        store = open_store(own, create=True)
        group, attempt, _ = keep_a_run(own, store)
        store.close()
        with live(own) as server:
            yield Kept(server=server, group=group, attempt=attempt, fence=7)


@pytest.fixture(params=["kept", "remote"])
def anywhere(request: pytest.FixtureRequest) -> Kept:
    """The same run in a folder and in an object store."""
    found: Kept = request.getfixturevalue(request.param)
    return found


def test_a_file_is_an_attachment_that_no_browser_runs(anywhere: Kept) -> None:
    answer = anywhere.server.get(anywhere.path("code/<script>.svg"))
    assert answer.content == CONTENT
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''%3Cscript%3E.svg"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["content-length"] == str(len(CONTENT))


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_a_file_is_called_it_is_found(anywhere: Kept, name: str) -> None:
    assert anywhere.server.get(anywhere.path(f"code/{name}")).content == CONTENT


def test_artifacts_are_what_can_be_fetched(anywhere: Kept) -> None:
    found = anywhere.server.get("/runs/latest/artifacts").json()
    sizes = {}
    for kind in ("submissions", "grading_reports", "logs", "rollouts", "code", "metadata"):
        for entry in found[kind]:
            answer = anywhere.server.get(f"/files/{quote(entry['path'])}")
            assert len(answer.content) == entry["bytes"], entry
            sizes[entry["path"].rpartition("/")[2]] = entry["attempt"] is not None
    assert len(found["code"]) == len(HOSTILE) + 1
    assert {"submission.csv", "deep.txt", "run.log", ".hidden"} <= {name for name, own in sizes.items() if own}
    assert sizes["grading_report.json"] is False
    assert not found["truncated"]
    assert not {"link.txt", "inside.txt", "pipe", "carrier.lock", ".metadata.json.x", "passwd"} & sizes.keys()


@pytest.mark.parametrize(
    ("asked", "part", "said"),
    [
        ("bytes=3-8", CONTENT[3:9], "bytes 3-8/1024"),
        ("bytes=1000-", CONTENT[1000:], "bytes 1000-1023/1024"),
        ("bytes=-4", CONTENT[-4:], "bytes 1020-1023/1024"),
        ("bytes=0-99999", CONTENT, "bytes 0-1023/1024"),
    ],
)
def test_a_part_of_a_file_is_sent(anywhere: Kept, asked: str, part: bytes, said: str) -> None:
    answer = anywhere.server.get(anywhere.path("run.log"), headers={"Range": asked})
    assert (answer.status_code, answer.content, answer.headers["content-range"]) == (206, part, said)


def test_a_part_that_is_not_there_is_refused(anywhere: Kept) -> None:
    answer = anywhere.server.get(anywhere.path("run.log"), headers={"Range": "bytes=1024-"})
    problem(answer, 416)
    assert answer.headers["content-range"] == "bytes */1024"


def test_a_large_file_comes_in_pieces(kept: Kept, tmp_path: Path) -> None:
    folder = Path(kept.server.get("/runs/latest").json()["run_dir"])
    large = folder / kept.attempt / "logs" / "large.bin"
    large.write_bytes(os.urandom(5 << 20))
    try:
        assert kept.server.get(kept.path("logs/large.bin")).content == large.read_bytes()
    finally:
        large.unlink()


def paths_out(kept: Kept) -> list[str]:
    """Paths that lead to something that is not to be had."""
    run, attempt = kept.group, f"{kept.group}/{kept.attempt}"
    return [
        *("", "/", "..", "mlebench.db", "stray/file.txt", run, f"{run}/", attempt, f"{attempt}/", f"{attempt}/code"),
        *(f"{run}/.live/carrier.lock", f"{run}/./.live/carrier.lock", f"{run}/.metadata.json.x"),
        *(f"{attempt}/code/link.txt", f"{attempt}/code/inside.txt", f"{attempt}/code/out/passwd"),
        *(f"{attempt}/code/pipe", f"{attempt}/run.log/", f"{attempt}//run.log", f"{attempt}/./run.log"),
        *(f"{run}/../mlebench.db", f"{run}/%2e%2e/mlebench.db", f"{run}%2f..%2fmlebench.db", "../../etc/passwd"),
        *("/etc/passwd", "//etc/passwd", "%2fetc%2fpasswd", f"{run}/{'../' * 12}etc/passwd", f"{run}\\..\\mlebench.db"),
        *(f"{run}/{'a' * 5000}", f"{run}/{'a/' * 3000}b", f"{attempt}/run.log%00.txt", f"{run}/%ff%fe", f"{run}/%0a"),
        *("latest/grading_report.json", f"{run.upper()}/grading_report.json", f"x/{run}/grading_report.json"),
    ]


def test_no_path_leads_anywhere_else(anywhere: Kept) -> None:
    for path in paths_out(anywhere):
        answer = raw_get(anywhere.server, f"/files/{path}")
        assert answer == 404, path


def raw_get(server: Live, path: str) -> int:
    """The status of a GET whose path is sent as it is: clients mend theirs."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        answer = connection.makefile("rb").readline().decode()
    found = re.match(r"HTTP/1.1 (\d+) ", answer)
    assert found, answer
    return int(found[1])


PARTS = st.sampled_from(
    ["..", ".", "", "in", "secret", "link", "folder", "deep", ".live", "a\0b", "x" * 300]
) | st.text(max_size=5)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(PARTS, min_size=1, max_size=6))
def test_only_plain_files_below_the_folder_are_ever_opened(tmp_path: Path, parts: list[str]) -> None:
    root = tmp_path / "root"
    if not root.exists():
        (root / "folder" / "deep").mkdir(parents=True)
        (root / ".live").mkdir()
        for path in (root / "in", root / "folder" / "in", root / "folder" / "deep" / "in"):
            path.write_text("inside")
        for path in (tmp_path / "secret", root / ".live" / "in"):
            path.write_text("outside")
        (root / "link").symlink_to(tmp_path)
        (root / "folder" / "secret").symlink_to(tmp_path / "secret")
    file = open_file(root, "/".join(parts))
    if file is not None:
        with file:
            assert file.read() == b"inside"
        assert parts in (["in"], ["folder", "in"], ["folder", "deep", "in"])


def test_a_folder_that_is_replaced_by_a_link_while_it_is_walked_leads_nowhere(tmp_path: Path) -> None:
    root, away, spare = tmp_path / "root", tmp_path / "away", tmp_path / "spare"
    for folder, content in ((root / "a" / "b", "inside"), (away, "outside")):
        folder.mkdir(parents=True)
        (folder / "file").write_text(content)
    stop = threading.Event()

    def replace_it() -> None:
        while not stop.wait(0.0005):
            (root / "a" / "b").rename(spare)
            (root / "a" / "b").symlink_to(away)
            stop.wait(0.0005)
            (root / "a" / "b").unlink()
            spare.rename(root / "a" / "b")

    replacing = threading.Thread(target=replace_it)
    replacing.start()
    read = set()
    try:
        for _ in range(3000):
            if (file := open_file(root, "a/b/file")) is not None:
                with file:
                    read.add(file.read())
    finally:
        stop.set()
        replacing.join()
    assert read == {b"inside"}


def test_a_run_outside_of_the_runs_folder_is_listed_and_not_served(tmp_path: Path) -> None:
    own = settings_in(tmp_path)
    elsewhere = settings_in(tmp_path / "elsewhere")
    store = open_store(own, create=True)
    group, attempt, _ = keep_a_run(elsewhere, store)
    store.close()
    with live(own) as server:
        assert server.get("/runs/latest").json()["run_group"] == group
        assert (
            "not in the server's runs folder" in problem(server.get(f"/files/{group}/{attempt}/run.log"), 404)["detail"]
        )
