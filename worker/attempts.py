"""One try of an attempt, from its lease to its files in the run folder."""

import logging
import platform
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from agents.registry import MODEL_SECRET, Agent
from core.errors import (
    InfrastructureError,
    LeaseLost,
    MlebenchError,
    NotApplicable,
    ServiceUnavailable,
)
from core.resources import Allocation
from core.status import Status
from store.folders import RunFolder
from store.records import Attempt, Lease, Outcome, Run
from worker import evidence, metrics, preparing, room
from worker.agents import submitted_agent
from worker.code_check import keep_result, run_code
from worker.consent import check_network
from worker.context import Context
from worker.gateway.opening import OpenGateway, open_gateway, token_of
from worker.hardware import hardware
from worker.heartbeat import Watch
from worker.identity import this_worker
from worker.material import Material, material_of
from worker.places import Place, data_place, run_folder
from worker.rest import Rest
from worker.runlog import RunLog
from worker.sandbox import Execution, Launch, Leftover, Limits, Sandbox, Workspace
from worker.sandbox.disk import remove_tree
from worker.scheduling import host_of
from worker.settings import Settings, secrets
from worker.snapshots import Snapshots
from worker.supervision import Ending, Stopping, Supervision

log = logging.getLogger(__name__)

SENSITIVE_NAME = re.compile("KEY|TOKEN|SECRET|PASSW|CREDENTIAL|_URL$")  # of environment variables
LONGEST_REASON = 500
PUBLISH_PATIENCE_SECS = 1800.0  # as long, an attempt's files wait for a full disk, or an object store that is away
PUBLISH_AGAIN_SECS = 5.0
DATABASE_AGAIN_SECS = 1.0


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
    attempt_id: str | None = None  # what was worked on, where that is not the attempt that the message names


def reason_of(error: Exception) -> str:
    """Give the one line that says what went wrong."""
    text = str(error) if isinstance(error, MlebenchError) else f"{type(error).__name__}: {error}"
    return text.partition("\n")[0][:LONGEST_REASON]


@contextmanager
def try_of(attempt: Attempt, run: Run, lease: Lease, context: Context, *, fence: int) -> Iterator["Try"]:
    """Open a try, with its log and its place at the heartbeat. Its files live below the number `fence`."""
    folder = run_folder(run.run_dir, context.settings)
    live = folder.live(attempt.name, fence)
    live.mkdir(parents=True, exist_ok=True)
    written = live / "run.log"
    logged_until = written.stat().st_mtime if written.exists() else 0.0
    agent = submitted_agent(run, folder, live, context.settings, roots=context.agent_roots)
    run_log = RunLog(
        live / "run.log",
        max_bytes=int(context.settings.log_limit_mb * 2**20),
        secrets=_sensitive(agent, context, live),
    )
    watch = context.heartbeat.watch(lease, last_line=run_log.last_line)
    try:
        yield Try(
            attempt=attempt,
            run=run,
            agent=agent,
            lease=lease,
            fence=fence,
            context=context,
            folder=folder,
            log=run_log,
            logged_until=logged_until,
            watch=watch,
        )
    finally:
        context.heartbeat.release(watch)
        run_log.close()


def _sensitive(agent: Agent | MlebenchError, context: Context, live: Path) -> list[str]:
    """Give the values that must not appear in a log: what looks like a secret, and what the agent is given."""
    known = secrets(context.settings)
    names = {name for name in known if SENSITIVE_NAME.search(name)}
    given = []
    if isinstance(agent, Agent):
        names |= agent.secrets()
        given = [token_of(live)] if agent.asks_for_model else []
    return [known[name] for name in names if name in known] + given


