"""A worker that ends with its run (MLEBENCH_ONLY_RUN) leaves the other runs' attempts alone."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from celery import Celery

from core.errors import InputError
from core.resources import Resources
from core.status import State, Status
from store import hosts
from store.records import Outcome, Run
from tests.records import a_request, a_run, some_attempts
from tests.worker.throwaway_redis import client, throwaway_redis
from worker import launching, recovery
from worker.app import connect
from worker.context import Context
from worker.settings import REPO, load_settings
from worker.taking import take_next

MakeContext = Callable[..., Context]
LONG = 3600.0
EXPIRED = -1.0


@pytest.fixture
def make(tmp_path: Path) -> Iterator[MakeContext]:
    """Make the open parts of a worker that works for all runs, or for one."""
    with ExitStack() as opened:

        def make(only_run: str | None = None) -> Context:
            here = Context(
                load_settings(
                    runs_dir=tmp_path / "runs",
                    data_dir=tmp_path / "data",
                    database_url=f"sqlite:///{tmp_path}/mlebench.db",
                    competitions_path=str(REPO / "tests" / "fixtures" / "competitions"),
                    only_run=only_run,
                    env_file=tmp_path / "none",
                ),
                slots=9,
            )
            opened.callback(here.close)
            return here

        yield make


@pytest.fixture
def two(make: MakeContext) -> tuple[Run, Run]:
    """Two open runs of two attempts each; the first goes first."""
    everybodys = make()
    runs = (a_run(planned=2), a_run(planned=2))
    for run in runs:
        everybodys.store.create_run(run, some_attempts(run))
    return runs


def taken(here: Context) -> list[str]:
    """The runs whose attempts a worker takes, until it takes no more."""
    found = []
    while (lease := take_next(None, here)) is not None:
        found.append(here.store.attempt(lease.attempt_id).run_id)
    return found


def test_who_submits_to_everybodys_workers_does_not_count_on_it(make: MakeContext, two: tuple[Run, Run]) -> None:
    mine, its = make(), make(two[0].run_id)
    its.announce()
    [seen] = hosts.announced(mine.store, within_secs=60)
    assert seen.run_id == two[0].run_id
    large = a_request(needs={"tiny": Resources(cpus=10_000)})
    assert not launching.check_workers(large, mine.settings, mine.store)
    mine.announce()
    with pytest.raises(InputError, match="no worker can run this"):
        launching.check_workers(large, mine.settings, mine.store)
    assert launching.check_workers(a_request(), mine.settings, mine.store)


def states(here: Context, run: Run) -> list[State]:
    return [row.state for row in here.store.progress(run.run_id)]


def test_it_takes_its_own_runs_attempts_and_no_others(make: MakeContext, two: tuple[Run, Run]) -> None:
    first, second = two
    assert taken(make(second.run_id)) == [second.run_id] * 2
    assert taken(make(first.run_id)) == [first.run_id] * 2


def test_a_worker_for_all_takes_what_goes_first(make: MakeContext, two: tuple[Run, Run]) -> None:
    assert sorted(taken(make())) == sorted([two[0].run_id] * 2 + [two[1].run_id] * 2)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Celery]:
    with (
        throwaway_redis(tmp_path) as url,
        connect(load_settings(broker_url=url, env_file=tmp_path / "none")) as app,
    ):
        yield app


def queued(app: Celery) -> str:
    """All messages of attempts that wait in the broker."""
    with client(str(app.conf.broker_url)) as redis:
        return " ".join(redis.lrange("agents", 0, -1) + redis.lrange("grading", 0, -1))


@pytest.mark.integration
def test_it_has_back_only_what_workers_of_its_own_run_have_lost(
    make: MakeContext, two: tuple[Run, Run], app: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were it to take the others' leases without a message to their workers, nobody would know of them."""
    here = make(two[1].run_id)
    outcome = Outcome(status=Status.COMPLETED, message="")
    ids = {}
    for run in two:
        lost, ungraded = ids[run.run_id] = [attempt.attempt_id for attempt in here.store.attempts(run.run_id)]
        assert here.store.acquire(lost, owner="dead", lease_secs=EXPIRED)
        lease = here.store.acquire(ungraded, owner="dead", lease_secs=LONG)
        assert lease is not None
        here.store.collected(lease, outcome, grading_secs=EXPIRED)
    monkeypatch.setattr(recovery, "context", lambda: here)
    recovery.recover(app)
    assert states(here, two[0]) == [State.RUNNING, State.COLLECTED]
    assert states(here, two[1]) == [State.QUEUED, State.COLLECTED]
    messages = queued(app)
    assert [attempt_id in messages for attempt_id in ids[two[0].run_id]] == [False, False]
    assert [attempt_id in messages for attempt_id in ids[two[1].run_id]] == [True, True]
    monkeypatch.setattr(recovery, "context", lambda: make(two[0].run_id))
    recovery.recover(app)
    messages = queued(app)
    assert [attempt_id in messages for attempt_id in ids[two[0].run_id]] == [True, True], "nobody took them from it"


@pytest.mark.integration
def test_it_restores_the_lost_messages_of_its_own_run_alone(
    make: MakeContext, two: tuple[Run, Run], app: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = make(two[1].run_id)
    here.settings = here.settings.model_copy(update={"lease_secs": 0.0})
    monkeypatch.setattr(recovery, "context", lambda: here)
    recovery.recover(app)
    messages = queued(app)
    for run, restored in zip(two, (False, True), strict=True):
        assert {attempt.attempt_id in messages for attempt in here.store.attempts(run.run_id)} == {restored}
