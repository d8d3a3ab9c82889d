"""What people look at across all runs: who holds what since when, and what waits. Reads, and changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select

from core.resources import Allocation
from core.status import RunState, State, Status
from store import database
from store.records import RunRequest
from store.runs import Store
from store.tables import attempts, runs

PARAMETERS = 1000  # in one statement; SQLite and Postgres take some more


@dataclass(frozen=True, kw_only=True)
class Held:
    """An attempt under a lease. Seconds are the database's, since the clocks of hosts may differ."""

    owner: str  # the worker, as worker.identity names it
    attempt_id: str
    run_id: str
    agent_id: str
    competition_id: str
    technique: str | None
    seed: int
    tries: int
    started_at: datetime
    elapsed_secs: float  # since a worker took it
    lease_secs: float  # what is left of its lease; below zero, it has run out
    host: str | None  # as its worker calls it (store/hosts.py)
    allocation: Allocation | None  # what it holds there


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Attempts of one run that wait for a worker (queued) or for grading (collected)."""

    run_id: str
    agent_id: str
    state: State
    attempts: int
    since: datetime  # of the one that waits longest
    waited_secs: float


def held(store: Store) -> list[Held]:
    """Give every attempt that a worker holds, by worker, oldest first."""
    names = ("owner", "attempt_id", "run_id", "competition_id", "technique", "seed", "tries", "started_at", "host")
    columns = [attempts.c[name] for name in names]
    query = (
        select(*columns, attempts.c.lease_expires_at, attempts.c.allocation, runs.c.request)
        .add_columns(database.now(store.engine).label("now"))
        .join(runs, runs.c.run_id == attempts.c.run_id)
        .where(attempts.c.state == State.RUNNING)
        .order_by(attempts.c.owner, attempts.c.started_at)
    )
    with store.reading() as connection:
        rows = connection.execute(query).mappings().all()
    return [
        Held(
            **{column.name: row[column.name] for column in columns},
            agent_id=RunRequest.from_json(row["request"]).agent_id,
            allocation=Allocation.from_json(row["allocation"]) if row["allocation"] else None,
            elapsed_secs=(row["now"] - row["started_at"]).total_seconds(),
            lease_secs=(row["lease_expires_at"] - row["now"]).total_seconds(),
        )
        for row in rows
    ]


def waiting(store: Store) -> list[Waiting]:
    """Give what waits, by run, longest first."""
    began = case((attempts.c.state == State.COLLECTED, attempts.c.collected_at), else_=attempts.c.queued_at)
    since = func.min(began, type_=attempts.c.queued_at.type)
    query = (
        select(attempts.c.run_id, attempts.c.state, func.count().label("attempts"), since.label("since"))
        .add_columns(database.now(store.engine).label("now"))
        .join(runs, runs.c.run_id == attempts.c.run_id)
        .where(runs.c.state == RunState.OPEN, attempts.c.state.in_((State.QUEUED, State.COLLECTED)))
        .group_by(attempts.c.run_id, attempts.c.state)
        .order_by(since)
    )
    with store.reading() as connection:
        rows = connection.execute(query).mappings().all()
        open_runs = select(runs.c.run_id, runs.c.request).where(runs.c.state == RunState.OPEN)
        requests = {run_id: request for run_id, request in connection.execute(open_runs)}
    return [
        Waiting(
            run_id=row["run_id"],
            agent_id=RunRequest.from_json(requests[row["run_id"]]).agent_id,
            state=State(row["state"]),
            attempts=row["attempts"],
            since=row["since"],
            waited_secs=(row["now"] - row["since"]).total_seconds(),
        )
        for row in rows
    ]


def open_attempts(store: Store) -> dict[tuple[State, Status | None], int]:
    """Count the attempts of open runs by state and, when done, status."""
    query = (
        select(attempts.c.state, attempts.c.status, func.count())
        .join(runs, runs.c.run_id == attempts.c.run_id)
        .where(runs.c.state == RunState.OPEN)
        .group_by(attempts.c.state, attempts.c.status)
    )
    counts: dict[tuple[State, Status | None], int] = {}
    with store.reading() as connection:
        for state, status, number in connection.execute(query):
            key = State(state), Status(status) if state == State.DONE and status else None
            counts[key] = counts.get(key, 0) + number
    return counts


def labels(store: Store, attempt_ids: Sequence[str]) -> dict[str, str]:
    """Name attempts as people know them, for Flower: `run 12ab, tiny seed 0, attempt 34cd`."""
    columns = (attempts.c.attempt_id, attempts.c.run_id, attempts.c.competition_id, attempts.c.technique)
    found = {}
    with store.reading() as connection:
        for start in range(0, len(attempt_ids), PARAMETERS):
            some = attempt_ids[start : start + PARAMETERS]
            query = select(*columns, attempts.c.seed).where(attempts.c.attempt_id.in_(some))
            for attempt_id, run_id, competition, technique, seed in connection.execute(query):
                what = f"{competition} {technique}" if technique else competition
                found[attempt_id] = f"run {run_id}, {what} seed {seed}, attempt {attempt_id}"
    return found
