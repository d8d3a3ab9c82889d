"""Submitting a run: everything is checked first; nothing is written or queued when something is wrong."""

import getpass
import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agents.registry import Agent
from core.errors import InputError, UnknownName
from core.resources import Resources
from core.status import RunState, State
from store.folders import AGENT_ARCHIVE, create_run_folder
from store.history import usual_secs
from store.hosts import Worker
from store.records import Attempt, Run, RunRequest, attempt_name
from store.runs import Store
from tasks.data import needs_download
from tasks.raw import no_credentials
from tasks.registry import (
    Competition,
    competition_roots,
    list_competitions,
    load_competition,
)
from tasks.splits import load_split
from worker import preparing
from worker.agents import PackedAgent, packed_agent
from worker.consent import check_network, check_secrets
from worker.context import SANDBOXES, choose_sandbox
from worker.hardware import capacity
from worker.places import Place, data_place, runs_place
from worker.scheduling import Host, host_of
from worker.settings import Settings, kaggle_credentials, secrets
from worker.technique_asking import can_be_asked, check_judge, chosen_techniques, require_a_question

MOST_ASKED = 1e6  # USD, or calls a minute
MOST_SEEDS = 10_000
MOST_PRIORITY = 1_000_000
LEAST_MEMORY_BYTES = 64 << 20  # of an attempt: less starts no Python
SHOWN = 3  # of what is wrong, in one message


