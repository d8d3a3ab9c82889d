"""Where and in which order attempts run, with real workers that stand for hosts of their own."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from tasks.data import prepare
from tasks.registry import COMPETITIONS, load_competition
from tests.integration.bench import Bench
from tests.integration.test_services import TINY, services, worker
from tests.services import wait_until

__all__ = ["services"]  # a fixture


@contextmanager
def host(bench: Bench, name: str, *, slots: int = 2, **settings: str) -> Iterator[None]:
    """A worker on a host of its own name (unless `host` says another) and settings, once it has announced itself."""
    env = {f"MLEBENCH_{key.upper()}": value for key, value in {"host": name, **settings}.items()}
    with worker(replace(bench, env={**bench.env, **env}), name, concurrency=slots):
        called = env["MLEBENCH_HOST"]
        wait_until(lambda: called in hosts(bench), timeout_secs=60, description=f"{name} announces itself")
        yield


def hosts(bench: Bench) -> dict[str, Any]:
    shown = bench.run("status", "--hosts", "--json")
    return {entry["host"]: entry for entry in json.loads(shown.stdout or '{"hosts": []}')["hosts"]}


def attempts(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The attempts of a run that is closed, in the order in which they were started, with `log` and `host`."""
    folder = Path(result["run_dir"])
    runs = json.loads((folder / "metadata.json").read_text())["runs"]
    found = [
        {**attempt, "name": name, "log": (folder / name / "run.log").read_text(), "host": host_of(attempt)}
        for name, attempt in runs.items()
    ]
    return sorted(found, key=lambda attempt: str(attempt["started_at"]))


def host_of(attempt: dict[str, Any]) -> str:
    return str(attempt["environment"]["host_name"])


def span(attempt: dict[str, Any]) -> tuple[datetime, datetime]:
    """From when to when its agent worked, at the most."""
    return datetime.fromisoformat(attempt["agent_started_at"]), datetime.fromisoformat(attempt["collected_at"])


def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    (begins, ends), (other_begins, other_ends) = span(one), span(other)
    return max(begins, other_begins) < min(ends, other_ends)


def test_gpus_are_given_out_one_by_one_and_only_where_there_are_any(services: Bench) -> None:
    with host(services, "plain", host_gpus="none"), host(services, "graphics", slots=3, host_gpus="4,7"):
        result = services.submit("--agent", "grapher", "--seeds", "6", *TINY)
    found = attempts(result)
    assert {attempt["host"] for attempt in found} == {"graphics"}
    given = [re.search(r"GPU <(.*)>", attempt["log"])[1] for attempt in found]  # type: ignore[index]  # else it fails
    assert set(given) == {"4", "7"}
    pairs = [(i, j) for i in range(6) for j in range(i) if overlap(found[i], found[j])]
    assert pairs, "no two ran at the same time: this would prove nothing"
    assert all(given[i] != given[j] for i, j in pairs)


def test_what_no_worker_can_run_is_said_at_once_and_nothing_is_queued(services: Bench) -> None:
    with host(services, "plain", host_gpus="none", host_cpus="2"):
        done = services.run("submit", "--agent", "grapher", *TINY)
    assert done.returncode == 2
    assert "no worker can run this: tiny asks for gpus 1. The hosts have: 2 CPUs" in done.stderr
    assert not list(services.runs_dir.glob("*run-group*"))


def test_a_run_may_wait_for_its_workers(services: Bench) -> None:
    done = services.run("submit", "--agent", "grapher", "--detach", "--json", *TINY)
    assert done.returncode == 0
    assert "no worker that runs attempts is up" in done.stderr
    run_id = json.loads(done.stdout)["run_id"]
    with host(services, "plain", host_gpus="none"):
        assert json.loads(services.run("status", "--hosts", "--json").stdout)["cannot_run"] == {"tiny": "gpus 1"}
        with host(services, "graphics", host_gpus="0"):
            ended = services.run("status", run_id, "--json")
    assert ended.returncode == 0, ended.stderr
    assert [attempt["host"] for attempt in attempts(json.loads(ended.stdout))] == ["graphics"]


def test_a_host_is_not_overcommitted_by_several_workers(services: Bench) -> None:
    """Two workers with two slots each on one host of two CPUs; each attempt asks for one."""
    with (
        host(services, "first", cpus="1", host_cpus="2", host="shared"),
        host(services, "second", cpus="1", host_cpus="2", host="shared"),
    ):
        wait_until(lambda: hosts(services)["shared"]["workers"] == 2, timeout_secs=60, description="both are there")
        found = attempts(services.submit("--agent", "napper", "--seeds", "6", *TINY))
    assert len({attempt["environment"]["worker"] for attempt in found}) == 2
    spans = [span(attempt) for attempt in found]
    at_a_time = [sum(begins <= moment < ends for begins, ends in spans) for moment, _ in spans]
    assert max(at_a_time) == 2


def started_order(bench: Bench) -> list[str]:
    """The run ids of all attempts, in the order in which they were taken."""
    url = bench.env["MLEBENCH_DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT run_id FROM attempts ORDER BY started_at"))
        order = [row.run_id for row in rows]
    engine.dispose()
    return order


def detached(bench: Bench, *arguments: str) -> str:
    done = bench.run("submit", "--agent", "solver", "--detach", "--json", *TINY, *arguments)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["run_id"])


def test_a_small_run_does_not_wait_behind_a_large_one(services: Bench) -> None:
    ada = replace(services, env={**services.env, "MLEBENCH_SUBMITTER": "ada"})
    bob = replace(services, env={**services.env, "MLEBENCH_SUBMITTER": "bob"})
    many, few = detached(ada, "--seeds", "20"), detached(bob, "--seeds", "3")
    with host(services, "one", slots=2):
        for run_id in (many, few):
            assert services.run("status", run_id, "--json").returncode == 0
    order = started_order(services)
    assert Counter(order) == {many: 20, few: 3}
    assert max(position for position, run_id in enumerate(order) if run_id == few) <= 8, order


def test_a_run_of_higher_priority_goes_first(services: Bench) -> None:
    usual, urgent = detached(services, "--seeds", "6"), detached(services, "--seeds", "4", "--priority", "1")
    with host(services, "one", slots=1):
        for run_id in (usual, urgent):
            assert services.run("status", run_id, "--json").returncode == 0
    assert started_order(services) == [urgent] * 4 + [usual] * 6


def test_attempts_prefer_the_host_that_has_their_data(services: Bench, tmp_path: Path) -> None:
    there = {"one": "diamond-prices", "two": "job-classes"}
    for name, competition in there.items():
        prepare(load_competition(competition, roots=[COMPETITIONS]), tmp_path / f"data-{name}")
    with (
        host(services, "one", slots=1, data_dir=str(tmp_path / "data-one")),
        host(services, "two", slots=1, data_dir=str(tmp_path / "data-two")),
    ):
        names = ",".join(there.values())
        result = services.submit("--agent", "dummy", "--competitions", names, "--seeds", "3", "--sandbox", "process")
    found = attempts(result)
    assert Counter(attempt["competition_id"] for attempt in found) == {"diamond-prices": 3, "job-classes": 3}
    for name, competition in there.items():
        own = [attempt["competition_id"] for attempt in found if attempt["host"] == name]
        # Whoever is done with its own helps the other.
        assert own[0] == competition
        assert own == sorted(own, key=lambda given: given != competition)
