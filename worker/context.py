"""What one worker process has open: settings, database, sandboxes, heartbeat."""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from agents.registry import agent_roots
from core.errors import InputError, ServiceUnavailable
from store import hosts
from store.runs import Store
from tasks.registry import Competition, competition_roots, load_competition
from worker import metrics
from worker.hardware import capacity, host_name
from worker.heartbeat import Heartbeat
from worker.identity import known_dead, this_worker
from worker.sandbox import Sandbox
from worker.settings import Settings, database_url, load_settings


def _docker(settings: Settings) -> Sandbox:
    from worker.sandbox.docker import DockerSandbox

    return DockerSandbox(
        settings.sandbox_dir,
        orphan_secs=settings.lease_secs,
        foreign_network=settings.build_network,
        engine=settings.docker_host,
    )


def _process(settings: Settings) -> Sandbox:
    from worker.sandbox.process import ProcessSandbox

    return ProcessSandbox(allowed=settings.process_allowed)


# A further sandbox is a further entry here.
SANDBOXES: dict[str, Callable[[Settings], Sandbox]] = {"docker": _docker, "process": _process}


def choose_sandbox(asked: str, settings: Settings) -> str:
    """Give the sandbox to use on this host: `auto` is docker where an engine answers, else process."""
    if asked != "auto":
        return asked
    from worker.sandbox.engine import docker_available

    return "docker" if docker_available(settings.docker_host) else "process"


def open_store(settings: Settings, *, create: bool = False) -> Store:
    """Open the database of runs.

    Args:
        settings: say which.
        create: whether a runs folder that does not exist is made, for the database that is kept there.

    Raises:
        InputError: the database does not answer, or there are no runs in the runs folder.
    """
    if settings.database_url is None and not create and not (settings.runs_dir / "mlebench.db").exists():
        raise InputError(f"there are no runs in {settings.runs_dir}; start one with: python scripts/submit.py")
    if settings.database_url is None:
        try:
            settings.runs_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"the runs folder {settings.runs_dir} cannot be made: {error.strerror}") from error
    return Store.open(database_url(settings))


class Context:
    """The open parts of one worker process. Made once, at the first attempt; closed when the process ends.

    Args:
        slots: attempts that this process runs at a time; 0: it runs none.
    """

    def __init__(self, settings: Settings, *, slots: int = 0) -> None:
        self.settings = settings
        self.store = open_store(settings)
        self.heartbeat = Heartbeat(self.store, every_secs=settings.heartbeat_secs, lease_secs=settings.lease_secs)
        self.database_was_away = False  # at the last look of worker/recovery.py
        self.database_back_at = -math.inf  # when that found it again, by the monotonic clock
        self.draining = threading.Event()  # set when this worker is asked to stop: nothing new is begun
        self.stopping = threading.Event()  # set when what runs is to be given back
        self.host = host_name(settings)
        self.capacity = capacity(settings)
        self.slots_on_host = slots or settings.workers  # of all its workers, as they were last announced
        self._slot_count = slots
        self._slots = threading.BoundedSemaphore(slots or settings.workers)
        self.agent_roots: list[Path] = agent_roots(settings.agents_path)
        self.competition_roots: list[Path] = competition_roots(settings.competitions_path)
        self._sandboxes: dict[str, Sandbox] = {}
        self._lock = threading.Lock()
        self._announcing = threading.Lock()  # two threads may be about to for the first time

    def announce(self) -> None:
        """Tell all others that this worker is there, if it runs attempts; and learn who shares its host."""
        if not self._slot_count:
            return
        with self._announcing:
            hosts.announce(
                self.store,
                this_worker(),
                host=self.host,
                slots=self._slot_count,
                capacity=self.capacity,
                run_id=self.settings.only_run,
            )
        others = hosts.announced(self.store, within_secs=self.settings.lease_secs, host=self.host)
        alive = [worker for worker in others if not known_dead(worker.worker)]
        self.slots_on_host = max(self._slot_count, sum(worker.slots for worker in alive))

    @contextmanager
    def slot(self) -> Iterator[bool]:
        """Hold a slot for an attempt while the block lasts, if one is free; gives whether it was."""
        slots = self._slots
        free = slots.acquire(blocking=False)
        try:
            yield free
        finally:
            if free:
                slots.release()

    def stop(self) -> None:
        """Begin to stop; called again, or after the time for draining, what runs is given back."""
        if self.draining.is_set():
            self.stopping.set()
            return
        self.draining.set()
        timer = threading.Timer(self.settings.drain_secs, self.stopping.set)
        timer.daemon = True
        timer.start()

    def competition(self, competition_id: str) -> Competition:
        """Load a competition."""
        return load_competition(competition_id, roots=self.competition_roots)

    def sandbox(self, asked: str) -> Sandbox:
        """Give the sandbox of that name (for `auto` this worker's setting), the same for all attempts.

        Raises:
            SandboxError: it does not work on this host.
        """
        with self._lock:
            name = choose_sandbox(str(self.settings.sandbox) if asked == "auto" else asked, self.settings)
            if name not in self._sandboxes:
                sandbox = SANDBOXES[name](self.settings)
                self._sandboxes[name] = sandbox
            return self._sandboxes[name]

    def close(self) -> None:
        """Close everything, sandboxes first."""
        for sandbox in self._sandboxes.values():
            sandbox.close()
        self.heartbeat.close()
        if self._slot_count:
            with suppress(ServiceUnavailable):  # it is forgotten anyway
                hosts.retire(self.store, this_worker())
        self.store.close()


_lock = threading.Lock()
_slots = 0


def offer_slots(number: int) -> None:
    """Say how many attempts this process runs at a time: before its context is made, which needs the database."""
    global _slots
    _slots = number
    metrics.SLOTS.set(number)


@cache
def _context() -> Context:
    return Context(load_settings(), slots=_slots)


def context() -> Context:
    """Give this process's context."""
    with _lock:
        return _context()


def opened() -> Context | None:
    """Give this process's context if there is one already."""
    return context() if _context.cache_info().currsize else None
