"""The sandbox that is none: the agent as a plain process of this host, for machines without Docker.

What is kept: the clock, memory (resident, by looking every POLL_SECS), the number of processes (likewise), the size
of one file (a resource limit), the disk used in the workspace's folders, and that nothing outlives the attempt.
What is not: the agent runs as this user. It can read and write whatever this user can, the competition's answers
among it, and it has the host's network. CPU time is not limited; libraries are told how many threads to start.
"""

import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Collection
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from pathlib import Path

import psutil

from agents.registry import Agent
from core.errors import SandboxError
from worker.identity import known_dead, this_worker
from worker.sandbox import Exit, Launch, Leftover, ModelAccess
from worker.sandbox.disk import DiskMeter, occupied_bytes, remove_tree
from worker.sandbox.environment import Places, contract_environment, host_environment
from worker.sandbox.guard import descendants, guarded, kill_all, signal_all
from worker.sandbox.serving import Server, loopback_listener
from worker.sandbox.validation import Attendance, ValidationService, write_validate_script

log = logging.getLogger(__name__)

POLL_SECS = 0.5  # how often memory and processes are looked at
DISK_SECS = 2.0  # how often, at most, disk use is measured
AGAIN_SECS = 0.5
END_SECS = 30.0  # patience with the kernel after SIGKILL
OWNER_VARIABLE = "MLEBENCH_SANDBOX_OWNER"  # marks the agent's processes, to find those that lost their guard
KILLED = 128 + signal.SIGKILL


NOT_ALLOWED = (
    "agents may not run as plain processes here (MLEBENCH_PROCESS_ALLOWED=false, as in the worker image, where an "
    "agent would reach the Docker engine's socket): use --sandbox docker, or set MLEBENCH_PROCESS_ALLOWED=true"
)


class ProcessSandbox:
    """Runs agents as plain processes. See the module for what that means.

    Args:
        allowed: whether agents may be started. What others left behind is removed in any case.
    """

    name = "process"
    host_lock: AbstractContextManager[object] = nullcontext()

    def __init__(self, *, allowed: bool = True) -> None:
        self._allowed = allowed

    def build(self, agent: Agent) -> str:
        """There is nothing to build. Raises SandboxError where agents may not run so."""
        if not self._allowed:
            raise SandboxError(NOT_ALLOWED)
        start = agent.folder / agent.start
        if not start.is_file():
            raise SandboxError(f"agent {agent.id} has no {start}")
        return ""

    def start(self, launch: Launch) -> "ProcessExecution":
        """Start the agent in a copy of its folder."""
        launch.note("the agent runs as a plain process: no isolation from this host")
        with ExitStack() as resources:
            try:
                return _start(launch, resources)
            except (OSError, shutil.Error) as error:
                raise SandboxError(f"the agent cannot be started as a process: {error}") from error

    def leftovers(self) -> list[Leftover]:
        """None: a plain process ends with its worker."""
        return []

    def sweep(self, *, spare: Collection[str] = ()) -> int:
        """Kill processes of agents whose guard and worker are both gone. There is none that others could adopt."""
        owners = {owner for _, owner in _marked_processes()}
        dead = {owner for owner in owners if known_dead(owner.rpartition("#")[0])}
        found = [pid for pid, owner in _marked_processes() if owner in dead]
        kill_all(lambda: [pid for pid, owner in _marked_processes() if owner in dead])
        return len(found)

    def close(self) -> None:
        """Nothing is held."""


def _start(launch: Launch, resources: ExitStack) -> "ProcessExecution":
    """Start the agent; what that needed is in `resources`, which the execution takes over."""
    workspace = launch.workspace
    write_validate_script(workspace.validate_script)
    private = [workspace.root / name for name in ("agent", "home", "tmp")]
    for folder in private:
        remove_tree(folder)
        resources.callback(remove_tree, folder)
    agent_folder, home, temporary = private
    ignored = shutil.ignore_patterns("__pycache__", ".git")
    shutil.copytree(launch.agent.folder, agent_folder, symlinks=True, ignore=ignored)
    for folder in (home, temporary, workspace.submission, workspace.code, workspace.logs):
        folder.mkdir(parents=True, exist_ok=True)

    listener = loopback_listener()
    port = listener.getsockname()[1]
    service = ValidationService(listener)
    resources.callback(service.close)
    service.attend(Attendance(validate=launch.validate, note=launch.note))
    places = Places(
        data=str(workspace.data.resolve()),
        submission=str(workspace.submission),
        logs=str(workspace.logs),
        code=str(workspace.code),
        agent=str(agent_folder),
        validation_url=f"http://127.0.0.1:{port}/validate",
        model_url=f"http://127.0.0.1:{_serve_model(launch.model, resources)}/v1" if launch.model else "",
    )
    mark = f"{this_worker()}#{uuid.uuid4().hex}"
    environment = {
        **host_environment(network=launch.agent.network),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        **contract_environment(launch, places),
        "CUDA_VISIBLE_DEVICES": ",".join(launch.limits.gpus),  # empty: none
        OWNER_VARIABLE: mark,
    }
    guard = guarded(
        ["bash", str(agent_folder / launch.agent.start), *launch.agent.arguments()],
        env=environment,
        cwd=agent_folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        rlimits={"FSIZE": launch.limits.disk_bytes, "CORE": 0},
    )
    measured = (workspace.submission, workspace.code, workspace.logs, *private)
    disk = DiskMeter(lambda: occupied_bytes(*measured), at_least_secs=DISK_SECS)
    return ProcessExecution(launch, guard, mark=mark, disk=disk, resources=resources.pop_all())


