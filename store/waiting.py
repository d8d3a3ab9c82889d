"""What waits to be run and what runs, in the form in which a host chooses from it."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from core.resources import Allocation, Resources
from core.status import RunState, State
from store.records import Attempt, RunRequest
from store.runs import Store
from store.tables import attempts, runs


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
    held: tuple[Allocation, ...]  # by what runs on the host that asks


def queue(store: Store, *, host: str) -> Queue:
    """Read what waits, a row for each run, competition and technique, and what runs: in all, and on `host`."""
    columns = (attempts.c.run_id, attempts.c.competition_id, attempts.c.technique)
    position = func.min(attempts.c.position).label("position")
    waits = select(*columns, position).where(attempts.c.state == State.QUEUED, attempts.c.queued_at <= store.now())
    runs_now = select(attempts.c.run_id, func.count()).where(attempts.c.state == State.RUNNING)
    on_host = select(attempts.c.allocation).where(attempts.c.state == State.RUNNING, attempts.c.host == host)
    with store.reading() as connection:
        held = [Allocation.from_json(part) for part in connection.execute(on_host).scalars() if part]
        rows = connection.execute(waits.group_by(*columns)).all()
        running = Counter(
            {run_id: number for run_id, number in connection.execute(runs_now.group_by(attempts.c.run_id))}
        )
        concerned = {row.run_id for row in rows} | running.keys()
        open_runs = select(runs.c.run_id, runs.c.request, runs.c.created_at).where(runs.c.state == RunState.OPEN)
        found = {row.run_id: row for row in connection.execute(open_runs) if row.run_id in concerned}
    requests = {run_id: RunRequest.from_json(row.request) for run_id, row in found.items()}
    users: Counter[str] = Counter()
    for run_id, number in running.items():
        if run_id in requests:
            users[requests[run_id].user] += number
    return Queue(
        waiting=tuple(
            Waiting(
                run_id=row.run_id,
                request=requests[row.run_id],
                created_at=found[row.run_id].created_at,
                competition_id=row.competition_id,
                technique=row.technique,
                position=row.position,
            )
            for row in rows
            if row.run_id in requests
        ),
        running=running,
        users=users,
        held=tuple(held),
    )


def first(store: Store, waiting: Waiting) -> str | None:
    """Give the id of the first of these attempts; None where none waits any more."""
    query = select(attempts.c.attempt_id).where(
        attempts.c.run_id == waiting.run_id,
        attempts.c.competition_id == waiting.competition_id,
        attempts.c.technique.is_not_distinct_from(waiting.technique),
        attempts.c.state == State.QUEUED,
        attempts.c.queued_at <= store.now(),
    )
    with store.reading() as connection:
        return connection.execute(query.order_by(attempts.c.position).limit(1)).scalar()
