"""Who owns an attempt: leases with fencing numbers. Every change is one atomic statement, by the database's clock."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, insert, or_, select, true, update

from core.errors import LeaseLost
from core.resources import Allocation
from core.status import State, Status
from store.records import Attempt, Lease, Outcome
from store.tables import attempts, runs, tries
from store.transactions import Transactions

# What the agent of an earlier try did is not this try's.
NOTHING_DONE: dict[str, Any] = {"agent_started_at": None, "collected_at": None, "agent_secs": None, "exit_code": None}
LEFT = "left running: its worker has stopped, and the next one of its host goes on"


class Leases(Transactions):
    """The part of the store that a worker writes while it works on attempts."""

    def acquire(self, attempt_id: str, *, owner: str, lease_secs: float) -> Lease | None:
        """Take an attempt that waits; None where it is not to be had."""
        with self.writing() as connection:
            return self.acquire_within(connection, attempt_id, owner=owner, lease_secs=lease_secs)

    def acquire_within(
        self,
        connection: Connection,
        attempt_id: str,
        *,
        owner: str,
        lease_secs: float,
        host: str | None = None,
        allocation: Allocation | None = None,
    ) -> Lease | None:
        """`acquire` within a transaction, with the part of its host that the attempt is to hold."""
        row = connection.execute(
            update(attempts)
            .where(attempts.c.attempt_id == attempt_id, attempts.c.state == State.QUEUED)
            .values(
                state=State.RUNNING,
                owner=owner,
                lease_expires_at=self.after(lease_secs),
                fence=attempts.c.fence + 1,
                tries=attempts.c.tries + 1,
                started_at=self.now(),
                **NOTHING_DONE,
                message="",
                last_line="",
                host=host,
                allocation=allocation.to_json() if allocation else None,
            )
            .returning(attempts.c.run_id, attempts.c.fence)
        ).one_or_none()
        if row is None:
            return None
        lease = Lease(attempt_id=attempt_id, run_id=row.run_id, owner=owner, fence=row.fence)
        connection.execute(
            insert(tries).values(attempt_id=attempt_id, fence=lease.fence, owner=owner, started_at=self.now())
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
        with self.writing() as connection:
            changed = connection.execute(
                update(attempts)
                .where(
                    attempts.c.attempt_id == attempt.attempt_id,
                    attempts.c.state == State.RUNNING,
                    attempts.c.fence == attempt.fence,
                    attempts.c.owner == attempt.owner,
                    *([attempts.c.lease_expires_at < self.now()] if expired else []),
                )
                .values(
                    owner=owner,
                    fence=fence,
                    lease_expires_at=self.after(lease_secs),
                    tries=max(attempt.tries + (attempt.message == LEFT), 1),  # an older worker left no such word
                    message="",
                )
            ).rowcount
            if not changed:
                return None
            self.end_tries(connection, [attempt.attempt_id], outcome="adopted", error="its worker is gone")
            connection.execute(
                insert(tries).values(attempt_id=attempt.attempt_id, fence=fence, owner=owner, started_at=self.now())
            )
            return Lease(attempt_id=attempt.attempt_id, run_id=attempt.run_id, owner=owner, fence=fence)

    def leave(self, lease: Lease, *, lease_secs: float) -> None:
        """Let go of an attempt whose agent works on, for another worker of its host to adopt. Raises LeaseLost.

        Until the lease runs out nobody else takes it. The try is not spent.
        """
        self._change(lease, lease_expires_at=self.after(lease_secs), tries=attempts.c.tries - 1, message=LEFT)

    def renew(self, leases: Sequence[Lease], *, lease_secs: float, last_lines: Mapping[str, str]) -> dict[str, bool]:
        """Extend leases and store the agents' last lines.

        Returns:
            attempt id -> whether its run is to be cancelled, for those that are still held. One that is
            missing here is lost.
        """
        held = or_(*(self.held(lease) for lease in leases))
        with self.writing() as connection:
            connection.execute(update(attempts).where(held).values(lease_expires_at=self.after(lease_secs)))
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
        self._change(lease, lease_expires_at=self.after(lease_secs))

    def secs_since_start(self, attempt: Attempt) -> float:
        """Seconds since the agent was started, both by the database's clock."""
        with self.reading() as connection:
            now: datetime = connection.execute(select(self.now())).scalar_one()
        return (now - (attempt.agent_started_at or attempt.queued_at)).total_seconds()

    def agent_started(self, lease: Lease, *, environment: Mapping[str, Any]) -> None:
        """Note that the agent works now, and where. Raises LeaseLost."""
        self._change(lease, agent_started_at=self.now(), environment=dict(environment))

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
            lease_expires_at=self.after(grading_secs),
            collected_at=self.now(),
        )

    def give_back(self, lease: Lease, *, error: str, counts: bool, wait_secs: float = 0.0) -> None:
        """Make the attempt wait again.

        Args:
            lease: what the worker holds. Raises LeaseLost where it no longer does.
            error: why, for the record of this try.
            counts: whether the try is spent. A worker that merely stops spends none.
            wait_secs: for so long nobody takes it.
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
            queued_at=self.after(wait_secs),
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
            finished_at=self.now(),
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
        with self.writing() as connection:
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
                        finished_at=self.now(),
                    )
                ).rowcount
            )

    def requeue_expired(
        self, *, max_tries: int, grading_secs: float, run_id: str | None = None
    ) -> tuple[list[str], list[str]]:
        """Find what its worker has let go of without a word: leases that ran out, of all runs or of this one.

        Attempts that have spent `max_tries` end as lost to the machinery.

        Returns:
            ids of attempts that wait again, and ids of attempts that are to be graded again. Each id is
            given to one caller only.
        """
        wanted = true() if run_id is None else attempts.c.run_id == run_id
        ran_out = and_(wanted, attempts.c.lease_expires_at < self.now())
        running = and_(attempts.c.state == State.RUNNING, ran_out)
        with self.writing() as connection:
            given_up = connection.execute(
                update(attempts)
                .where(running, attempts.c.tries >= max_tries)
                .values(
                    state=State.DONE,
                    status=Status.INFRASTRUCTURE_FAILED,
                    message=f"its worker was lost {max_tries} times",
                    owner=None,
                    lease_expires_at=None,
                    finished_at=self.now(),
                )
                .returning(attempts.c.attempt_id)
            ).scalars()
            self.end_tries(connection, list(given_up), outcome="lost", error="its lease ran out")
            waiting = connection.execute(
                update(attempts)
                .where(running)
                .values(state=State.QUEUED, owner=None, lease_expires_at=None, queued_at=self.now())
                .returning(attempts.c.attempt_id, attempts.c.position)
            ).all()
            ids = [row.attempt_id for row in sorted(waiting, key=lambda row: int(row.position))]
            self.end_tries(connection, ids, outcome="lost", error="its lease ran out")
            ungraded = connection.execute(
                update(attempts)
                .where(attempts.c.state == State.COLLECTED, ran_out)
                .values(lease_expires_at=self.after(grading_secs))
                .returning(attempts.c.attempt_id)
            ).scalars()
            return ids, list(ungraded)

    @staticmethod
    def held(lease: Lease) -> ColumnElement[bool]:
        """Give the condition that an attempt is held under a lease."""
        return and_(
            attempts.c.attempt_id == lease.attempt_id,
            attempts.c.fence == lease.fence,
            attempts.c.owner == lease.owner,
            attempts.c.state == State.RUNNING,
        )

    def _change(self, lease: Lease, *, outcome: str | None = None, error: str | None = None, **values: Any) -> None:
        """Change an attempt under its lease; with an outcome, the try ends too."""
        with self.writing() as connection:
            if not connection.execute(update(attempts).where(self.held(lease)).values(**values)).rowcount:
                raise LeaseLost(f"attempt {lease.attempt_id}: lease {lease.fence} of {lease.owner} is void")
            if outcome is not None:
                self.end_tries(connection, [lease.attempt_id], outcome=outcome, error=error)
