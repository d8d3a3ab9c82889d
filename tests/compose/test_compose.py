"""docker-compose.yml and docker-compose.worker.yml as a user starts them, and runs submitted from the host."""

import base64
import json
import os
import secrets
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.compose.project import Project, docker, free_port, inspect, running, write_env_file
from tests.integration.bench import FIXTURES, Bench, docker_containers
from tests.services import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]  # the first build of the image takes a minute or more

SERVICES = ("redis", "postgres", "worker", "grading", "server", "flower")
PASSWORD = "sesame"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds data, runs, and what workers have on their host."""
    return tmp_path_factory.mktemp("compose")


@pytest.fixture(scope="module")
def values(folder: Path) -> dict[str, str]:
    """What the user writes into .env."""
    redis, postgres, flower, server = (str(free_port()) for _ in range(4))
    return {
        "MLEBENCH_IMAGE": "mlebench-runner:test",
        "REDIS_PASSWORD": PASSWORD,
        "POSTGRES_PASSWORD": PASSWORD,
        "FLOWER_PASSWORD": PASSWORD,
        "REDIS_PORT": redis,
        "POSTGRES_PORT": postgres,
        "FLOWER_PORT": flower,
        "MLEBENCH_API_TOKEN": PASSWORD,
        "SERVER_PORT": server,
        "MLEBENCH_BROKER_URL": f"redis://:${{REDIS_PASSWORD}}@127.0.0.1:{redis}/0",
        "MLEBENCH_DATABASE_URL": f"postgresql://mlebench:${{POSTGRES_PASSWORD}}@127.0.0.1:{postgres}/mlebench",
        "MLEBENCH_DATA_DIR": str(folder / "data"),
        "MLEBENCH_RUNS_DIR": str(folder / "runs"),
        "MLEBENCH_SCRATCH_DIR": str(folder / "scratch"),
        "MLEBENCH_AGENTS_PATH": str(FIXTURES / "agents"),
        "MLEBENCH_COMPETITIONS_PATH": str(FIXTURES / "competitions"),
        "MLEBENCH_WORKERS": "1",
        "MLEBENCH_LEASE_SECS": "30",
        "MLEBENCH_HEARTBEAT_SECS": "1",
    }


@pytest.fixture(scope="module")
def first(folder: Path, values: dict[str, str]) -> Iterator[Project]:
    """The machine that has all services, up and healthy; nothing is left of it afterwards."""
    project = Project(
        name=f"mlebench-test-{secrets.token_hex(4)}",
        file="docker-compose.yml",
        env_file=write_env_file(folder / "first.env", values),
    )
    before = docker_containers()
    with running(project, "--build"):
        for service in SERVICES:
            wait_until(partial(project.healthy, service), timeout_secs=90, description=f"{service} is healthy")
        yield project
    assert project.traces() == []
    assert docker_containers() <= before


@pytest.fixture
def bench(first: Project, values: dict[str, str]) -> Bench:
    """The commands on the host, which read the same .env."""
    return Bench(
        data_dir=Path(values["MLEBENCH_DATA_DIR"]),
        runs_dir=Path(values["MLEBENCH_RUNS_DIR"]),
        env={"MLEBENCH_ENV_FILE": str(first.env_file)},
    )


def attempts_of(result: dict[str, Any]) -> list[dict[str, Any]]:
    """What metadata.json says about a run's attempts."""
    metadata = json.loads((Path(result["run_dir"]) / "metadata.json").read_text())
    return list(metadata["runs"].values())


def test_a_run_submitted_on_the_host_is_done_by_containers_beside_the_worker(bench: Bench) -> None:
    result = bench.submit("--competitions", "tiny", "--agent", "solver", "--seeds", "2")
    assert [report["status"] for report in result["reports"]] == ["completed"] * 2
    assert all(report["score"] is not None for report in result["reports"])
    for attempt in attempts_of(result):
        assert attempt["environment"]["sandbox"] == "docker"
        assert attempt["environment"]["host"] == os.uname().nodename


def test_the_images_own_agents_are_the_checkouts(bench: Bench) -> None:
    result = bench.submit("--split", "dev", "--competitions", "diamond-prices", "--agent", "dummy")
    assert [report["status"] for report in result["reports"]] == ["completed"]


def test_an_agent_outlives_the_container_of_its_worker(bench: Bench, first: Project) -> None:
    with bench.start("submit", "--competitions", "tiny", "--agent", "longnapper", "--json") as command:
        bench.wait_for_line("step 2")
        (container,) = first.containers("worker")
        os.kill(int(inspect(container, "{{.State.Pid}}")), signal.SIGKILL)  # as a crash: docker starts it again
        out, err = command.communicate(timeout=90)
    assert command.returncode == 0, err
    assert int(inspect(container, "{{.RestartCount}}")) == 1
    (attempt,) = attempts_of(json.loads(out))
    assert [entry["outcome"] for entry in attempt["tries"]] == ["adopted", "completed"]