@dataclass(frozen=True, kw_only=True)
class Order:
    """What someone wants to run, as they said it."""

    agent: str = "baseline"  # an id
    variant: str | None = None  # of the agent, where its id does not say it
    agent_sources: bool = False  # whether `agent` may also be a folder or a repository: only from who sits at this host
    split: str | None = None  # a split's name or file; None: dev, or the competitions alone
    competitions: tuple[str, ...] = ()  # instead of a split, or some of one
    seeds: int = 1
    techniques: tuple[str, ...] = ()
    judge: str | None = None  # a model that reads the reasoning in techniques' answers
    sandbox: str = "auto"
    time_limit_secs: float | None = None  # None: the setting
    data_dir: Path | str | None = None  # a folder or s3://bucket/prefix; None: each worker's setting
    runs_dir: Path | str | None = None  # the same; None: the setting
    priority: int = 0  # a run of higher priority goes first
    max_cost_usd: float | None = None  # what the run may spend on models
    max_cost_per_attempt_usd: float | None = None  # what each attempt may
    max_calls_per_minute: float | None = None  # of models, by the whole run


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An order that has been checked: ready to be written and queued."""

    request: RunRequest
    agent: Agent  # its folder may be gone
    archive: bytes = field(repr=False)  # of the agent
    competitions: Sequence[Competition]
    runs: Place

    def asked_as(self, asked: Mapping[str, Any]) -> "Plan":
        """Give the plan with what was asked of the HTTP server, word for word."""
        return replace(self, request=replace(self.request, asked=asked))


def plan(order: Order, settings: Settings, *, local: bool) -> Plan:
    """Check everything about an order that can be checked before anything is queued.

    Args:
        order: what is wanted.
        settings: this process's settings.
        local: whether this host runs the attempts itself; then its sandbox, disk and data are checked too.

    Raises:
        InputError: the first thing that is wrong, named, with what to do.
    """
    roots = competition_roots(settings.competitions_path)
    split, names = _competitions(order, roots)
    packed = _agent(order, settings, local=local)
    agent = packed.agent
    _check_numbers(order)
    techniques = chosen_techniques(order.techniques)
    competitions = [load_competition(name, roots=roots) for name in names]
    require_a_question(techniques, competitions)
    check_judge(order.judge, techniques, secrets(settings) if local else None)
    if order.sandbox not in ("auto", *SANDBOXES):
        raise UnknownName("sandbox", order.sandbox, ["auto", *SANDBOXES])
    sandbox = order.sandbox
    if local:
        sandbox = choose_sandbox(order.sandbox, settings)
        _check_sandbox(sandbox, packed, settings)
        _check_shares(settings)
        if settings.sandbox_dir is not None:
            _check_folder(settings.sandbox_dir, "folder for sandboxes", "MLEBENCH_SANDBOX_DIR", 0)
        data = data_place(settings, _text(order.data_dir))
        _check_place(data, "data folder", "--data-dir", settings.min_free_disk_gb)
        _check_kaggle(competitions, data, settings)
    runs = runs_place(settings, _text(order.runs_dir))
    _check_place(runs, "runs folder", "--runs-dir", settings.min_free_disk_gb)
    time_limit_secs = order.time_limit_secs or settings.time_limit_secs
    request = RunRequest(
        agent_id=agent.id,
        agent_hash=packed.content_hash,
        agent_source=packed.source,
        split=split,
        competitions=tuple(names),
        seeds=order.seeds,
        techniques=techniques,
        judge=order.judge,
        sandbox=sandbox,
        time_limit_secs=time_limit_secs,
        data_dir=data_place(settings, _text(order.data_dir)).address if order.data_dir else None,
        user=settings.submitter or _login_name(),
        priority=order.priority,
        max_cost_usd=order.max_cost_usd,
        max_cost_per_attempt_usd=order.max_cost_per_attempt_usd,
        max_calls_per_minute=order.max_calls_per_minute,
        needs=_needs(agent, competitions),
        expected_secs=_expected_secs(competitions, time_limit_secs),
    )
    if local:
        check_runnable(request, [this_host(settings)])
    return Plan(request=request, agent=agent, archive=packed.archive, competitions=competitions, runs=runs)


def create_run(planned: Plan, store: Store) -> Run:
    """Make the run folder and write the run with its attempts to the database. Nothing is queued yet."""
    request = _with_experience(planned.request, store)
    folder = create_run_folder(planned.runs.folder, planned.agent.id, bucket=planned.runs.bucket)
    attempts = _attempts(request, planned.competitions)
    run = Run(
        run_id=uuid.uuid4().hex[:12],
        run_group=folder.path.name,
        run_dir=folder.address,
        state=RunState.OPEN,
        request=request,
        planned=len(attempts),
        cancel_requested=False,
        created_at=datetime.now(UTC),
        closed_at=None,
    )
    try:
        folder.storage.write(AGENT_ARCHIVE, planned.archive)
        store.create_run(run, [replace(attempt, run_id=run.run_id) for attempt in attempts])
    except BaseException:
        folder.discard()
        raise
    return run


def this_host(settings: Settings) -> Host:
    """Give this host as an embedded worker of its own would see it."""
    return host_of(settings, capacity=capacity(settings), slots=settings.workers)


def hosts_of(workers: Sequence[Worker], settings: Settings) -> list[Host]:
    """Give the hosts of workers that announced themselves, with this process's settings for what is not asked for."""
    by_host: dict[str, list[Worker]] = {}
    for worker in workers:
        by_host.setdefault(worker.host, []).append(worker)
    return [
        host_of(settings, capacity=of_host[0].capacity, slots=sum(worker.slots for worker in of_host))
        for of_host in by_host.values()
    ]


def check_runnable(request: RunRequest, hosts: Sequence[Host]) -> None:
    """Check that for each attempt of a run there is a host that could run it when nothing else ran there.

    Raises:
        InputError: there is none; the text names the competitions, what they ask for, and what the hosts have.
    """
    hopeless = [name for name in request.competitions if not any(host.suits(request.needs_of(name)) for host in hosts)]
    if hopeless:
        asked = "; ".join(f"{name} asks for {request.needs_of(name)}" for name in hopeless[:SHOWN])
        more = f"; and {len(hopeless) - SHOWN} more" if len(hopeless) > SHOWN else ""
        have = "; ".join(sorted({str(host.capacity) for host in hosts}))
        raise InputError(
            f"no worker can run this: {asked}{more}. The hosts have: {have}. Start a worker that has it, or ask for "
            "less in resources: of the agent's or the competition's YAML file"
        )


