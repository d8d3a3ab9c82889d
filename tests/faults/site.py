"""All that one test of a fault needs: services of its own, commands, workers, and the books at the end."""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from benchmarks import nothing
from core.status import RunState, State
from store.records import Attempt
from store.runs import Store
from tests.faults.accounts import Accounts, keep_journal, settled
from tests.faults.hosts import MARK, Host, agents_below, processes_of, shown
from tests.faults.redis_server import RedisServer
from tests.integration.bench import FIXTURES, Bench
from tests.services import PostgresServer, wait_until
from worker.app import connect
from worker.queueing import enqueue
from worker.settings import load_settings
from worker.submitting import Order, create_run, plan

TINY = ("--competitions", "tiny", "--sandbox", "process")
NOTHING = nothing.__name__  # the Celery app of workers whose agents end at once
LEASE_SECS = 6
SETTINGS = {
    "MLEBENCH_LEASE_SECS": str(LEASE_SECS),
    "MLEBENCH_HEARTBEAT_SECS": "1",
    "MLEBENCH_VISIBILITY_TIMEOUT_SECS": "6",
    "MLEBENCH_GRACE_SECS": "5",
    "MLEBENCH_DRAIN_SECS": "0",
    "MLEBENCH_MIN_FREE_DISK_GB": "0",
}


@dataclass(frozen=True, kw_only=True)
class Site:
    """A bench with its servers and workers."""

    bench: Bench
    redis: RedisServer
    postgres: PostgresServer
    store: Store
    mark: str
    closing: ExitStack
    hosts: list[Host] = field(default_factory=list)

    def host(self, name: str, *, env: dict[str, str] | None = None, **options: Any) -> Host:
        """Start a worker process, which ends with the test. The options are those of `Host`."""
        whole = {**self.bench.environment(), **(env or {})}
        host = Host(name, env=whole, log_dir=self.bench.runs_dir.parent, **options)
        self.hosts.append(host)
        self.closing.callback(host.stop)
        return host

    def submit(self, agent: str, *arguments: str, seeds: int = 1) -> str:
        """Queue a run and give its id."""
        done = self.bench.run(
            "submit", "--agent", agent, "--seeds", str(seeds), "--detach", "--json", *TINY, *arguments
        )
        assert done.returncode == 0, done.stderr
        return str(json.loads(done.stdout)["run_id"])

    def submit_nothing(self, attempts: int) -> str:
        """Queue a run whose agents end at once, for hosts with the app `NOTHING`; give its id."""
        settings = load_settings(
            broker_url=self.redis.url,
            database_url=self.bench.env["MLEBENCH_DATABASE_URL"],
            runs_dir=self.bench.runs_dir,
            agents_path=str(FIXTURES / "agents"),
            competitions_path=str(FIXTURES / "competitions"),
            min_free_disk_gb=0,
        )
        order = Order(agent="idler", competitions=("tiny",), seeds=attempts, sandbox=nothing.SANDBOX)
        run = create_run(plan(order, settings, local=False), self.store)
        with connect(settings) as client:
            enqueue(client, run.run_id, [row.attempt_id for row in self.store.progress(run.run_id)])
        return run.run_id

    def number(self, run_id: str, state: State) -> int:
        """How many attempts of a run are in `state`."""
        return sum(row.state is state for row in self.store.progress(run_id))

    def attempts(self, run_id: str) -> list[Attempt]:
        return self.store.attempts(run_id)

    def wait_for(self, run_id: str, *, state: State, number: int = 1, timeout_secs: float = 120) -> None:
        """Wait until at least `number` attempts of a run are in `state` (RUNNING: their agents work)."""

        def reached() -> bool:
            there = [attempt for attempt in self.attempts(run_id) if attempt.state is state]
            return len([a for a in there if state is not State.RUNNING or a.agent_started_at]) >= number

        wait_until(reached, timeout_secs=timeout_secs, description=f"{number} attempts are {state}")

    def folder(self, run_id: str) -> Path:
        return Path(self.store.run(run_id).run_dir)

    def wait_until_closed(self, run_id: str, *, timeout_secs: float = 180) -> None:
        deadline = time.monotonic() + timeout_secs
        while self.store.run(run_id).state is RunState.OPEN:
            assert time.monotonic() < deadline, f"run {run_id} is not closed; its attempts: {self.summary(run_id)}"
            time.sleep(0.1)

    def settle(self, run_id: str, *, timeout_secs: float = 180) -> Accounts:
        """Wait until a run is closed; check its books, that no agent works any more, and that workers end clean."""
        self.wait_until_closed(run_id, timeout_secs=timeout_secs)
        wait_until(
            lambda: not agents_below(self.bench.runs_dir), timeout_secs=30, description="no agent works any more"
        )
        for host in self.hosts:
            host.stop()
        self.assert_nothing_left()
        return settled(self.store, run_id)

    def summary(self, run_id: str) -> list[tuple[str, int]]:
        return [(str(attempt.state), attempt.tries) for attempt in self.attempts(run_id)]

    def assert_nothing_left(self) -> None:
        """Check that no process of this test lives."""
        deadline = time.monotonic() + 2  # for what was told to end
        while left := processes_of(self.mark, self.bench.runs_dir):
            assert time.monotonic() < deadline, [shown(process) for process in left]
            time.sleep(0.1)


@contextmanager
def site(
    *, postgres: PostgresServer, redis: RedisServer, folder: Path, data_dir: Path, env: dict[str, str] | None = None
) -> Iterator[Site]:
    """Set up a site in `folder`, with an empty database of the given server, while the context lasts."""
    name = f"faults_{uuid.uuid4().hex[:12]}"
    mark = uuid.uuid4().hex
    url = postgres.url.replace("/postgres?", f"/{name}?")
    _administrate(postgres, f"CREATE DATABASE {name}")
    services = {
        "MLEBENCH_BROKER_URL": redis.url,
        "MLEBENCH_DATABASE_URL": url,
        "MLEBENCH_SANDBOX_DIR": str(folder / "sandbox"),
        MARK: mark,
    }
    bench = Bench(data_dir=data_dir, runs_dir=folder / "runs", env={**SETTINGS, **services, **(env or {})})
    store = Store.open(url)
    keep_journal(store.engine)
    redis.start()
    try:
        with ExitStack() as stack:
            made = Site(bench=bench, redis=redis, postgres=postgres, store=store, mark=mark, closing=stack)
            yield made
        made.assert_nothing_left()
    finally:
        redis.kill()
        store.close()
        _administrate(postgres, f"DROP DATABASE {name} WITH (FORCE)")


def _administrate(postgres: PostgresServer, statement: str) -> None:
    engine = create_engine(postgres.url.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
