"""All that is read from and written to the database. Every change of an attempt is one atomic statement."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from core.errors import InputError, LeaseLost, UnknownName
from core.status import RunState, State, Status
from store import database
from store.records import Attempt, Lease, Run, Try
from store.tables import attempts, runs, tries


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What the live table shows of one attempt."""

    attempt_id: str
    position: int
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


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a try ended, as the worker that ran it saw it."""

    status: Status
    message: str
    agent_secs: float | None = None
    exit_code: int | None = None


class Store:
    """The database of runs. Methods raise `core.errors.ServiceUnavailable` when it does not answer."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._reader = engine.execution_options(read_only=True)

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
        with self._writing() as connection:
            connection.execute(insert(runs).values({**_values(run, runs), "request": run.request.to_json()}))
            connection.execute(insert(attempts), [_values(attempt, attempts) for attempt in planned])

    def run(self, run_id: str) -> Run:
        """Give the run with this id."""
        with self._reading() as connection:
            return Run.from_row(connection.execute(select(runs).where(runs.c.run_id == run_id)).one())

    def runs(self) -> list[Run]:
        """Give all runs, newest first."""
        with self._reading() as connection:
            return [Run.from_row(row) for row in connection.execute(select(runs).order_by(runs.c.created_at.desc()))]

    def find_run(self, name: str) -> Run:
        """Find a run by its id, the name or path of its folder, or the word `latest`.

        Raises:
            UnknownName: there is no such run.
            InputError: there is no run at all.
        """
        known = self.runs()
        if not known:
            raise InputError(f"no run {name!r}: this database holds no runs yet; start one with scripts/submit.py")
        if name == "latest":
            return known[0]
        folder = Path(name).name
        for run in known:
            if folder in (run.run_id, run.run_group):
                return run
        raise UnknownName("run", name, [run.run_id for run in known] + [run.run_group for run in known])

    def request_cancel(self, run_id: str) -> int:
        """Cancel what waits, tell the workers to stop what runs; gives how many attempts were waiting."""
        with self._writing() as connection:
            now = self._now()
            connection.execute(update(runs).where(runs.c.run_id == run_id).values(cancel_requested=True))
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
        with self._writing() as connection:
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
                    finished_at=self._now(),
                )
                .returning(attempts.c.attempt_id)
            ).scalars()
            self._end_tries(connection, list(ended), outcome="lost", error="its worker is dead")

    def close_run(self, run_id: str) -> bool:
        """Mark a run as closed if all its attempts are final; gives whether it is closed now."""
        with self._writing() as connection:
            unfinished = exists().where(attempts.c.run_id == run_id, attempts.c.state != State.DONE)
            if connection.execute(select(unfinished)).scalar():
                return False
            state = case((runs.c.cancel_requested, RunState.CANCELLED.value), else_=RunState.CLOSED.value)
            connection.execute(
                update(runs)
                .where(runs.c.run_id == run_id, runs.c.state == RunState.OPEN)
                .values(state=state, closed_at=self._now())
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
        }
        held_by_dead = and_(attempts.c.state == State.RUNNING, attempts.c.owner.in_(dead_owners))
        ended_without_result = and_(attempts.c.state == State.DONE, attempts.c.status.in_(lost))
        with self._writing() as connection:
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
        with self._reading() as connection:
            unfinished = exists().where(attempts.c.run_id == runs.c.run_id, attempts.c.state != State.DONE)
            recent = exists().where(attempts.c.run_id == runs.c.run_id, attempts.c.finished_at > self._in(-since_secs))
            query = select(runs.c.run_id).where(runs.c.state == RunState.OPEN, ~unfinished, ~recent)
            return list(connection.execute(query).scalars())

    # Attempts

    def attempt(self, attempt_id: str) -> Attempt:
        """Give the attempt with this id."""
        with self._reading() as connection:
            query = select(attempts).where(attempts.c.attempt_id == attempt_id)
            return Attempt.from_row(connection.execute(query).one())

    def attempts(self, run_id: str) -> list[Attempt]:
        """Give all attempts of a run, in queue order."""
        with self._reading() as connection:
            query = select(attempts).where(attempts.c.run_id == run_id).order_by(attempts.c.position)
            return [Attempt.from_row(row) for row in connection.execute(query)]

    def progress(self, run_id: str) -> list[Progress]:
        """Give where each attempt of a run is, in queue order."""
        with self._reading() as connection:
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
        with self._reading() as connection:
            query = select(tries).join(attempts, attempts.c.attempt_id == tries.c.attempt_id)
            query = query.where(attempts.c.run_id == run_id).order_by(tries.c.started_at, tries.c.fence)
            return [Try.from_row(row) for row in connection.execute(query)]

    # Leases

    def acquire(self, attempt_id: str, *, owner: str, lease_secs: float) -> Lease | None:
        """Take an attempt that waits, or whose lease has run out; None where it is not to be had."""
        expired = and_(attempts.c.state == State.RUNNING, attempts.c.lease_expires_at < self._now())
        with self._writing() as connection:
            row = connection.execute(
                update(attempts)
                .where(attempts.c.attempt_id == attempt_id, or_(attempts.c.state == State.QUEUED, expired))
                .values(
                    state=State.RUNNING,
                    owner=owner,
                    lease_expires_at=self._in(lease_secs),
                    fence=attempts.c.fence + 1,
                    tries=attempts.c.tries + 1,
                    started_at=self._now(),
                    agent_started_at=None,
                    message="",
                    last_line="",
                )
                .returning(attempts.c.run_id, attempts.c.fence)
            ).one_or_none()
            if row is None:
                return None
            lease = Lease(attempt_id=attempt_id, run_id=row.run_id, owner=owner, fence=row.fence)
            self._end_tries(connection, [attempt_id], outcome="lost", error="its lease ran out")
            connection.execute(
                insert(tries).values(attempt_id=attempt_id, fence=lease.fence, owner=owner, started_at=self._now())
            )
            return lease

    def adopt(self, attempt: Attempt, *, owner: str, lease_secs: float, expired: bool) -> Lease | None:
        """Take an attempt over whose agent still runs though its worker is gone: the same try goes on.

        Args:
            attempt: as it was read; None is given where it has changed hands since.
            owner: the worker that looks after it now.
            lease_secs: length of the new lease.
            expired: whether the old lease must have run out, because its owner may be alive.
        """
        fence = attempt.fence + 1
        with self._writing() as connection:
            changed = connection.execute(
                update(attempts)
                .where(
                    attempts.c.attempt_id == attempt.attempt_id,
                    attempts.c.state == State.RUNNING,
                    attempts.c.fence == attempt.fence,
                    attempts.c.owner == attempt.owner,
                    *([attempts.c.lease_expires_at < self._now()] if expired else []),
                )
                .values(
                    owner=owner,
                    fence=fence,
                    lease_expires_at=self._in(lease_secs),
                    tries=max(attempt.tries, 1),
                )
            ).rowcount
            if not changed:
                return None
            self._end_tries(connection, [attempt.attempt_id], outcome="adopted", error="its worker is gone")
            connection.execute(
                insert(tries).values(attempt_id=attempt.attempt_id, fence=fence, owner=owner, started_at=self._now())
            )
            return Lease(attempt_id=attempt.attempt_id, run_id=attempt.run_id, owner=owner, fence=fence)

    def leave(self, lease: Lease, *, lease_secs: float) -> None:
        """Let go of an attempt whose agent works on, for another worker of its host to adopt. Raises LeaseLost.

        Until the lease runs out nobody else takes it. The try is not spent.
        """
        self._change(lease, lease_expires_at=self._in(lease_secs), tries=attempts.c.tries - 1)

    def renew(self, leases: Sequence[Lease], *, lease_secs: float, last_lines: Mapping[str, str]) -> dict[str, bool]:
        """Extend leases and store the agents' last lines.

        Returns:
            attempt id -> whether its run is to be cancelled, for those that are still held. One that is
            missing here is lost.
        """
        held = or_(*(self._held(lease) for lease in leases))
        with self._writing() as connection:
            connection.execute(update(attempts).where(held).values(lease_expires_at=self._in(lease_secs)))
            if last_lines:
                connection.execute(
                    update(attempts)
                    .where(attempts.c.attempt_id == bindparam("changed"))
                    .values(last_line=bindparam("line")),
                    [{"changed": attempt_id, "line": line} for attempt_id, line in last_lines.items()],
                )
            query = select(attempts.c.attempt_id, runs.c.cancel_requested).join(
                runs, runs.c.run_id == attempts.c.run_id
            )
            return {row.attempt_id: row.cancel_requested for row in connection.execute(query.where(held))}

    def confirm(self, lease: Lease, *, lease_secs: float) -> None:
        """Make sure that a lease holds, and extend it. Raises LeaseLost."""
        self._change(lease, lease_expires_at=self._in(lease_secs))

    def agent_started(self, lease: Lease, *, environment: Mapping[str, Any]) -> None:
        """Note that the agent works now, and where. Raises LeaseLost."""
        self._change(lease, agent_started_at=self._now(), environment=dict(environment))

    def collected(self, lease: Lease, outcome: Outcome, *, grading_secs: float) -> None:
        """Note that the agent is done and its files are in the run folder; it is to be graded within
        `grading_secs`, or grading is asked for again. Raises LeaseLost."""
        self._change(
            lease,
            outcome=outcome.status,
            state=State.COLLECTED,
            status=outcome.status,
            message=outcome.message,
            agent_secs=outcome.agent_secs,
            exit_code=outcome.exit_code,
            owner=None,
            lease_expires_at=self._in(grading_secs),
            collected_at=self._now(),
        )

    def give_back(self, lease: Lease, *, error: str, counts: bool) -> None:
        """Make the attempt wait again.

        Args:
            lease: what the worker holds. Raises LeaseLost where it no longer does.
            error: why, for the record of this try.
            counts: whether the try is spent. A worker that merely stops spends none.
        """
        self._change(
            lease,
            outcome="given_back",
            error=error,
            state=State.QUEUED,
            message=error if counts else "",
            owner=None,
            lease_expires_at=None,
            tries=attempts.c.tries - (0 if counts else 1),
            queued_at=self._now(),
        )

    def give_up(self, lease: Lease, outcome: Outcome, *, error: str) -> None:
        """End an attempt without grading: cancelled, or lost to the machinery. Raises LeaseLost."""
        self._change(
            lease,
            outcome=outcome.status,
            error=error,
            state=State.DONE,
            status=outcome.status,
            message=outcome.message,
            agent_secs=outcome.agent_secs,
            exit_code=outcome.exit_code,
            owner=None,
            lease_expires_at=None,
            finished_at=self._now(),
        )

    def finish(
        self,
        attempt_id: str,
        *,
        status: Status,
        message: str,
        score: float | None,
        medal: str | None,
        report: Mapping[str, Any],
    ) -> bool:
        """Store the grade of a collected attempt; False where it has one already, which then stands."""
        with self._writing() as connection:
            return bool(
                connection.execute(
                    update(attempts)
                    .where(attempts.c.attempt_id == attempt_id, attempts.c.state == State.COLLECTED)
                    .values(
                        state=State.DONE,
                        status=status,
                        message=message,
                        score=score,
                        medal=medal,
                        report=dict(report),
                        lease_expires_at=None,
                        finished_at=self._now(),
                    )
                ).rowcount
            )

    def requeue_expired(self, *, max_tries: int, grading_secs: float) -> tuple[list[str], list[str]]:
        """Find what its worker has let go of without a word: leases that ran out.

        Attempts that have spent `max_tries` end as lost to the machinery.

        Returns:
            ids of attempts that wait again, and ids of attempts that are to be graded again. Each id is
            given to one caller only.
        """
        ran_out = attempts.c.lease_expires_at < self._now()
        running = and_(attempts.c.state == State.RUNNING, ran_out)
        with self._writing() as connection:
            given_up = connection.execute(
                update(attempts)
                .where(running, attempts.c.tries >= max_tries)
                .values(
                    state=State.DONE,
                    status=Status.INFRASTRUCTURE_FAILED,
                    message=f"its worker was lost {max_tries} times",
                    owner=None,
                    lease_expires_at=None,
                    finished_at=self._now(),
                )
                .returning(attempts.c.attempt_id)
            ).scalars()
            self._end_tries(connection, list(given_up), outcome="lost", error="its lease ran out")
            waiting = connection.execute(
                update(attempts)
                .where(running)
                .values(state=State.QUEUED, owner=None, lease_expires_at=None, queued_at=self._now())
                .returning(attempts.c.attempt_id, attempts.c.position)
            ).all()
            ids = [row.attempt_id for row in sorted(waiting, key=lambda row: int(row.position))]
            self._end_tries(connection, ids, outcome="lost", error="its lease ran out")
            ungraded = connection.execute(
                update(attempts)
                .where(attempts.c.state == State.COLLECTED, ran_out)
                .values(lease_expires_at=self._in(grading_secs))
                .returning(attempts.c.attempt_id)
            ).scalars()
            return ids, list(ungraded)

    def waiting_attempts(self, *, since_secs: float) -> list[str]:
        """Give the attempts of open runs that have waited longer than `since_secs`, in queue order."""
        with self._reading() as connection:
            query = (
                select(attempts.c.attempt_id)
                .join(runs, runs.c.run_id == attempts.c.run_id)
                .where(
                    runs.c.state == RunState.OPEN,
                    attempts.c.state == State.QUEUED,
                    attempts.c.queued_at < self._in(-since_secs),
                )
                .order_by(runs.c.created_at, attempts.c.position)
            )
            return list(connection.execute(query).scalars())

    def owners(self, run_id: str) -> set[str]:
        """Give the workers that hold attempts of a run."""
        with self._reading() as connection:
            query = select(attempts.c.owner).where(attempts.c.run_id == run_id, attempts.c.state == State.RUNNING)
            return {owner for owner in connection.execute(query).scalars() if owner}

    # Shared

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with database.translated_database_errors(self.engine), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with database.translated_database_errors(self.engine), self._reader.connect() as connection:
            yield connection

    def _now(self) -> ColumnElement[datetime]:
        """The database's clock, since the workers' may differ. A SQLite database has only this host's."""
        return database.now(self.engine)

    def _in(self, seconds: float) -> ColumnElement[datetime]:
        if self.engine.dialect.name == "sqlite":
            return literal(datetime.now(UTC) + timedelta(seconds=seconds), attempts.c.queued_at.type)
        return func.clock_timestamp() + literal(timedelta(seconds=seconds))

    @staticmethod
    def _held(lease: Lease) -> ColumnElement[bool]:
        return and_(
            attempts.c.attempt_id == lease.attempt_id,
            attempts.c.fence == lease.fence,
            attempts.c.owner == lease.owner,
            attempts.c.state == State.RUNNING,
        )

    def _change(self, lease: Lease, *, outcome: str | None = None, error: str | None = None, **values: Any) -> None:
        """Change an attempt under its lease; with an outcome, the try ends too."""
        with self._writing() as connection:
            if not connection.execute(update(attempts).where(self._held(lease)).values(**values)).rowcount:
                raise LeaseLost(f"attempt {lease.attempt_id}: lease {lease.fence} of {lease.owner} is void")
            if outcome is not None:
                self._end_tries(connection, [lease.attempt_id], outcome=outcome, error=error)

    def _end_tries(
        self, connection: Connection, attempt_ids: Sequence[str], *, outcome: str, error: str | None
    ) -> None:
        if attempt_ids:
            connection.execute(
                update(tries)
                .where(tries.c.attempt_id.in_(attempt_ids), tries.c.ended_at.is_(None))
                .values(ended_at=self._now(), outcome=outcome, error=error)
            )


def _values(record: Run | Attempt, table: Table) -> dict[str, Any]:
    """Give a record's fields as the table's columns."""
    return {column.name: getattr(record, column.name) for column in table.columns}