def in_queue_order(
    competitions: Sequence[str], *, expected_secs: Mapping[str, float], seeds: int, techniques: Sequence[str]
) -> list[tuple[str, str | None, int]]:
    """Order the attempts of a run: longest expected first, so that no long one starts when all else is done."""
    ordered = sorted(competitions, key=lambda competition: (-expected_secs[competition], competition))
    return [
        (competition, technique, seed)
        for competition in ordered
        for technique in (techniques or (None,))
        for seed in range(seeds)
    ]


def _login_name() -> str:
    try:
        return getpass.getuser()
    except KeyError:  # in a container, this user may have no name
        return str(os.getuid())


def _needs(agent: Agent, competitions: Sequence[Competition]) -> dict[str, Resources]:
    """Give what the attempts ask for, without those that ask for nothing."""
    needs = {competition.id: agent.resources.with_those_of(competition.resources) for competition in competitions}
    return {name: asked for name, asked in needs.items() if asked != Resources()}


def _expected_secs(competitions: Sequence[Competition], time_limit_secs: float) -> dict[str, float]:
    """Give how long an attempt may take: what its competition says, or all of its time limit."""
    return {
        competition.id: min(competition.expected_secs or time_limit_secs, time_limit_secs)
        for competition in competitions
    }


def _with_experience(request: RunRequest, store: Store) -> RunRequest:
    """Expect what earlier attempts of the agent took, where there were any."""
    took = {name: min(secs, request.time_limit_secs) for name, secs in usual_secs(store, request).items()}
    return replace(request, expected_secs={**request.expected_secs, **took})


def _attempts(request: RunRequest, competitions: Sequence[Competition]) -> list[Attempt]:
    now = datetime.now(UTC)
    by_id = {competition.id: competition for competition in competitions}
    ordered = in_queue_order(
        request.competitions,
        expected_secs=request.expected_secs,
        seeds=request.seeds,
        techniques=request.techniques,
    )
    asked = [entry for entry in ordered if can_be_asked(by_id[entry[0]], entry[1])]
    return [
        _attempt(position, competition, technique, seed, now)
        for position, (competition, technique, seed) in enumerate(asked)
    ]


def _attempt(position: int, competition_id: str, technique: str | None, seed: int, now: datetime) -> Attempt:
    attempt_id = uuid.uuid4().hex
    return Attempt(
        attempt_id=attempt_id,
        run_id="",
        position=position,
        name=attempt_name(competition_id, attempt_id),
        competition_id=competition_id,
        technique=technique,
        seed=seed,
        state=State.QUEUED,
        status=None,
        message="",
        owner=None,
        lease_expires_at=None,
        fence=0,
        tries=0,
        queued_at=now,
        started_at=None,
        agent_started_at=None,
        collected_at=None,
        finished_at=None,
        agent_secs=None,
        exit_code=None,
        environment=None,
        last_line="",
        score=None,
        medal=None,
        report=None,
    )


def _competitions(order: Order, roots: Sequence[Path]) -> tuple[str, tuple[str, ...]]:
    """Give the split's name and the competitions that are meant."""
    known = list_competitions(roots)
    for name in order.competitions:
        if name not in known:
            raise UnknownName("competition", name, known)
    if len(set(order.competitions)) < len(order.competitions):
        raise InputError("--competitions names a competition twice; expected each once")
    if order.split is None and order.competitions:
        return "custom", order.competitions
    split = load_split(order.split or "dev", roots=roots)
    if not order.competitions:
        return split.name, split.competitions
    outside = [name for name in order.competitions if name not in split.competitions]
    if outside:
        raise InputError(
            f"split {split.name} does not hold {', '.join(outside)}; leave --split out to run any competition"
        )
    return split.name, order.competitions


def _agent(order: Order, settings: Settings, *, local: bool) -> PackedAgent:
    packed = packed_agent(order.agent, settings, variant=order.variant, sources=order.agent_sources)
    agent = packed.agent
    agent.environment(secrets(settings))  # raises for a secret that is not set
    if not local:  # whether workers allow a network is theirs to say
        check_secrets(agent)
        return packed
    check_network(agent, settings)
    if agent.asks_for_model:
        from worker.gateway.opening import check_model

        check_model(settings)
    return packed


