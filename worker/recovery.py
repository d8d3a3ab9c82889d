"""What any worker does now and then for all of them: nothing that someone let go of stays lying."""

import logging

from celery import Celery

from core.status import State
from store.runs import Store
from worker import closing, queueing
from worker.context import Context, context

log = logging.getLogger(__name__)

CLOSE_AFTER_SECS = 10.0  # the chord closes a run at once; after this long its body is taken for lost


def recover(app: Celery) -> None:
    """Queue again what has lost its worker or its message, and close runs whose chord got lost.

    Safe to call from any number of workers at once: the database gives each attempt to one caller.
    """
    here = context()
    settings = here.settings
    waiting, ungraded = here.store.requeue_expired(max_tries=settings.max_tries, grading_secs=settings.lease_secs)
    if waiting or ungraded:
        log.warning("queued again: %d attempts to run, %d to grade", len(waiting), len(ungraded))
        queueing.enqueue_attempts(app, [*waiting, *ungraded])
    _restore_lost_messages(app, here)
    for run_id in here.store.open_runs_without_work(since_secs=CLOSE_AFTER_SECS):
        closing.close(run_id, here)


def _restore_lost_messages(app: Celery, here: Context) -> None:
    """Queue again what waits in the database while the broker holds no message at all: it has lost them."""
    attempt_ids = here.store.waiting_attempts(since_secs=here.settings.lease_secs)
    if attempt_ids and queueing.is_idle(app):
        log.warning("the broker has lost its messages: %d attempts queued again", len(attempt_ids))
        queueing.enqueue_attempts(app, attempt_ids)


def is_stalled(store: Store, run_id: str) -> bool:
    """Whether an open run has unfinished attempts and no worker holds any of them."""
    rows = store.progress(run_id)
    return any(row.state is not State.DONE for row in rows) and not store.owners(run_id)
