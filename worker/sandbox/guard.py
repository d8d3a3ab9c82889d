"""Runs a command so that its whole process tree ends with whoever started it.

    python -I -S worker/sandbox/guard.py [--grace SECS] [--parent PID] [--rlimit NAME=N]... -- command...

The end of everything comes when standard input (a pipe held by the parent) closes, when the process --parent
is no longer the parent, or on SIGTERM: SIGTERM to all descendants, --grace seconds, SIGKILL until none is
left. SIGQUIT skips the grace. SIGINT, SIGHUP, SIGUSR1 and SIGUSR2 are passed on to the command alone. When
the command ends by itself, whatever it left running is killed at once.

Exit code: the command's, 128 + N where signal N ended it, 126 or 127 where it could not be started.

On Linux the guard is a child subreaper, so that daemons (double fork, setsid) stay its descendants. Elsewhere
a process that leaves the tree is missed. Where the guard itself is killed with SIGKILL, the command gets
SIGKILL too (Linux); grandchildren are then up to the caller (see `worker.sandbox.process`).

The file uses the standard library alone and no module of this project: it is run as a file, to start fast.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

PASSED_ON = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
HEARTBEAT_SECS = 1.0  # how often the parent is looked for: a forked sibling may hold the pipe open
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def guarded(
    command: Sequence[str | os.PathLike[str]],
    *,
    grace_secs: float = 5.0,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    rlimits: Mapping[str, int] | None = None,
) -> "subprocess.Popen[bytes]":
    """Start `command` under a guard, which dies with this process and takes the command's whole tree along.

    The guard has a session of its own, so Ctrl-C in the terminal does not reach it. The command's standard
    input is empty. To end: `terminate()` (SIGTERM to the tree, `grace_secs`, SIGKILL), `send_signal(SIGQUIT)`
    (SIGKILL at once) or closing `stdin`, which `communicate()` and `with` do. `send_signal(SIGINT)` reaches
    the command alone. Never `kill()`: it ends the guard and with it the certainty.

    Args:
        grace_secs: time between SIGTERM and SIGKILL.
        env: the command's environment; this process's where None.
        stdout: as for subprocess.Popen; ends when the whole tree has ended.
        rlimits: soft and hard limits of the command by name, for example {"CORE": 0}.
    """
    options = ["--grace", str(grace_secs), "--parent", str(os.getpid())]
    for name, value in (rlimits or {}).items():
        options += ["--rlimit", f"{name}={value}"]
    guard = [sys.executable, "-I", "-S", str(Path(__file__).resolve()), *options, "--"]
    return subprocess.Popen(
        [*guard, *(os.fspath(part) for part in command)],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        env=env,
        cwd=cwd,
        start_new_session=True,
    )


def descendants(root: int) -> list[int]:
    """Process ids of all living descendants of `root`, parents before children. Zombies are left out."""
    children: dict[int, list[int]] = {}
    for pid, parent in _processes():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.pop(waiting.pop(), [])
        found += below
        waiting += below
    return found


def signal_all(pids: Iterable[int], number: int) -> set[int]:
    """Send a signal to each process that still lives; those that are not ours to signal are returned."""
    refused = set()
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
        except PermissionError:  # it runs a setuid program
            refused.add(pid)
    return refused


def kill_all(listing: Callable[[], list[int]]) -> None:
    """SIGKILL what `listing` gives, again and again, until it gives nothing. The dead are left to be reaped.

    In each round they are stopped first, and looked for again, so that a fork bomb cannot outrun the killing.
    """
    refused: set[int] = set()
    while pids := set(listing()) - refused:
        stopped: set[int] = set()
        while fresh := pids - stopped:
            refused |= signal_all(fresh, signal.SIGSTOP)
            stopped |= fresh
            pids = set(listing()) - refused
        signal_all(stopped, signal.SIGKILL)
        time.sleep(0.002)  # for the kernel to carry it out


def _processes() -> list[tuple[int, int]]:
    """(process, parent) of every living process."""
    if not sys.platform.startswith("linux"):
        table = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True)
        rows = (line.split() for line in table.stdout.splitlines())
        return [(int(row[0]), int(row[1])) for row in rows if not row[2].startswith("Z")]
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib would cost more than the rest of the loop
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                fields = file.read().rpartition(b")")[2].split()
        except OSError:  # ended meanwhile
            continue
        if fields[0] not in (b"Z", b"X"):
            found.append((int(name), int(fields[1])))
    return found


def _reap() -> dict[int, int]:
    """Collect all dead children; exit codes by process id, as a shell would give them."""
    codes: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return codes
        if pid == 0:
            return codes
        code = os.waitstatus_to_exitcode(status)
        codes[pid] = 128 - code if code < 0 else code


def _prctl(option: int, value: int) -> None:
    if sys.platform.startswith("linux"):
        import ctypes  # only here: the helper's callers do not need it

        if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def _spawn(command: list[str], rlimits: dict[str, int]) -> int:
    """Fork and run `command` in a session of its own; the process id."""
    guard = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()  # a `kill 0` of the command must not hit the guard
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(128 + signal.SIGKILL)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        _limit(rlimits)
        signal.set_wakeup_fd(-1)
        for number in (*PASSED_ON, signal.SIGTERM, signal.SIGQUIT, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.execvp(command[0], command)  # noqa: S606 - no shell is meant
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)
    finally:
        os._exit(126)


def _limit(rlimits: dict[str, int]) -> None:
    if rlimits:
        import resource

        for name, value in rlimits.items():
            which = getattr(resource, f"RLIMIT_{name}")
            hard = resource.getrlimit(which)[1]
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(which, (most, most))


class _Guard:
    """The loop: waits for the command's end, a closed pipe, a lost parent or a signal."""

    def __init__(self, *, grace_secs: float, parent: int | None) -> None:
        self.grace_secs = grace_secs
        self.parent = parent
        self.signals: list[int] = []
        self.wake_read, wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        for number in (*PASSED_ON, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, lambda received, _frame: self.signals.append(received))
        signal.signal(signal.SIGCHLD, lambda _received, _frame: None)

    def run(self, command: list[str], rlimits: dict[str, int]) -> int:
        child = _spawn(command, rlimits)
        code: int | None = None
        kill_at: float | None = None  # the end has begun: SIGTERM was sent, SIGKILL comes then
        while True:
            code = _reap().get(child, code)
            if self._is_over(code, kill_at):
                break
            asked = self._wait_for_news(kill_at)
            if asked == signal.SIGQUIT:
                break
            if asked and kill_at is None:
                kill_at = time.monotonic() + self.grace_secs
                signal_all(descendants(os.getpid()), signal.SIGTERM)
            for number in self._take_passed_on():
                signal_all([child], number)
        kill_all(lambda: descendants(os.getpid()))
        code = _reap().get(child, code)
        return 128 + signal.SIGKILL if code is None else code

    def _is_over(self, code: int | None, kill_at: float | None) -> bool:
        """The command decides; after SIGTERM, the grace belongs to every descendant."""
        if kill_at is None:
            return code is not None
        return time.monotonic() >= kill_at or not descendants(os.getpid())

    def _wait_for_news(self, kill_at: float | None) -> int:
        """Sleep until something happens. The signal that asks for the end (lost parent: SIGTERM), or 0."""
        timeout = HEARTBEAT_SECS if kill_at is None else max(0.0, min(HEARTBEAT_SECS, kill_at - time.monotonic()))
        watched = [self.wake_read, 0] if kill_at is None else [self.wake_read]
        ready = select.select(watched, [], [], timeout)[0]
        if self.wake_read in ready:
            os.read(self.wake_read, 4096)
        for number in (signal.SIGQUIT, signal.SIGTERM):
            if number in self.signals:
                self.signals = [other for other in self.signals if other != number]
                return number
        closed = 0 in ready and not os.read(0, 4096)
        orphaned = self.parent is not None and os.getppid() != self.parent
        return signal.SIGTERM if closed or orphaned else 0

    def _take_passed_on(self) -> list[int]:
        taken, self.signals = [number for number in self.signals if number in PASSED_ON], []
        return taken


def main(arguments: list[str]) -> int:
    """Run the command behind `--` under a guard; its exit code."""
    if "--" not in arguments or arguments[-1] == "--":
        sys.stderr.write((__doc__ or "").partition("\n\n")[2])
        return 2
    split = arguments.index("--")
    grace_secs, parent, rlimits = 5.0, None, {}
    options = arguments[:split]
    for name, value in zip(options[::2], options[1::2], strict=True):
        if name == "--grace":
            grace_secs = float(value)
        elif name == "--parent":
            parent = int(value)
        elif name == "--rlimit":
            limit, _, number = value.partition("=")
            rlimits[limit] = int(number)
        else:
            raise SystemExit(f"unknown option {name}")
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    return _Guard(grace_secs=grace_secs, parent=parent).run(arguments[split + 1 :], rlimits)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
