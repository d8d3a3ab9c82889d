"""The Celery tasks: load, call, return an id. What they do is in attempts, grade and closing."""

import importlib
import logging
import threading
from typing import Any

from celery import Task
from celery.exceptions import Reject
from celery.signals import celeryd_after_setup, worker_shutdown, worker_shutting_down

from core.errors import MlebenchError
from worker import attempts, closing, grade
from worker.app import GRADING, app
from worker.context import context, opened

log = logging.getLogger(__name__)

GRADE_RETRIES = 3
GRADE_RETRY_SECS = 10.0


@app.task(name="run_attempt", bind=True, max_retries=None)
def run_attempt(self: "Task[Any, Any]", attempt_id: str) -> str:
    """Run an attempt's agent and collect its files. Safe to deliver any number of times."""
    try:
        turn = attempts.take_turn(attempt_id, context())
    except MlebenchError as error:  # the database does not answer: nothing is known, so nothing is decided
        log.warning("attempt %s: %s", attempt_id, error)
        raise self.retry(countdown=attempts.BUSY_SECS, exc=error) from error
    match turn.next:
        case attempts.Next.GRADE:
            return attempt_id
        case attempts.Next.LATER:
            raise self.retry(countdown=turn.wait_secs)
        case attempts.Next.ELSEWHERE:
            raise Reject("the worker stops", requeue=True)


@app.task(name="grade_attempt", bind=True, max_retries=GRADE_RETRIES)
def grade_attempt(self: "Task[Any, Any]", attempt_id: str) -> str:
    """Grade a collected attempt. Safe to deliver any number of times."""
    here = context()
    try:
        grade.grade(attempt_id, here)
    except Exception as error:
        log.exception("grading attempt %s failed", attempt_id)
        if self.request.retries < GRADE_RETRIES:
            raise self.retry(countdown=GRADE_RETRY_SECS, exc=error) from error
        grade.give_up(attempt_id, here, reason=f"{type(error).__name__}: {error}")
    return attempt_id


@app.task(name="collect")
def collect(run_id: str) -> str:
    """Write a run's files and close it, when all its attempts are final. Safe to deliver any number of times."""
    if not closing.close(run_id, context()):
        log.info("run %s has unfinished attempts; whoever finishes the last one closes it", run_id)
    return run_id


@celeryd_after_setup.connect
def _warm_up(instance: Any, **_: Any) -> None:
    """A grading worker will need pandas: load it while the first agent works, not when the first one is done."""
    if GRADING in instance.app.amqp.queues.consume_from:
        threading.Thread(target=importlib.import_module, args=("grading.submission",), daemon=True).start()


@worker_shutting_down.connect
def _give_back(**_: Any) -> None:
    """Let the running attempts end and be given back: the pool waits for them."""
    if (here := opened()) is not None:
        here.stopping.set()


@worker_shutdown.connect
def _close(**_: Any) -> None:
    if (here := opened()) is not None:
        here.close()
