"""The same command against services: Redis, Postgres and worker processes of their own."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from sqlalchemy import create_engine, text

from tests.integration.bench import REPOSITORY, Bench
from tests.services import wait_until
from tests.worker.throwaway_redis import throwaway_redis

TINY = ("--competitions", "tiny", "--sandbox", "process")


@pytest.fixture
def services(postgres: str, data_dir: Path, tmp_path: Path) -> Iterator[Bench]:
    """Commands that find a Redis and an empty Postgres database in their environment."""
    name = f"test_{tmp_path.name.lower()}"
    admin = create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    with throwaway_redis(tmp_path) as broker:
        yield Bench(
            data_dir=data_dir,
            runs_dir=tmp_path / "runs",
            env={
                "MLEBENCH_BROKER_URL": broker,
                "MLEBENCH_DATABASE_URL": postgres.replace("/postgres?", f"/{name}?"),
                "MLEBENCH_LEASE_SECS": "6",
                "MLEBENCH_HEARTBEAT_SECS": "1",
                "MLEBENCH_VISIBILITY_TIMEOUT_SECS": "6",
                "MLEBENCH_GRACE_SECS": "5",
            },
        )
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@contextmanager
def worker(bench: Bench, name: str, *, concurrency: int = 1) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker process, as it is started on a host; its log is <name>.log beside the runs folder."""
    command = [sys.executable, "-m", "celery", "-A", "worker.app", "worker", "-n", f"{name}@%h"]
    with (bench.runs_dir.parent / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "-c", str(concurrency)], cwd=REPOSITORY, env=bench.environment(), stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    raise


def test_two_workers_share_the_dev_split(services: Bench) -> None:
    with ExitStack() as stack:
        for name in ("one", "two"):
            stack.enter_context(worker(services, name))
        result = services.submit("--split", "dev", "--agent", "dummy", "--seeds", "2", "--sandbox", "process")
    assert result["status"] == "completed"
    assert len(result["reports"]) == 12
    assert {report["status"] for report in result["reports"]} == {"completed"}
    metadata = json.loads((Path(result["run_dir"]) / "metadata.json").read_text())
    workers = {attempt["environment"]["worker"] for attempt in metadata["runs"].values()}
    assert len(workers) == 2


def test_a_killed_workers_attempts_are_taken_over_and_the_run_closes(services: Bench) -> None:
    with ExitStack() as stack:
        doomed = stack.enter_context(worker(services, "doomed", concurrency=2))
        with services.start("submit", "--agent", "napper", "--seeds", "4", "--json", *TINY) as command:
            services.wait_for_line("step 1")
            tree = [psutil.Process(doomed.pid), *psutil.Process(doomed.pid).children(recursive=True)]
            for process in tree:
                process.kill()
            stack.enter_context(worker(services, "heir", concurrency=2))
            out, err = command.communicate(timeout=90)
    assert command.returncode == 0, err
    result = json.loads(out)
    assert [report["status"] for report in result["reports"]] == ["completed"] * 4
    assert sum(report["tries"] > 1 for report in result["reports"]) == 2


DOCKER = ("--competitions", "tiny", "--sandbox", "docker")


@pytest.mark.usefixtures("no_containers_left")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_an_agent_outlives_its_worker(services: Bench, number: int) -> None:
    own = replace(services, env={**services.env, "MLEBENCH_LEASE_SECS": "30", "MLEBENCH_DRAIN_SECS": "0"})
    with ExitStack() as stack:
        first = stack.enter_context(worker(own, "first", concurrency=2))
        arguments = ("--agent", "longnapper", "--seeds", "2", "--json", *DOCKER)
        command = stack.enter_context(own.start("submit", *arguments))
        own.wait_for_line("step 2")
        first.send_signal(number)
        first.wait(30)
        stack.enter_context(worker(own, "second", concurrency=2))
        out, err = command.communicate(timeout=100)
    assert command.returncode == 0, err
    result = json.loads(out)
    assert [report["status"] for report in result["reports"]] == ["completed"] * 2
    assert [report["tries"] for report in result["reports"]] == [1, 1]
    for log in Path(result["run_dir"]).glob("*/run.log"):
        text = log.read_text()
        assert [text.count(f"step {step}\n") for step in range(1, 13)] == [1] * 12
    metadata = json.loads((Path(result["run_dir"]) / "metadata.json").read_text())
    for attempt in metadata["runs"].values():
        assert [entry["outcome"] for entry in attempt["tries"]] == ["adopted", "completed"]


@pytest.mark.usefixtures("no_containers_left")
def test_an_agent_that_was_taken_before_hosts_were_shared_out_is_adopted(services: Bench) -> None:
    """As after an upgrade: the older worker wrote nothing of what its attempt holds of the host."""
    own = replace(services, env={**services.env, "MLEBENCH_LEASE_SECS": "30", "MLEBENCH_DRAIN_SECS": "0"})
    with ExitStack() as stack:
        first = stack.enter_context(worker(own, "first"))
        command = stack.enter_context(own.start("submit", "--agent", "longnapper", "--json", *DOCKER))
        own.wait_for_line("step 2")
        first.send_signal(signal.SIGTERM)
        first.wait(30)
        database = create_engine(own.env["MLEBENCH_DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:"))
        with database.begin() as connection:
            connection.execute(text("UPDATE attempts SET host = NULL, allocation = NULL"))
        database.dispose()
        stack.enter_context(worker(own, "second"))
        out, err = command.communicate(timeout=100)
    assert command.returncode == 0, err
    [report] = json.loads(out)["reports"]
    assert (report["status"], report["tries"]) == ("completed", 1)


