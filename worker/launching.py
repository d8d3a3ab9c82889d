"""Getting a planned run to those who do the work: workers elsewhere, or services of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from core.status import State
from store import hosts, watching
from store.folders import LIVE
from store.records import Run, RunRequest
from store.runs import Store
from worker import queueing
from worker.app import connect
from worker.embedded import embedded_services
from worker.identity import known_dead
from worker.settings import Settings
from worker.submitting import check_runnable, hosts_of

NO_WORKER = "no worker that runs attempts is up: the run waits until one is"


def check_workers(request: RunRequest, settings: Settings, store: Store) -> bool:
    """Say beforehand what no worker can run; gives whether one is up. Workers may come later than the run.

    Raises:
        InputError: there are workers, and none could run some of it.
    """
    announced = hosts.announced(store, within_secs=settings.lease_secs)
    workers = [worker for worker in announced if worker.run_id is None]  # those of one run do not work for this one
    if workers:
        check_runnable(request, hosts_of(workers, settings))
    return bool(workers)


def reopen(run: Run, store: Store) -> None:
    """Make everything of a run that has no result wait again."""
    dead = [owner for owner in store.owners(run.run_id) if known_dead(owner)]
    store.reopen_run(run.run_id, dead_owners=dead)


def enqueue(run: Run, settings: Settings, store: Store) -> None:
    """Queue what is not done of a run, and behind it the collecting. Safe to do again.

    Raises:
        ServiceUnavailable: the broker or the database failed.
    """
    attempt_ids = [row.attempt_id for row in store.progress(run.run_id) if row.state is not State.DONE]
    with connect(settings) as client:
        queueing.enqueue(client, run.run_id, attempt_ids, watching.labels(store, attempt_ids))


@contextmanager
def services(run: Run, settings: Settings, folder: Path) -> Iterator[tuple[Settings, Callable[[], None]]]:
    """Give the settings of the services to use, and a check to call now and then that raises when they failed.

    Args:
        run: whose; services of its own work for no other run, since they end with it.
        settings: this process's.
        folder: the run's, on this host; services of its own log there.
    """
    if settings.broker_url:
        yield settings, lambda: None
        return
    logs = folder / LIVE / "services"  # gone when the run is closed, there to be read when it is not
    logs.mkdir(parents=True, exist_ok=True)
    settings = settings.model_copy(update={"only_run": run.run_id})
    with embedded_services(settings, slots=settings.workers, log_dir=logs) as own:
        yield own.settings, own.check
