"""One thread per worker process that keeps all its leases, whatever the attempts are busy with."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from core.errors import ServiceUnavailable
from store.records import Lease
from store.runs import Store
from worker import metrics

log = logging.getLogger(__name__)

STALE_PART = 0.9  # of a lease: what is done then is done before it runs out


@dataclass
class Watch:
    """What a running attempt learns from the heartbeat. Read by the attempt, set by the heartbeat."""

    lease: Lease
    last_line: Callable[[], str]
    lease_secs: float
    lost: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)
    shown: str = ""
    renewed_at: float = field(default_factory=time.monotonic)

    def is_stale(self) -> bool:
        """Whether the database has not answered for nearly a lease, so that another may soon own the attempt."""
        return self.fresh_secs() <= 0

    def fresh_secs(self) -> float:
        """How long until it is stale, if the database does not answer before; below 0 where it is."""
        return self.renewed_at + STALE_PART * self.lease_secs - time.monotonic()


class Heartbeat:
    """Renews the leases of all watched attempts, every `every_secs`.

    A database that does not answer is tried again at the next beat; meanwhile the watches become stale.
    """

    def __init__(self, store: Store, *, every_secs: float, lease_secs: float) -> None:
        self._store = store
        self._every_secs = every_secs
        self._lease_secs = lease_secs
        self._watches: dict[str, Watch] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, lease: Lease, *, last_line: Callable[[], str]) -> Watch:
        """Keep `lease` from now on; the worker's thread is started with the first one."""
        watch = Watch(lease=lease, last_line=last_line, lease_secs=self._lease_secs)
        with self._lock:
            self._watches[lease.attempt_id] = watch
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
                self._thread.start()
        return watch

    def release(self, watch: Watch) -> None:
        """Stop keeping a lease."""
        with self._lock:
            if self._watches.get(watch.lease.attempt_id) is watch:
                del self._watches[watch.lease.attempt_id]

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every_secs):
            with self._lock:
                watches = list(self._watches.values())
            if watches:
                self._beat(watches)

    def _beat(self, watches: list[Watch]) -> None:
        lines = {watch.lease.attempt_id: watch.last_line() for watch in watches}
        changed = {w.lease.attempt_id: line for w in watches if (line := lines[w.lease.attempt_id]) != w.shown}
        asked = time.monotonic()
        try:
            held = self._store.renew(
                [watch.lease for watch in watches], lease_secs=self._lease_secs, last_lines=changed
            )
        except ServiceUnavailable as error:
            metrics.RENEWALS.labels("failed").inc(len(watches))
            log.warning("leases not renewed: %s", error, extra={"action": "leases_not_renewed"})
            return
        metrics.RENEWALS.labels("renewed").inc(len(held))
        for watch in watches:
            watch.shown = lines[watch.lease.attempt_id]
            if watch.lease.attempt_id not in held:
                watch.lost.set()  # or its try has just ended; who still works on it counts the loss
                continue
            watch.renewed_at = asked
            if held[watch.lease.attempt_id]:
                watch.cancelled.set()
