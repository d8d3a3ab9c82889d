"""The tables. What their columns mean is said at the records (store/records.py); changes need a migration."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time. SQLite has no time zones: there the offset is dropped going in, added coming out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a time zone cannot be stored: {value!r}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(32), primary_key=True),
    Column("run_group", String(255), nullable=False, unique=True),
    Column("run_dir", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("request", JSON, nullable=False),
    Column("planned", Integer, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
)

attempts = Table(
    "attempts",
    metadata,
    Column("attempt_id", String(32), primary_key=True),
    Column("run_id", String(32), ForeignKey("runs.run_id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", String(255), nullable=False),
    Column("competition_id", String(128), nullable=False),
    Column("technique", String(64)),
    Column("seed", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("status", String(32)),
    Column("message", Text, nullable=False),
    Column("owner", String(255)),
    Column("lease_expires_at", UtcDateTime),
    Column("fence", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("queued_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("agent_started_at", UtcDateTime),
    Column("collected_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("agent_secs", Float),
    Column("exit_code", Integer),
    Column("environment", JSON),
    Column("last_line", Text, nullable=False),
    Column("score", Float),
    Column("medal", String(8)),
    Column("report", JSON),
    Column("host", String(255)),
    Column("allocation", JSON),
    Index(None, "run_id", "state"),
    Index(None, "state", "lease_expires_at"),
    Index(None, "state", "host"),
    # holds all that store/waiting.py asks for, so that ten thousand waiting attempts are counted without reading them
    Index("ix_attempts_waiting", "state", "run_id", "competition_id", "technique", "position", "queued_at"),
)

tries = Table(
    "tries",
    metadata,
    Column("attempt_id", String(32), ForeignKey("attempts.attempt_id"), primary_key=True),
    Column("fence", Integer, primary_key=True),
    Column("owner", String(255), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("outcome", String(32)),
    Column("error", Text),
)

workers = Table(
    "workers",
    metadata,
    Column("worker", String(255), primary_key=True),
    Column("host", String(255), nullable=False),
    Column("slots", Integer, nullable=False),
    Column("capacity", JSON, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("run_id", String(32)),
)

# Money is in nano-USD (1e-9 USD): whole numbers add up exactly.
run_spending = Table(
    "run_spending",
    metadata,
    Column("run_id", String(32), ForeignKey("runs.run_id"), primary_key=True),
    Column("committed_nano_usd", BigInteger, nullable=False),  # spent, and reserved for calls under way
    Column("next_call_at", Float, nullable=False),  # seconds since the epoch: before, the rate allows no call
)

model_usage = Table(
    "model_usage",
    metadata,
    Column("attempt_id", String(32), ForeignKey("attempts.attempt_id"), primary_key=True),
    Column("fence", Integer, primary_key=True),
    Column("model", String(200), primary_key=True),
    Column("run_id", String(32), ForeignKey("runs.run_id"), nullable=False),
    Column("calls", Integer, nullable=False),  # that have ended
    Column("estimated", Integer, nullable=False),  # of these, without a usage: they count with all that was reserved
    Column("unpriced", Integer, nullable=False),  # of these, without a price: their cost is unknown, not 0
    Column("input_tokens", BigInteger, nullable=False),
    Column("cached_input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost_nano_usd", BigInteger, nullable=False),
    Column("open_calls", Integer, nullable=False),  # under way
    Column("reserved_nano_usd", BigInteger, nullable=False),  # for these
    Index(None, "run_id"),
)