@dataclass(kw_only=True)
class Try:
    """One lease's worth of work on an attempt."""

    attempt: Attempt
    run: Run
    agent: Agent | MlebenchError  # what is wrong with it is reported when it is needed
    lease: Lease
    fence: int  # number of the lease that the try began with: names its live folder
    context: Context
    folder: RunFolder
    log: RunLog
    logged_until: float  # seconds since the epoch: what the agent said before is in the log already
    watch: Watch
    gateway: OpenGateway | None = None  # for an agent that asks for a model
    left: bool = False  # the agent was left running for the next worker
    lacking: room.Lacking = field(default_factory=room.Lacking)  # of the disks, while the agent worked

    def turn(self, carry_out: Callable[["Try"], Turn]) -> Turn:
        """Carry the try out. Raises what the machinery raises, having said so in the log."""
        try:
            return carry_out(self)
        except Stopping:
            return self._give_back()
        except NotApplicable as reason:
            return self._nothing_to_ask(reason)
        except LeaseLost as error:
            self.log.note(f"stopped: {error}")
            metrics.RENEWALS.labels("lost").inc()
            raise
        except Exception as error:
            self.log.note(f"the machinery failed: {reason_of(error)}")
            for line in str(error).splitlines()[1:] if isinstance(error, MlebenchError) else ():
                self.log.note(line)  # the end of an image's build, for one
            if self.attempt.tries >= self.context.settings.max_tries:
                self._publish()
            raise

    def carry_out(self) -> Turn:
        """Prepare, run the agent, publish its files."""
        if self.run.cancel_requested:
            return self._cancelled(Outcome(status=Status.CANCELLED, message="cancelled before it started"))
        self.log.note(
            f"attempt {self.attempt.attempt_id} of run {self.run.run_id}: {self.attempt.competition_id}, "
            f"seed {self.attempt.seed}, try {self.attempt.tries} on {socket.gethostname()}"
        )
        agent = self._agent()
        launch, material, snapshots = self._launch(agent)
        sandbox = self.context.sandbox(self.run.request.sandbox)
        digest = sandbox.build(agent)
        self._check_lease()
        if self.context.stopping.is_set():
            raise Stopping
        execution = sandbox.start(launch)
        with self._closing(execution):
            environment = self._environment(sandbox, execution, digest, material, launch.limits)
            self.context.store.agent_started(self.lease, environment=environment)
            outcome = self._supervise(execution, launch, snapshots, used_secs=0.0)
        return self._hand_in(outcome, launch, material, snapshots)

    def go_on_with(self, leftover: Leftover) -> Turn:
        """Look after an agent that another worker started, and publish its files."""
        self.log.note(f"adopted from {leftover.owner} by {this_worker()}")
        # What it may have was looked at when it was started, perhaps by a version with other rules.
        launch, material, snapshots = self._launch(self._known_agent())
        used_secs = max(0.0, self.context.store.secs_since_start(self.attempt) - self._rest().secs)
        execution = leftover.adopt(launch)
        with self._closing(execution):
            outcome = self._supervise(execution, launch, snapshots, used_secs=used_secs)
        return self._hand_in(outcome, launch, material, snapshots)

    def _hand_in(self, outcome: Outcome, launch: Launch, material: Material, snapshots: Snapshots) -> Turn:
        """The agent has ended: publish what it left."""
        lacking = self.lacking.lately()
        self._await_room(launch.workspace, fault_is_its_own=not lacking)
        if (outcome.status is not Status.COMPLETED or lacking) and (used := snapshots.restore_if_better()):
            self.log.note(used)
        if lacking and _may_be_the_disks_fault(outcome, snapshots):
            raise InfrastructureError(f"{lacking}; the agent, which {outcome.message}, is not blamed")
        if material.view is not None and outcome.status is not Status.CANCELLED:
            sandbox = self.context.sandbox(self.run.request.sandbox)
            run_code(launch, material.view, sandbox, supervise=self._watch_code)
        return self._hand_over(outcome)

    def _watch_code(self, execution: Execution, limits: Limits) -> Ending:
        return Supervision(
            execution=execution,
            limits=limits,
            grace_secs=self.context.settings.grace_secs,
            watch=self.watch,
            stopping=self.context.stopping,
            snapshots=None,
            note=self.log.note,
        ).run()

    def _hand_over(self, outcome: Outcome) -> Turn:
        """Publish what there is, and let it be graded."""
        self._publish()
        if outcome.status is Status.CANCELLED:
            return self._cancelled(outcome)
        grading_secs = self.context.settings.lease_secs
        self._insist(lambda: self.context.store.collected(self.lease, outcome, grading_secs=grading_secs))
        metrics.ended(outcome.status, agent_secs=outcome.agent_secs)
        log.info("agent: %s, %s", outcome.status, outcome.message, extra={"action": "attempt_ended"})
        return Turn(next=Next.GRADE)

    def _nothing_to_ask(self, reason: NotApplicable) -> Turn:
        """The technique cannot be asked of this data: no agent is needed, and grading says so."""
        return self._hand_over(Outcome(status=Status.COMPLETED, message=f"not applicable: {reason}"))

    def _give_back(self) -> Turn:
        """This worker stops. An agent that was left running is for the next worker of this host to adopt."""
        if self.left:
            self.log.note("left running: this worker stops, and the next one here goes on")
            self.context.store.leave(self.lease, lease_secs=self.context.settings.lease_secs)
        else:
            self.log.note("given back: this worker stops")
            self.context.store.give_back(self.lease, error="its worker stopped", counts=False)
            metrics.QUEUED_AGAIN.labels("stopping").inc()
        return Turn(next=Next.ELSEWHERE)

    def _agent(self) -> Agent:
        agent = self._known_agent()
        check_network(agent, self.context.settings)
        return agent

    def _known_agent(self) -> Agent:
        if isinstance(self.agent, MlebenchError):
            raise self.agent
        return self.agent

    def _data(self) -> Place:
        return data_place(self.context.settings, self.run.request.data_dir)

    def _limits(self) -> Limits:
        """What the attempt may use. One that a worker of an older version took holds no part of this host: an adopted
        agent goes on in its container as it was started, and the share that it would be given now is noted."""
        here = self.context
        asked = self.run.request.needs_of(self.attempt.competition_id)
        host = host_of(here.settings, capacity=here.capacity, slots=here.slots_on_host)
        allocation = self.attempt.allocation or host.demand(asked)
        return limits_of(here.settings, self.run.request.time_limit_secs, allocation)

    def _workspace(self, material: Material) -> Workspace:
        workspace = Workspace(root=self.folder.live(self.attempt.name, self.fence), data=material.public)
        for path in (workspace.submission, workspace.code, workspace.logs):
            path.mkdir(exist_ok=True)
        material.write_texts(workspace, self.run.request.time_limit_secs)
        return workspace

    def _launch(self, agent: Agent) -> tuple[Launch, Material, Snapshots]:
        """Make ready what the agent needs, here and for watching it."""
        competition = self.context.competition(self.attempt.competition_id)
        prepared = preparing.prepared(competition, self._data(), self.context.settings, note=self.log.note)
        secret = self.context.settings.view_secret.get_secret_value()
        material = material_of(self.attempt, competition, prepared, secret=secret, note=self.log.note)
        workspace = self._workspace(material)
        if agent.asks_for_model:
            here = self.context
            self.gateway = open_gateway(
                here.settings, here.store, self.lease, self.run.request, workspace.root, note=self.log.note
            )
        launch = Launch(
            run_id=self.run.run_id,
            attempt_id=self.attempt.attempt_id,
            fence=self.fence,
            competition_id=competition.id,
            technique=self.attempt.technique,
            seed=self.attempt.seed,
            agent=agent,
            workspace=workspace,
            environment=agent.environment(self._secrets()),
            limits=self._limits(),
            validate=material.validate,
            log=self.log.write,
            note=self.log.note,
            model=self.gateway.access if self.gateway else None,
            seen_until=self.logged_until,
        )
        snapshots = Snapshots(
            workspace.submission,
            workspace.root / "snapshots",
            validate=material.validate,
            max_bytes=material.max_bytes,
            patterns=material.patterns,
        )
        return launch, material, snapshots

    def _secrets(self) -> dict[str, str]:
        """What the agent's environment may hold: in the place of a model's key, what its own gateway takes for one."""
        known = dict(secrets(self.context.settings))
        return known | ({MODEL_SECRET: self.gateway.access.token} if self.gateway else {})

    @contextmanager
    def _closing(self, execution: Execution) -> Iterator[None]:
        """End the agent with the block; or leave it running, where this worker stops and the next can go on."""
        try:
            yield
        except Stopping:
            self.left = execution.can_be_left and self.context.settings.leave_agents
            raise
        finally:
            execution.close(leave=self.left)

    def _supervise(self, execution: Execution, launch: Launch, snapshots: Snapshots, *, used_secs: float) -> Outcome:
        started, rest, gateway = time.monotonic(), self._rest(), self.gateway
        rested_before = rest.secs
        if gateway is not None:
            gateway.purse.ends_at = started + launch.limits.time_secs - used_secs

        def rested(secs: float) -> None:
            rest.add(secs)
            if gateway is not None:
                gateway.purse.ends_at += secs

        ending = Supervision(
            execution=execution,
            limits=launch.limits,
            grace_secs=self.context.settings.grace_secs,
            watch=self.watch,
            stopping=self.context.stopping,
            snapshots=snapshots,
            note=self.log.note,
            used_secs=used_secs,
            at_every_look=lambda: self._look_at_disks(execution),
            rested=rested,
            spent=lambda: gateway.spent if gateway else None,
        ).run()
        self._look_at_disks(execution)
        agent_secs = round(used_secs + time.monotonic() - started - (rest.secs - rested_before), 3)
        self.log.note(f"the agent ended: {ending.status} ({ending.message}) after {agent_secs} s")
        return Outcome(status=ending.status, message=ending.message, agent_secs=agent_secs, exit_code=ending.exit_code)

    def _rest(self) -> Rest:
        return Rest(self.folder.live(self.attempt.name, self.fence) / "rested")

    def _look_at_disks(self, execution: Execution) -> None:
        lacking = room.lacking(self.context.settings, self.folder.path)
        if lacking is not None:
            lacking = room.lacking(self.context.settings, self.folder.path, besides=execution.disk_bytes())
        self.lacking.note(lacking)

    def _check_lease(self) -> None:
        if self.watch.lost.is_set():
            raise LeaseLost(f"another worker has taken attempt {self.attempt.attempt_id}")

    def _environment(
        self, sandbox: Sandbox, execution: Execution, digest: str, material: Material, limits: Limits
    ) -> dict[str, Any]:
        return {
            "host": socket.gethostname(),
            "host_name": self.context.host,
            "allocation": self.attempt.allocation.to_json() if self.attempt.allocation else None,
            "worker": this_worker(),
            "sandbox": sandbox.name,
            "execution": execution.ref,
            "image_digest": digest,
            "data_hash": material.data_hash(),
            "limits": dict(limits.__dict__),
            "hardware": hardware(),
            "platform": platform.platform(),
        }

    def _publish(self) -> None:
        """Put what the tries left into the run folder, as plain files, in one step."""
        # The heartbeat may not know yet: a worker that stood still learns here that the attempt is another's.
        lease_secs = self.context.settings.lease_secs
        self._insist(lambda: self.context.store.confirm(self.lease, lease_secs=lease_secs))
        name, fence = self.attempt.name, self.lease.fence
        out, live = self.folder.out(name, fence), self.folder.live(name, self.fence)
        out.mkdir(parents=True, exist_ok=True)
        for number, left in self.folder.earlier_tries(name, self.fence):
            (out / "tries" / number).mkdir(parents=True, exist_ok=True)
            evidence.keep(left, out / "tries" / number)
        self.log.note(evidence.collect(Workspace(root=live, data=live), out).summary())
        self.log.close()
        evidence.keep_log(live, out)
        keep_result(live, out)
        remove_tree(live)
        self._let_appear(name, fence)

    def _await_room(self, workspace: Workspace, *, fault_is_its_own: bool) -> None:
        """Hours of work are not given up for a disk that is full for a while; but who has filled it alone, and so
        would have it full for ever, loses what fills it."""
        began = time.monotonic()
        while (said := room.full(self.folder.path)) is not None and time.monotonic() < began + PUBLISH_PATIENCE_SECS:
            if fault_is_its_own and time.monotonic() > began + self.context.settings.lease_secs:
                removed = evidence.make_room(workspace, lambda: room.full(self.folder.path) is None)
                self.log.note(f"the agent has filled the disk: {removed} of its files are removed")
                fault_is_its_own = False
                continue
            log.warning("attempt %s is not published yet: %s", self.attempt.attempt_id, said)
            if self.context.stopping.wait(PUBLISH_AGAIN_SECS):
                raise Stopping
            self._check_lease()

    def _insist(self, write: Callable[[], None]) -> None:
        """Write to the database; while it does not answer, again and again: hours of an agent's work hang on it.

        A write that was carried out though its answer was lost is refused the second time (LeaseLost), and the
        next delivery of the message goes on from what the database says.
        """
        while True:
            try:
                return write()
            except ServiceUnavailable as error:
                log.warning("attempt %s waits for the database: %s", self.attempt.attempt_id, error)
            if self.context.stopping.wait(DATABASE_AGAIN_SECS):
                raise Stopping

    def _let_appear(self, name: str, fence: int) -> None:
        """Publish. Hours of work are not given up for an object store that is away for a while."""
        give_up_at = time.monotonic() + PUBLISH_PATIENCE_SECS
        while True:
            try:
                return self.folder.publish(name, fence)
            except ServiceUnavailable as error:
                if time.monotonic() > give_up_at:
                    raise
                log.warning("attempt %s is not published yet: %s", self.attempt.attempt_id, error)
            if self.context.stopping.wait(PUBLISH_AGAIN_SECS):
                raise Stopping
            self._check_lease()

    def _cancelled(self, outcome: Outcome) -> Turn:
        self.context.store.give_up(self.lease, outcome, error=outcome.message)
        metrics.done(outcome.status)
        return Turn(next=Next.GRADE)


def _may_be_the_disks_fault(outcome: Outcome, snapshots: Snapshots) -> bool:
    """Whether an agent on a full disk failed, or ended without anything that could be graded."""
    failed = outcome.status is Status.AGENT_FAILED
    return failed or (outcome.status is Status.COMPLETED and not snapshots.kept)


def limits_of(settings: Settings, time_limit_secs: float, allocation: Allocation) -> Limits:
    """Give what an attempt may use: the time of its run, its part of its host, and the rest by the settings."""
    return Limits(
        time_secs=time_limit_secs,
        memory_bytes=allocation.memory_bytes,
        cpus=allocation.cpus,
        gpus=allocation.gpus,
        pids=settings.pids_limit,
        disk_bytes=int(settings.disk_limit_gb * 2**30),
    )
