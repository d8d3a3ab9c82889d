"""Two Docker engines stand for two hosts: one is killed, one is cut off."""

import subprocess
from collections.abc import Callable, Iterator

import pytest

from core.status import State
from tests.faults.accounts import Accounts
from tests.faults.hosts import Host
from tests.faults.network import FarHost, far_host
from tests.faults.second_engine import SecondEngine, second_engine
from tests.faults.site import Site
from tests.services import wait_until
from worker.sandbox.engine import ATTEMPT_LABEL

Count = Callable[[Accounts], Accounts]
BASE = "python:3.11-slim-bookworm"
DOCKER = ("--sandbox", "docker")


@pytest.fixture(scope="module")
def far() -> Iterator[FarHost]:
    with far_host() as made:
        yield made


@pytest.fixture(scope="module")
def engine(far: FarHost) -> Iterator[SecondEngine]:
    with second_engine(far, images=(BASE,)) as made:
        yield made


def test_a_docker_host_that_is_cut_off_loses_its_attempt(
    two_hosts: tuple[Site, dict[str, str]], far: FarHost, engine: SecondEngine, count: Count
) -> None:
    here, env = two_hosts
    here.host("far", env={**env, "DOCKER_HOST": engine.url}, before=far.enter_renamed, concurrency=1)
    run_id = here.submit("sleeper", *DOCKER, "--time-limit", "600")
    here.wait_for(run_id, state=State.RUNNING, timeout_secs=90)
    agent = f"{ATTEMPT_LABEL}={here.attempts(run_id)[0].attempt_id}"
    (container,) = engine.containers(agent)
    here.closing.callback(far.mend)  # whatever comes: a worker that is cut off does not end
    far.cut()
    here.host("near", concurrency=1)
    wait_until(lambda: here.attempts(run_id)[0].fence == 2, timeout_secs=90, description="another host took over")
    wait_until(
        lambda: engine.docker("inspect", "--format", "{{.State.Status}}", container).strip() == "paused",
        timeout_secs=3,  # at nine tenths of a lease, which are not much of these short ones on a busy machine
        description="the far agent rests",
    )
    here.wait_for(run_id, state=State.RUNNING)
    assert here.attempts(run_id)[0].fence == 2
    far.mend()
    wait_until(lambda: not engine.containers(agent), timeout_secs=90, description="the far container is gone")
    assert here.bench.run("cancel", run_id).returncode == 0
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"cancelled": 1}
    assert accounts.tries == {"lost": 1, "cancelled": 1}
    assert not engine.containers()
    assert not containers_of(run_id), "on this machine's own engine"


@pytest.mark.parametrize("end", [SecondEngine.kill, SecondEngine.stop], ids=["SIGKILL", "stopped"])
def test_an_engine_that_ends_costs_a_try_and_no_attempt(
    here: Site, engine: SecondEngine, count: Count, end: Callable[[SecondEngine], None]
) -> None:
    """The agent dies with it, by SIGTERM as if by its own hand; it is not blamed. The other host works on."""
    far = here.host("far", env={"DOCKER_HOST": engine.url}, concurrency=1)
    here.host("near", concurrency=1)
    run_id = here.submit("napper", *DOCKER, seeds=4)
    wait_until(lambda: works_on(here, run_id, far), timeout_secs=90, description="an agent works on the far engine")
    end(engine)
    engine.start()
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"completed": 4}
    assert accounts.tries == {"completed": 4, "given_back": 1}
    assert_blamed_on_the_engine(here, run_id)
    wait_until(lambda: not engine.containers(), timeout_secs=90, description="its containers are gone")
    assert not containers_of(run_id), "on this machine's own engine"


def test_a_host_that_is_switched_off_and_on_again_costs_a_try_and_no_attempt(
    here: Site, engine: SecondEngine, count: Count
) -> None:
    """Its next worker finds the containers that the engine ended, and blames no agent for that either."""
    # Longer than an engine takes to end and start, or the attempt is given to others before.
    env = {"DOCKER_HOST": engine.url, "MLEBENCH_LEASE_SECS": "60"}
    before = here.host("before", env=env, concurrency=1)
    run_id = here.submit("napper", *DOCKER, seeds=2)
    here.wait_for(run_id, state=State.RUNNING, timeout_secs=90)
    before.kill_tree()
    engine.stop()
    engine.start()
    here.host("after", env=env, concurrency=1)
    accounts = count(here.settle(run_id))
    assert accounts.statuses == {"completed": 2}
    assert accounts.tries == {"adopted": 1, "completed": 2, "given_back": 1}
    assert_blamed_on_the_engine(here, run_id)
    wait_until(lambda: not engine.containers(), timeout_secs=90, description="its containers are gone")


def works_on(here: Site, run_id: str, host: Host) -> bool:
    """Whether an agent of a run works on a host now."""
    running = [a for a in here.attempts(run_id) if a.state is State.RUNNING and a.agent_started_at]
    return any(f"/{host.pid}/" in (attempt.owner or "") for attempt in running)


def containers_of(run_id: str) -> list[str]:
    """A run's containers on this machine's own engine."""
    command = ["docker", "ps", "-aq", "--filter", f"label=mlebench.run={run_id}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def assert_blamed_on_the_engine(here: Site, run_id: str) -> None:
    (failed,) = [entry for entry in here.store.tries(run_id) if entry.outcome == "given_back"]
    assert "the Docker engine was stopped or restarted" in (failed.error or "")
