"""Archives come from Kaggle whole or not at all, by the real client from a server that plays Kaggle."""

import io
import random
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.errors import DataError, InputError
from tasks import disk, kaggle
from tasks.download import CHUNK_BYTES, download
from tasks.kaggle import Credentials, has_joined
from tests.kaggle_server import ACCOUNT, TOKEN, FakeKaggle, Fault, fake_kaggle

SIZE = 3_000_000


@pytest.fixture(scope="module")
def archive() -> bytes:
    """A zip that is too large for one packet, so that connections can be cut within it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as opened:
        opened.writestr("noise.bin", random.Random(0).randbytes(SIZE))
    return content.getvalue()


@pytest.fixture
def server(archive: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKaggle]:
    with fake_kaggle(archives={"toy": archive}) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(kaggle, "FIRST_WAIT_SECS", 0.01)
        yield running


class Bring:
    """Downloads toy, and keeps what was said."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.lines: list[str] = []
        self.progress: list[tuple[str, int, int | None]] = []

    def __call__(self, competition_id: str = "toy", credentials: Credentials = ACCOUNT) -> None:
        self.target.parent.mkdir(parents=True, exist_ok=True)
        download(
            competition_id,
            self.target,
            credentials=credentials,
            log=self.lines.append,
            progress=lambda *now: self.progress.append(now),
        )

    @property
    def left(self) -> set[str]:
        return {path.name for path in self.target.parent.iterdir()}


@pytest.fixture
def bring(server: FakeKaggle, tmp_path: Path) -> Bring:
    return Bring(tmp_path / "data" / "toy" / "toy.zip")


@pytest.mark.parametrize("credentials", [ACCOUNT, TOKEN], ids=["user name and key", "token"])
@pytest.mark.parametrize("redirects", [True, False])
def test_the_archive_arrives(
    bring: Bring, server: FakeKaggle, archive: bytes, credentials: Credentials, redirects: bool
) -> None:
    server.redirects = redirects
    bring(credentials=credentials)
    assert bring.target.read_bytes() == archive
    assert bring.left == {"toy.zip"}
    assert bring.lines == []
    assert bring.progress[-1] == ("downloading", len(archive), len(archive))
    assert len(server.asked) == 1 + redirects


