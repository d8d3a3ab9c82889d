"""Submitting a run: everything is checked first; nothing is written or queued when something is wrong."""

import os
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from agents.registry import Agent, agent_roots, load_agent
from core.errors import InputError, UnknownName
from core.status import RunState, State
from store.folders import create_run_folder
from store.records import Attempt, Run, RunRequest
from store.runs import Store
from tasks.data import is_prepared
from tasks.registry import (
    Competition,
    competition_roots,
    list_competitions,
    load_competition,
)
from tasks.schema import Source
from tasks.splits import load_split
from worker import preparing
from worker.context import PRIVILEGED_CONSENT, SANDBOXES, choose_sandbox
from worker.places import Place, data_place, runs_place
from worker.settings import Settings, secrets
from worker.technique_asking import can_be_asked, check_judge, chosen_techniques, require_a_question


@dataclass(frozen=True, kw_only=True)
class Order:
    """What someone wants to run, as they said it."""

    agent: str = "baseline"
    split: str | None = None  # a split's name or file; None: dev, or the competitions alone
    competitions: tuple[str, ...] = ()  # instead of a split, or some of one
    seeds: int = 1
    techniques: tuple[str, ...] = ()
    judge: str | None = None  # a model that reads the reasoning in techniques' answers
    sandbox: str = "auto"
    time_limit_secs: float | None = None  # None: the setting
    data_dir: Path | str | None = None  # a folder or s3://bucket/prefix; None: each worker's setting
    runs_dir: Path | str | None = None  # the same; None: the setting


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An order that has been checked: ready to be written and queued."""

    request: RunRequest
    agent: Agent
    competitions: Sequence[Competition]
    runs: Place


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
    agent = _agent(order.agent, settings)
    _check_numbers(order)
    techniques = chosen_techniques(order.techniques)
    competitions = [load_competition(name, roots=roots) for name in names]
    require_a_question(techniques, competitions)
    check_judge(order.judge, techniques, secrets(settings) if local else None)
    if order.sandbox not in ("auto", *SANDBOXES):
        raise UnknownName("sandbox", order.sandbox, ["auto", *SANDBOXES])
    sandbox = order.sandbox
    if local:
        sandbox = choose_sandbox(order.sandbox)
        _check_sandbox(sandbox, agent)
        data = data_place(settings, _text(order.data_dir))
        _check_place(data, "data folder", "--data-dir", settings.min_free_disk_gb)
        _check_kaggle(competitions, data, settings)
    runs = runs_place(settings, _text(order.runs_dir))
    _check_place(runs, "runs folder", "--runs-dir", settings.min_free_disk_gb)
    request = RunRequest(
        agent_id=agent.id,
        agent_hash=agent.content_hash(),
        split=split,
        competitions=tuple(names),
        seeds=order.seeds,
        techniques=techniques,
        judge=order.judge,
        sandbox=sandbox,
        time_limit_secs=order.time_limit_secs or settings.time_limit_secs,
        data_dir=data_place(settings, _text(order.data_dir)).address if order.data_dir else None,
    )
    return Plan(request=request, agent=agent, competitions=competitions, runs=runs)


def create_run(planned: Plan, store: Store) -> Run:
    """Make the run folder and write the run with its attempts to the database. Nothing is queued yet."""
    folder = create_run_folder(planned.runs.folder, planned.agent.id, bucket=planned.runs.bucket)
    attempts = _attempts(planned)
    run = Run(
        run_id=uuid.uuid4().hex[:12],
        run_group=folder.path.name,
        run_dir=folder.address,
        state=RunState.OPEN,
        request=planned.request,
        planned=len(attempts),
        cancel_requested=False,
        created_at=datetime.now(UTC),
        closed_at=None,
    )
    try:
        store.create_run(run, [replace(attempt, run_id=run.run_id) for attempt in attempts])
    except BaseException:
        folder.discard()
        raise
    return run


def in_queue_order(
    competitions: Sequence[Competition], *, seeds: int, techniques: Sequence[str], time_limit_secs: float
) -> list[tuple[Competition, str | None, int]]:
    """Order the attempts of a run: longest expected first, so that no long one starts when all else is done.

    A competition without an expectation may take all of its time limit.
    """

    def expected(competition: Competition) -> float:
        return min(competition.expected_secs or time_limit_secs, time_limit_secs)

    ordered = sorted(competitions, key=lambda competition: (-expected(competition), competition.id))
    return [
        (competition, technique, seed)
        for competition in ordered
        for technique in (techniques or (None,))
        for seed in range(seeds)
    ]


def _attempts(planned: Plan) -> list[Attempt]:
    now = datetime.now(UTC)
    ordered = in_queue_order(
        planned.competitions,
        seeds=planned.request.seeds,
        techniques=planned.request.techniques,
        time_limit_secs=planned.request.time_limit_secs,
    )
    return [
        _attempt(position, competition.id, technique, seed, now)
        for position, (competition, technique, seed) in enumerate(pair for pair in ordered if can_be_asked(*pair[:2]))
    ]


def _attempt(position: int, competition_id: str, technique: str | None, seed: int, now: datetime) -> Attempt:
    attempt_id = uuid.uuid4()
    return Attempt(
        attempt_id=attempt_id.hex,
        run_id="",
        position=position,
        name=f"{competition_id}_{attempt_id}",
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


def _agent(agent_id: str, settings: Settings) -> Agent:
    known = secrets(settings)
    agent = load_agent(agent_id, roots=agent_roots(settings.agents_path), allow_privileged=PRIVILEGED_CONSENT in known)
    agent.environment(known)  # raises for a secret that is not set
    return agent


def _check_numbers(order: Order) -> None:
    if order.seeds < 1:
        raise InputError(f"--seeds {order.seeds}: expected a whole number of at least 1")
    if order.time_limit_secs is not None and not order.time_limit_secs > 0:
        raise InputError(f"--time-limit {order.time_limit_secs:g}: expected seconds greater than 0")


def _check_sandbox(name: str, agent: Agent) -> None:
    if name != "docker":
        return
    if not (agent.folder / agent.dockerfile).is_file():
        raise InputError(
            f"agent {agent.id} has no {agent.dockerfile} in {agent.folder}, so that no image can be built; "
            "write one, or use --sandbox process (no isolation)"
        )
    from worker.sandbox.engine import docker_available

    if not docker_available():
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
        if competition.source is Source.KAGGLE
        and not is_prepared(competition, data.folder)
        and not preparing.is_shared(competition, data)
    ]
    if missing and not _has_kaggle_credentials(settings):
        raise InputError(
            f"no Kaggle credentials, needed to download {', '.join(missing)}: set KAGGLE_USERNAME and "
            "KAGGLE_KEY, or put kaggle.json into ~/.kaggle"
        )


def _has_kaggle_credentials(settings: Settings) -> bool:
    known = secrets(settings)
    return (
        bool(known.get("KAGGLE_USERNAME") and known.get("KAGGLE_KEY"))
        or bool(known.get("KAGGLE_API_TOKEN"))
        or (Path.home() / ".kaggle" / "kaggle.json").exists()
    )
