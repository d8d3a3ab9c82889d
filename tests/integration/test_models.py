"""Agents that call a model: from their containers to a real server that speaks the API, through the gateway."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.integration.bench import Bench
from tests.integration.test_services import services, worker
from tests.model_server import KEY, ModelServer, Usage, model_server

__all__ = ["services"]  # a fixture

ARGUMENTS = ("--competitions", "tiny", "--sandbox")
PROBED_PORT = 28745


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with model_server(usage=lambda request, said: Usage(input=100, output=20)) as served:
        yield served


@pytest.fixture
def calling(bench: Bench, model: ModelServer) -> Bench:
    """Commands whose workers know a model's server and its key."""
    return replace(bench, env={**bench.env, **model.environment})


def log_of(result: dict[str, Any]) -> str:
    (path,) = Path(result["run_dir"]).glob("*/run.log")
    return path.read_text()


def assert_key_is_nowhere(bench: Bench) -> None:
    """Not in the run folder, nor in the database that is beside it."""
    found = [path for path in bench.runs_dir.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert found == []


def bridge_address() -> str:
    shown = subprocess.run(
        ["docker", "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"],
        check=True,
        capture_output=True,
        text=True,
    )
    return shown.stdout.strip() or "172.17.0.1"


def test_a_container_reaches_its_model_and_nothing_else(calling: Bench, model: ModelServer) -> None:
    with socket.create_server(("0.0.0.0", PROBED_PORT)):
        socket.create_connection((bridge_address(), PROBED_PORT), timeout=5).close()  # from here it can be reached
        result = calling.submit("--agent", "caller/prober", *ARGUMENTS, "docker")
    said = log_of(result)
    assert [report["status"] for report in result["reports"]] == ["completed"]
    assert "a call: 200" in said and len(model.asked) == 1
    assert "REACHED" not in said and "RESOLVED" not in said
    assert said.count("closed: 172.") == 21 and "closed: 169.254.169.254 80" in said
    assert [line for line in said.splitlines() if line.startswith("open port")] == ["open port 5000", "open port 5001"]
    assert "interfaces: ['lo']" in said
    assert said.count("a way out: 400") == 4
    assert "OPENAI_BASE_URL=http://localhost:5001/v1" in said and KEY not in said
    assert_key_is_nowhere(calling)


def test_hostile_attempts_share_their_runs_budget_and_are_graded(calling: Bench, model: ModelServer) -> None:
    """Two agents, each with sixteen calls at a time without end."""
    budget = ("--max-cost", "0.003", "--seeds", "2", "--workers", "2", "--time-limit", "90")
    result = calling.submit("--agent", "caller/spender", *ARGUMENTS, "docker", *budget)
    reports = result["reports"]
    assert {report["status"] for report in reports} == {"budget_spent"}
    assert all(report["score"] is not None for report in reports)
    paid = len(model.asked) * (100 * 150 + 20 * 600) / 1e9
    assert 0.002 < paid <= 0.003
    assert 0.002 < sum(report["cost_usd"] for report in reports) <= 0.003
    folder = Path(result["run_dir"])
    grading = json.loads((folder / "grading_report.json").read_text())
    assert grading["total_cost_usd"] == pytest.approx(sum(report["cost_usd"] for report in reports))
    assert grading["total_model_calls"] >= len(model.asked)
    metadata = json.loads((folder / "metadata.json").read_text())
    assert metadata["model_prices"]["date"]
    assert {name for attempt in metadata["runs"].values() for name in attempt["models"]} == {"gpt-4o-mini"}
    assert_key_is_nowhere(calling)


def test_an_agent_as_a_plain_process_calls_its_model_too(calling: Bench, model: ModelServer) -> None:
    done = calling.run("submit", "--agent", "caller", *ARGUMENTS, "process")
    assert done.returncode == 0, done.stderr
    (log,) = calling.runs_dir.glob("*/*/run.log")
    said = log.read_text()
    assert "the model said: Hello from the model." in said and "the model streamed: Hello from the model." in said
    assert "my key is ***" in said
    records = [json.loads(line) for line in (log.parent / "model_calls.jsonl").read_text().splitlines()]
    assert [record["cost_usd"] for record in records] == [27_000 / 1e9] * 2
    assert "cost" in done.stdout and "models: 2 calls, 200 tokens in, 40 out, cost 5.4e-05 USD" in done.stdout


def test_the_gateway_of_a_killed_worker_answers_again(services: Bench, model: ModelServer) -> None:
    own = replace(services, env={**services.env, **model.environment, "MLEBENCH_LEASE_SECS": "30"})
    with ExitStack() as stack:
        first = stack.enter_context(worker(own, "first"))
        command = stack.enter_context(
            own.start("submit", "--agent", "caller/patient", *ARGUMENTS, "docker", "--json", "--max-cost", "1")
        )
        own.wait_for_line("patient: 200")
        first.send_signal(signal.SIGKILL)
        first.wait(30)
        asked = len(model.asked)
        stack.enter_context(worker(own, "second"))
        out, err = command.communicate(timeout=100)
    assert command.returncode == 0, err
    result = json.loads(out)
    assert [report["status"] for report in result["reports"]] == ["completed"], log_of(result)
    assert len(model.asked) >= asked + 3
    (report,) = result["reports"]
    assert report["tries"] == 1 and report["model_calls"] >= len(model.asked)
    assert (report["cost_usd"] or 0) >= len(model.asked) * 27_000 / 1e9
    assert_key_is_nowhere(own)
