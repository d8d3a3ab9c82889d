"""The workers that run attempts, as they announce themselves: where they are, and what their hosts have."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from core.resources import Capacity
from store.runs import Store
from store.tables import workers

FORGOTTEN_SECS = 24 * 3600.0  # a worker that was not seen for so long is no longer listed


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A worker that runs attempts."""

    worker: str  # as worker.identity names it
    host: str  # workers with the same share what the host has
    slots: int  # attempts that it runs at a time
    capacity: Capacity  # of its host
    started_at: datetime
    seen_at: datetime  # by the database's clock
    unseen_secs: float  # since then
    run_id: str | None = None  # the one run that it works for; None: for any

    @classmethod
    def from_row(cls, row: Row[Any]) -> "Worker":
        """Read a row of the table workers with the database's time as `now`."""
        values = dict(row._mapping)
        unseen_secs = (values.pop("now") - values["seen_at"]).total_seconds()
        return cls(**{**values, "capacity": Capacity.from_json(values["capacity"]), "unseen_secs": unseen_secs})


def announce(
    store: Store, worker: str, *, host: str, slots: int, capacity: Capacity, run_id: str | None = None
) -> None:
    """Say that a worker is there, and what its host has; to be said again now and then. `run_id`: as in Worker."""
    seen = {"host": host, "slots": slots, "capacity": capacity.to_json(), "seen_at": store.now(), "run_id": run_id}
    with store.writing() as connection:
        known = connection.execute(update(workers).where(workers.c.worker == worker).values(**seen)).rowcount
        if not known:
            connection.execute(insert(workers).values(worker=worker, started_at=store.now(), **seen))
        connection.execute(delete(workers).where(workers.c.seen_at < store.after(-FORGOTTEN_SECS)))


def retire(store: Store, worker: str) -> None:
    """Say that a worker has stopped."""
    with store.writing() as connection:
        connection.execute(delete(workers).where(workers.c.worker == worker))


def announced(store: Store, *, within_secs: float, host: str | None = None) -> list[Worker]:
    """Give the workers that were seen in the last `within_secs`, by host; those of one host if it is named."""
    query = select(workers, store.now().label("now")).where(workers.c.seen_at > store.after(-within_secs))
    if host is not None:
        query = query.where(workers.c.host == host)
    with store.reading() as connection:
        return [Worker.from_row(row) for row in connection.execute(query.order_by(workers.c.host, workers.c.worker))]