def test_an_agent_may_not_run_beside_the_engines_socket(first: Project) -> None:
    (container,) = first.containers("worker")
    program = "from worker.settings import load_settings; print(load_settings().process_allowed)"
    assert docker("exec", container, "python3", "-c", program).strip() == "False"


def test_further_workers_need_addresses_and_folders_alone(
    bench: Bench, first: Project, values: dict[str, str], folder: Path
) -> None:
    own = {name: value for name, value in values.items() if name.startswith("MLEBENCH_")}
    for name in ("MLEBENCH_BROKER_URL", "MLEBENCH_DATABASE_URL"):
        own[name] = own[name].replace("${REDIS_PASSWORD}", PASSWORD).replace("${POSTGRES_PASSWORD}", PASSWORD)
    further = replace(
        first,
        name=f"{first.name}-more",
        file="docker-compose.worker.yml",
        env_file=write_env_file(folder / "more.env", own),
    )
    with running(further, "--scale", "worker=2"):
        wait_until(lambda: further.healthy("worker"), timeout_secs=90, description="the further workers are healthy")
        assert len(further.containers("worker")) == 2
        result = bench.submit("--competitions", "tiny", "--agent", "napper", "--seeds", "6")
    assert further.traces() == []
    assert [report["status"] for report in result["reports"]] == ["completed"] * 6
    assert len({attempt["environment"]["worker"] for attempt in attempts_of(result)}) == 3


def test_flower_asks_for_a_password_and_shows_names_and_arguments(bench: Bench, values: dict[str, str]) -> None:
    result = bench.submit("--competitions", "tiny", "--agent", "idler")
    address = f"http://127.0.0.1:{values['FLOWER_PORT']}"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{address}/api/tasks", timeout=10)
    refused.value.close()
    assert refused.value.code == 401
    token = base64.b64encode(f"mlebench:{PASSWORD}".encode()).decode()
    request = urllib.request.Request(f"{address}/api/tasks", headers={"Authorization": f"Basic {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        shown = json.load(answer).values()
    assert {"run_attempt", "grade_attempt", "collect"} <= {entry["name"] for entry in shown}
    assert any(result["run_id"] in entry["args"] for entry in shown)


def test_a_run_is_started_over_http_and_done_by_the_worker(values: dict[str, str], first: Project) -> None:
    address = f"http://127.0.0.1:{values['SERVER_PORT']}"
    assert requests.get(f"{address}/runs", timeout=10).status_code == 401
    token = {"Authorization": f"Bearer {PASSWORD}"}
    order = {"competition_set": ["tiny"], "agent_id": "solver"}
    run = requests.post(f"{address}/runs", json=order, headers=token, timeout=30).json()
    events = requests.get(f"{address}/runs/{run['run_id']}/events", headers=token, timeout=60)
    assert '"status": "completed"' in events.text.strip().rpartition("event: run")[2]
    summary = requests.get(f"{address}/runs/{run['run_id']}/summary", headers=token, timeout=30).json()
    assert summary["grading_reports"][0]["total_valid_submissions"] == 1
    (container,) = first.containers("server")
    assert "docker.sock" not in inspect(container, "{{json .Mounts}}")


def test_nothing_listens_outside_of_this_machine(first: Project) -> None:
    for service in ("redis", "postgres", "flower", "server"):
        (container,) = first.containers(service)
        published = json.loads(inspect(container, "{{json .NetworkSettings.Ports}}"))
        assert {entry["HostIp"] for entries in published.values() for entry in entries or []} == {"127.0.0.1"}


def test_redis_keeps_what_it_is_given_and_refuses_strangers(first: Project) -> None:
    (container,) = first.containers("redis")
    asked = "redis-cli config get appendonly; redis-cli config get maxmemory-policy"
    assert docker("exec", container, "sh", "-c", asked).split() == [
        *("appendonly", "yes"),
        *("maxmemory-policy", "noeviction"),
    ]
    assert "NOAUTH" in docker("exec", container, "env", "-u", "REDISCLI_AUTH", "redis-cli", "ping")
    assert PASSWORD not in docker("top", container)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("docker-compose.yml", "REDIS_PASSWORD"),
        ("docker-compose.yml", "POSTGRES_PASSWORD"),
        ("docker-compose.yml", "FLOWER_PASSWORD"),
        ("docker-compose.yml", "MLEBENCH_API_TOKEN"),
        ("docker-compose.yml", "MLEBENCH_DATA_DIR"),
        ("docker-compose.worker.yml", "MLEBENCH_BROKER_URL"),
        ("docker-compose.worker.yml", "MLEBENCH_DATABASE_URL"),
        ("docker-compose.worker.yml", "MLEBENCH_RUNS_DIR"),
    ],
)
def test_nothing_starts_without_a_secret_or_a_folder(
    tmp_path: Path, values: dict[str, str], file: str, name: str
) -> None:
    env_file = write_env_file(tmp_path / ".env", {**values, name: ""})
    done = Project(name="mlebench-test-refused", file=file, env_file=env_file).compose("config", check=False)
    assert done.returncode != 0
    assert f"{name}" in done.stderr
    assert "set it in .env" in done.stderr
