"""A host whose disk is full, and one whose clock jumps."""

import json
import os
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.files import write_text
from core.status import State
from tests.faults.accounts import Accounts
from tests.faults.hosts import agents_below
from tests.faults.redis_server import RedisServer
from tests.faults.site import Site, site
from tests.services import PostgresServer, wait_until

Count = Callable[[Accounts], Accounts]
DISK_MB = 16
OTHER_CLOCK = Path(__file__).parent / "other_clock"


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


def test_a_full_disk_in_the_run_folder_costs_nothing(on_a_small_disk: Site, count: Count) -> None:
    """The agents' work waits until there is room to publish it, and nothing else is begun."""
    here = on_a_small_disk
    here.host("one")
    run_id = here.submit("sleeper", "--time-limit", "4", seeds=3)
    here.wait_for(run_id, state=State.RUNNING, number=2)
    ballast = fill(here.bench.runs_dir)
    time.sleep(7)  # the time limit passes, and publishing, grading and the next attempt meet the full disk
    ballast.unlink()
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"time_limit": 3}
    assert accounts.tries == {"time_limit": 3}


def test_an_agent_is_not_blamed_for_a_full_disk(on_a_small_disk: Site, count: Count) -> None:
    here = on_a_small_disk
    here.host("one")
    run_id = here.submit("napper", seeds=2)
    here.wait_for(run_id, state=State.RUNNING, number=2)
    ballast = fill(here.bench.runs_dir)
    wait_until(
        lambda: not agents_below(here.bench.runs_dir), timeout_secs=60, description="the agents met the full disk"
    )
    ballast.unlink()
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"completed": 2}
    assert set(accounts.tries) == {"completed", "given_back"}, "at least one agent was to meet the full disk"
    failures = [entry.error for entry in here.store.tries(run_id) if entry.outcome == "given_back"]
    assert all("nearly full" in (error or "") for error in failures)


def test_an_agent_that_fills_the_disk_itself_is_blamed(on_a_small_disk: Site, count: Count) -> None:
    """Or it would cost tries, and count nowhere in the end."""
    here = on_a_small_disk
    here.host("one")
    run_id = here.submit("hoarder")
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"agent_failed": 1}
    assert accounts.tries == {"agent_failed": 1}


def test_a_host_with_a_full_disk_leaves_attempts_to_others(on_a_small_disk: Site, count: Count, tmp_path: Path) -> None:
    """And takes attempts again when there is room: only the runs folder of the first host is on the small disk."""
    here = on_a_small_disk
    ballast = fill(here.bench.runs_dir)
    port = free_port()
    watched = {"MLEBENCH_METRICS_PORT": str(port)}
    lacking = here.host("lacking", env=watched)
    wait_until(lambda: takes_attempts(port) == 0, timeout_secs=90, description="it says that it takes none")
    elsewhere = ("--runs-dir", str(tmp_path / "elsewhere"))
    run_id = here.submit("idler", *elsewhere, seeds=4)
    refused = "no attempts are taken: the disk of"
    wait_until(lambda: refused in lacking.log.read_text(), timeout_secs=30, description="it says why")
    time.sleep(2)
    assert {attempt.state for attempt in here.attempts(run_id)} == {State.QUEUED}
    here.host("roomy", env={"MLEBENCH_RUNS_DIR": str(tmp_path / "elsewhere")})
    here.wait_for(run_id, state=State.DONE, number=4)
    workers = {str((attempt.environment or {})["worker"]).split("/")[2] for attempt in here.attempts(run_id)}
    assert str(lacking.pid) not in workers
    ballast.unlink()
    wait_until(lambda: takes_attempts(port) == 1, timeout_secs=60, description="it takes attempts again")
    assert count(here.settle(run_id)).tries == {"completed": 4}


def last_time_in(log: Path) -> datetime:
    """When a worker wrote its last line, by its own clock."""
    times = re.findall(r"^(\d{4}-\d\d-\d\dT[\d:.]+Z) ", log.read_text(), flags=re.MULTILINE)
    return datetime.fromisoformat(times[-1])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def takes_attempts(port: int) -> float | None:
    """What a worker's metrics say; None while there are none."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            lines = page.read().decode().splitlines()
    except OSError:
        return None
    return next((float(line.split()[1]) for line in lines if line.startswith("mlebench_takes_attempts ")), None)


def test_a_clock_that_jumps_changes_nothing(here: Site, count: Count, tmp_path: Path) -> None:
    """One of two workers gets another time of day in mid-run, and later the old one again."""
    clock = tmp_path / "clock"
    write_text(clock, "0")
    faked = {"PYTHONPATH": str(OTHER_CLOCK), "MLEBENCH_FAULTS_CLOCK": str(clock)}
    jumping = here.host("jumping", env=faked, concurrency=1)
    here.host("steady", concurrency=1)
    run_id = here.submit("napper", seeds=6)

    def works(apart_from: set[str]) -> set[str]:
        """Attempts that the jumping worker runs now, without some."""
        held = [a for a in here.attempts(run_id) if a.state is State.RUNNING and a.agent_started_at]
        return {a.attempt_id for a in held if f"/{jumping.pid}/" in (a.owner or "")} - apart_from

    wait_until(lambda: works(set()), timeout_secs=90, description="the jumping worker works")
    first = works(set())
    write_text(clock, "7200")
    wait_until(lambda: works(first), timeout_secs=90, description="it works on another attempt, two hours ahead")
    assert last_time_in(jumping.log) > datetime.now(UTC) + timedelta(hours=1)
    write_text(clock, "-7200")
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"completed": 6}
    assert accounts.tries == {"completed": 6}
    metadata = json.loads((here.folder(run_id) / "metadata.json").read_text())
    workers = [entry["environment"]["worker"] for entry in metadata["runs"].values()]
    assert len(set(workers)) == 2, "both workers were to take part"
