"""How runs are doing, counted by the database: a list of runs of ten thousand attempts each reads none of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, or_, select

from core.status import State, Status
from store.records import Run
from store.runs import Store
from store.tables import attempts, runs

LOST = [status.value for status in Status if status.lost_to_machinery]
CHANGES = (attempts.c.started_at, attempts.c.collected_at, attempts.c.finished_at)


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A run and the numbers of its attempts."""

    run: Run
    states: Mapping[State, int]  # all of them
    statuses: Mapping[Status, int]  # of what is done; only those that occur
    begun: bool  # whether a worker has ever taken one
    changed_at: datetime  # when an attempt last began, was collected or ended, or the run was made or closed
    lost_message: str | None  # of one attempt that was lost to the machinery

    @property
    def lost(self) -> int:
        """How many attempts were lost to the machinery."""
        return sum(number for status, number in self.statuses.items() if status.lost_to_machinery)


@dataclass(frozen=True, kw_only=True)
class Collected:
    """An attempt whose files are in the run folder."""

    name: str  # its folder
    fence: int  # of the lease under which they were published


def overview(store: Store, run_id: str) -> Overview:
    """Give how the run with this id is doing."""
    with store.reading() as connection:
        return _overviews(connection, select(runs).where(runs.c.run_id == run_id))[0]


def overviews(store: Store, *, limit: int, before: Run | None = None) -> list[Overview]:
    """Give how runs are doing, newest first.

    Args:
        limit: at most so many.
        before: only runs that are older than this one.
    """
    query = select(runs).order_by(runs.c.created_at.desc(), runs.c.run_id.desc()).limit(limit)
    if before is not None:
        same_moment = and_(runs.c.created_at == before.created_at, runs.c.run_id < before.run_id)
        query = query.where(or_(runs.c.created_at < before.created_at, same_moment))
    with store.reading() as connection:
        return _overviews(connection, query)


def collected(store: Store, run_id: str, *, limit: int) -> list[Collected]:
    """Give the attempts of a run whose files are in the run folder, the latest first, at most `limit`."""
    query = (
        select(attempts.c.name, attempts.c.fence)
        .where(attempts.c.run_id == run_id, attempts.c.collected_at.is_not(None))
        .order_by(attempts.c.collected_at.desc(), attempts.c.position)
        .limit(limit)
    )
    with store.reading() as connection:
        return [Collected(name=row.name, fence=row.fence) for row in connection.execute(query)]


def attempt_ids(store: Store, run_id: str) -> dict[str, str]:
    """Give the ids of a run's attempts by the names of their folders."""
    query = select(attempts.c.name, attempts.c.attempt_id).where(attempts.c.run_id == run_id)
    with store.reading() as connection:
        return {name: attempt_id for name, attempt_id in connection.execute(query)}


def _overviews(connection: Connection, query: Select[Any]) -> list[Overview]:
    found = [Run.from_row(row) for row in connection.execute(query)]
    counted = connection.execute(_counts([run.run_id for run in found])).all()
    by_run: dict[str, list[_Count]] = {run.run_id: [] for run in found}
    for run_id, *values in counted:
        by_run[run_id].append(_Count(*values))
    return [_overview(run, by_run[run.run_id]) for run in found]


@dataclass(frozen=True)
class _Count:
    """Attempts of one run with one state and status; the fields are the columns of `_counts`."""

    state: str
    status: str | None
    number: int
    begun: int
    lost_message: str | None
    started_at: datetime | None
    collected_at: datetime | None
    finished_at: datetime | None

    @property
    def changes(self) -> Sequence[datetime]:
        times = (self.started_at, self.collected_at, self.finished_at)
        return [time for time in times if time is not None]


def _counts(run_ids: Sequence[str]) -> Select[Any]:
    lost_message = func.max(case((attempts.c.status.in_(LOST), attempts.c.message)))
    columns = (attempts.c.run_id, attempts.c.state, attempts.c.status)
    return (
        select(*columns, func.count(), func.count(attempts.c.started_at), lost_message)
        .add_columns(*(func.max(column, type_=column.type) for column in CHANGES))
        .where(attempts.c.run_id.in_(run_ids))
        .group_by(*columns)
    )


def _overview(run: Run, counts: Sequence[_Count]) -> Overview:
    states = dict.fromkeys(State, 0)
    statuses: dict[Status, int] = {}
    for count in counts:
        states[State(count.state)] += count.number
        if count.state == State.DONE and count.status is not None:
            statuses[Status(count.status)] = count.number
    times = [time for count in counts for time in count.changes]
    return Overview(
        run=run,
        states=states,
        statuses=statuses,
        begun=any(count.begun for count in counts),
        changed_at=reduce(max, times, run.closed_at or run.created_at),
        lost_message=next((count.lost_message for count in counts if count.lost_message), None),
    )
