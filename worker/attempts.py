"""One try of an attempt, from its lease to its files in the run folder."""

import logging
import platform
import re
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from agents.registry import Agent, load_agent
from core.errors import InfrastructureError, LeaseLost, MlebenchError, SubmissionInvalid
from core.status import State, Status
from store.folders import RunFolder
from store.records import Attempt, Lease, Run
from store.runs import Outcome
from tasks.data import Prepared, data_hash
from tasks.registry import Competition
from worker import evidence, preparing
from worker.context import PRIVILEGED_CONSENT, Context
from worker.hardware import hardware
from worker.heartbeat import Watch
from worker.identity import this_worker
from worker.instructions import write_instructions
from worker.runlog import RunLog
from worker.sandbox import Execution, Exit, Launch, Limits, Sandbox, Workspace
from worker.sandbox.disk import remove_tree
from worker.settings import Settings, secrets
from worker.snapshots import Snapshots

log = logging.getLogger(__name__)

TICK_SECS = 1.0  # how often a running agent is looked at; its end is seen at once
TERMINATED = 128 + 15  # exit code of a process that SIGTERM ended
FILE_SIZE_SIGNAL = 128 + 25  # exit code of a process that SIGXFSZ ended: a file grew past the disk limit
SENSITIVE_NAME = re.compile("KEY|TOKEN|SECRET|PASSW|CREDENTIAL|_URL$")  # of environment variables
RETRY_SECS = (5.0, 30.0, 120.0)  # wait before the second, third, ... try
LONGEST_ERROR = 20_000  # characters of a traceback that are kept with a try
LONGEST_REASON = 500
BUSY_SECS = 30.0  # when to look again at an attempt that another worker holds


class Next(Enum):
    """What is to be done with the message of an attempt after a turn."""

    GRADE = "grade"  # the attempt has its files, or is final: go on
    LATER = "later"  # deliver the message again after a while
    ELSEWHERE = "elsewhere"  # this worker stops: give the message back


@dataclass(frozen=True, kw_only=True)
class Turn:
    """How one delivery of an attempt's message ended."""

    next: Next
    wait_secs: float = 0.0


class Stopping(Exception):
    """The worker stops, and gives the attempt back."""


def take_turn(attempt_id: str, context: Context) -> Turn:
    """Run one try of an attempt, if it is to be had. Safe to call any number of times.

    Never raises for what the agent does; a failure of the machinery is recorded with the try and, while
    tries are left, answered with LATER.
    """
    settings = context.settings
    lease = context.store.acquire(attempt_id, owner=this_worker(), lease_secs=settings.lease_secs)
    attempt = context.store.attempt(attempt_id)
    if lease is None:
        if attempt.state is State.RUNNING:
            return Turn(next=Next.LATER, wait_secs=min(BUSY_SECS, settings.lease_secs))
        return Turn(next=Next.GRADE)
    try:
        run = context.store.run(attempt.run_id)
        with _try_of(attempt, run, lease, context) as this_try:
            return this_try.turn()
    except LeaseLost as error:
        log.warning("attempt %s: %s", attempt_id, error)
        return Turn(next=Next.LATER, wait_secs=BUSY_SECS)
    except Exception as error:  # noqa: BLE001 - the outermost edge of a try: recorded, never lost
        return _failed(attempt, lease, context, error)


def _failed(attempt: Attempt, lease: Lease, context: Context, error: Exception) -> Turn:
    """Record a failure of the machinery, and say whether there is another try."""
    log.warning("attempt %s: the machinery failed", attempt.attempt_id, exc_info=error)
    kept = "".join(traceback.format_exception(error))[-LONGEST_ERROR:]
    try:
        if attempt.tries < context.settings.max_tries:
            context.store.give_back(lease, error=kept, counts=True)
            return Turn(next=Next.LATER, wait_secs=RETRY_SECS[min(attempt.tries, len(RETRY_SECS)) - 1])
        outcome = Outcome(status=Status.INFRASTRUCTURE_FAILED, message=_reason(error))
        context.store.give_up(lease, outcome, error=kept)
    except LeaseLost as lost:
        log.warning("attempt %s: %s", attempt.attempt_id, lost)
        return Turn(next=Next.LATER, wait_secs=BUSY_SECS)
    return Turn(next=Next.GRADE)


