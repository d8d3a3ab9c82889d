"""Reading from and writing to the database, with its clock and its errors in one place."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from filelock import FileLock, Timeout
from sqlalchemy import ColumnElement, Connection, Engine, func, literal, select, update

from store import database
from store.tables import attempts, tries


class Transactions:
    """A database. Methods raise `core.errors.ServiceUnavailable` when it does not answer."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._reader = engine.execution_options(read_only=True)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction that is committed at the block's end, and rolled back when it raises."""
        with database.translated_database_errors(self.engine), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that only reads: in SQLite, it waits for no writer."""
        with database.translated_database_errors(self.engine), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def alone(self, what: str, *, wait: bool = False) -> Iterator[bool]:
        """Give whether nobody else is at `what` (any text); while the block lasts, others are told that someone is.

        It ends with the block or with this process, however that ends. With `wait`, wait until nobody else is at it.
        """
        if self.engine.dialect.name == "postgresql":
            with database.translated_database_errors(self.engine), self.engine.connect() as connection:
                # The transaction's, not the session's: that also holds behind a pool that shares sessions.
                key = func.hashtextextended(what, 0)
                if wait:
                    connection.execute(select(func.pg_advisory_xact_lock(key)))
                    yield True
                else:
                    yield bool(connection.execute(select(func.pg_try_advisory_xact_lock(key))).scalar())
            return
        try:
            held = FileLock(f"{self.engine.url.database}.alone.lock").acquire(blocking=wait)  # one for everything
        except Timeout:
            yield False
            return
        with held:
            yield True

    def now(self) -> ColumnElement[datetime]:
        """The database's clock, since the workers' may differ. A SQLite database has only this host's."""
        return database.now(self.engine)

    def after(self, seconds: float) -> ColumnElement[datetime]:
        """The time that is `seconds` from now on the database's clock; below zero, ago."""
        if self.engine.dialect.name == "sqlite":
            return literal(datetime.now(UTC) + timedelta(seconds=seconds), attempts.c.queued_at.type)
        return func.clock_timestamp() + literal(timedelta(seconds=seconds))

    def end_tries(self, connection: Connection, attempt_ids: Sequence[str], *, outcome: str, error: str | None) -> None:
        """Note how the tries of attempts ended that have not ended yet."""
        if attempt_ids:
            connection.execute(
                update(tries)
                .where(tries.c.attempt_id.in_(attempt_ids), tries.c.ended_at.is_(None))
                .values(ended_at=self.now(), outcome=outcome, error=error)
            )
