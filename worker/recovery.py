"""What any worker does now and then for all of them: nothing that someone let go of stays lying."""

import logging
import time

from celery import Celery

from core.errors import ServiceUnavailable
from core.status import State
from store import watching
from store.runs import Store
from worker import closing, leftovers, metrics, queueing
from worker.context import Context, context

log = logging.getLogger(__name__)

CLOSE_AFTER_SECS = 10.0  # the chord closes a run at once; after this long its body is taken for lost


def recover(app: Celery) -> None:
    """Queue again what has lost its worker or its message, and close runs whose chord got lost.

    Safe to call from any number of workers at once: the database gives each attempt to one caller.
    """
    here = context()
    waiting, ungraded = _expired(here)
    if waiting or ungraded:
        log.warning(
            "queued again: %d attempts to run, %d to grade",
            len(waiting),
            len(ungraded),
            extra={"action": "workers_lost"},
        )
        _queue_again(app, here, [*waiting, *ungraded])
        metrics.QUEUED_AGAIN.labels("worker_lost").inc(len(waiting))
        metrics.QUEUED_AGAIN.labels("grading_lost").inc(len(ungraded))
    _restore_lost_messages(app, here)
    close_runs(here)
    leftovers.hand_in(here)
    here.announce()
    metrics.show_open_attempts(watching.open_attempts(here.store))


def _expired(here: Context) -> tuple[list[str], list[str]]:
    """Take from dead workers what they held: attempts to run again, attempts to grade again.

    For half a lease after the database was away, nothing: all leases may have run out, and living workers have to
    renew theirs first. Workers of an embedded run leave the other runs alone: they would take without queueing.
    """
    settings = here.settings
    try:
        if here.database_was_away:
            here.store.waiting_attempts(since_secs=settings.lease_secs)  # does it answer?
            here.database_was_away = False
            here.database_back_at = time.monotonic()
        if time.monotonic() - here.database_back_at < settings.lease_secs / 2:
            return [], []
        return here.store.requeue_expired(
            max_tries=settings.max_tries, grading_secs=settings.lease_secs, run_id=settings.only_run
        )
    except ServiceUnavailable:
        here.database_was_away = True
        raise


def close_runs(here: Context) -> None:
    """Close the runs whose chord got lost. One that cannot be closed now holds up no other."""
    for run_id in here.store.open_runs_without_work(since_secs=CLOSE_AFTER_SECS):
        try:
            closing.close(run_id, here)
        except Exception:  # whatever keeps this one open, the others are to be closed
            log.exception("run %s cannot be closed now; it is tried again", run_id)


def _restore_lost_messages(app: Celery, here: Context) -> None:
    """Queue again what waits in the database while the broker holds no message at all: it has lost them."""
    attempt_ids = here.store.waiting_attempts(since_secs=here.settings.lease_secs, run_id=here.settings.only_run)
    if attempt_ids and queueing.is_idle(app):
        log.warning(
            "the broker has lost its messages: %d attempts queued again",
            len(attempt_ids),
            extra={"action": "messages_lost"},
        )
        _queue_again(app, here, attempt_ids)
        metrics.QUEUED_AGAIN.labels("broker_lost").inc(len(attempt_ids))


def _queue_again(app: Celery, here: Context, attempt_ids: list[str]) -> None:
    queueing.enqueue_attempts(app, attempt_ids, watching.labels(here.store, attempt_ids))


def is_stalled(store: Store, run_id: str) -> bool:
    """Whether an open run has unfinished attempts and no worker holds any of them."""
    rows = store.progress(run_id)
    return any(row.state is not State.DONE for row in rows) and not store.owners(run_id)