def _check_numbers(order: Order) -> None:
    if not 1 <= order.seeds <= MOST_SEEDS:
        raise InputError(f"--seeds {order.seeds}: expected a whole number from 1 to {MOST_SEEDS}")
    if abs(order.priority) > MOST_PRIORITY:
        raise InputError(f"--priority {order.priority}: expected a whole number within {MOST_PRIORITY} of 0")
    if order.time_limit_secs is not None and not order.time_limit_secs > 0:
        raise InputError(f"--time-limit {order.time_limit_secs:g}: expected seconds greater than 0")
    for option, value, what in (
        ("--max-cost", order.max_cost_usd, "USD"),
        ("--max-cost-per-attempt", order.max_cost_per_attempt_usd, "USD"),
        ("--max-calls-per-minute", order.max_calls_per_minute, "a number"),
    ):
        if value is not None and not 0 < value <= MOST_ASKED:
            raise InputError(f"{option} {value:g}: expected {what} greater than 0, at most {MOST_ASKED:g}")


def _check_shares(settings: Settings) -> None:
    """Check that this host has memory for as many attempts at a time as are asked for."""
    memory = capacity(settings).memory_bytes
    most = memory // LEAST_MEMORY_BYTES
    if settings.workers > most:
        raise InputError(
            f"{settings.workers} attempts at a time (--workers, MLEBENCH_WORKERS) would have "
            f"{memory / settings.workers / 2**20:.0f} MiB of memory each; expected at most {most} on this host"
        )


def _check_sandbox(name: str, packed: PackedAgent, settings: Settings) -> None:
    if name == "process" and not settings.process_allowed:
        from worker.sandbox.process import NOT_ALLOWED

        raise InputError(NOT_ALLOWED)
    if name != "docker":
        return
    agent = packed.agent
    if agent.dockerfile not in packed.files:
        raise InputError(
            f"agent {agent.id} has no {agent.dockerfile} in {packed.source or agent.folder}, so that no image can be "
            "built; write one, or use --sandbox process (no isolation)"
        )
    from worker.sandbox.engine import docker_available

    if not docker_available(settings.docker_host):
        raise InputError(
            "--sandbox docker: no Docker engine answers; start it, or set DOCKER_HOST, "
            "or use --sandbox process (no isolation)"
        )


def _text(address: Path | str | None) -> str | None:
    return None if address is None else str(address)


def _check_place(place: Place, what: str, option: str, min_free_gb: float) -> None:
    """Check a folder, and the object store behind it, without making anything."""
    _check_folder(place.folder, what, option, min_free_gb)
    if place.bucket is not None:
        place.bucket.check()


def _check_folder(path: Path, what: str, option: str, min_free_gb: float) -> None:
    """Check that a folder can be written and has room, without making it."""
    existing = path
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise InputError(f"the {what} {path} cannot be made: {existing} is a file; choose another with {option}")
    if not os.access(existing, os.W_OK | os.X_OK) or _is_read_only(existing):
        raise InputError(f"the {what} {path} cannot be written; choose another with {option}")
    free = shutil.disk_usage(existing).free
    if not shutil.disk_usage(existing).total:
        raise InputError(f"the {what} {path} cannot be made: {existing} is on no disk; choose another with {option}")
    if free < min_free_gb * 1e9:
        raise InputError(
            f"the disk of the {what} {path} is nearly full: {free / 1e9:.1f} GB free, {min_free_gb:g} GB "
            "wanted (MLEBENCH_MIN_FREE_DISK_GB); make room or choose another with " + option
        )


def _is_read_only(path: Path) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _check_kaggle(competitions: Sequence[Competition], data: Place, settings: Settings) -> None:
    """Check that data which must be downloaded can be."""
    missing = [
        competition.id
        for competition in competitions
        if needs_download(competition, data.folder) and not preparing.is_shared(competition, data)
    ]
    if missing and kaggle_credentials(settings) is None:
        raise InputError(no_credentials(", ".join(missing)))