def _reason(error: Exception) -> str:
    """Give the one line that says what went wrong."""
    text = str(error) if isinstance(error, MlebenchError) else f"{type(error).__name__}: {error}"
    return text.partition("\n")[0][:LONGEST_REASON]


@contextmanager
def _try_of(attempt: Attempt, run: Run, lease: Lease, context: Context) -> Iterator["Try"]:
    folder = RunFolder(path=Path(run.run_dir))
    live = folder.live(attempt.name, lease.fence)
    live.mkdir(parents=True, exist_ok=True)
    run_log = RunLog(
        live / "run.log",
        max_bytes=int(context.settings.log_limit_mb * 2**20),
        secrets=_sensitive(run, context),
    )
    watch = context.heartbeat.watch(lease, last_line=run_log.last_line)
    try:
        yield Try(attempt=attempt, run=run, lease=lease, context=context, folder=folder, log=run_log, watch=watch)
    finally:
        context.heartbeat.release(watch)
        run_log.close()


def _sensitive(run: Run, context: Context) -> list[str]:
    """Give the values that must not appear in a log: what looks like a secret, and what the agent is given."""
    known = secrets(context.settings)
    names = {name for name in known if SENSITIVE_NAME.search(name)}
    with suppress(MlebenchError):  # a broken agent is reported when the try loads it
        names |= load_agent(run.request.agent_id, roots=context.agent_roots, allow_privileged=True).secrets()
    return [known[name] for name in names if name in known]