def test_an_archive_of_unknown_size_arrives(
    bring: Bring, server: FakeKaggle, archive: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.lengths = False
    monkeypatch.setattr("tasks.download.CHECKED_BYTES", 10**6)
    bring()
    assert bring.target.read_bytes() == archive
    bring.target.unlink()
    monkeypatch.setattr(disk, "free_bytes", lambda _: disk.FREE_BYTES + 3 * 10**6)
    with pytest.raises(InputError, match=r"toy, an archive of .* to be unpacked and prepared: the disk of"):
        bring()


REFUSALS: dict[str, tuple[str, Credentials, str]] = {
    "wrong key": ("toy", Credentials(source="test", username="bench", key="guess"), "does not accept the credentials"),
    "rules": ("shy", ACCOUNT, r"shy: .*accept the rules at https://www.kaggle.com/c/shy/rules.*You must accept"),
    "unknown": ("tyo", ACCOUNT, "tyo: Kaggle has no competition of that name"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_is_final_and_says_what_to_do(bring: Bring, server: FakeKaggle, case: str) -> None:
    name, credentials, message = REFUSALS[case]
    server.archives["shy"], server.not_joined = b"", {"shy"}
    with pytest.raises(DataError, match=message) as caught:
        bring(name, credentials)
    assert "\n" not in str(caught.value)
    assert "sesame" not in str(caught.value)
    assert len(server.asked) == 1
    assert bring.left == set()


def test_kaggle_is_left_in_peace_for_as_long_as_it_asks(
    bring: Bring, server: FakeKaggle, archive: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    server.api_faults.append(Fault(status=429, headers={"Retry-After": "7"}, message="Too many requests"))
    server.api_faults.append(Fault(status=429, headers={"Retry-After": "Wed, 01 Jan 2020 00:00:00 GMT"}))
    bring()
    assert waits == [7, 0]
    assert bring.target.read_bytes() == archive
    assert "toy: Kaggle asks for patience: Too many requests; trying again in 7 s" in bring.lines


@pytest.mark.parametrize("asked", ["86400", "9" * 400])
def test_a_wait_that_is_too_long_is_not_waited(bring: Bring, server: FakeKaggle, asked: str) -> None:
    server.api_faults.append(Fault(status=429, headers={"Retry-After": asked}))
    with pytest.raises(DataError, match="try again"):
        bring()
    assert len(server.asked) == 1


def test_errors_of_kaggle_and_of_its_storage_are_tried_again(bring: Bring, server: FakeKaggle, archive: bytes) -> None:
    server.api_faults.extend([Fault(status=500), Fault(status=503)])
    server.storage_faults.append(Fault(status=403))  # the signed address has expired
    bring()
    assert bring.target.read_bytes() == archive
    assert len(bring.lines) == 3


def test_kaggle_that_stays_broken_is_given_up(bring: Bring, server: FakeKaggle) -> None:
    server.api_faults.extend([Fault(status=500)] * 100)
    with pytest.raises(DataError, match=r"toy: Kaggle fails with 500.*gave up after 6 tries, try again later"):
        bring()
    assert len(server.asked) == kaggle.TRIES
    assert bring.left == set()


def test_kaggle_that_is_not_there_is_named(bring: Bring, server: FakeKaggle, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with pytest.raises(DataError, match="toy: the connection to Kaggle failed"):
        bring()


def test_a_cut_connection_is_gone_on_with_where_it_was(bring: Bring, server: FakeKaggle, archive: bytes) -> None:
    server.storage_faults.append(Fault(cut_after=SIZE // 2))
    bring()
    assert bring.target.read_bytes() == archive
    [before, again, rest] = [asked.headers.get("Range") for asked in server.downloads]
    assert before is None
    assert again is None
    assert rest is not None
    assert SIZE // 2 - CHUNK_BYTES <= int(rest.removeprefix("bytes=").rstrip("-")) <= SIZE // 2
    assert bring.left == {"toy.zip"}


@pytest.mark.parametrize("lacking", ["versions", "ranges"])
def test_a_server_that_cannot_go_on_is_asked_for_the_whole(
    bring: Bring, server: FakeKaggle, archive: bytes, lacking: str
) -> None:
    setattr(server, lacking, False)
    server.storage_faults.append(Fault(cut_after=SIZE // 2))
    bring()
    assert bring.target.read_bytes() == archive
    assert [asked.headers.get("Range") for asked in server.downloads] == [None, None]


def test_many_cuts_are_no_reason_to_give_up_while_more_arrives(
    bring: Bring, server: FakeKaggle, archive: bytes
) -> None:
    for _ in range(10):
        server.storage_faults.extend([Fault(cut_after=SIZE // 12), Fault(cut_after=0)])
    bring()
    assert bring.target.read_bytes() == archive
    assert len(bring.lines) > kaggle.TRIES


@pytest.mark.parametrize("ranges", [True, False])
def test_an_archive_that_never_arrives_whole_never_appears(bring: Bring, server: FakeKaggle, ranges: bool) -> None:
    server.ranges = ranges
    server.storage_faults.extend([Fault(cut_after=SIZE // 2 if not ranges else 0)] * 100)
    with pytest.raises(DataError, match=r"toy: the connection to Kaggle failed.*gave up after 6 tries"):
        bring()
    assert not bring.target.exists()


class Crash(BaseException):
    """Ends a download as the end of its process would: nothing is tidied up."""


def crash_at(share: float) -> Callable[[str, int, int | None], None]:
    def progress(stage: str, done: int, total: int | None) -> None:
        if done >= share * SIZE:
            raise Crash

    return progress


def crashed(bring: Bring, share: float) -> None:
    bring.target.parent.mkdir(parents=True)
    with pytest.raises(Crash):
        download("toy", bring.target, credentials=ACCOUNT, log=bring.lines.append, progress=crash_at(share))
    assert not bring.target.exists()


@pytest.mark.parametrize("share", [0.5, 1])
def test_the_next_process_goes_on_where_the_last_one_ended(
    bring: Bring, server: FakeKaggle, archive: bytes, share: float
) -> None:
    crashed(bring, share)
    bring()
    assert bring.target.read_bytes() == archive
    assert bring.left == {"toy.zip"}
    [_, _, *more] = [asked.headers.get("Range") for asked in server.downloads]
    assert len(more) == (share < 1)  # what is complete is not asked for again
    assert all(wanted is not None for wanted in more)


def test_half_of_another_version_is_no_part_of_this_one(bring: Bring, server: FakeKaggle, archive: bytes) -> None:
    crashed(bring, 0.5)
    server.archives["toy"] = archive[:-1] + b"!"
    bring()
    assert bring.target.read_bytes() == archive[:-1] + b"!"
    assert bring.left == {"toy.zip"}


def test_a_server_that_falls_silent_is_left(
    bring: Bring, server: FakeKaggle, archive: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kaggle, "ANSWER_SECS", 0.2)
    server.storage_faults.append(Fault(stall_secs=2))
    bring()
    assert bring.target.read_bytes() == archive
    assert "toy: the connection to Kaggle failed" in bring.lines[0]


def test_a_disk_that_is_too_small_is_named_before_anything_is_written(
    bring: Bring, server: FakeKaggle, archive: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "free_bytes", lambda _: disk.FREE_BYTES + 3 * len(archive) - 1)
    with pytest.raises(InputError, match=r"toy, an archive of 3.0 MB to be unpacked and prepared: the disk of .*data "):
        bring()
    assert bring.left == set()
    monkeypatch.setattr(disk, "free_bytes", lambda _: disk.FREE_BYTES + 3 * len(archive))
    bring()


def test_whether_the_rules_are_accepted_is_asked_without_a_download(server: FakeKaggle) -> None:
    assert has_joined("toy", ACCOUNT, log=print)
    server.not_joined = {"toy"}
    assert not has_joined("toy", ACCOUNT, log=print)
    with pytest.raises(DataError, match="tyo: Kaggle has no competition of that name"):
        has_joined("tyo", ACCOUNT, log=print)
    assert server.downloads == []


@pytest.mark.parametrize("body", ["[]", "3", '"yes"', '{"userHasEntered": "perhaps"}'])
def test_an_answer_that_makes_no_sense_is_an_error_of_one_line(server: FakeKaggle, body: str) -> None:
    server.api_faults.append(Fault(body=body))
    with pytest.raises(DataError, match=r"^toy: Kaggle's answer is not understood by its client.*$"):
        has_joined("toy", ACCOUNT, log=print)


def test_an_archive_that_is_none_of_the_client_s_is_an_error_of_one_line(bring: Bring, server: FakeKaggle) -> None:
    server.api_faults.append(Fault(body="3"))
    with pytest.raises(DataError, match=r"^toy: Kaggle's answer is not understood by its client.*$"):
        bring()


def test_an_answer_that_is_cut_is_asked_for_again(server: FakeKaggle) -> None:
    server.api_faults.append(Fault(body='{"userHas'))
    assert has_joined("toy", ACCOUNT, log=print)
