"""`mlebench prepare` and `mlebench preflight`, as processes, with a server that plays Kaggle."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import mlebench
from tests.kaggle_server import ACCOUNT, FakeKaggle, Fault, fake_kaggle
from tests.scripts.conftest import FIXTURES, Call
from tests.services import wait_until
from tests.tasks.test_raw import ARCHIVE

REPO = FIXTURES.parent.parent
COMMAND = [sys.executable, "-m", "scripts.mlebench"]
BROKEN = "import os, signal\ndef prepare(raw, public, private):\n    "


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKaggle]:
    """Kaggle, with an account for it in the environment."""
    with fake_kaggle(archives={"tiny-kaggle": ARCHIVE}) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("KAGGLE_USERNAME", str(ACCOUNT.username))
        monkeypatch.setenv("KAGGLE_KEY", str(ACCOUNT.key))
        yield running


@pytest.fixture
def competitions(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of competitions of the test's own, with tiny-kaggle in it."""
    own = folder / "competitions"
    _copy(own, "tiny-kaggle")
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(own))
    return own


def _copy(competitions: Path, name: str, *, prepare: str | None = None, **keys: str) -> None:
    """Copy tiny-kaggle, under another name, with another preparer, with other keys."""
    source, target = FIXTURES / "competitions" / "tiny-kaggle", competitions / name
    target.mkdir(parents=True)
    for path in source.iterdir():
        if path.is_file():
            (target / path.name).write_text(path.read_text().replace("id: tiny-kaggle", f"id: {name}"))
    if prepare is not None:
        (target / "prepare.py").write_text(prepare)
    text = (target / "competition.yaml").read_text()
    for key, value in keys.items():
        text = text.replace(f"\n{key}:", "\n#") + f"{key}: {value}\n"
    (target / "competition.yaml").write_text(text)


def _mlebench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *arguments], cwd=REPO, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


def test_prepare_downloads_and_prepares_several_at_a_time_and_says_what_failed(
    server: FakeKaggle, competitions: Path, folder: Path
) -> None:
    _copy(competitions, "killed", prepare=BROKEN + "os.kill(os.getpid(), signal.SIGKILL)\n")
    _copy(competitions, "broken", prepare=BROKEN + "raise OSError('no way')\n")
    _copy(competitions, "shy")
    server.archives.update(killed=ARCHIVE, broken=ARCHIVE, shy=ARCHIVE)
    server.not_joined = {"shy"}
    (folder / "five.txt").write_text("killed\nbroken\nshy\ntiny-kaggle\n")
    done = _mlebench("prepare", "--list", str(folder / "five.txt"), "--jobs", "3", "--keep-raw")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert (folder / "data" / "tiny-kaggle" / "prepared" / "private" / "test.csv").is_file()
    for text in (
        "killed failed: preparing killed was killed (SIGKILL); was there enough memory?",
        "broken failed: preparing broken failed: OSError: no way",
        "https://www.kaggle.com/c/shy/rules",
        f"tiny-kaggle: downloading: {len(ARCHIVE)} B of {len(ARCHIVE)} B (100%)",
        "1 of 4 prepared",
        "failed: killed, broken, shy",
    ):
        assert text in done.stderr
    rows = [line.split("│") for line in done.stdout.splitlines() if "│" in line]
    results = {row[1].strip(): row[2].strip() for row in rows if row[1].strip()}
    assert results == {"killed": "failed", "broken": "failed", "shy": "failed", "tiny-kaggle": "prepared"}
    assert len(server.downloads) == 3  # not that of shy

    again = _mlebench("prepare", "-c", "tiny-kaggle")
    assert again.returncode == 0, again.stderr
    assert len(server.downloads) == 3


def test_raw_data_goes_unless_it_is_wanted(server: FakeKaggle, folder: Path, call: Call) -> None:
    assert call(mlebench.main, "prepare", "-c", "tiny-kaggle").code == 0
    assert {path.name for path in (folder / "data" / "tiny-kaggle").iterdir()} == {".lock", "prepared"}


def test_without_credentials_it_fails_and_asks_nothing(folder: Path, call: Call) -> None:
    called = call(mlebench.main, "prepare", "-c", "tiny-kaggle")
    assert called.code == 1
    assert "no Kaggle credentials, needed to download tiny-kaggle" in called.err


def test_an_unknown_checksum_stops_it_unless_verification_is_skipped(
    server: FakeKaggle, competitions: Path, call: Call
) -> None:
    (competitions / "tiny-kaggle" / "checksums.yaml").write_text(f"zip: '{'0' * 32}'\n")
    called = call(mlebench.main, "prepare", "-c", "tiny-kaggle")
    assert called.code == 1
    assert f"expected {'0' * 32}" in called.err
    assert call(mlebench.main, "prepare", "-c", "tiny-kaggle", "--skip-verification").code == 0
    assert len(server.downloads) == 1