@dataclass(kw_only=True)
class Try:
    """One lease's worth of work on an attempt."""

    attempt: Attempt
    run: Run
    lease: Lease
    context: Context
    folder: RunFolder
    log: RunLog
    watch: Watch

    def turn(self) -> Turn:
        """Carry the try out. Raises what the machinery raises, having said so in the log."""
        try:
            return self._carry_out()
        except Stopping:
            self.log.note("given back: this worker stops")
            self.context.store.give_back(self.lease, error="its worker stopped", counts=False)
            return Turn(next=Next.ELSEWHERE)
        except LeaseLost as error:
            self.log.note(f"stopped: {error}")
            raise
        except Exception as error:
            self.log.note(f"the machinery failed: {_reason(error)}")
            if self.attempt.tries >= self.context.settings.max_tries:
                self._publish()
            raise

    def _carry_out(self) -> Turn:
        """Prepare, run the agent, publish its files."""
        if self.run.cancel_requested:
            return self._cancelled(Outcome(status=Status.CANCELLED, message="cancelled before it started"))
        self.log.note(
            f"attempt {self.attempt.attempt_id} of run {self.run.run_id}: {self.attempt.competition_id}, "
            f"seed {self.attempt.seed}, try {self.attempt.tries} on {socket.gethostname()}"
        )
        agent = self._agent()
        competition = self.context.competition(self.attempt.competition_id)
        prepared = preparing.prepared(competition, self._data_dir(), note=self.log.note)
        sandbox = self.context.sandbox(self.run.request.sandbox)
        workspace = self._workspace(competition, prepared)
        outcome = self._run_agent(sandbox, agent, competition, prepared, workspace)
        self._publish()
        if outcome.status is Status.CANCELLED:
            return self._cancelled(outcome)
        self.context.store.collected(self.lease, outcome, grading_secs=self.context.settings.lease_secs)
        return Turn(next=Next.GRADE)

    def _agent(self) -> Agent:
        agent = load_agent(
            self.run.request.agent_id,
            roots=self.context.agent_roots,
            allow_privileged=PRIVILEGED_CONSENT in secrets(self.context.settings),
        )
        if agent.content_hash() != self.run.request.agent_hash:
            raise InfrastructureError(
                f"agent {agent.id} on this host is not the one that was submitted: its folder "
                f"{agent.folder} has another content; bring this host up to date"
            )
        return agent

    def _data_dir(self) -> Path:
        asked = self.run.request.data_dir
        return Path(asked) if asked else self.context.settings.data_dir

    def _workspace(self, competition: Competition, prepared: Prepared) -> Workspace:
        workspace = Workspace(root=self.folder.live(self.attempt.name, self.lease.fence), data=prepared.public)
        for path in (workspace.submission, workspace.code, workspace.logs):
            path.mkdir(exist_ok=True)
        write_instructions(workspace, competition, time_limit_secs=self.run.request.time_limit_secs)
        return workspace

    def _run_agent(
        self,
        sandbox: Sandbox,
        agent: Agent,
        competition: Competition,
        prepared: Prepared,
        workspace: Workspace,
    ) -> Outcome:
        digest = sandbox.build(agent)
        limits = limits_of(self.context.settings, self.run.request.time_limit_secs)

        def validate(path: Path) -> str | None:
            try:
                competition.check(path, prepared.public)
            except SubmissionInvalid as error:
                return str(error)
            return None

        launch = Launch(
            run_id=self.run.run_id,
            attempt_id=self.attempt.attempt_id,
            fence=self.lease.fence,
            competition_id=competition.id,
            technique=self.attempt.technique,
            seed=self.attempt.seed,
            agent=agent,
            workspace=workspace,
            environment=agent.environment(secrets(self.context.settings)),
            limits=limits,
            validate=validate,
            log=self.log.write,
            note=self.log.note,
        )
        snapshots = Snapshots(
            workspace.submission,
            workspace.root / "snapshots",
            validate=validate,
            max_bytes=competition.format.max_bytes,
        )
        self._check_lease()
        if self.context.stopping.is_set():
            raise Stopping
        started = time.monotonic()
        execution = sandbox.start(launch)
        try:
            environment = self._environment(sandbox, execution, digest, prepared, limits)
            self.context.store.agent_started(self.lease, environment=environment)
            ending = supervise(
                execution,
                limits=limits,
                grace_secs=self.context.settings.grace_secs,
                watch=self.watch,
                stopping=self.context.stopping,
                snapshots=snapshots,
            )
        finally:
            execution.close()
        outcome = Outcome(
            status=ending.status,
            message=ending.message,
            agent_secs=round(time.monotonic() - started, 3),
            exit_code=ending.exit_code,
        )
        self.log.note(f"the agent ended: {outcome.status} ({outcome.message}) after {outcome.agent_secs} s")
        if outcome.status is not Status.COMPLETED and (used := snapshots.restore_if_better()):
            self.log.note(used)
        return outcome

    def _check_lease(self) -> None:
        if self.watch.lost.is_set():
            raise LeaseLost(f"another worker has taken attempt {self.attempt.attempt_id}")

    def _environment(
        self, sandbox: Sandbox, execution: Execution, digest: str, prepared: Prepared, limits: Limits
    ) -> dict[str, Any]:
        return {
            "host": socket.gethostname(),
            "worker": this_worker(),
            "sandbox": sandbox.name,
            "execution": execution.ref,
            "image_digest": digest,
            "data_hash": data_hash(prepared),
            "limits": dict(limits.__dict__),
            "hardware": hardware(),
            "platform": platform.platform(),
        }

    def _publish(self) -> None:
        """Put what the tries left into the run folder, as plain files, in one step."""
        self._check_lease()
        name, fence = self.attempt.name, self.lease.fence
        out, live = self.folder.out(name, fence), self.folder.live(name, fence)
        out.mkdir(parents=True, exist_ok=True)
        for number, left in self.folder.earlier_tries(name, fence):
            (out / "tries" / number).mkdir(parents=True, exist_ok=True)
            _keep(left, out / "tries" / number)
        self.log.note(evidence.collect(Workspace(root=live, data=live), out).summary())
        self.log.close()
        _keep_log(live, out)
        remove_tree(live)
        self.folder.publish(name, fence)

    def _cancelled(self, outcome: Outcome) -> Turn:
        self.context.store.give_up(self.lease, outcome, error=outcome.message)
        return Turn(next=Next.GRADE)


