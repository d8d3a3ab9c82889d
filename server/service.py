"""What one server process has open: settings, database, and the carriers of runs without a broker."""

import logging
import subprocess
import threading
import time
from dataclasses import dataclass

import anyio

from core.errors import MlebenchError
from store.records import Run
from store.runs import Store
from worker import carrier, launching
from worker.context import Context, open_store
from worker.settings import Settings

log = logging.getLogger(__name__)

LONGEST_WAIT_SECS = 600.0  # until a carrier that keeps dying is started again
FIRST_WAIT_SECS = 5.0
SUBMITTING = 2  # runs at a time
CHECKING = 4  # signs of life that are waited for at a time


class Service:
    """The open parts of one server. All methods may be called from any thread.

    Raises:
        InputError: the database does not answer.
    """

    def __init__(self, settings: Settings) -> None:
        open_store(settings, create=True).close()  # makes the runs folder, which `Context` wants to be there
        self.settings = settings
        self.here = Context(settings)
        self.submitting = anyio.CapacityLimiter(SUBMITTING)
        self.turns = anyio.Semaphore(SUBMITTING)
        self.checking = anyio.CapacityLimiter(CHECKING)
        self._carriers: dict[str, _Carrier] = {}
        self._lock = threading.Lock()

    @property
    def store(self) -> Store:
        """The database."""
        return self.here.store

    def close(self) -> None:
        """Close everything. Carriers go on."""
        self.here.close()

    def carry(self, run: Run) -> None:
        """Have a run of this server's carried out. Raises ServiceUnavailable where the broker fails."""
        if self.settings.broker_url is not None:
            launching.enqueue(run, self.settings, self.store)
            return
        self.look_after_runs()

    def look_after_runs(self) -> bool:
        """Start carriers for runs that a server started and that nobody carries: new ones, and such as lost theirs.

        Not for runs that a person submitted: who stopped such a run wants it to be stopped.

        Returns:
            Whether runs wait for others to end: look again soon.
        """
        with self._lock:
            ours = {run.run_id: run for run in self.store.open_runs() if run.request.asked is not None}
            self._carriers = {
                run_id: known
                for run_id, known in self._carriers.items()
                if known.process.poll() is None or run_id in ours  # asked of each, or it stays a zombie
            }
            waiting = [run for run in ours.values() if not self._is_carried(run)]
            room = max(self.settings.api_runs - (len(ours) - len(waiting)), 0)
            waiting = [run for run in waiting if not self._rests(run)]
            for run in waiting[:room]:
                self._look_after(run)
            return len(waiting) > room

    def _rests(self, run: Run) -> bool:
        """Whether a run without a carrier is not to have one yet, because they die again and again."""
        known = self._carriers.get(run.run_id)
        return known is not None and time.monotonic() < known.again_at

    def _is_carried(self, run: Run) -> bool:
        known = self._carriers.get(run.run_id)
        if known is not None and known.process.poll() is None:
            return True
        try:
            return carrier.is_carried(run, self.settings)
        except (MlebenchError, OSError):
            log.exception("whether run %s is carried cannot be told", run.run_id)
            return True

    def _look_after(self, run: Run) -> None:
        try:
            log.info("run %s gets a carrier", run.run_id)
            self._start(run)
        except (MlebenchError, OSError):  # whatever is wrong with this one, the others go on
            log.exception("run %s cannot be carried on now; it is tried again", run.run_id)

    def _start(self, run: Run) -> None:
        known = self._carriers.get(run.run_id)
        wait_secs = FIRST_WAIT_SECS if known is None else min(2 * known.wait_secs, LONGEST_WAIT_SECS)
        asked = (run.request.asked or {}).get("n_workers")
        settings = self.settings if asked is None else self.settings.model_copy(update={"workers": asked})
        self._carriers[run.run_id] = _Carrier(
            process=carrier.start(run, settings), wait_secs=wait_secs, again_at=time.monotonic() + wait_secs
        )


@dataclass(frozen=True, kw_only=True)
class _Carrier:
    process: "subprocess.Popen[bytes]"
    wait_secs: float
    again_at: float  # by the monotonic clock: no sooner is another one started
