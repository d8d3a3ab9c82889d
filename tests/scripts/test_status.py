"""`status --hosts`: who works on what since when, and what waits."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.resources import GIB, Allocation, Capacity, Resources
from core.status import Status
from scripts import status
from store import hosts, spending
from store.records import Attempt, Lease, Outcome
from store.runs import Store
from tests.records import a_request, a_run, some_attempts
from tests.scripts.conftest import Call

ALIVE = "gpu-one/4711-boot/17/1700000000.00"
LOST = "gpu-two/4712-boot/18/1700000001.00"


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    (folder / "runs").mkdir()
    opened = Store.open(f"sqlite:///{folder / 'runs' / 'mlebench.db'}")
    yield opened
    opened.close()


def taken(store: Store, attempt: Attempt, owner: str, lease_secs: float) -> Lease:
    lease = store.acquire(attempt.attempt_id, owner=owner, lease_secs=lease_secs)
    assert lease is not None
    return lease


@pytest.fixture
def attempts(store: Store) -> list[Attempt]:
    """Six attempts: two held by a worker, one by a lost worker, one to be graded, two waiting."""
    run = a_run(planned=6)
    planned = some_attempts(run)
    store.create_run(run, planned)
    for attempt in planned[:2]:
        taken(store, attempt, ALIVE, 80.0)
    taken(store, planned[2], LOST, -30.0)
    ended = Outcome(status=Status.COMPLETED, message="", agent_secs=1.0, exit_code=0)
    store.collected(taken(store, planned[3], ALIVE, 80.0), ended, grading_secs=60)
    return planned


def test_hosts_as_json(call: Call, attempts: list[Attempt]) -> None:
    done = call(status.main, "--hosts", "--json")
    assert done.code == 0
    result = json.loads(done.out)
    alive, lost = result["workers"]
    assert (alive["worker"], alive["host"], alive["lease_ran_out"]) == (ALIVE, "gpu-one", False)
    assert [(entry["competition_id"], entry["seed"], entry["try"]) for entry in alive["attempts"]] == [
        ("tiny", 0, 1),
        ("tiny", 1, 1),
    ]
    assert [entry["attempt_id"] for entry in alive["attempts"]] == [entry.attempt_id for entry in attempts[:2]]
    assert all(70 < entry["lease_secs"] <= 80 for entry in alive["attempts"])
    assert all(0 <= entry["elapsed_secs"] < 30 for entry in alive["attempts"])
    assert (lost["host"], lost["lease_ran_out"]) == ("gpu-two", True)
    assert lost["attempts"][0]["lease_secs"] <= -30
    waiting = {entry["state"]: entry["attempts"] for entry in result["waiting"]}
    assert waiting == {"queued": 2, "collected": 1}


def test_hosts_for_people(call: Call, attempts: list[Attempt]) -> None:
    out = call(status.main, "--hosts").out
    lines = out.splitlines()
    [first] = [line for line in lines if "gpu-one" in line]
    assert "process 17" in first
    assert "s left" in first
    [lost] = [line for line in lines if "gpu-two" in line]
    assert "LOST: ran out 30" in lost
    run_id = attempts[0].run_id
    assert f"run {run_id} (dummy): 2 wait to run, the first for " in out
    assert f"run {run_id} (dummy): 1 wait to be graded, the first for " in out


def test_hosts_of_one_run(call: Call, store: Store, attempts: list[Attempt]) -> None:
    other = a_run(planned=1)
    [single] = some_attempts(other)
    store.create_run(other, [single])
    taken(store, single, LOST, 80.0)
    everything = json.loads(call(status.main, "--hosts", "--json").out)
    assert [worker["lease_ran_out"] for worker in everything["workers"]] == [False, False], "it holds a lease again"
    one = json.loads(call(status.main, "--hosts", other.run_id, "--json").out)
    [worker] = one["workers"]
    assert [entry["run_id"] for entry in worker["attempts"]] == [other.run_id]
    assert one["waiting"] == []


def test_a_run_shows_what_it_has_spent_on_models(call: Call, store: Store) -> None:
    run = a_run(planned=2)
    planned = some_attempts(run)
    store.create_run(run, planned)
    lease = taken(store, planned[0], ALIVE, 80.0)
    spending.open_account(store, lease)
    for model, nano_usd in (("gpt-4o", 2_000_000), ("gpt-4o-mini", 500_000)):
        made = spending.reserve(store, lease, model, spending.Demand(), spending.Budget())
        assert isinstance(made, spending.Reservation)
        spending.settle(store, made, spending.Spent(nano_usd=nano_usd))
    done = call(status.main, run.run_id, "--once", "--json")
    assert [row["cost_usd"] for row in json.loads(done.out)["attempts"]] == [0.0025, None]
    assert "2 model calls, 0.0025 USD" in " ".join(call(status.main, run.run_id, "--once").out.split())


def test_hosts_when_nothing_goes_on(call: Call, store: Store) -> None:
    assert call(status.main, "--hosts").out.strip() == "no worker holds an attempt"
    nothing: dict[str, object] = {"workers": [], "hosts": [], "waiting": [], "cannot_run": {}}
    assert json.loads(call(status.main, "--hosts", "--json").out) == nothing


def test_hosts_show_what_is_taken_and_what_nobody_can_run(call: Call, store: Store) -> None:
    run = a_run(planned=2, request=a_request(needs={"tiny": Resources(gpus=3)}))
    first, second = some_attempts(run)
    store.create_run(run, [first, second])
    capacity = Capacity(cpus=8, memory_bytes=32 * GIB, gpus=("0", "1"), labels=("fast",))
    hosts.announce(store, ALIVE, host="boot", slots=4, capacity=capacity)
    part = Allocation(cpus=2, memory_bytes=8 * GIB, gpus=("1",))
    with store.writing() as connection:
        store.acquire_within(connection, first.attempt_id, owner=ALIVE, lease_secs=80, host="boot", allocation=part)
    out = call(status.main, "--hosts").out
    assert "gpu-one (1 worker): 1 of 4 slots, 2 of 8 CPUs, 8 of 32 GiB, 1 of 2 GPUs taken; labels fast" in out
    assert "no worker that is up can run tiny: it asks for gpus 3" in out
    found = json.loads(call(status.main, "--hosts", "--json").out)
    [host] = found["hosts"]
    assert (host["slots"], host["busy"], host["taken"]["gpus"]) == (4, 1, ["1"])
    assert found["cannot_run"] == {"tiny": "gpus 3"}
    hosts.announce(store, ALIVE, host="boot", slots=4, capacity=capacity, run_id="another")
    assert json.loads(call(status.main, "--hosts", "--json").out)["cannot_run"] == {}  # it may have workers later


def test_hosts_of_an_unknown_run_is_wrong_input(call: Call, attempts: list[Attempt]) -> None:
    done = call(status.main, "--hosts", "nope")
    assert done.code == 2
    assert len(done.err.strip().splitlines()) == 1
