"""Putting attempts into the queue, and asking the broker for a sign of life (docs/celery-chord.md)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from celery import Celery, chain, chord, group
from kombu.connection import Connection
from kombu.exceptions import KombuError, OperationalError
from kombu.transport.redis import Transport

from core.errors import InputError, ServiceUnavailable
from worker.app import AGENTS, COLLECT, GRADE_ATTEMPT, GRADING, RUN_ATTEMPT
from worker.settings import without_password

NO_LABELS: Mapping[str, str] = MappingProxyType({})


def enqueue(app: Celery, run_id: str, attempt_ids: Sequence[str], labels: Mapping[str, str] = NO_LABELS) -> None:
    """Queue a run: all its attempts, in this order, and behind them the collecting of the run.

    Messages carry ids; `labels` (attempt id to text, see store.watching) is what Flower shows of them.

    Nothing waits for the chord through Celery: waiting for its result looks at all the header's results at
    each of their events, the square of their number. The database tells how a run is doing.

    Raises:
        ServiceUnavailable: the broker failed. Some of the attempts may be queued; queueing all again is safe.
    """
    if not attempt_ids:
        return
    header = group([_steps(app, attempt_id, labels.get(attempt_id)) for attempt_id in attempt_ids], app=app)
    body = app.signature(COLLECT, args=(run_id,), immutable=True, argsrepr=f"run {run_id}")
    with translated_broker_errors(app):
        chord(header, body, app=app).apply_async()


def enqueue_attempts(app: Celery, attempt_ids: Sequence[str], labels: Mapping[str, str] = NO_LABELS) -> None:
    """Queue attempts again, in this order, outside of a chord: whoever ends a run's last one closes it.

    Raises:
        ServiceUnavailable: the broker failed. Some of the attempts may be queued; queueing all again is safe.
    """
    with translated_broker_errors(app):
        for attempt_id in attempt_ids:
            _steps(app, attempt_id, labels.get(attempt_id)).apply_async()


def enqueue_grading(app: Celery, attempt_id: str, labels: Mapping[str, str] = NO_LABELS) -> None:
    """Have a collected attempt graded. Raises ServiceUnavailable."""
    with translated_broker_errors(app):
        _step(app, GRADE_ATTEMPT, attempt_id, labels.get(attempt_id)).apply_async(queue=GRADING)


def is_idle(app: Celery) -> bool:
    """Whether the broker holds no message of ours: none waits, and none is held by a worker.

    Raises:
        ServiceUnavailable: the broker failed.
    """
    with translated_broker_errors(app), app.connection_for_read() as connection:
        channel = connection.default_channel
        with channel.conn_or_acquire() as client:
            if client.hlen(channel.unacked_key):
                return False
        return not any(channel._size(queue) for queue in (AGENTS, GRADING))


def ping_broker(url: str, *, timeout_secs: float = 5.0) -> None:
    """Ask the broker for a sign of life.

    Raises:
        InputError: it does not answer within `timeout_secs`.
    """
    options = {"socket_timeout": timeout_secs, "socket_connect_timeout": timeout_secs}
    try:
        with Connection(url, transport_options=options) as connection:  # type: ignore[no-untyped-call]
            # kombu's Redis channel sends a PING when it opens
            connection.ensure_connection(max_retries=1, interval_start=0)
    except (*Transport.connection_errors, *Transport.channel_errors, KombuError, ValueError) as error:
        reason = str(error).strip().rpartition("\n")[2] or type(error).__name__
        raise InputError(
            f"the broker {without_password(url)} does not answer: {reason}; "
            "check MLEBENCH_BROKER_URL and that Redis runs"
        ) from error


@contextmanager
def translated_broker_errors(app: Celery) -> Iterator[None]:
    """Turn kombu's and redis' errors into `ServiceUnavailable`; the one place that knows them."""
    try:
        yield
    except (OperationalError, *Transport.connection_errors, *Transport.channel_errors) as error:
        url = without_password(app.conf.broker_url or "")
        raise ServiceUnavailable(f"the broker {url} failed: {error}") from error


def _steps(app: Celery, attempt_id: str, label: str | None) -> Any:
    """Run the attempt, then grade it."""
    run = _step(app, RUN_ATTEMPT, attempt_id, label)
    run.set(ignore_result=True)  # or Redis keeps it; only what is in the chord itself must have a result
    return chain(run, _step(app, GRADE_ATTEMPT, attempt_id, label), app=app)


def _step(app: Celery, name: str, attempt_id: str, label: str | None) -> Any:
    """One job on an attempt; Flower shows `label` in place of its arguments."""
    step = app.signature(name, args=(attempt_id,), immutable=True)
    return step.set(argsrepr=label) if label else step