def test_a_terminal_sees_bars_and_how_each_ended(server: FakeKaggle, competitions: Path) -> None:
    output = _in_a_terminal("prepare", "-c", "tiny-kaggle", "--jobs", "2")
    assert "\x1b[" in output
    assert "[1/1] tiny-kaggle: " in output
    assert "━" in output


def _in_a_terminal(*arguments: str) -> str:
    """Run the command with a terminal as its output and give what it wrote there."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=REPO, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        output = b""
        while select.select([ours], [], [], 60)[0]:
            try:
                read = os.read(ours, 65536)
            except OSError:  # the terminal's other side is closed
                break
            output += read
        assert process.wait() == 0, output.decode()
    os.close(ours)
    return output.decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_stopped_takes_its_preparations_along(
    server: FakeKaggle, competitions: Path, folder: Path, number: int
) -> None:
    _copy(competitions, "slow", prepare="import time\ndef prepare(raw, public, private):\n    time.sleep(600)\n")
    server.archives["slow"] = ARCHIVE
    process = subprocess.Popen([*COMMAND, "prepare", "-c", "slow"], cwd=REPO, stderr=subprocess.PIPE, text=True)
    own = folder / "data" / "slow"
    wait_until(lambda: list(own.glob(".preparing-*")), timeout_secs=60, description="the preparation has begun")
    started = time.monotonic()
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert time.monotonic() - started < 20
    assert not list(own.glob(".preparing-*"))


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    server: FakeKaggle, competitions: Path, folder: Path, call: Call
) -> None:
    _copy(competitions, "unsized", download_bytes="null")
    _copy(competitions, "huge", download_bytes=str(10**18))
    called = call(mlebench.main, "prepare", "-c", "tiny-kaggle", "-c", "unsized", "-c", "huge", "--dry-run")
    assert called.code == 0
    assert "download, unpack, prepare" in called.out
    assert "unsized: not known: the size of the download" in called.out
    assert "(Kaggle has no competition of that name" in called.out
    assert "huge: the disk has" in called.out
    assert "3 of 3 to download; the size of 2 is known, 1000000.0 TB together" in called.out
    assert "takes about 578703.7 days at 20.0 MB/s, which is assumed" in called.out
    assert not (folder / "data").exists()


def test_a_dry_run_asks_kaggle_for_sizes_and_how_fast_it_is(
    server: FakeKaggle, competitions: Path, folder: Path, call: Call
) -> None:
    _copy(competitions, "unsized", download_bytes="null")
    server.archives["unsized"] = bytes(3_000_000)
    called = call(mlebench.main, "prepare", "-c", "tiny-kaggle", "-c", "unsized", "--dry-run")
    assert called.code == 0, called.err
    assert "3.0 MB" in called.out
    assert "the size of 2 is known" in called.out
    assert "as measured just now" in called.out
    assert "not known" not in called.out
    assert not (folder / "data").exists()


def test_a_dry_run_without_an_account_asks_nobody(
    server: FakeKaggle, competitions: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    called = call(mlebench.main, "prepare", "-c", "tiny-kaggle", "--dry-run")
    assert called.code == 0
    assert server.asked == []


def test_a_dry_run_asks_no_more_when_kaggle_does_not_answer(
    server: FakeKaggle, competitions: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    monkeypatch.setattr("tasks.kaggle.FIRST_WAIT_SECS", 0.0)
    monkeypatch.setattr("tasks.sizes.ASKED_AT_ONCE", 1)
    for name in ("second", "third"):
        _copy(competitions, name, download_bytes="null")
    server.api_faults.extend([Fault(status=503)] * 20)
    called = call(mlebench.main, "prepare", "-c", "tiny-kaggle", "-c", "second", "-c", "third", "--dry-run")
    assert called.code == 0
    assert "third: not known: the size of the download" in called.out
    assert "(tiny-kaggle: Kaggle fails with 503" in called.out
    assert len(server.asked) == 2


def test_a_dry_run_of_all_there_are(call: Call) -> None:
    called = call(mlebench.main, "prepare", "--all", "--dry-run")
    assert called.code == 0
    assert "diamond-prices" in called.out


def _preflight(call: Call, *arguments: str) -> tuple[int, dict[str, dict[str, object]]]:
    called = call(mlebench.main, "preflight", "--json", *arguments)
    return called.code, {found["competition_id"]: found for found in json.loads(called.out)["competitions"]}


def test_preflight_says_that_all_would_work_and_downloads_nothing(server: FakeKaggle, folder: Path, call: Call) -> None:
    code, found = _preflight(call, "-c", "tiny", "-c", "tiny-kaggle")
    assert code == 0
    assert not (folder / "data").exists()
    assert found["tiny-kaggle"].pop("free_bytes")
    assert found["tiny-kaggle"] == {
        "competition_id": "tiny-kaggle",
        "prepared": False,
        "downloads": True,
        "download_bytes": len(ARCHIVE),
        "checksum_known": False,
        "needed_bytes": 3 * len(ARCHIVE),
        "credentials": True,
        "rules_accepted": True,
        "problems": [],
        "unknowns": [],
        "fine": True,
    }
    assert (found["tiny"]["downloads"], found["tiny"]["credentials"]) == (False, None)
    assert "accepted" in call(mlebench.main, "preflight", "-c", "tiny-kaggle").out


def test_preflight_names_for_each_what_is_in_the_way(
    server: FakeKaggle, competitions: Path, folder: Path, call: Call
) -> None:
    for name in ("shy", "unknown", "broken"):
        _copy(competitions, name)
    _copy(competitions, "huge", download_bytes=str(10**18))
    (folder / "data" / "broken").mkdir(parents=True)
    (folder / "data" / "broken" / "broken.zip").write_text("half")
    server.archives.update(shy=ARCHIVE, huge=ARCHIVE)
    server.lengths = False  # so that what competition.yaml says counts
    server.not_joined = {"shy"}
    (folder / "all.txt").write_text("shy\nunknown\nbroken\nhuge\ntiny-kaggle\n")
    code, found = _preflight(call, "--list", str(folder / "all.txt"))
    assert code == 1
    problems = {name: " ".join(map(str, one["problems"])) for name, one in found.items()}  # type: ignore[call-overload]  # JSON
    assert "https://www.kaggle.com/c/shy/rules" in problems["shy"]
    assert "Kaggle has no competition of that name" in problems["unknown"]
    assert "broken.zip is no whole zip archive" in problems["broken"]
    assert "3000000.0 TB are needed" in problems["huge"]
    assert problems["tiny-kaggle"] == ""
    assert (found["shy"]["rules_accepted"], found["unknown"]["rules_accepted"]) == (False, None)
    shown = call(mlebench.main, "preflight", "--list", str(folder / "all.txt"))
    assert shown.code == 1
    assert "shy: the rules are not accepted" in shown.out


def test_preflight_adds_up_what_each_alone_has_room_for(
    server: FakeKaggle, competitions: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    _copy(competitions, "other")
    server.archives["other"] = ARCHIVE
    server.lengths = False  # so that what competition.yaml says counts
    monkeypatch.setattr("scripts.preflight.free_bytes", lambda _: 512 * 1024**2 + 3999)
    monkeypatch.setattr("tasks.preflight.free_bytes", lambda _: 512 * 1024**2 + 3999)
    assert call(mlebench.main, "preflight", "-c", "other").code == 0
    called = call(mlebench.main, "preflight", "-c", "other", "-c", "tiny-kaggle")
    assert called.code == 1
    assert "too little for all together" in called.out


def test_preflight_offline_says_what_it_could_not_find_out_and_asks_once(
    competitions: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        _copy(competitions, f"more{number}")
    for name, value in {"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("KAGGLE_API_TOKEN", "sesame-token")
    monkeypatch.setattr("tasks.kaggle.FIRST_WAIT_SECS", 0.01)
    (competitions.parent / "all.txt").write_text("\n".join(f"more{number}" for number in range(20)))
    called = call(mlebench.main, "preflight", "--list", str(competitions.parent / "all.txt"))
    assert called.code == 1
    assert called.out.count("whether the rules are accepted") == 20
    assert called.err.count("trying again") <= 4


def test_preflight_is_told_to_wait(server: FakeKaggle, call: Call) -> None:
    server.api_faults.append(Fault(status=429, headers={"Retry-After": "0"}))
    assert _preflight(call, "-c", "tiny-kaggle")[0] == 0


def test_preflight_of_what_is_prepared_needs_no_account(folder: Path, call: Call) -> None:
    for part, file in (("public", "sample_submission.csv"), ("private", "test.csv")):
        path = folder / "data" / "tiny-kaggle" / "prepared" / part / file
        path.parent.mkdir(parents=True)
        path.touch()
    code, found = _preflight(call, "-c", "tiny-kaggle")
    assert code == 0
    assert (found["tiny-kaggle"]["prepared"], found["tiny-kaggle"]["needed_bytes"]) == (True, 0)