def _serve_model(model: ModelAccess, resources: ExitStack) -> int:
    """Answer for the model until the execution closes; the port."""
    listener = loopback_listener()
    port: int = listener.getsockname()[1]
    server = Server(listener, model.app, name="model")
    resources.callback(server.join, END_SECS)
    resources.callback(server.close)
    return port


class ProcessExecution:
    """One agent as a process tree under a guard."""

    can_be_left = False

    def __init__(
        self,
        launch: Launch,
        guard: "subprocess.Popen[bytes]",
        *,
        mark: str,
        disk: DiskMeter,
        resources: ExitStack,
    ) -> None:
        self.ref = str(guard.pid)
        self._launch = launch
        self._guard = guard
        self._mark = mark
        self._disk = disk
        self._resources = resources
        self._exit: Exit | None = None
        self._killed = False  # by us, at a limit
        self._out_of_memory = False
        self._look_at = 0.0
        self._output_ended = threading.Event()
        self._reader = threading.Thread(target=self._read, name="agent-output", daemon=True)
        self._reader.start()

    def wait(self, seconds: float) -> Exit | None:
        """Wait for the end, and hold memory and processes against their limits meanwhile."""
        deadline = time.monotonic() + seconds
        while self._exit is None:
            if self._guard.poll() is not None:
                self._finish()
                break
            self._check_limits()
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            if self._output_ended.wait(min(POLL_SECS, left)):
                self._wait_for_guard(left)
        return self._exit

    def stop(self, *, force: bool) -> None:
        """Signal the agent's processes; the guard is left to report their end."""
        if self._guard.poll() is not None:
            return
        if force:
            self._guard.send_signal(signal.SIGQUIT)
        else:
            signal_all(descendants(self._guard.pid), signal.SIGTERM)

    def pause(self, paused: bool) -> None:
        """Stop the agent's processes where they are, or let them go on. The guard stays awake."""
        signal_all(descendants(self._guard.pid), signal.SIGSTOP if paused else signal.SIGCONT)

    def disk_bytes(self) -> int:
        """Bytes in the workspace's folders. What the agent writes elsewhere is not seen."""
        return self._disk.read()

    def close(self, *, leave: bool = False) -> None:
        """Kill what still runs, stop the validation service, remove the agent's copy, home and temporary files."""
        deadline = time.monotonic() + END_SECS
        while self._guard.poll() is None and time.monotonic() < deadline:
            # Again and again: a guard that was only just started, by a worker that ignores the signal, may not have
            # been ready to hear it.
            self.stop(force=True)
            with suppress(subprocess.TimeoutExpired):
                self._guard.wait(AGAIN_SECS)
        if self._guard.poll() is None:
            log.warning("the guard %s of attempt %s does not end", self.ref, self._launch.attempt_id)
        self._finish()
        self._resources.close()

    def _wait_for_guard(self, seconds: float) -> None:
        try:
            self._guard.wait(seconds)
        except subprocess.TimeoutExpired:
            log.warning("the guard %s of attempt %s does not end", self.ref, self._launch.attempt_id)

    def _finish(self) -> None:
        """The guard has ended: take its code, and make sure that nothing is left, though it was killed."""
        if self._exit is not None:
            return
        kill_all(lambda: [pid for pid, mark in _marked_processes() if mark == self._mark])
        self._reader.join(END_SECS)
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        code = self._guard.poll()
        if code is None or self._killed:
            code = KILLED
        self._exit = Exit(code=code if code >= 0 else 128 - code, out_of_memory=self._out_of_memory)

    def _read(self) -> None:
        assert self._guard.stdout is not None  # noqa: S101 - opened with PIPE
        with self._guard.stdout as stream:
            while data := os.read(stream.fileno(), 1 << 16):
                self._launch.log(data)
        self._output_ended.set()

    def _check_limits(self) -> None:
        now = time.monotonic()
        if now < self._look_at or self._killed:
            return
        self._look_at = now + POLL_SECS
        limits = self._launch.limits
        pids = descendants(self._guard.pid)
        if len(pids) > limits.pids:
            self._kill(f"it had {len(pids)} processes, more than its limit of {limits.pids}")
        elif (used := _memory_bytes(pids, limits.memory_bytes)) > limits.memory_bytes:
            self._out_of_memory = True
            self._kill(f"it used {used >> 20} MiB of memory, more than its limit of {limits.memory_bytes >> 20} MiB")

    def _kill(self, reason: str) -> None:
        self._killed = True
        self._launch.note(f"the agent was killed: {reason}")
        self.stop(force=True)


def _memory_bytes(pids: list[int], limit: int) -> int:
    """Resident memory of the processes. Shared pages count once, but that is only looked at above `limit`."""
    resident = sum(_memory_of(pid, "rss") for pid in pids)
    return resident if resident <= limit else sum(_memory_of(pid, "pss") for pid in pids)


def _memory_of(pid: int, kind: str) -> int:
    try:
        process = psutil.Process(pid)
        if kind == "rss":
            return process.memory_info().rss
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.rss))  # pss: Linux alone has it
    except psutil.Error:
        return 0


def _marked_processes() -> list[tuple[int, str]]:
    """(process id, mark) of all processes that come from some ProcessSandbox of this user."""
    found = []
    for process in psutil.process_iter(["environ"]):
        mark = (process.info["environ"] or {}).get(OWNER_VARIABLE)
        if mark:
            found.append((process.pid, mark))
    return found
