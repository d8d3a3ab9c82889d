"""Watching a running agent: time, disk, the wish to cancel, the lease. Everything that may end it from outside."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass

from core.errors import LeaseLost
from core.status import Status
from worker.heartbeat import Watch
from worker.sandbox import Execution, Exit, Limits
from worker.snapshots import Snapshots

log = logging.getLogger(__name__)

TICK_SECS = 1.0  # how often a running agent is looked at; its end is seen at once
TERMINATED = 128 + 15  # exit code of a process that SIGTERM ended
FILE_SIZE_SIGNAL = 128 + 25  # exit code of a process that SIGXFSZ ended: a file grew past the disk limit


class Stopping(Exception):
    """The worker stops, and gives the attempt back."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How an agent ended."""

    status: Status
    message: str
    exit_code: int | None


@dataclass(kw_only=True)
class Supervision:
    """One agent under watch.

    Attributes:
        used_secs: what the agent has worked already, where another worker watched it before.
        stopping: set when this worker gives its attempts back.
        snapshots: taken while it works; None where nothing is handed in.
        note: takes a line for run.log.
        at_every_look: called as often as the agent is looked at.
        rested: called with the seconds for which the agent was frozen, which do not count.
        spent: says, as soon as it is so, why there is no money left for the agent's model.
    """

    execution: Execution
    limits: Limits
    grace_secs: float
    watch: Watch
    stopping: threading.Event
    snapshots: Snapshots | None
    note: Callable[[str], None]
    used_secs: float = 0.0
    at_every_look: Callable[[], None] = lambda: None
    rested: Callable[[float], None] = lambda secs: None
    spent: Callable[[], str | None] = lambda: None

    def __post_init__(self) -> None:
        self._deadline = time.monotonic() + self.limits.time_secs - self.used_secs

    def run(self) -> Ending:
        """Watch the agent until it ends, and stop it where it must not go on.

        Raises:
            LeaseLost: another worker owns the attempt. The agent was killed.
            Stopping: this worker stops. The agent still runs.
        """
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="snapshots") as aside:
            return self._watch(aside)

    def _watch(self, aside: ThreadPoolExecutor) -> Ending:
        """Watch, with the snapshots taken `aside`: checking a large file takes longer than a lease may wait."""
        polled: Future[bool] | None = None
        while (exit_ := self.execution.wait(self._tick_secs())) is None:
            if self.watch.lost.is_set():
                self.execution.stop(force=True)
                raise LeaseLost(f"another worker has taken attempt {self.watch.lease.attempt_id}")
            if self.stopping.is_set():
                raise Stopping
            if self.watch.is_stale():
                self._hold()
                continue
            if (reason := self._reason_to_stop()) is not None:
                return self._stopped(*reason)
            if self.snapshots is not None and (polled is None or polled.done()):
                if polled is not None:
                    polled.result()
                polled = aside.submit(copy_context().run, self.snapshots.poll)
            self.at_every_look()
        # Where a worker and its agents are told to end at the same moment, the agent may be the first to obey.
        if exit_.code == TERMINATED and self.stopping.wait(TICK_SECS):
            raise Stopping
        if (message := self.spent()) is not None:  # it may have ended because it was told so
            return Ending(status=Status.BUDGET_SPENT, message=message, exit_code=exit_.code)
        return _ending(exit_)

    def _tick_secs(self) -> float:
        """Until the next look: at the time limit, and when the lease may soon be another's, exactly then."""
        return min(TICK_SECS, max(min(self._deadline - time.monotonic(), self.watch.fresh_secs()), 0))

    def _hold(self) -> None:
        """Freeze the agent while the database does not answer and the lease may be another's.

        It has worked for hours, perhaps, and nobody else may have taken it: so it is not killed. But another may,
        so it does not run either. The time does not count.
        """
        held = time.monotonic()
        self.execution.pause(True)  # before all else: a shared disk for the note may be away with the database
        self.note("paused: the database has not answered for the length of a lease")
        while self.watch.is_stale() and not self.watch.lost.is_set() and not self.stopping.is_set():
            if self.execution.wait(TICK_SECS) is not None:
                break
        self.execution.pause(False)
        rested = time.monotonic() - held
        self._deadline += rested
        self.rested(rested)
        self.note(f"went on after {rested:.0f} s")

    def _reason_to_stop(self) -> tuple[Status, str] | None:
        if self.watch.cancelled.is_set():
            return Status.CANCELLED, "cancelled while it ran"
        if time.monotonic() >= self._deadline:
            return Status.TIME_LIMIT, f"stopped at its time limit of {self.limits.time_secs:g} s"
        if (message := self.spent()) is not None:
            return Status.BUDGET_SPENT, message
        used, most = self.execution.disk_bytes(), self.limits.disk_bytes
        if used > most:
            return Status.DISK_LIMIT, f"used {used / 2**20:.0f} MiB of {most / 2**20:.0f} MiB of disk"
        return None

    def _stopped(self, status: Status, message: str) -> Ending:
        """SIGTERM, a grace period, SIGKILL."""
        self.execution.stop(force=False)
        exit_ = self.execution.wait(self.grace_secs)
        if exit_ is None:
            self.execution.stop(force=True)
            exit_ = self.execution.wait(self.grace_secs)
        return Ending(status=status, message=message, exit_code=exit_.code if exit_ else None)


def _ending(exit_: Exit) -> Ending:
    if exit_.code == 0:
        return Ending(status=Status.COMPLETED, message="ended by itself", exit_code=0)
    status, message = Status.AGENT_FAILED, f"ended with exit code {exit_.code}"
    if exit_.out_of_memory:
        status, message = Status.MEMORY_LIMIT, "killed at its memory limit"
    elif exit_.code == FILE_SIZE_SIGNAL:
        status, message = Status.DISK_LIMIT, "a file grew past the disk limit"
    return Ending(status=status, message=message, exit_code=exit_.code)
