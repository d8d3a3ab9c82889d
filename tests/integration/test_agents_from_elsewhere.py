"""Agents that workers have never seen: from a folder, from a repository, and fresh from new_agent."""

import json
import shutil
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from store.runs import Store
from tests.agents.repositories import Repository
from tests.integration.bench import FIXTURES, Bench
from tests.integration.test_services import services, worker
from tests.services import wait_until
from worker.app import READY_FILE
from worker.settings import load_settings
from worker.submitting import Order, create_run, plan

__all__ = ["services"]  # the fixture

TINY = ("--competitions", "tiny", "--sandbox", "process")


@pytest.fixture
def bare(bench: Bench, tmp_path: Path) -> Bench:
    """Commands that know no agents but the repository's."""
    (tmp_path / "no-agents").mkdir()
    return without_agents(bench, tmp_path)


@pytest.fixture
def napper(tmp_path: Path) -> Path:
    """The napper's folder, in a place and under a name that nobody knows."""
    return shutil.copytree(FIXTURES / "agents" / "napper", tmp_path / "elsewhere" / "unheard-of")


def without_agents(bench: Bench, tmp_path: Path) -> Bench:
    return replace(bench, env={**bench.env, "MLEBENCH_AGENTS_PATH": str(tmp_path / "no-agents")})


def test_a_new_agent_runs_out_of_a_repository_at_the_commit_that_its_branch_was_at(bare: Bench, tmp_path: Path) -> None:
    repository = Repository.create(tmp_path / "agents.git", {"deep/README": "x"})
    made = bare.run("new_agent", "fresh", "--in", str(repository.path / "deep"))
    assert made.returncode == 0, made.stderr
    commit = repository.commit({})
    address = f"{repository.url}@main#subdirectory=deep/fresh"
    result = bare.submit(
        "--agent", address, "--variant", "dev", "--competitions", "credit-status", "--sandbox", "process"
    )
    assert_learned(result, "fresh/dev")
    metadata = json.loads((Path(result["run_dir"]) / "metadata.json").read_text())
    assert metadata["agent_source"] == f"{repository.url}@{commit}#subdirectory=deep/fresh"


def test_a_run_is_resumed_though_its_agents_folder_is_gone(bare: Bench, napper: Path) -> None:
    settings = load_settings(
        data_dir=bare.data_dir,
        runs_dir=bare.runs_dir,
        competitions_path=str(FIXTURES / "competitions"),
        env_file=bare.runs_dir / ".env",
    )
    bare.runs_dir.mkdir()
    store = Store.open(f"sqlite:///{bare.runs_dir / 'mlebench.db'}")
    order = Order(agent=str(napper), agent_sources=True, competitions=("tiny",), sandbox="process")
    run = create_run(plan(order, settings, local=True), store)
    store.close()
    shutil.rmtree(napper)
    result = bare.submit("--resume", run.run_id)
    assert [report["status"] for report in result["reports"]] == ["completed"]


def test_workers_of_two_hosts_run_an_agent_that_neither_has(services: Bench, tmp_path: Path, napper: Path) -> None:
    (tmp_path / "no-agents").mkdir()
    own = without_agents(services, tmp_path)
    with ExitStack() as stack:
        for name in ("one", "two"):
            env = {**own.env, "MLEBENCH_HOST": name, READY_FILE: str(tmp_path / f"{name}.ready")}
            stack.enter_context(worker(replace(own, env=env), name))
        wait_until(
            lambda: len(list(tmp_path.glob("*.ready"))) == 2, timeout_secs=60, description="both workers take messages"
        )
        command = stack.enter_context(own.start("submit", "--agent", str(napper), "--seeds", "2", "--json", *TINY))
        wait_until(
            lambda: list(own.runs_dir.glob("*/agent.tar")), timeout_secs=60, description="the agent is beside the run"
        )
        shutil.rmtree(napper)
        out, err = command.communicate(timeout=90)
    assert command.returncode == 0, err
    result = json.loads(out)
    assert [report["status"] for report in result["reports"]] == ["completed"] * 2
    metadata = json.loads((Path(result["run_dir"]) / "metadata.json").read_text())
    assert {entry["environment"]["host_name"] for entry in metadata["runs"].values()} == {"one", "two"}


@pytest.mark.usefixtures("no_containers_left")
def test_a_new_agent_runs_out_of_its_folder_in_a_container(bare: Bench, tmp_path: Path) -> None:
    made = bare.run("new_agent", "fresh", "--in", str(tmp_path))
    assert made.returncode == 0, made.stderr
    agent = made.stdout.split("--agent ")[1].split()[0]
    result = bare.submit("--agent", agent, "--competitions", "credit-status", "--sandbox", "docker")
    assert_learned(result, "fresh")


def assert_learned(result: dict[str, Any], agent_id: str) -> None:
    [report] = result["reports"]
    assert (report["agent_id"], report["status"], report["valid_submission"]) == (agent_id, "completed", True)
    assert report["score"] > 0.7, "guessing gives 0.5"
