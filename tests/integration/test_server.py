"""The HTTP server as a process of its own, asked by plain `requests`, without services and with them."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from tests.integration.bench import REPOSITORY, Bench, assert_all_gone, kill_all
from tests.integration.test_services import services, worker  # noqa: F401 - a fixture
from tests.services import wait_until

KINDS = ("submissions", "grading_reports", "logs", "rollouts", "code", "metadata")


@dataclass(frozen=True, kw_only=True)
class Serving:
    """A server process."""

    process: "subprocess.Popen[bytes]"
    url: str

    def get(self, path: str, status: int = 200) -> Any:
        """GET, and give the JSON that is answered."""
        answer = requests.get(self.url + path, timeout=30)
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """POST, and give the JSON that is answered."""
        answer = requests.post(self.url + path, json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def wait_for(self, run_id: str, *statuses: str, timeout_secs: float = 90) -> dict[str, Any]:
        """Ask for a run, as clients that know nothing but HTTP do, until it has one of `statuses`."""
        seen: list[dict[str, Any]] = []

        def arrived() -> bool:
            seen.append(self.get(f"/runs/{run_id}"))
            return seen[-1]["status"] in statuses

        wait_until(arrived, timeout_secs=timeout_secs, description=f"run {run_id} is {' or '.join(statuses)}")
        return seen[-1]

    def events(self, run_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Follow a run to its end: kinds and data."""
        with requests.get(f"{self.url}/runs/{run_id}/events", stream=True, timeout=30) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            kind = ""
            for line in answer.iter_lines(decode_unicode=True):
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, json.loads(value)


@contextmanager
def serving(bench: Bench, name: str = "server") -> Iterator[Serving]:
    """Run `python server.py` while the context lasts; what carriers are left are ended with it."""
    log = bench.runs_dir.parent / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "server.py", "--port", "0"],
            cwd=REPOSITORY,
            env=bench.environment(),
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
        )
    try:
        wait_until(
            lambda: b"startup complete" in log.read_bytes() or process.poll() is not None,
            timeout_secs=30,
            description="the server listens",
        )
        found = re.search(r"listening on (http://[^ ,]+)", log.read_text())
        assert found, log.read_text()
        yield Serving(process=process, url=found[1])
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        kill_all(carriers(bench))


