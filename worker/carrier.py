"""A process of its own that carries a run without services to its end, and outlives whoever started it.

    python -m worker.carrier RUN

It holds a lock in the run's live folder while it lives, however it ends: of several for one run, one does the work.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import MlebenchError, ServiceUnavailable
from core.status import RunState
from store.folders import LIVE
from store.records import Run
from store.runs import Store
from worker import launching
from worker.context import open_store
from worker.places import run_folder
from worker.sandbox.disk import remove_tree
from worker.settings import REPO, Settings, environment, load_settings

log = logging.getLogger("worker.carrier")

LOCK = "carrier.lock"
LOG = "submit.log"  # in the run's folder
LOCK_SECS = 3.0  # longer than somebody looks whether there is one
POLL_SECS = 0.5
INTERRUPTED = 130  # 128 + SIGINT


def leave(run: Run, settings: Settings, store: Store) -> "subprocess.Popen[bytes] | None":
    """Leave a run to the workers; without a broker, to a carrier, which is given.

    Raises:
        ServiceUnavailable: the broker failed; what is in the database is carried out when it answers again.
    """
    if settings.broker_url is None:
        return start(run, settings)
    launching.enqueue(run, settings, store)
    return None


def start(run: Run, settings: Settings) -> "subprocess.Popen[bytes]":
    """Start a carrier for an open run. It ends at once where there is one already."""
    folder = run_folder(run.run_dir, settings).path
    folder.mkdir(parents=True, exist_ok=True)  # with an object store it is not there yet
    with (folder / LOG).open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "worker.carrier", run.run_id],
            cwd=REPO,
            env={**os.environ, **environment(settings)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def is_carried(run: Run, settings: Settings) -> bool:
    """Whether a carrier of this host is at a run."""
    lock = _lock_of(run_folder(run.run_dir, settings).path)
    if not Path(lock.lock_file).exists():
        return False
    try:
        with lock.acquire(blocking=False):
            return False
    except FileNotFoundError:  # the run is closed in this moment
        return False
    except Timeout:
        return True


def carry_out(run_id: str, settings: Settings) -> None:
    """Bring services up, queue what is not done of a run, and stay until it is closed.

    Raises:
        MlebenchError: the services failed; the run stays open.
    """
    store = open_store(settings)
    run = store.run(run_id)
    folder = run_folder(run.run_dir, settings).path
    if not _is_open(run_id, store):  # its live folder is gone, and is not made again
        return
    try:
        lock = take_lock(folder)
    except Timeout:
        log.info("run %s is carried by another process already", run_id)
        return
    try:
        if _is_open(run_id, store):
            _carry(run, settings, store, folder=folder)
        else:  # who had the lock has closed the run
            remove_tree(folder / LIVE)
    finally:
        lock.release()


def _carry(run: Run, settings: Settings, store: Store, *, folder: Path) -> None:
    log.info("carrying run %s", run.run_id)
    with launching.services(run, settings, folder) as (live, check):
        launching.enqueue(run, live, store)
        while _is_open(run.run_id, store):
            check()
            time.sleep(POLL_SECS)
    log.info("run %s is closed", run.run_id)


def _is_open(run_id: str, store: Store) -> bool:
    try:
        return store.run(run_id).state is RunState.OPEN
    except ServiceUnavailable as error:  # its workers wait for it too
        log.warning("%s", error)
        return True


def take_lock(folder: Path) -> FileLock:
    """Take the lock that is held by whoever carries the run of this folder on this host, and give it: release it.

    The run may have been closed meanwhile.

    Raises:
        Timeout: another process has it, for more than LOCK_SECS.
    """
    lock = _lock_of(folder)
    while True:
        (folder / LIVE).mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=LOCK_SECS)
        except FileNotFoundError:  # who had it has closed the run, and the live folder is gone
            continue
        return lock


def _lock_of(folder: Path) -> FileLock:
    return FileLock(folder / LIVE / LOCK)


def main() -> None:
    """Entry point of the process."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` stops its services as cleanly as Ctrl-C
    try:
        carry_out(sys.argv[1], load_settings())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except MlebenchError as error:
        log.error("%s", error)
        sys.exit(1)


if __name__ == "__main__":
    main()
