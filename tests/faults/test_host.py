"""A host whose disk is full, and one whose clock jumps."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.status import State
from tests.faults.accounts import Accounts
from tests.faults.redis_server import RedisServer
from tests.faults.site import Site, site
from tests.services import PostgresServer

Count = Callable[[Accounts], Accounts]
DISK_MB = 16
LIBFAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


@pytest.fixture
def on_a_small_disk(postgres_of_faults: PostgresServer, faults_data_dir: Path, tmp_path: Path) -> Iterator[Site]:
    """A site whose runs folder is a file system of its own, which needs root."""
    assert os.geteuid() == 0, "mounting a small file system needs root"
    runs = tmp_path / "runs"
    runs.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(runs)], check=True)
    try:
        redis = RedisServer(tmp_path / "redis")
        with site(postgres=postgres_of_faults, redis=redis, folder=tmp_path, data_dir=faults_data_dir) as made:
            yield made
    finally:
        subprocess.run(["umount", str(runs)], check=True)


def fill(folder: Path) -> Path:
    """Write a file until the disk is full, and give it."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(1 << 12))
    return ballast


def test_a_full_disk_in_the_run_folder_is_survived(on_a_small_disk: Site, count: Count) -> None:
    here = on_a_small_disk
    here.host("one")
    run_id = here.submit("sleeper", "--time-limit", "4", seeds=3)
    here.wait_for(run_id, state=State.RUNNING, number=2)
    ballast = fill(here.bench.runs_dir)
    time.sleep(7)  # the time limit passes, and publishing, grading and the next try meet the full disk
    ballast.unlink()
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"time_limit": 3}


@pytest.mark.xfail(
    strict=True,
    reason="MIN_FREE_DISK_GB is looked at by submit alone: no worker does, and the agent is blamed for a full host",
)
def test_an_agent_is_not_blamed_for_a_full_disk(on_a_small_disk: Site, count: Count) -> None:
    here = on_a_small_disk
    here.host("one")
    run_id = here.submit("napper", seeds=2)
    here.wait_for(run_id, state=State.RUNNING, number=2)
    ballast = fill(here.bench.runs_dir)
    time.sleep(6)
    ballast.unlink()
    assert count(here.settle(run_id)).statuses == {"completed": 2}


def test_a_clock_that_jumps_changes_nothing(here: Site, count: Count, tmp_path: Path) -> None:
    """One of two workers gets another time of day (libfaketime) in mid-run, twice; its monotonic clock goes on."""
    assert LIBFAKETIME, "libfaketime is not installed: apt-get install libfaketime"
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    faked = {
        "LD_PRELOAD": str(LIBFAKETIME[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    here.host("jumping", env=faked, concurrency=1)
    here.host("steady", concurrency=1)
    run_id = here.submit("napper", seeds=6)
    here.wait_for(run_id, state=State.RUNNING, number=2)
    clock.write_text("+2h\n")
    here.wait_for(run_id, state=State.DONE, number=2)
    here.wait_for(run_id, state=State.RUNNING, number=2)
    clock.write_text("-2h\n")
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"completed": 6}
    assert accounts.tries == {"completed": 6}
    metadata = json.loads((here.folder(run_id) / "metadata.json").read_text())
    workers = [entry["environment"]["worker"] for entry in metadata["runs"].values()]
    assert len(set(workers)) == 2, "both workers were to take part"
