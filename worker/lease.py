"""Keeps a long job's message ours, and looks now and then for what others lost.

With late acknowledgement a message stays in Redis' hash `unacked` until its job ends, with the time of its
delivery in `unacked_index`. kombu gives whatever is older than the visibility timeout to another worker,
whether or not the first still works on it, and renews nothing. So either the timeout is longer than the
longest attempt (and those of a dead host wait for a day), or, as here, it is short and renewed while the
worker lives.

What this does not promise: that a message is delivered once. When the connection to Redis breaks, kombu puts
back all that it holds; a worker that stood still for longer than the timeout lost its messages; and as a
redelivered message has the delivery tag of the first, the first worker's acknowledgement then removes the
second's claim. Who owns an attempt is therefore decided by the leases in the database alone, and what the
broker loses, `Recovery` finds there. The workers' clocks may differ by half the visibility timeout.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from celery import bootsteps

log = logging.getLogger(__name__)

RECOVERY_PART = 4  # of a lease: a lost attempt waits again after a lease and a quarter, at the latest


class RenewMessages(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Consumer step: every third of the visibility timeout, renew the messages that this worker holds.

    It runs on the consumer's loop, whatever the pool is busy with, and starts anew with every connection. It
    ends when the consumer does: a worker that shuts down has the visibility timeout to let go of its jobs.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._timer: Any = None

    def start(self, consumer: Any) -> None:
        timeout = consumer.app.conf.broker_transport_options["visibility_timeout"]
        self._timer = consumer.timer.call_repeatedly(timeout / 3, renew, (consumer.task_consumer.channel,))

    def stop(self, consumer: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def renew(channel: Any) -> None:
    """Mark the messages that a kombu Redis channel has delivered, and nobody acknowledged, as held now."""
    # kombu's own list of what it delivered, keyed by delivery tag, without what it is done with (worker/pool.py).
    done_with = set(channel.qos._dirty)
    tags = [tag for tag in list(channel.qos._delivered) if tag not in done_with]
    if not tags:
        return
    now = time.time()
    try:
        with channel.conn_or_acquire() as client:
            # XX: only what is still in the index, never a message that was acknowledged or given to another
            client.zadd(channel.unacked_index_key, dict.fromkeys(tags, now), xx=True)
    except channel.connection_errors as error:
        # The consumer notices by itself and reconnects; raising here would only do it in a worse place.
        log.warning("messages not renewed: %s", error)


class Recovery(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Worker step: call `worker.recovery.recover` every quarter of a lease, in a thread of its own."""

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._repeating: Repeating | None = None

    def start(self, worker: Any) -> None:
        from worker.settings import load_settings

        self._repeating = Repeating(lambda: _recover(worker.app), every_secs=load_settings().lease_secs / RECOVERY_PART)

    def stop(self, worker: Any) -> None:
        if self._repeating is not None:
            self._repeating.close()

    terminate = stop


def _recover(app: Any) -> None:
    from worker.recovery import recover  # only here: it imports the app's jobs

    recover(app)


class Repeating:
    """Calls `action` now and every `every_secs`, in a daemon thread, one call at a time, until closed.

    An action that raises is logged and called again at its time.
    """

    def __init__(self, action: Callable[[], None], *, every_secs: float, name: str = "recovery") -> None:
        self._action = action
        self._every_secs = every_secs
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Make no more calls. One that is under way goes on: it holds nothing that its end would lose."""
        self._closed.set()

    def _run(self) -> None:
        while True:
            try:
                self._action()
            except Exception:  # the outermost edge of this thread
                log.exception("%s failed; it is tried again in %g s", self._thread.name, self._every_secs)
            if self._closed.wait(self._every_secs):
                return
