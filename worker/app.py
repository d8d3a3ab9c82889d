"""The Celery app and its configuration: `celery -A worker.app worker`.

Importing this module needs no broker and reads no settings: Celery asks for the configuration when it is
first used. Two queues: `agents` carries `run_attempt`, on hosts that can run sandboxes; `grading` all else.

Both are served by threads. `run_attempt` only waits: the agent works in a container or a process of its own,
so a thread costs a few kilobytes where a forked child costs a copy of the worker and adds ways
to fail (it can be lost by itself, and inherits open connections). What threads do not have, Celery's time
limits, is not used: an attempt's time is kept by `worker.attempts`.

A worker that is told to stop (SIGTERM, or SIGINT once) takes no more messages and waits for what it runs, so
a long job must listen to Celery's signal `worker_shutting_down` and give itself back with
`celery.exceptions.Reject(requeue=True)`. A delivery that turns out to be somebody else's attempt must not end
with a return: a return continues the chain and counts in the chord.
"""

import logging
import os
from pathlib import Path
from typing import Any

from celery import Celery, signals
from kombu.entity import Exchange, Queue

from worker import logs
from worker.lease import Recovery, RenewMessages
from worker.results import backend_url
from worker.room import TakeNothingWithoutRoom
from worker.settings import LogFormat, Settings, load_settings

AGENTS = "agents"
GRADING = "grading"
RUN_ATTEMPT = "run_attempt"  # (attempt_id)
GRADE_ATTEMPT = "grade_attempt"  # (attempt_id)
COLLECT = "collect"  # (run_id)

# Chord state and results: longer than any run takes. Where they expire, the body silently never runs.
KEPT_SECS = 30 * 24 * 3600
SOCKET_TIMEOUT_SECS = 30.0  # without one, a command on a connection that died silently waits for ever
CONNECT_TIMEOUT_SECS = 5.0
READY_FILE = "MLEBENCH_READY_FILE"  # a worker touches the file that this variable names as long as it takes messages


def configuration(settings: Settings) -> dict[str, Any]:
    """Give Celery's configuration. The same on every client of the broker: kombu assumes it."""
    return {
        "broker_url": settings.broker_url,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # a worker waits for its broker as long as it takes
        # A full Redis refuses the note that a message was taken: connect anew, where Celery would end the worker.
        "broker_channel_error_retry": True,
        "broker_transport_options": _transport_options(settings),
        **_results(settings),
        # JSON only: with pickle, whoever reaches Redis runs code on every worker.
        "task_serializer": "json",
        "result_serializer": "json",
        "event_serializer": "json",
        "accept_content": ["json"],
        # A message is gone when its job is done, not when it starts; see worker/lease.py for what that takes.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": True,
        "task_track_started": True,
        # grading first, in queues' order ("priority"): a worker that serves both ends what has begun
        "task_queues": [_queue(GRADING), _queue(AGENTS)],
        "task_default_queue": GRADING,
        "task_routes": {RUN_ATTEMPT: {"queue": AGENTS}},
        "task_publish_retry_policy": {
            "max_retries": 5,
            "interval_start": 0,
            "interval_step": 0.5,
            "interval_max": 2,
        },
        "worker_pool": "worker.pool:TaskPool",
        "worker_concurrency": settings.workers,
        # For Flower.
        "worker_send_task_events": True,
        "task_send_sent_event": True,
        "timezone": "UTC",
    }


def _queue(name: str) -> Any:
    return Queue(name, Exchange(name), routing_key=name)  # type: ignore[no-untyped-call]


def _transport_options(settings: Settings) -> dict[str, Any]:
    """Options of kombu's Redis transport."""
    timeout = settings.visibility_timeout_secs
    return {
        "visibility_timeout": timeout,
        "unacked_restore_interval": timeout / 3,  # by itself kombu looks for lost messages every 100 s
        "unacked_restore_throttle": 1,
        "unacked_mutex_expire": timeout,  # by itself 5 minutes, if a worker dies while it restores
        "global_keyprefix": settings.broker_prefix,
        "queue_order_strategy": "priority",
        "max_connections": 1000,  # 10 by itself, and a thread that finds none free cannot acknowledge
        "socket_timeout": SOCKET_TIMEOUT_SECS,
        "socket_connect_timeout": CONNECT_TIMEOUT_SECS,
        "socket_keepalive": True,
    }


def _results(settings: Settings) -> dict[str, Any]:
    """Where chords keep their state: the broker's Redis."""
    socket_file = (settings.broker_url or "").startswith("redis+socket:")
    return {
        "result_backend": backend_url(settings.broker_url) if settings.broker_url else None,
        "result_backend_transport_options": {"global_keyprefix": settings.broker_prefix},
        "result_expires": KEPT_SECS,
        "result_chord_expires": KEPT_SECS,
        "redis_socket_timeout": SOCKET_TIMEOUT_SECS,
        "redis_socket_connect_timeout": CONNECT_TIMEOUT_SECS,
        "redis_socket_keepalive": not socket_file,  # a Unix socket has none, and refuses the option
        "redis_backend_health_check_interval": 25,
    }


def connect(settings: Settings) -> Celery:
    """Make an app that can send messages and has no jobs of its own: what a submitter needs."""
    client = Celery("mlebench-client", set_as_current=False)
    client.conf.update(configuration(settings))
    return client


app = Celery("mlebench", include=["worker.jobs"], set_as_current=False)
app.add_defaults(lambda: configuration(load_settings()))
app.steps["consumer"].update((RenewMessages, TakeNothingWithoutRoom))
app.steps["worker"].add(Recovery)


def _tell_ready(**_: Any) -> None:
    if path := os.environ.get(READY_FILE):
        Path(path).touch()


def _format_lines(logger: logging.Logger, **_: Any) -> None:
    logs.use_format(logger, load_settings())


def _format_first_lines(instance: Any, **_: Any) -> None:
    """What a worker says before Celery has made its loggers: warnings, and a banner, which is no JSON."""
    settings = load_settings()
    logging.basicConfig()
    logging.captureWarnings(True)
    logs.use_format(logging.getLogger(), settings)
    instance.quiet = instance.quiet or settings.log_format is LogFormat.JSON


signals.worker_ready.connect(_tell_ready)
signals.heartbeat_sent.connect(_tell_ready)  # every 2 s while it is connected: a file that grows old says it is not
signals.celeryd_init.connect(_format_first_lines)
signals.after_setup_logger.connect(_format_lines)
signals.after_setup_task_logger.connect(_format_lines)
signals.task_prerun.connect(logs.begin_job)
signals.task_postrun.connect(logs.end_job)
