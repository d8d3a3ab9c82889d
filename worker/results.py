"""Celery's result backend, for chords alone: nobody waits for a result through Celery.

Celery's own subscribes the sender of a chord to the results of all the jobs in its header, whether or not the
sender waits. Each subscription costs time on both sides, and what arrives is never read, until Redis cuts the
connection (`client-output-buffer-limit pubsub`). docs/celery-chord.md has the numbers.
"""

from collections.abc import Iterator
from typing import Any

from celery.backends import redis


class _NobodyWaits(redis.ResultConsumer):  # type: ignore[misc]  # Celery has no types
    """Takes no notice of results."""

    def consume_from(self, task_id: str) -> None:
        pass

    def cancel_for(self, task_id: str) -> None:
        pass

    def _wait_for_pending(self, result: Any, **options: Any) -> Iterator[None]:
        raise RuntimeError("results are not waited for through Celery; ask the database how the run is doing")


class ChordBackend(redis.RedisBackend):  # type: ignore[misc]  # Celery has no types
    """Keeps results and the state of chords in Redis, and tells nobody."""

    ResultConsumer = _NobodyWaits


def backend_url(broker_url: str) -> str:
    """Give the URL by which Celery finds this backend in the broker's Redis."""
    return f"{__name__}:{ChordBackend.__name__}+{broker_url.removeprefix('redis+')}"
