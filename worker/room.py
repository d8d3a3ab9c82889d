"""Whether this host's disks have room for agents to work. Where they have not, the host takes no attempts.

An agent on a full disk fails for a reason that is not its own, and the next one would fail as fast: a host with a
full disk would empty the queue. So its worker leaves the attempts in the queue, for other hosts or for later.
"""

import logging
import math
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery import bootsteps

from worker.lease import Repeating
from worker.settings import Settings, load_settings

log = logging.getLogger(__name__)

LOOK_SECS = 2.0
LATELY_SECS = 60.0
FULL_BYTES = 1 << 20  # with less free space than this a disk is full, whatever the setting says


def free_bytes(folder: Path) -> float:
    """Give the free space on a folder's disk, whether the folder is there yet or not; NaN where that cannot be told."""
    try:
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free
    except OSError:  # a network disk that does not answer
        return math.nan


def lacking(settings: Settings, *more: Path, besides: float = 0.0) -> str | None:
    """Say which disk has too little room for agents (MIN_FREE_DISK_GB); None where all have enough.

    Looked at are the disks of data and runs, and of the folders `more`.

    Args:
        besides: bytes that count as free: what an agent has taken itself is no reason not to blame it.
    """
    return _lacking([settings.data_dir, settings.runs_dir, *more], settings.min_free_disk_gb * 2**30, besides=besides)


def full(folder: Path) -> str | None:
    """Say that a folder's disk is full; None where something can be written."""
    return _lacking([folder], 0)


@dataclass
class Lacking:
    """What was lacking on the disks, for a while after: an agent's end is seen a little later than it was."""

    said: str | None = None
    at: float = -math.inf  # by the monotonic clock

    def note(self, lacking: str | None) -> None:
        """Note what `lacking` gave just now."""
        if lacking is not None:
            self.said, self.at = lacking, time.monotonic()

    def lately(self) -> str | None:
        """Say what was lacking within the last LATELY_SECS; None where nothing was."""
        return self.said if time.monotonic() - self.at < LATELY_SECS else None


def _lacking(folders: Iterable[Path], wanted: float, *, besides: float = 0.0) -> str | None:
    for folder in folders:
        if (free := free_bytes(folder)) + besides < max(wanted, FULL_BYTES):
            return (
                f"the disk of {folder} is nearly full: {free / 2**30:.2f} GiB free, {wanted / 2**30:g} GiB wanted "
                "(MLEBENCH_MIN_FREE_DISK_GB)"
            )
    return None


class TakeNothingWithoutRoom(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Consumer step: while a disk is nearly full, leave the queue of attempts alone.

    The disks are looked at in a thread of its own, since one that does not answer must not hold up the consumer.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        from worker.app import AGENTS  # only here: it imports this module

        super().__init__(consumer, **options)
        self._queue = AGENTS
        self.enabled = AGENTS in consumer.app.amqp.queues.consume_from
        self._lacking: str | None = None
        self._looking: Repeating | None = None
        self._timer: Any = None

    def start(self, consumer: Any) -> None:
        settings = load_settings()
        self._looking = Repeating(lambda: self._look(settings), every_secs=LOOK_SECS, name="room")
        self._timer = consumer.timer.call_repeatedly(LOOK_SECS, self._act, (consumer,))

    def stop(self, consumer: Any) -> None:
        if self._looking is not None:
            self._looking.close()
        if self._timer is not None:
            self._timer.cancel()

    def _look(self, settings: Settings) -> None:
        self._lacking = lacking(settings)

    def _act(self, consumer: Any) -> None:
        from worker.metrics import TAKES_ATTEMPTS  # only here: importing the app is to be quick

        takes = consumer.task_consumer.consuming_from(self._queue)
        if self._lacking and takes:
            log.warning("no attempts are taken: %s", self._lacking, extra={"action": "disk_full"})
            consumer.cancel_task_queue(self._queue)
        elif not self._lacking and not takes:
            log.warning("attempts are taken again: there is room on the disks", extra={"action": "disk_has_room"})
            consumer.add_task_queue(self._queue)
        TAKES_ATTEMPTS.set(not self._lacking)
