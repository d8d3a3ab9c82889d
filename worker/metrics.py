"""What a worker counts, and the page on which Prometheus finds it. docs/watching.md explains each to its readers.

Every worker process counts for itself, where things happen; `MLEBENCH_METRICS_PORT` says whether it is asked. The
numbers begin with the process. What a run has come to is in the database, and `mlebench_open_attempts` shows that.
"""

import logging
from collections.abc import Mapping
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics, start_http_server

from core.status import State, Status
from store.records import Attempt
from worker.room import free_bytes
from worker.settings import Settings

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer

log = logging.getLogger(__name__)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which no alert here needs

# 1 s to 97 h. What is stopped at a limit of 24 hours ends a little later, hence the odd hour.
FROM_SECONDS_TO_DAYS = (1, 5, 15, 60, 300, 900, *(hours * 3600.0 for hours in (1, 2, 4, 8, 12, 18, 25, 49, 97)))

STEPS = Counter(
    "mlebench_attempt_steps",
    "Attempts that this worker brought into a state (running, collected, done); "
    "status is how the agent ended, and empty while it runs",
    ["state", "status"],
)
OPEN_ATTEMPTS = Gauge(
    "mlebench_open_attempts",
    "Attempts of all open runs, by state and, when done, status: read from the database every quarter of a lease, "
    "the same on every worker, so take max and not sum",
    ["state", "status"],
)
QUEUE_WAIT = Histogram(
    "mlebench_queue_wait_seconds",
    "From an attempt's queueing until this worker took it",
    buckets=FROM_SECONDS_TO_DAYS,
)
AGENT_SECS = Histogram(
    "mlebench_agent_seconds",
    "How long agents worked that ended on this worker",
    buckets=FROM_SECONDS_TO_DAYS,
)
SLOTS = Gauge("mlebench_slots", "Attempts that this worker can run at a time")
SLOTS_BUSY = Gauge("mlebench_slots_busy", "Attempts that this worker works on now, adopted ones included")
RENEWALS = Counter(
    "mlebench_lease_renewals",
    "Renewals of an attempt's lease: renewed, lost (another worker owns it) or failed (the database did not answer)",
    ["outcome"],
)
QUEUED_AGAIN = Counter(
    "mlebench_queued_again",
    "Attempts that this worker put back into the queue: failed (the machinery did, and tries are left), "
    "grading_failed, stopping (this worker stops), worker_lost (a lease ran out), grading_lost, "
    "broker_lost (Redis held no message any more)",
    ["reason"],
)
FAILURES = Counter(
    "mlebench_machinery_failures",
    "Tries and gradings that failed for a reason that is not the agent's, by the class of the error: "
    "SandboxError is a container or the engine, ServiceUnavailable a service; DataError, BrokenArchive and "
    "KaggleUnreachable a competition's data",
    ["error"],
)
TAKES_ATTEMPTS = Gauge(
    "mlebench_takes_attempts",
    "1 while this worker takes attempts that wait, 0 while a disk of its host is nearly full",
)
FREE_DISK = Gauge(
    "mlebench_free_disk_bytes",
    "Free space of the disk of a folder (data or runs)",
    ["folder"],
)

for _reason in ("failed", "grading_failed", "stopping", "worker_lost", "grading_lost", "broker_lost"):
    QUEUED_AGAIN.labels(_reason)  # there from the start: what appears with 1 has no increase
for _outcome in ("renewed", "lost", "failed"):
    RENEWALS.labels(_outcome)
for _error in ("SandboxError", "ServiceUnavailable", "DataError", "BrokenArchive", "KaggleUnreachable"):
    FAILURES.labels(_error)


def taken(attempt: Attempt) -> None:
    """Count an attempt that a worker has taken a lease on."""
    STEPS.labels(State.RUNNING, "").inc()
    if attempt.started_at is not None:
        QUEUE_WAIT.observe(max((attempt.started_at - attempt.queued_at).total_seconds(), 0))


def ended(status: Status, *, agent_secs: float | None) -> None:
    """Count an agent that ended, with its files in the run folder."""
    STEPS.labels(State.COLLECTED, status).inc()
    if agent_secs is not None:
        AGENT_SECS.observe(agent_secs)


def done(status: Status) -> None:
    """Count an attempt that is final."""
    STEPS.labels(State.DONE, status).inc()


def failed(error: BaseException) -> None:
    """Count a failure of the machinery."""
    FAILURES.labels(type(error).__name__).inc()


def show_open_attempts(counts: Mapping[tuple[State, Status | None], int]) -> None:
    """Show how many attempts of open runs are where, as the database has it."""
    for state in State:
        for status in Status if state is State.DONE else (None,):
            OPEN_ATTEMPTS.labels(state, status or "").set(counts.get((state, status), 0))


class Page:
    """The page with this process's metrics, while it is asked for. Starting it never ends a worker."""

    def __init__(self) -> None:
        self._server: tuple[WSGIServer, Thread] | None = None

    def start(self, settings: Settings) -> None:
        """Serve `/metrics` at the settings' port; none, or one that cannot be had, means no page."""
        for name, folder in (("data", settings.data_dir), ("runs", settings.runs_dir)):
            FREE_DISK.labels(name).set_function(partial(free_bytes, folder))
        if settings.metrics_port is None or self._server is not None:
            return
        where = f"{settings.metrics_host}:{settings.metrics_port}"
        try:
            self._server = start_http_server(settings.metrics_port, settings.metrics_host)
        except OSError as error:  # taken by another worker of this host, most often
            log.error("no metrics from this worker: %s: %s", where, error.strerror, extra={"action": "metrics_failed"})
            return
        log.info("metrics are at http://%s/metrics", where, extra={"action": "metrics_served"})

    def stop(self) -> None:
        """Give the port back."""
        if self._server is not None:
            server, thread = self._server
            server.shutdown()
            server.server_close()
            thread.join()
            self._server = None
