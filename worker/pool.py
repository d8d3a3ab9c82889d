"""The threads that jobs run in: Celery's own pool, which also gets its slot back when a job cannot report its end.

A job that ends while Redis is full, or away for longer than Celery repeats itself, cannot store its result. Then
Celery 5.7 raises in the pool's thread, and nobody hears of it: the job counts as running until the worker is
restarted, and with `worker_disable_prefetch` a worker with as many such jobs as slots takes no message any more.
"""

import logging
from concurrent.futures import Future
from functools import partial
from typing import Any

from celery.concurrency import thread
from celery.worker import state
from kombu.transport import virtual

log = logging.getLogger(__name__)


class TaskPool(thread.TaskPool):  # type: ignore[misc]  # Celery has no types
    """Celery's pool of threads; the setting `worker_pool` names it."""

    def on_apply(self, target: Any, args: Any = None, kwargs: Any = None, callback: Any = None, **options: Any) -> Any:
        """Start a job. `callback` is a method of Celery's record of it, its Request."""
        applied = super().on_apply(target, args, kwargs, callback, **options)
        applied.f.add_done_callback(partial(_let_go_unreported, callback.__self__))
        return applied


def _let_go_unreported(request: Any, ended: "Future[Any]") -> None:
    """Where a job ended without telling its worker: free its slot, and hold its message no longer.

    The message is not acknowledged. It stays in Redis and, renewed by nobody, is delivered once more when its
    visibility timeout is over, as if this worker had died; jobs are safe to be delivered again.
    """
    if ended.cancelled() or (error := ended.exception()) is None:
        return
    log.error(
        "job %s[%s] could not report its end, and will be delivered again: %s",
        request.name,
        request.id,
        error,
        exc_info=error,
        extra={"action": "job_unreported"},
    )
    state.task_ready(request)
    # kombu's own note that a message is done with, without a word to Redis, which may not answer
    done_with: Any = virtual.QoS.ack
    done_with(request.message.channel.qos, request.message.delivery_tag)
