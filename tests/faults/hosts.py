"""Worker processes that can be killed, frozen and cut off, and a look for what they leave."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from tests.integration.bench import REPOSITORY, kill_all
from tests.services import wait_until

MARK = "MLEBENCH_FAULTS_TEST"  # environment variable of all processes that a test starts
OWNER = "MLEBENCH_SANDBOX_OWNER"  # environment variable of an agent's processes: its worker, and more


class Host:
    """One worker process, as it is started on a host.

    Args:
        name: of the worker; its log is <name>.log in `log_dir`.
        env: its whole environment.
        concurrency: attempts at a time.
        queues: those it serves; both where empty.
        before: a command put before its own, for example to enter a network namespace. It must exec.
        app: the module of its Celery app.
    """

    def __init__(
        self,
        name: str,
        *,
        env: Mapping[str, str],
        log_dir: Path,
        concurrency: int = 2,
        queues: str = "",
        before: Sequence[str] = (),
        app: str = "worker.app",
    ) -> None:
        self.name = name
        command = [sys.executable, "-m", "celery", "-A", app, "worker", "-n", f"{name}@%h"]
        command += ["-c", str(concurrency), "--without-mingle", "--without-gossip", "--loglevel", "INFO"]
        if queues:
            command += ["--queues", queues]
        self.log = log_dir / f"{name}.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*before, *command], cwd=REPOSITORY, env=dict(env), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def tree(self) -> list[psutil.Process]:
        """It and all processes below it."""
        try:
            parent = psutil.Process(self.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def lives(self) -> bool:
        """Whether the worker process has not ended."""
        return self._process.poll() is None

    def is_ready(self) -> bool:
        """Whether it takes messages."""
        return f"{self.name}@" in (said := self.log.read_text()) and " ready." in said

    def has_worked(self) -> bool:
        """Whether it has done a job."""
        return " succeeded in " in self.log.read_text()

    def agents(self) -> list[psutil.Process]:
        """The processes below it that belong to agents, without their guards; waits for the first."""
        found: list[psutil.Process] = []
        others = ("guard.py", "multiprocessing")  # and what prepares data

        def there() -> bool:
            found[:] = [one for one in self.tree()[1:] if not any(other in shown(one) for other in others)]
            return bool(found)

        wait_until(there, timeout_secs=30, description=f"an agent of {self.name} works")
        return found

    def kill(self) -> None:
        """SIGKILL the worker process alone."""
        self._process.kill()
        self._process.wait()

    def kill_tree(self) -> None:
        """SIGKILL the worker and everything below it."""
        kill_all(self.tree())
        self._process.wait()

    def freeze(self) -> None:
        """Stop the worker process where it is; its agents go on."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Stop it as a user would, and wait for its end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                raise


def processes_of(mark: str, folder: Path) -> list[psutil.Process]:
    """Living processes that carry a test's mark, or belong to an agent that works below `folder`."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            environment = process.environ()
            agent_of = environment.get("SUBMISSION_DIR", "") if OWNER in environment else ""
            if environment.get(MARK) == mark or agent_of.startswith(str(folder)):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def agents_below(folder: Path) -> list[psutil.Process]:
    """Living processes of agents that work below `folder`."""
    return processes_of("no such mark", folder)


def shown(process: psutil.Process) -> str:
    """A process for a message, whatever has become of it."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error as error:
        return str(error)


def at_rest(processes: Sequence[psutil.Process]) -> bool:
    """Whether each of these processes has ended, or is frozen."""
    return all(_status(process) in (psutil.STATUS_ZOMBIE, psutil.STATUS_STOPPED, None) for process in processes)


def _status(process: psutil.Process) -> str | None:
    try:
        return str(process.status())
    except psutil.NoSuchProcess:
        return None
