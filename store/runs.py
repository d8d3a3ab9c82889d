"""Runs and their attempts in the database. Every change of an attempt is one atomic statement."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import (
    ColumnElement,
    Table,
    and_,
    case,
    exists,
    insert,
    or_,
    select,
    true,
    update,
)

from core.errors import InputError, UnknownName
from core.status import RunState, State, Status
from store import database
from store.leases import NOTHING_DONE, Leases
from store.records import Attempt, Run, Try
from store.tables import attempts, runs, tries


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What the live table shows of one attempt."""

    attempt_id: str
    position: int
    name: str
    competition_id: str
    technique: str | None
    seed: int
    state: State
    status: Status | None
    message: str
    owner: str | None
    started_at: datetime | None
    agent_started_at: datetime | None
    finished_at: datetime | None
    agent_secs: float | None
    last_line: str
    score: float | None
    medal: str | None
    tries: int

    @classmethod
    def columns(cls) -> list[ColumnElement[Any]]:
        """Give the columns that are read for it."""
        return [attempts.c[name] for name in cls.__dataclass_fields__]


class Store(Leases):
    """The database of runs. Methods raise `core.errors.ServiceUnavailable` when it does not answer."""

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the database at `url`, check that it answers, and bring its tables up to date.

        Raises:
            InputError: the URL is wrong, or nothing answers there.
        """
        engine = database.open_engine(url)
        database.ping(engine)
        with database.translated_database_errors(engine):
            database.migrate(engine)
        return cls(engine)

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()

    # Runs

    def create_run(self, run: Run, planned: Sequence[Attempt]) -> None:
        """Write a run and its attempts, all or nothing."""
        with self.writing() as connection:
            connection.execute(insert(runs).values({**_values(run, runs), "request": run.request.to_json()}))
            connection.execute(insert(attempts), [_values(attempt, attempts) for attempt in planned])

    def run(self, run_id: str) -> Run:
        """Give the run with this id."""
        with self.reading() as connection:
            return Run.from_row(connection.execute(select(runs).where(runs.c.run_id == run_id)).one())

    def runs(self) -> list[Run]:
        """Give all runs, newest first."""
        with self.reading() as connection:
            return [Run.from_row(row) for row in connection.execute(select(runs).order_by(runs.c.created_at.desc()))]

    def find_run(self, name: str) -> Run:
        """Find a run by its id, the name or path of its folder, or the word `latest`.

        Raises:
            UnknownName: there is no such run.
            InputError: there is no run at all.
        """
        newest_first = select(runs).order_by(runs.c.created_at.desc(), runs.c.run_id.desc())
        folder = Path(name).name
        wanted = (
            newest_first
            if name == "latest"
            else select(runs).where(or_(runs.c.run_id == folder, runs.c.run_group == folder))
        )
        with self.reading() as connection:
            if (row := connection.execute(wanted.limit(1)).one_or_none()) is not None:
                return Run.from_row(row)
            known = connection.execute(select(runs.c.run_id, runs.c.run_group)).all()
        if not known:
            raise InputError(f"no run {name!r}: this database holds no runs yet; start one with scripts/submit.py")
        raise UnknownName("run", name, [part for row in known for part in row], lists="python scripts/status.py")

    def run_of_folder(self, run_group: str) -> Run | None:
        """Give the run whose folder has this name."""
        with self.reading() as connection:
            row = connection.execute(select(runs).where(runs.c.run_group == run_group)).one_or_none()
            return None if row is None else Run.from_row(row)

    def open_runs(self) -> list[Run]:
        """Give the runs that are not closed, oldest first."""
        with self.reading() as connection:
            query = select(runs).where(runs.c.state == RunState.OPEN).order_by(runs.c.created_at)
            return [Run.from_row(row) for row in connection.execute(query)]

    def request_cancel(self, run_id: str) -> int:
        """Cancel what waits, tell the workers to stop what runs; gives how many attempts were waiting.

        A run that is closed already stays what it is.
        """
        with self.writing() as connection:
            now = self.now()
            is_open = and_(runs.c.run_id == run_id, runs.c.state == RunState.OPEN)
            connection.execute(update(runs).where(is_open).values(cancel_requested=True))
            return connection.execute(
                update(attempts)
                .where(attempts.c.run_id == run_id, attempts.c.state == State.QUEUED)
                .values(
                    state=State.DONE,
                    status=Status.CANCELLED,
                    message="cancelled while it waited",
                    finished_at=now,
                )
            ).rowcount

    def cancel_held_by(self, run_id: str, *, dead_owners: Collection[str]) -> None:
        """End as cancelled what `dead_owners` hold of a run: nobody else will before their leases run out."""
        with self.writing() as connection:
            ended = connection.execute(
                update(attempts)
                .where(
                    attempts.c.run_id == run_id,
                    attempts.c.state == State.RUNNING,
                    attempts.c.owner.in_(dead_owners),
                )
                .values(
                    state=State.DONE,
                    status=Status.CANCELLED,
                    message="cancelled after its worker was lost",
                    owner=None,
                    lease_expires_at=None,
                    finished_at=self.now(),
                )
                .returning(attempts.c.attempt_id)
            ).scalars()
            self.end_tries(connection, list(ended), outcome="lost", error="its worker is dead")

    def close_run(self, run_id: str) -> bool:
        """Mark a run as closed if all its attempts are final; gives whether it is closed now."""
        with self.writing() as connection:
            unfinished = exists().where(attempts.c.run_id == run_id, attempts.c.state != State.DONE)
            if connection.execute(select(unfinished)).scalar():
                return False
            state = case((runs.c.cancel_requested, RunState.CANCELLED.value), else_=RunState.CLOSED.value)
            connection.execute(
                update(runs)
                .where(runs.c.run_id == run_id, runs.c.state == RunState.OPEN)
                .values(state=state, closed_at=self.now())
            )
            return True

    def reopen_run(self, run_id: str, *, dead_owners: Collection[str]) -> list[str]:
        """Make everything of a run that has no result wait again: resume.

        That is what was cancelled, what was lost to the machinery, and what is held by `dead_owners`.

        Returns:
            The ids of all attempts that now wait, in queue order.
        """
        lost = [status.value for status in Status if status.lost_to_machinery or status is Status.CANCELLED]
        waits: dict[str, Any] = {
            "state": State.QUEUED,
            "status": None,
            "message": "",
            "owner": None,
            "lease_expires_at": None,
            "finished_at": None,
            "tries": 0,
            "report": None,
            **NOTHING_DONE,
        }
        held_by_dead = and_(attempts.c.state == State.RUNNING, attempts.c.owner.in_(dead_owners))
        ended_without_result = and_(attempts.c.state == State.DONE, attempts.c.status.in_(lost))
        with self.writing() as connection:
            connection.execute(
                update(attempts)
                .where(attempts.c.run_id == run_id, or_(held_by_dead, ended_without_result))
                .values(**waits)
            )
            connection.execute(
                update(runs)
                .where(runs.c.run_id == run_id)
                .values(state=RunState.OPEN, cancel_requested=False, closed_at=None)
            )
            waiting = select(attempts.c.attempt_id).where(attempts.c.run_id == run_id, attempts.c.state != State.DONE)
            return list(connection.execute(waiting.order_by(attempts.c.position)).scalars())

    def open_runs_without_work(self, *, since_secs: float) -> list[str]:
        """Give the open runs that nobody has closed though all was final `since_secs` ago."""
        with self.reading() as connection:
            unfinished = exists().where(attempts.c.run_id == runs.c.run_id, attempts.c.state != State.DONE)
            recent = exists().where(
                attempts.c.run_id == runs.c.run_id, attempts.c.finished_at > self.after(-since_secs)
            )
            query = select(runs.c.run_id).where(runs.c.state == RunState.OPEN, ~unfinished, ~recent)
            return list(connection.execute(query).scalars())

    # Attempts

    def attempt(self, attempt_id: str) -> Attempt:
        """Give the attempt with this id."""
        with self.reading() as connection:
            query = select(attempts).where(attempts.c.attempt_id == attempt_id)
            return Attempt.from_row(connection.execute(query).one())

    def attempts(self, run_id: str) -> list[Attempt]:
        """Give all attempts of a run, in queue order."""
        with self.reading() as connection:
            query = select(attempts).where(attempts.c.run_id == run_id).order_by(attempts.c.position)
            return [Attempt.from_row(row) for row in connection.execute(query)]

    def progress(self, run_id: str) -> list[Progress]:
        """Give where each attempt of a run is, in queue order."""
        with self.reading() as connection:
            query = select(*Progress.columns()).where(attempts.c.run_id == run_id)
            rows = connection.execute(query.order_by(attempts.c.position)).mappings()
            return [
                Progress(
                    **{
                        **row,
                        "state": State(row["state"]),
                        "status": Status(row["status"]) if row["status"] else None,
                    }
                )
                for row in rows
            ]

    def tries(self, run_id: str) -> list[Try]:
        """Give every try of every attempt of a run, oldest first."""
        with self.reading() as connection:
            query = select(tries).join(attempts, attempts.c.attempt_id == tries.c.attempt_id)
            query = query.where(attempts.c.run_id == run_id).order_by(tries.c.started_at, tries.c.fence)
            return [Try.from_row(row) for row in connection.execute(query)]

    def waiting_attempts(self, *, since_secs: float, run_id: str | None = None) -> list[str]:
        """Give the attempts of open runs, or of this one, that have waited longer than `since_secs`, in queue order."""
        with self.reading() as connection:
            query = (
                select(attempts.c.attempt_id)
                .join(runs, runs.c.run_id == attempts.c.run_id)
                .where(
                    runs.c.state == RunState.OPEN,
                    attempts.c.state == State.QUEUED,
                    attempts.c.queued_at < self.after(-since_secs),
                    true() if run_id is None else attempts.c.run_id == run_id,
                )
                .order_by(runs.c.created_at, attempts.c.position)
            )
            return list(connection.execute(query).scalars())

    def owners(self, run_id: str) -> set[str]:
        """Give the workers that hold attempts of a run."""
        with self.reading() as connection:
            query = select(attempts.c.owner).where(attempts.c.run_id == run_id, attempts.c.state == State.RUNNING)
            return {owner for owner in connection.execute(query).scalars() if owner}


def _values(record: Run | Attempt, table: Table) -> dict[str, Any]:
    """Give a record's fields as the table's columns."""
    return {column.name: getattr(record, column.name) for column in table.columns}
