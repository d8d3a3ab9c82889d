"""Who a worker is, in a form from which others can tell whether it is still there."""

import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

import psutil


@dataclass(frozen=True, kw_only=True)
class WorkerId:
    """Names one worker process for as long as it lives: a process id alone is given out again."""

    host: str
    pid_namespace: str  # of this boot of this machine: in another container, process ids mean something else
    pid: int
    started: str  # when the process started, on a clock that nobody sets

    def __str__(self) -> str:
        return f"{self.host}/{self.pid_namespace}/{self.pid}/{self.started}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read what `str` gave; None where it is something else."""
        parts = text.split("/")
        if len(parts) != 4 or not parts[2].isdigit():
            return None
        return cls(host=parts[0], pid_namespace=parts[1], pid=int(parts[2]), started=parts[3])

    @classmethod
    def of_process(cls, pid: int) -> Self:
        """Name a process of this host. Raises psutil.NoSuchProcess."""
        return cls(
            host=socket.gethostname(),
            pid_namespace=_pid_namespace(),
            pid=pid,
            started=_started(pid),
        )

    def is_known_dead(self) -> bool:
        """Whether it certainly no longer runs. False where that cannot be told from here."""
        if self.pid_namespace != _pid_namespace():
            return False
        try:
            return WorkerId.of_process(self.pid).started != self.started
        except psutil.NoSuchProcess:
            return True

    def is_of_earlier_boot(self) -> bool:
        """Whether it ran on a host of this name before this host was booted.

        Two hosts may have the same name: this alone is no reason to touch what runs.
        """
        return self.host == socket.gethostname() and _boot(self.pid_namespace) != _boot(_pid_namespace())


def known_dead(text: str) -> bool:
    """`WorkerId.is_known_dead` for the text of one; False for any other text."""
    worker = WorkerId.parse(text)
    return worker is not None and worker.is_known_dead()


def of_earlier_boot(text: str) -> bool:
    """`WorkerId.is_of_earlier_boot` for the text of one; False for any other text."""
    worker = WorkerId.parse(text)
    return worker is not None and worker.is_of_earlier_boot()


@cache
def this_worker() -> str:
    """Name this process."""
    return str(WorkerId.of_process(os.getpid()))


os.register_at_fork(after_in_child=this_worker.cache_clear)


def _started(pid: int) -> str:
    """When a process started.

    Not psutil's time of day: that moves when the host's clock is set, and a living worker would be taken for dead.

    Raises:
        psutil.NoSuchProcess: there is none, or it has ended and its parent has not asked how: it keeps its id as a
            zombie, in a container without an init for ever.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return f"{psutil.Process(pid).create_time():.2f}"  # no such process, or no /proc
    if fields[0] in ("Z", "X"):
        raise psutil.ZombieProcess(pid)
    return fields[19]  # starttime of proc(5): clock ticks since the machine booted


def _boot(pid_namespace: str) -> str:
    return pid_namespace.rpartition("-")[0]


@cache
def boot_name() -> str:
    """Name this machine as it was booted: the same in all containers on it. Its host name where there is no /proc."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return socket.gethostname()


@cache
def _pid_namespace() -> str:
    try:
        return f"{boot_name()}-{Path('/proc/self/ns/pid').readlink().name.strip('pid:[]')}"
    except OSError:  # no /proc: there are no namespaces either
        return socket.gethostname()
