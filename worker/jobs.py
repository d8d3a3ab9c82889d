"""The Celery tasks: load, call, return an id. What they do is in attempts, grade and closing."""

import importlib
import logging
import threading
from functools import partial
from typing import Any

from celery import Celery, Task
from celery.exceptions import Reject
from celery.signals import celeryd_after_setup, worker_ready, worker_shutdown, worker_shutting_down

from core.errors import MlebenchError, ServiceUnavailable
from store import watching
from worker import adoption, closing, grade, metrics, queueing, turns, waits
from worker.app import AGENTS, GRADING, app
from worker.attempts import Next
from worker.context import Context, context, offer_slots, opened
from worker.settings import load_settings

log = logging.getLogger(__name__)

GRADE_RETRIES = 3
GRADE_RETRY_SECS = 10.0
TAKEOVER_RETRY_SECS = 10.0
UNASKED_SECS = 5.0  # between two looks for work that no message tells of
WAITING = "worker.waits:no_longer_than_asked"


@app.task(name="run_attempt", bind=True, max_retries=None, Strategy=WAITING)
def run_attempt(self: "Task[Any, Any]", attempt_id: str) -> str:
    """Have this host work on what goes first, until that is this attempt. Safe to deliver any number of times."""
    try:
        turn = turns.take_turn(attempt_id, context())
    except MlebenchError as error:  # the database does not answer: nothing is known, so nothing is decided
        log.warning("attempt %s: %s", attempt_id, error)
        raise _again(self, after_secs=turns.BUSY_SECS, error=error) from error
    if turn.attempt_id is not None and turn.next is Next.GRADE:
        # Another attempt went first. It need not wait for its own message; this one waits for its own attempt.
        try:
            _have_graded(self.app, context(), turn.attempt_id)
        except ServiceUnavailable as error:  # recovery finds it, when its time for being graded is over
            log.warning("attempt %s waits for its grading: %s", turn.attempt_id, error)
        raise _again(self, after_secs=0.0)
    match turn.next:
        case Next.GRADE:
            return attempt_id
        case Next.LATER:
            raise _again(self, after_secs=turn.wait_secs)
        case Next.ELSEWHERE:
            raise Reject("the worker stops", requeue=True)


@app.task(name="grade_attempt", bind=True, max_retries=None, Strategy=WAITING)
def grade_attempt(self: "Task[Any, Any]", attempt_id: str) -> str:
    """Grade a collected attempt. Safe to deliver any number of times."""
    here = context()
    try:
        grade.grade(attempt_id, here)
    except ServiceUnavailable as error:  # says nothing about the attempt: again, for as long as it takes
        log.warning("attempt %s is not graded yet: %s", attempt_id, error)
        raise _again(self, after_secs=turns.BUSY_SECS, error=error) from error
    except Exception as error:
        metrics.failed(error)
        log.exception("grading attempt %s failed", attempt_id, extra={"action": "machinery_failed"})
        if self.request.retries < GRADE_RETRIES:
            metrics.QUEUED_AGAIN.labels("grading_failed").inc()
            raise _again(self, after_secs=GRADE_RETRY_SECS, error=error) from error
        grade.give_up(attempt_id, here, reason=f"{type(error).__name__}: {error}")
    return attempt_id


@app.task(name="collect")
def collect(run_id: str) -> str:
    """Write a run's files and close it, when all its attempts are final. Safe to deliver any number of times."""
    if not closing.close(run_id, context()):
        log.info("run %s is not closed yet: attempts are unfinished, or another worker is closing it", run_id)
    return run_id


def _again(job: "Task[Any, Any]", *, after_secs: float, error: Exception | None = None) -> Exception:
    """Have the message delivered once more; what Flower shows of it stays as it was."""
    shown = job.request.get("argsrepr")
    headers = waits.headers(after_secs)
    retry: Exception = job.retry(countdown=after_secs, exc=error, throw=False, argsrepr=shown, headers=headers)
    return retry


@celeryd_after_setup.connect
def _serve_metrics(**_: Any) -> None:
    _page.start(load_settings())


@celeryd_after_setup.connect
def _offer_slots(instance: Any, **_: Any) -> None:
    if AGENTS in instance.app.amqp.queues.consume_from:
        offer_slots(instance.concurrency)


@celeryd_after_setup.connect
def _warm_up(instance: Any, **_: Any) -> None:
    """A grading worker will need pandas: load it while the first agent works, not when the first one is done."""
    if GRADING in instance.app.amqp.queues.consume_from:
        threading.Thread(target=importlib.import_module, args=("grading.submission",), daemon=True).start()


@worker_ready.connect
def _take_over_host(sender: Any, **_: Any) -> None:
    """A worker that runs agents looks after its host first: what is left running, and what is left lying."""
    if AGENTS in sender.app.amqp.queues.consume_from:
        _own_work.start(sender.app)


class _OwnWork:
    """What this worker does besides its messages, each in a thread: adopted agents, and attempts taken unasked."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()

    def start(self, celery: Celery) -> None:
        self._threads.append(threading.Thread(target=self._run, args=(celery,), name="own-work", daemon=True))
        self._threads[0].start()

    def _run(self, celery: Celery) -> None:
        while not self._take_over(celery):
            if self._stopping.wait(TAKEOVER_RETRY_SECS):
                return
        while not self._stopping.wait(UNASKED_SECS):
            thread = threading.Thread(target=_work_unasked, args=(celery,), name="unasked", daemon=True)
            thread.start()
            self._threads = [known for known in self._threads if known.is_alive()] + [thread]

    def _take_over(self, celery: Celery) -> bool:
        try:
            here = context()
            here.announce()
            self._threads += adoption.take_over_host(here, when_done=partial(_have_graded, celery, here))
        except MlebenchError as error:  # the database or the engine may come later than this worker
            log.warning("this host's remains were not looked at, and will be: %s", error)
            return False
        return True

    def join(self) -> None:
        self._stopping.set()
        while running := [thread for thread in self._threads if thread.is_alive()]:
            for thread in running:
                thread.join()


def _work_unasked(celery: Celery) -> None:
    here = context()
    try:
        turn = turns.take_unasked(here)
        if turn is not None and turn.next is Next.GRADE and turn.attempt_id is not None:
            _have_graded(celery, here, turn.attempt_id)
    except MlebenchError as error:  # a service does not answer: recovery goes on from what the database says
        log.warning("looking for work: %s", error)


def _have_graded(celery: Celery, here: Context, attempt_id: str) -> None:
    queueing.enqueue_grading(celery, attempt_id, watching.labels(here.store, [attempt_id]))


_own_work = _OwnWork()
_page = metrics.Page()


@worker_shutting_down.connect
def _stop(**_: Any) -> None:
    """Begin to stop, and at the second signal stop at once. The pool waits for what runs."""
    if (here := opened()) is not None:
        here.stop()


@worker_shutdown.connect
def _close(**_: Any) -> None:
    if (here := opened()) is not None:
        _own_work.join()
        here.close()
    _page.stop()
