"""What waits to be run and what runs, in the form in which a host chooses from it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, func, select

from core.resources import Allocation, Resources
from core.status import RunState, State
from store.records import Attempt, Lease, RunRequest
from store.runs import Store
from store.tables import attempts, runs

CHOOSING_LOCK = 0x6D6C6563  # an advisory lock of our own


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Attempts of one run that wait and are alike: one competition's, and one technique's."""

    run_id: str
    request: RunRequest
    created_at: datetime  # of the run
    competition_id: str
    technique: str | None
    position: int  # of the first of them in its run

    @property
    def needs(self) -> Resources:
        """What each of them asks for."""
        return self.request.needs_of(self.competition_id)

    @property
    def expected_secs(self) -> float:
        """How long each of them may well take: as long as it may, where nothing is known."""
        return self.request.expected_secs.get(self.competition_id, self.request.time_limit_secs)

    def holds(self, attempt: Attempt) -> bool:
        """Whether an attempt, if it waits, is one of them."""
        alike = (attempt.run_id, attempt.competition_id, attempt.technique)
        return attempt.state is State.QUEUED and alike == (self.run_id, self.competition_id, self.technique)


@dataclass(frozen=True, kw_only=True)
class Queue:
    """What waits, and what runs."""

    waiting: tuple[Waiting, ...]
    running: Counter[str]  # run id -> attempts that run
    users: Counter[str]  # user -> the same
    competitions: Counter[str]  # competition -> the same
    held: tuple[Allocation, ...]  # by what runs on the host that asks


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a host takes of a queue: the first of some attempts, or a certain one of them, and what it gives it."""

    waiting: Waiting
    allocation: Allocation
    attempt_id: str | None = None


def take(
    store: Store, *, owner: str, lease_secs: float, host: str, choose: Callable[[Queue], Choice | None]
) -> Lease | None:
    """Lease what `choose` chooses from what waits; None where it chooses nothing.

    One choice is made at a time, by all workers together: each sees what the others have taken before, so that
    shares are even and no part of a host is given out twice. `choose` has to be quick, therefore.
    """
    with store.writing() as connection:
        if store.engine.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
            connection.execute(select(func.pg_advisory_xact_lock(CHOOSING_LOCK)))
        choice = choose(_queue(store, connection, host))
        if choice is None:
            return None
        attempt_id = choice.attempt_id or _first(connection, choice.waiting)
        allocation = choice.allocation
        return store.acquire_within(
            connection, attempt_id, owner=owner, lease_secs=lease_secs, host=host, allocation=allocation
        )


def queue(store: Store, *, host: str) -> Queue:
    """Read what waits, a row for each run, competition and technique, and what runs: in all, and on `host`."""
    with store.reading() as connection:
        return _queue(store, connection, host)


def _queue(store: Store, connection: Connection, host: str) -> Queue:
    held = select(attempts.c.allocation).where(attempts.c.state == State.RUNNING, attempts.c.host == host)
    running = (
        select(attempts.c.run_id, attempts.c.competition_id, func.count().label("number"))
        .where(attempts.c.state == State.RUNNING)
        .group_by(attempts.c.run_id, attempts.c.competition_id)
    )
    by_run: Counter[str] = Counter()
    by_competition: Counter[str] = Counter()
    for row in connection.execute(running):
        by_run[row.run_id] += row.number
        by_competition[row.competition_id] += row.number
    open_runs = {row.run_id: row for row in connection.execute(select(runs).where(runs.c.state == RunState.OPEN))}
    requests = {run_id: RunRequest.from_json(row.request) for run_id, row in open_runs.items()}
    users: Counter[str] = Counter()
    for run_id, number in by_run.items():
        users[requests[run_id].user if run_id in requests else ""] += number
    return Queue(
        waiting=tuple(
            Waiting(
                run_id=row.run_id,
                request=requests[row.run_id],
                created_at=open_runs[row.run_id].created_at,
                competition_id=row.competition_id,
                technique=row.technique,
                position=row.position,
            )
            for row in connection.execute(_alike(store))
            if row.run_id in requests
        ),
        running=by_run,
        users=users,
        competitions=by_competition,
        held=tuple(Allocation.from_json(part) for part in connection.execute(held).scalars() if part),
    )


def _alike(store: Store) -> Select[str, str, str | None, int]:
    columns = (attempts.c.run_id, attempts.c.competition_id, attempts.c.technique)
    position = func.min(attempts.c.position).label("position")
    waits = select(*columns, position).where(attempts.c.state == State.QUEUED, attempts.c.queued_at <= store.now())
    return waits.group_by(*columns)


def _first(connection: Connection, waiting: Waiting) -> str:
    query = select(attempts.c.attempt_id).where(
        attempts.c.run_id == waiting.run_id, attempts.c.position == waiting.position
    )
    return str(connection.execute(query).scalar_one())
