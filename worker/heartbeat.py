"""One thread per worker process that keeps all its leases, whatever the attempts are busy with."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from core.errors import ServiceUnavailable
from store.records import Lease
from store.runs import Store

log = logging.getLogger(__name__)


@dataclass
class Watch:
    """What a running attempt learns from the heartbeat. Read by the attempt, set by the heartbeat."""

    lease: Lease
    last_line: Callable[[], str]
    lost: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)
    shown: str = ""


class Heartbeat:
    """Renews the leases of all watched attempts, every `every_secs`.

    A database that does not answer is tried again at the next beat. When it has not answered for
    `lease_secs`, the leases may have been given to others: all are then taken for lost.
    """

    def __init__(self, store: Store, *, every_secs: float, lease_secs: float) -> None:
        self._store = store
        self._every_secs = every_secs
        self._lease_secs = lease_secs
        self._watches: dict[str, Watch] = {}
        self._lock = threading.Lock()
        self._misses_secs = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, lease: Lease, *, last_line: Callable[[], str]) -> Watch:
        """Keep `lease` from now on; the worker's thread is started with the first one."""
        watch = Watch(lease=lease, last_line=last_line)
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
        try:
            held = self._store.renew(
                [watch.lease for watch in watches], lease_secs=self._lease_secs, last_lines=changed
            )
        except ServiceUnavailable as error:
            self._misses_secs += self._every_secs
            log.warning("leases not renewed for %.0f s: %s", self._misses_secs, error)
            if self._misses_secs > self._lease_secs:
                for watch in watches:
                    watch.lost.set()
            return
        self._misses_secs = 0.0
        for watch in watches:
            watch.shown = lines[watch.lease.attempt_id]
            if watch.lease.attempt_id not in held:
                watch.lost.set()
            elif held[watch.lease.attempt_id]:
                watch.cancelled.set()