@pytest.mark.usefixtures("no_containers_left")
def test_an_agent_that_cannot_be_adopted_is_removed_at_once(services: Bench) -> None:
    lasting = {"MLEBENCH_LEASE_SECS": "30", "MLEBENCH_DRAIN_SECS": "0", "MLEBENCH_MAX_TRIES": "1"}
    own = replace(services, env={**services.env, **lasting})
    with ExitStack() as stack:
        first = stack.enter_context(worker(own, "first"))
        command = stack.enter_context(own.start("submit", "--agent", "longnapper", "--json", *DOCKER))
        own.wait_for_line("step 2")
        first.kill()
        first.wait(30)
        [archive] = own.runs_dir.glob("*/agent.tar")
        archive.write_bytes(b"no archive")
        stack.enter_context(worker(own, "second"))
        out, err = command.communicate(timeout=100)
        [report] = json.loads(out)["reports"]
        assert report["status"] == "infrastructure_failed", err
        wait_until(lambda: not own.containers(), timeout_secs=10, description="they are gone while the worker lives")


def test_a_worker_that_is_asked_to_stop_lets_its_attempts_end(services: Bench) -> None:
    own = replace(services, env={**services.env, "MLEBENCH_DRAIN_SECS": "60"})
    with ExitStack() as stack:
        command = stack.enter_context(own.start("submit", "--agent", "napper", "--seeds", "3", "--json", *TINY))
        with worker(own, "first", concurrency=1):
            own.wait_for_line("step 1")
        stack.enter_context(worker(own, "second", concurrency=1))
        out, err = command.communicate(timeout=90)
    assert command.returncode == 0, err
    metadata = json.loads((Path(json.loads(out)["run_dir"]) / "metadata.json").read_text())
    for attempt in metadata["runs"].values():
        assert [entry["outcome"] for entry in attempt["tries"]] == ["completed"]


def test_a_worker_that_is_asked_twice_gives_its_attempts_back(services: Bench) -> None:
    with ExitStack() as stack:
        command = stack.enter_context(services.start("submit", "--agent", "napper", "--seeds", "2", "--json", *TINY))
        with worker(services, "first", concurrency=2) as first:
            services.wait_for_line("step 1")
            first.send_signal(signal.SIGTERM)
            log = services.runs_dir.parent / "first.log"
            wait_until(
                lambda: "Warm shutdown" in log.read_text(), timeout_secs=10, description="it has heard the first"
            )
        stack.enter_context(worker(services, "second", concurrency=2))
        out, err = command.communicate(timeout=90)
    assert command.returncode == 0, err
    result = json.loads(out)
    assert [report["status"] for report in result["reports"]] == ["completed"] * 2
    metadata = json.loads((Path(result["run_dir"]) / "metadata.json").read_text())
    for attempt in metadata["runs"].values():
        assert [entry["outcome"] for entry in attempt["tries"]] == ["given_back", "completed"]


def test_a_run_closes_though_the_broker_lost_everything(services: Bench) -> None:
    broker = services.env["MLEBENCH_BROKER_URL"].removeprefix("redis+socket://").partition("?")[0]
    with services.start("submit", "--agent", "idler", "--seeds", "3", "--json", *TINY) as command:
        wait_until(
            lambda: list(services.runs_dir.glob("*_run-group_idler")), timeout_secs=60, description="it is submitted"
        )
        import redis

        with redis.Redis(unix_socket_path=broker) as client:
            wait_until(lambda: client.llen("agents") == 3, timeout_secs=30, description="it is queued")
            client.flushall()
        with worker(services, "one"):
            out, err = command.communicate(timeout=100)
    assert command.returncode == 0, err
    assert [report["status"] for report in json.loads(out)["reports"]] == ["no_submission"] * 3


def test_interrupting_the_follower_leaves_the_run_to_the_workers(services: Bench) -> None:
    with worker(services, "one"), services.start("submit", "--agent", "napper", *TINY) as command:
        services.wait_for_line("step 1")
        command.send_signal(signal.SIGINT)
        _, err = command.communicate(timeout=30)
        assert command.returncode == 130
        assert "goes on" in err
        followed = services.run("status", "latest")
    assert followed.returncode == 0, followed.stderr


@pytest.mark.parametrize(
    ("name", "url", "shown"),
    [
        (
            "MLEBENCH_BROKER_URL",
            "redis://:sesame@127.0.0.1:1/0",
            "the broker redis://:***@127.0.0.1:1/0 does not answer",
        ),
        ("MLEBENCH_BROKER_URL", "redis://:sesame@127.0.0.1:99999/0", "redis://:***@127.0.0.1:99999/0"),
        ("MLEBENCH_BROKER_URL", "amqp://user:sesame@127.0.0.1/", "MLEBENCH_BROKER_URL"),
        ("MLEBENCH_DATABASE_URL", "postgresql://user:sesame@127.0.0.1:1/x", "user:***@127.0.0.1:1/x does not answer"),
    ],
)
def test_a_service_that_does_not_answer_is_named_without_its_password(
    services: Bench, name: str, url: str, shown: str
) -> None:
    own = Bench(data_dir=services.data_dir, runs_dir=services.runs_dir, env={**services.env, name: url})
    done = own.run("submit", "--agent", "idler", *TINY)
    assert done.returncode == 2
    assert shown in done.stderr
    assert "sesame" not in done.stderr + done.stdout
    assert len(done.stderr.strip().splitlines()) == 1
    assert not services.runs_dir.exists()
