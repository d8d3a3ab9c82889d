"""Opening the database and bringing its tables up to date, on SQLite and on Postgres."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import ColumnElement, Connection, Engine, create_engine, event, func, literal, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from core.errors import InputError, ServiceUnavailable
from store.tables import UtcDateTime

MIGRATIONS = Path(__file__).parent / "migrations"
# By itself, TCP waits a quarter of an hour on a network that was cut. Milliseconds, then seconds and probes.
NOTICE_A_CUT = {"tcp_user_timeout": 15_000, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
MIGRATION_LOCK = 7_316_240_501  # any fixed number: Postgres' advisory lock for migrating


def open_engine(url: str) -> Engine:
    """Open `url`: `sqlite:///path` or `postgresql://...` (psycopg 3 is used for it).

    Raises:
        InputError: the URL is not one, or names another kind of database.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise InputError(
            "MLEBENCH_DATABASE_URL is not a database URL; expected postgresql://user:password@host/name or sqlite:///path"
        ) from None
    if parsed.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        # pre-ping: a restarted Postgres costs a reconnect, not a failed attempt
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            # utf8: a database made without a locale would otherwise give bytes for text
            connect_args={"connect_timeout": 10, "client_encoding": "utf8", **NOTICE_A_CUT},
        )
    if parsed.drivername != "sqlite":
        raise InputError(f"database {parsed.drivername!r} is not supported; expected postgresql or sqlite")
    try:
        engine = create_engine(parsed, connect_args={"timeout": 30})
    except (NoSuchModuleError, ArgumentError) as error:
        raise InputError(f"cannot open the database {shown(url)}: {error}") from error
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's "begin" below opens the transactions
    connection.execute("PRAGMA synchronous=NORMAL")  # with WAL, that loses nothing at a crash of the program
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail at once when another one wrote in between,
    # so whoever may write takes the write lock at the start, and waits for it there.
    reads = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def shown(url: str) -> str:
    """Give a database URL without its password, for messages."""
    return make_url(url).render_as_string(hide_password=True)


def now(engine: Engine) -> ColumnElement[datetime]:
    """Give the database's clock, since the workers' may differ. A SQLite database has only this host's."""
    if engine.dialect.name == "sqlite":
        return literal(datetime.now(UTC), UtcDateTime())
    return func.clock_timestamp(type_=UtcDateTime())


def ping(engine: Engine) -> None:
    """Ask the database for a sign of life.

    Raises:
        InputError: it does not answer; the message shows its URL without the password.
    """
    try:
        with engine.execution_options(read_only=True).connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
        raise InputError(
            f"the database {engine.url.render_as_string(hide_password=True)} does not answer: {reason}; "
            "check MLEBENCH_DATABASE_URL and that the server runs"
        ) from error


@contextmanager
def translated_database_errors(engine: Engine) -> Iterator[None]:
    """Turn the driver's errors into `ServiceUnavailable`; the one place that knows them."""
    try:
        yield
    except DBAPIError as error:
        where = engine.url.render_as_string(hide_password=True)
        raise ServiceUnavailable(f"the database {where} failed: {error.orig}") from error


@cache
def newest_revision() -> str:
    """Give the id of the newest migration: the name that its file begins with."""
    return max(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def migrate(engine: Engine) -> None:
    """Bring the tables up to the newest migration; safe when several processes do it at once."""
    with _one_at_a_time(engine):
        if engine.dialect.name == "sqlite":
            _use_wal(engine)
        if _revision(engine) != newest_revision():
            _upgrade(engine)


def _upgrade(engine: Engine) -> None:
    # Alembic is only imported when there is something to do: it costs a third of a second.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _use_wal(engine: Engine) -> None:
    """Let followers read while workers write. A database stays in this mode; only the first one finds it in another,
    and must be alone then: SQLite does not wait for others here."""
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not engine.dialect.has_table(connection, "alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


@contextmanager
def _one_at_a_time(engine: Engine) -> Iterator[None]:
    if engine.dialect.name == "sqlite":
        path = engine.url.database
        if not path or path == ":memory:":
            yield
            return
        with FileLock(f"{path}.migration.lock"):
            yield
        return
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
            connection.commit()


def wait_for(engine: Engine, *, timeout_secs: float) -> None:
    """Wait until the database answers.

    Raises:
        InputError: it did not within `timeout_secs`.
    """
    deadline = time.monotonic() + timeout_secs
    while True:
        try:
            return ping(engine)
        except InputError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
