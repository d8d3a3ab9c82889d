"""What a sandbox is: where one try of an attempt runs.

A sandbox starts the agent and reports its end. It does not decide: time, disk, cancelling and grading are
`worker.attempts`' business, so that they are the same in every sandbox.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from starlette.types import ASGIApp

from agents.registry import Agent

ORPHANED = 251  # exit code of an agent that was killed because no worker looked after it for too long


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one attempt may use."""

    time_secs: float
    memory_bytes: int
    cpus: float
    pids: int
    disk_bytes: int  # writable layer and the folders of the workspace together
    gpus: tuple[str, ...] = ()  # that are the attempt's alone, as nvidia-smi numbers or names them


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """The live folder of one try on this host. Its submission, code and logs are the agent's: hostile."""

    root: Path
    data: Path  # the public data; the agent reads it and cannot write it

    @property
    def submission(self) -> Path:
        return self.root / "submission"

    @property
    def code(self) -> Path:
        return self.root / "code"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def instructions(self) -> Path:
        return self.root / "instructions.txt"

    @property
    def validate_script(self) -> Path:
        return self.root / "validate_submission.sh"

    @property
    def technique_description(self) -> Path:
        """Exists in technique attempts only."""
        return self.root / "technique_description.md"


@dataclass(frozen=True, kw_only=True)
class ModelAccess:
    """What an agent that asks for a model is given in place of a key and of a network."""

    app: ASGIApp  # answers the agent's calls, outside the sandbox
    token: str  # what it takes for a key; good for this app alone


@dataclass(frozen=True, kw_only=True)
class Launch:
    """All that a sandbox needs to start one try."""

    run_id: str
    attempt_id: str
    fence: int  # number of the lease under which this try runs
    competition_id: str
    technique: str | None
    seed: int
    agent: Agent
    workspace: Workspace
    environment: Mapping[str, str]  # what agent.yaml declares, secrets resolved
    limits: Limits
    validate: Callable[[Path], str | None]  # checks a file's format: None when valid, else one line
    log: Callable[[bytes], None]  # takes the agent's output as it comes, from any thread
    note: Callable[[str], None]  # takes a line of the machinery's own for run.log
    model: ModelAccess | None = None  # for an agent that asks for one
    seen_until: float = 0.0  # of an adopted agent: the output up to this time (s since the epoch) is in run.log


@dataclass(frozen=True, kw_only=True)
class Exit:
    """How the agent's main process ended."""

    code: int  # exit code; 128 + N where signal N ended it
    out_of_memory: bool


class Execution(Protocol):
    """One running agent."""

    ref: str  # names it on its host: a container id, or a process id
    can_be_left: bool  # whether it can go on without this worker, for the next one to adopt

    def wait(self, seconds: float) -> Exit | None:
        """Wait up to `seconds` for the agent's end; None while it runs."""

    def stop(self, *, force: bool) -> None:
        """Send SIGTERM (force: SIGKILL) to every process of the agent. Does nothing when it has ended."""

    def pause(self, paused: bool) -> None:
        """Freeze every process of the agent, or let them go on."""

    def disk_bytes(self) -> int:
        """Bytes that the agent occupies: its workspace folders and whatever else it wrote."""

    def close(self, *, leave: bool = False) -> None:
        """Remove every trace: container, processes, sockets. The workspace's folders stay, and are ours.

        With `leave`, where `can_be_left`: touch nothing, and let the agent work on for the next worker.
        """


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """An agent that another worker started, and whose container is still there, whether it runs or has ended."""

    attempt_id: str
    fence: int  # of the lease under which it was started; names its live folder
    ref: str
    owner: str  # the worker that looked after it last
    claim: Callable[[], None]  # make it ours, before others of this host take it for a dead worker's remains
    adopt: Callable[[Launch], Execution]  # look after it from now on
    discard: Callable[[], None]  # kill and remove it; nothing where it is gone


class Sandbox(Protocol):
    """A way to run agents on this host. All methods may raise `core.errors.SandboxError`."""

    name: str
    host_lock: AbstractContextManager[object]  # held by the one worker of this host that looks through leftovers

    def build(self, agent: Agent) -> str:
        """Make the agent runnable here, and return the digest of what will run ("" for a plain process)."""

    def start(self, launch: Launch) -> Execution:
        """Start the agent and return at once."""

    def leftovers(self) -> list[Leftover]:
        """Give the agents on this host that other workers started."""

    def sweep(self, *, spare: Collection[str] = ()) -> int:
        """Remove what dead workers of this host left behind, and return how many things that were.

        What is to be adopted has to be adopted before. `spare`: leftovers, by `ref`, that others may adopt.
        """

    def close(self) -> None:
        """Give back everything this sandbox holds."""
