"""A Celery app as ours, with jobs that tell Redis what they do: `celery -A tests.worker.slow_jobs worker`."""

import os
import threading
import time
from typing import Any

from celery import Celery, signals
from celery.exceptions import Reject

from tests.worker.throwaway_redis import client
from worker.app import configuration
from worker.lease import RenewMessages
from worker.settings import load_settings

app = Celery("slow", set_as_current=False)
app.add_defaults(lambda: configuration(load_settings()))
app.steps["consumer"].add(RenewMessages)
stopping = threading.Event()


def _stop(**_: Any) -> None:
    stopping.set()


signals.worker_shutting_down.connect(_stop)


@app.task(name="slow", Strategy="worker.waits:no_longer_than_asked")  # type: ignore[untyped-decorator]
def slow(name: str, secs: float) -> str:
    """Work for `secs`, then say so; give the message back when the worker stops."""
    redis = client(load_settings().broker_url or "")
    redis.rpush(f"started:{name}", os.getpid())
    redis.rpush("order", name)
    deadline = time.monotonic() + secs
    while time.monotonic() < deadline:
        if stopping.wait(0.05):
            raise Reject("the worker stops", requeue=True)
    redis.rpush(f"ended:{name}", os.getpid())
    return name


@app.task(name="body")  # type: ignore[untyped-decorator]
def body(names: list[str]) -> None:
    """The body of a chord of `slow`."""
    client(load_settings().broker_url or "").rpush("bodies", ",".join(names))