def _keep(live: Path, out: Path) -> None:
    """Keep the evidence of a try that came to nothing."""
    evidence.collect(Workspace(root=live, data=live), out)
    _keep_log(live, out)
    remove_tree(live)


def _keep_log(live: Path, out: Path) -> None:
    with suppress(FileNotFoundError):  # the worker was lost before it wrote a word
        (live / "run.log").replace(out / "run.log")


def limits_of(settings: Settings, time_limit_secs: float) -> Limits:
    """Give what an attempt may use under these settings."""
    return Limits(
        time_secs=time_limit_secs,
        memory_bytes=int(settings.memory_limit_gb * 2**30),
        cpus=settings.cpus,
        pids=settings.pids_limit,
        disk_bytes=int(settings.disk_limit_gb * 2**30),
    )


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How an agent ended."""

    status: Status
    message: str
    exit_code: int | None


def supervise(
    execution: Execution,
    *,
    limits: Limits,
    grace_secs: float,
    watch: Watch,
    stopping: threading.Event,
    snapshots: Snapshots,
) -> Ending:
    """Watch a running agent until it ends, and stop it where it must not go on.

    Raises:
        LeaseLost: another worker owns the attempt. The agent was killed.
        Stopping: this worker stops. The agent was killed.
    """
    deadline = time.monotonic() + limits.time_secs
    while (exit_ := execution.wait(min(TICK_SECS, max(deadline - time.monotonic(), 0)))) is None:
        if watch.lost.is_set():
            execution.stop(force=True)
            raise LeaseLost(f"another worker has taken attempt {watch.lease.attempt_id}")
        if stopping.is_set():
            execution.stop(force=True)  # the try is void: there is nothing to be saved by a grace period
            raise Stopping
        stop = _reason_to_stop(execution, limits=limits, deadline=deadline, watch=watch)
        if stop is not None:
            exit_ = _end(execution, grace_secs=grace_secs)
            return Ending(status=stop[0], message=stop[1], exit_code=exit_.code if exit_ else None)
        snapshots.poll()
    # Where a worker and its agents are told to end at the same moment, the agent may be the first to obey.
    if exit_.code == TERMINATED and stopping.wait(TICK_SECS):
        raise Stopping
    return _ending(exit_)


def _reason_to_stop(
    execution: Execution, *, limits: Limits, deadline: float, watch: Watch
) -> tuple[Status, str] | None:
    if watch.cancelled.is_set():
        return Status.CANCELLED, "cancelled while it ran"
    if time.monotonic() >= deadline:
        return Status.TIME_LIMIT, f"stopped at its time limit of {limits.time_secs:g} s"
    used = execution.disk_bytes()
    if used > limits.disk_bytes:
        return (
            Status.DISK_LIMIT,
            f"used {used / 2**20:.0f} MiB of {limits.disk_bytes / 2**20:.0f} MiB of disk",
        )
    return None


def _end(execution: Execution, *, grace_secs: float) -> Exit | None:
    """SIGTERM, a grace period, SIGKILL."""
    execution.stop(force=False)
    exit_ = execution.wait(grace_secs)
    if exit_ is None:
        execution.stop(force=True)
        exit_ = execution.wait(grace_secs)
    return exit_


def _ending(exit_: Exit) -> Ending:
    if exit_.code == 0:
        return Ending(status=Status.COMPLETED, message="ended by itself", exit_code=0)
    if exit_.out_of_memory:
        return Ending(status=Status.MEMORY_LIMIT, message="killed at its memory limit", exit_code=exit_.code)
    if exit_.code == FILE_SIZE_SIGNAL:
        return Ending(status=Status.DISK_LIMIT, message="a file grew past the disk limit", exit_code=exit_.code)
    return Ending(status=Status.AGENT_FAILED, message=f"ended with exit code {exit_.code}", exit_code=exit_.code)