def carriers(bench: Bench) -> list[psutil.Process]:
    """The carriers of a bench's runs, with all processes below them."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if "worker.carrier" in (process.info["cmdline"] or ()):
            environment = process.environ()
            if environment.get("MLEBENCH_RUNS_DIR") == str(bench.runs_dir):
                found += [process, *process.children(recursive=True)]
    return found


def at_work(bench: Bench) -> int:
    """How many carriers there are."""
    return sum("worker.carrier" in process.cmdline() for process in carriers(bench))


def test_a_client_of_the_seed_runs_an_agent_and_fetches_what_it_left(bench: Bench) -> None:
    order = {
        "competition_set": ["diamond-prices", "job-classes"],
        "agent_id": "dummy",
        "lite": False,
        "n_seeds": 1,
        "n_workers": 2,
        "retain": False,
        "data_dir": None,
        "notes": "the first of all",
        "technique_tasks": None,
        "tasks": None,
    }
    own = Bench(data_dir=bench.data_dir, runs_dir=bench.runs_dir, env={**bench.env, "MLEBENCH_SANDBOX": "process"})
    with serving(own) as server:
        started = server.post("/runs", order)
        run_id = started["run_id"]
        assert started["status"] == "queued"
        assert server.get(f"/runs/{run_id}/summary", status=409)["detail"].startswith(f"run {run_id} is not closed yet")
        told = list(server.events(run_id))
        run = server.wait_for(run_id, "completed")
        assert run["request"]["notes"] == "the first of all"
        assert run["progress"] == {"planned": 2, "queued": 0, "running": 0, "collected": 0, "done": 2}
        summary = server.get(f"/runs/{run_id}/summary")
        [report] = summary["grading_reports"]
        assert report["total_valid_submissions"] == 2
        assert report == json.loads((Path(run["run_dir"]) / "grading_report.json").read_text())
        artifacts = server.get(f"/runs/{run_id}/artifacts")
        for kind in KINDS:
            for entry in artifacts[kind]:
                fetched = requests.get(f"{server.url}/files/{entry['path']}", timeout=30)
                assert fetched.content == (own.runs_dir / entry["path"]).read_bytes()
                assert len(fetched.content) == entry["bytes"]
        assert len(artifacts["submissions"]) == 2
        assert {log["path"] for log in run["logs"]} <= {entry["path"] for entry in artifacts["logs"]}
        assert [entry["run_id"] for entry in server.get("/runs")] == [run_id]
        assert server.get("/health")["broker"] == "embedded"
    done = {data["attempt_id"]: data for kind, data in told if kind == "attempt"}
    assert [(data["state"], data["status"]) for data in done.values()] == [("done", "completed")] * 2
    assert told[-1] == ("run", run)
    wait_until(lambda: not carriers(own), timeout_secs=20, description="its carrier is gone")


def test_a_run_is_carried_on_by_one_of_two_servers_after_everything_was_killed(bench: Bench) -> None:
    order = {"competition_set": ["tiny"], "agent_id": "napper", "n_seeds": 4, "n_workers": 2, "sandbox": "process"}
    with serving(bench, "first") as first:
        run_id = first.post("/runs", order)["run_id"]
        bench.wait_for_line("step 2")
        first.process.kill()
        first.process.wait()
        left = carriers(bench)
        assert at_work(bench) == 1, "a killed server takes no run with it"
    assert_all_gone(left)
    with serving(bench, "second") as second, serving(bench, "third") as third:
        wait_until(lambda: at_work(bench) == 1, timeout_secs=30, description="it is carried on")
        kinds = [kind for kind, _ in third.events(run_id)]
        run = second.wait_for(run_id, "completed", "failed")
        assert run["status"] == "completed", run
        assert kinds[-1] == "run"
        [report] = second.get(f"/runs/{run_id}/summary")["grading_reports"]
    assert [entry["status"] for entry in report["competition_reports"]] == ["completed"] * 4
    log = (Path(run["run_dir"]) / "submit.log").read_text()
    assert log.count(f"carrying run {run_id}") == 2, "one before, one after"


def test_a_run_is_cancelled_with_its_agents(bench: Bench) -> None:
    order = {"competition_set": ["tiny"], "agent_id": "sleeper", "n_seeds": 3, "n_workers": 1, "sandbox": "process"}
    with serving(bench) as server:
        run_id = server.post("/runs", order)["run_id"]
        bench.wait_for_line("working")
        assert server.post(f"/runs/{run_id}/cancel")["run_id"] == run_id
        run = server.wait_for(run_id, "failed")
        assert "cancelled" in run["message"]
        [report] = server.get(f"/runs/{run_id}/summary")["grading_reports"]
        assert requests.post(f"{server.url}/runs/{run_id}/cancel", timeout=30).status_code == 409
        wait_until(lambda: not carriers(bench), timeout_secs=20, description="its carrier is gone")
    assert [entry["status"] for entry in report["competition_reports"]] == ["cancelled"] * 3


def test_two_servers_share_the_runs_of_a_database_and_say_which_service_is_away(
    services: Bench,  # noqa: F811
) -> None:
    order = {"competition_set": ["tiny"], "agent_id": "solver", "n_seeds": 3, "n_workers": 7, "sandbox": "process"}
    with ExitStack() as stack:
        one = stack.enter_context(serving(services, "one"))
        two = stack.enter_context(serving(services, "two"))
        run_id = one.post("/runs", order)["run_id"]
        assert two.get(f"/runs/{run_id}")["status"] == "queued"
        assert "n_workers is ignored" in two.get("/runs/latest")["message"]
        stack.enter_context(worker(services, "worker"))
        events = list(two.events(run_id))
        assert events[-1][1]["status"] == "completed"
        assert one.get("/runs/latest") == events[-1][1]
        assert one.get("/health") == {**two.get("/health"), "broker": "ok", "database": "ok"}
        assert not carriers(services)
        stop_redis(services)
        wait_until(
            lambda: requests.get(f"{one.url}/health", timeout=30).status_code == 503,
            timeout_secs=20,
            description="the broker is missed",
        )
        away = requests.get(f"{one.url}/health", timeout=30)
        assert away.json()["detail"] == "the broker does not answer"
        assert requests.post(f"{one.url}/runs", json=order, timeout=30).status_code == 503
        assert len(two.get("/runs")) == 1, "what could not be queued was not written"


def stop_redis(bench: Bench) -> None:
    """End the bench's Redis."""
    import redis

    socket = bench.env["MLEBENCH_BROKER_URL"].removeprefix("redis+socket://").partition("?")[0]
    with redis.Redis(unix_socket_path=socket) as client, pytest.raises(redis.ConnectionError):
        client.shutdown(nosave=True)
        client.ping()
