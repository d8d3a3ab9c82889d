"""Watching a run as an operator does: a real worker's logs and metrics, Flower, and the status of all hosts."""

import base64
import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.bench import REPOSITORY, Bench
from tests.services import wait_until
from tests.worker.throwaway_redis import throwaway_redis

PASSWORD = "open-sesame"
TINY = ("--competitions", "tiny", "--sandbox", "process")


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port


@dataclass(frozen=True, kw_only=True)
class Flower:
    """A running Flower."""

    port: int

    def get(self, path: str, *, password: str | None = PASSWORD) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        if password is not None:
            credentials = base64.b64encode(f"operator:{password}".encode()).decode()
            request.add_header("Authorization", f"Basic {credentials}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def answers(self) -> bool:
        try:
            self.get("/api/tasks")
        except OSError:
            return False
        return True


@contextmanager
def celery(bench: Bench, name: str, *command: str) -> Iterator[Path]:
    """Run a Celery command; gives the file that it writes its errors, and so its log lines, to."""
    errors = bench.runs_dir.parent / f"{name}.log"
    with errors.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "worker.app", *command],
            cwd=REPOSITORY,
            env=bench.environment(),
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
        try:
            yield errors
        finally:
            process.terminate()
            process.wait(60)


@contextmanager
def flower(bench: Bench) -> Iterator[Flower]:
    running = Flower(port=free_port())
    options = ("--address=127.0.0.1", f"--port={running.port}", f"--basic-auth=operator:{PASSWORD}")
    with celery(bench, "flower", "flower", *options):
        wait_until(running.answers, timeout_secs=60, description="Flower answers")
        yield running


@pytest.fixture
def watched(data_dir: Path, tmp_path: Path) -> Iterator[Bench]:
    """Commands with a broker, whose workers log JSON and serve metrics."""
    with throwaway_redis(tmp_path) as broker:
        yield Bench(
            data_dir=data_dir,
            runs_dir=tmp_path / "runs",
            env={
                "MLEBENCH_BROKER_URL": broker,
                "MLEBENCH_LOG_FORMAT": "json",
                "MLEBENCH_METRICS_PORT": str(free_port()),
                "MLEBENCH_LEASE_SECS": "6",
                "MLEBENCH_HEARTBEAT_SECS": "1",
                "MLEBENCH_GRACE_SECS": "5",
                "MLEBENCH_API_TOKEN": "never-shown",
            },
        )


def metrics(bench: Bench) -> dict[str, float]:
    """What a worker's page shows, by the text in front of each value."""
    with urllib.request.urlopen(f"http://127.0.0.1:{bench.env['MLEBENCH_METRICS_PORT']}/metrics", timeout=10) as page:
        lines = page.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def test_a_run_is_seen_from_all_sides(watched: Bench) -> None:
    watched.runs_dir.mkdir()
    with flower(watched) as seen, celery(watched, "worker", "worker", "-c", "2", "-l", "INFO") as log:
        wait_until(lambda: seen.get("/workers?json=1")["data"], timeout_secs=60, description="Flower hears the worker")
        with watched.start("submit", "--agent", "napper", "--seeds", "3", "--json", *TINY) as command:
            watched.wait_for_line("step 1")
            during = metrics(watched)
            hosts = json.loads(watched.run("status", "--hosts", "--json").stdout)
            out, err = command.communicate(timeout=90)
        assert command.returncode == 0, err
        run_id = json.loads(out)["run_id"]
        wait_until(lambda: finished(seen) == 7, timeout_secs=60, description="Flower has seen all jobs")
        jobs = seen.get("/api/tasks")
        after = metrics(watched)
        for password in (None, "wrong"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                seen.get("/api/tasks", password=password)
            assert refused.value.code == 401
            refused.value.close()
    assert_held(hosts, run_id)
    assert_shown(jobs.values(), run_id)
    assert_counted(during, after)
    assert_logged(log.read_text(), run_id)


def finished(seen: Flower) -> int:
    return len(seen.get("/api/tasks?state=SUCCESS"))


def assert_held(hosts: dict[str, Any], run_id: str) -> None:
    [here] = hosts["workers"]
    assert here["host"] == socket.gethostname()
    assert not here["lease_ran_out"]
    held = {(entry["competition_id"], entry["seed"], entry["run_id"]) for entry in here["attempts"]}
    assert held == {("tiny", 0, run_id), ("tiny", 1, run_id)}
    [waiting] = hosts["waiting"]
    assert (waiting["run_id"], waiting["attempts"], waiting["state"]) == (run_id, 1, "queued")


def assert_shown(jobs: Any, run_id: str) -> None:
    """Names are our jobs', and arguments say which competition and seed of which run."""
    shown = sorted((job["name"], job["args"].partition(", attempt ")[0]) for job in jobs)
    attempts = [f"run {run_id}, tiny seed {seed}" for seed in range(3)]
    assert shown == [
        ("collect", f"run {run_id}"),
        *(("grade_attempt", attempt) for attempt in attempts),
        *(("run_attempt", attempt) for attempt in attempts),
    ]


def assert_counted(during: dict[str, float], after: dict[str, float]) -> None:
    assert during["mlebench_slots"] == during["mlebench_slots_busy"] == 2
    assert after["mlebench_slots_busy"] == 0
    assert after['mlebench_attempt_steps_total{state="running",status=""}'] == 3
    assert after['mlebench_attempt_steps_total{state="done",status="completed"}'] == 3
    assert after["mlebench_agent_seconds_count"] == after["mlebench_queue_wait_seconds_count"] == 3
    assert 9 <= after["mlebench_agent_seconds_sum"] < 60
    assert after['mlebench_lease_renewals_total{outcome="renewed"}'] >= 3
    assert after['mlebench_lease_renewals_total{outcome="lost"}'] == 0
    assert after['mlebench_free_disk_bytes{folder="runs"}'] > 0
    assert any(name.startswith("mlebench_open_attempts{") for name in after)


def assert_logged(text: str, run_id: str) -> None:
    """Every line is JSON, and those of an attempt's job name it and its run."""
    lines = [json.loads(line) for line in text.splitlines()]
    assert {line["host"] for line in lines} == {socket.gethostname()}
    actions = [line["action"] for line in lines]
    for action in ("attempt_taken", "attempt_ended", "attempt_graded"):
        assert actions.count(action) == 3
    of_attempts = [line for line in lines if "_attempt" in f"{line['job']} {line['message']}"]
    assert len(of_attempts) == 3 * 5, "taken, ended, graded, and of both jobs that they succeeded"
    assert {(line["run_id"], line["competition"]) for line in of_attempts} == {(run_id, "tiny")}
    assert len({line["attempt_id"] for line in of_attempts}) == 3
    assert "never-shown" not in text
