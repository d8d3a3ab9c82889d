"""Which waiting attempt a host takes next. Pure: what waits and what the host has go in, the choice comes out.

The order, and why:

1. Runs of higher priority first.
2. Among them the user with the fewest attempts running, then the run with the fewest: three attempts do not wait
   behind somebody's 225. Ties go to the older run.
3. Within a run the longest expected first (Graham's longest processing time rule, doi:10.1137/0117039), so that no
   long one starts when all else is done. Among those at least `NEARLY` as long as the longest, one whose data this
   host has goes first, and next one on whose competition nobody works: the others have a host that has their data.

An attempt that does not fit into what is free now may be overtaken, but not by one that takes of what it lacks: a
host collects eight GPUs for the attempt that needs eight, and meanwhile works on what needs none.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from core.resources import GIB, Allocation, Capacity, Resources
from store.waiting import Queue, Waiting
from worker.settings import Settings

NEARLY = 0.5  # of the longest expectation: within it, being spared the data's preparation counts for more
MEMORY_BYTES = 16 * GIB  # no attempt gets more without asking, however large its host
ROUNDING = 1e-6  # of a processor: shares like 2/3 do not add up exactly


@dataclass(frozen=True, kw_only=True)
class Host:
    """A host as its workers see it when they look for work."""

    capacity: Capacity
    slots: int  # of all its workers together
    cpus_each: float | None = None  # for an attempt that asks for none; None: the host's by its slots
    memory_each: int | None = None  # bytes, the same; None: at most MEMORY_BYTES
    held: tuple[Allocation, ...] = ()  # by what runs there now

    def demand(self, needs: Resources) -> Allocation:
        """Give what an attempt gets here, without its GPUs' names."""
        memory_each = self.memory_each or min(self.capacity.memory_bytes // self.slots, MEMORY_BYTES)
        cpus_each = self.cpus_each or self.capacity.cpus / self.slots
        return Allocation(
            cpus=needs.cpus or min(cpus_each, self.capacity.cpus),
            memory_bytes=int((needs.memory_gb or 0) * GIB) or min(memory_each, self.capacity.memory_bytes),
        )

    def suits(self, needs: Resources) -> bool:
        """Whether this host could run such an attempt when nothing else ran."""
        return set(needs.labels) <= set(self.capacity.labels) and not replace(self, held=()).lacking(needs)

    def lacking(self, needs: Resources) -> frozenset[str]:
        """Name what is not free in the amount that the attempt needs: cpus, memory, gpus."""
        demand = self.demand(needs)
        missing = {
            "cpus": sum(part.cpus for part in self.held) + demand.cpus > self.capacity.cpus + ROUNDING,
            "memory": sum(part.memory_bytes for part in self.held) + demand.memory_bytes > self.capacity.memory_bytes,
            "gpus": needs.gpus > len(self._free_gpus()),
        }
        return frozenset(name for name, lacks in missing.items() if lacks)

    def allocate(self, needs: Resources) -> Allocation | None:
        """Give the part of this host that the attempt may have now; None where there is not enough."""
        if not self.suits(needs) or self.lacking(needs):
            return None
        demand = self.demand(needs)
        gpus = self._free_gpus()[: needs.gpus]
        return Allocation(cpus=demand.cpus, memory_bytes=demand.memory_bytes, gpus=gpus)

    def _free_gpus(self) -> tuple[str, ...]:
        taken = {gpu for part in self.held for gpu in part.gpus}
        return tuple(gpu for gpu in self.capacity.gpus if gpu not in taken)


def host_of(settings: Settings, *, capacity: Capacity, slots: int, held: Sequence[Allocation] = ()) -> Host:
    """Give a host with what the settings say that an attempt gets which asks for nothing."""
    memory_each = int(settings.memory_limit_gb * GIB) if settings.memory_limit_gb else None
    return Host(capacity=capacity, slots=slots, cpus_each=settings.cpus, memory_each=memory_each, held=tuple(held))


def choose(queue: Queue, *, host: Host, has_data: Callable[[Waiting], bool]) -> Waiting | None:
    """Choose what a host takes next; None where nothing that waits may start there now.

    Args:
        queue: what waits, and what runs on all hosts.
        host: what the host has, and what runs there.
        has_data: whether the data that an attempt works on is on the host.
    """
    blocked: frozenset[str] = frozenset()
    for waiting in in_order(queue, has_data=has_data):
        if not host.suits(waiting.needs):
            continue
        lacking = host.lacking(waiting.needs)
        takes = {"cpus", "memory"} | ({"gpus"} if waiting.needs.gpus else set())
        if not lacking and not takes & blocked:
            return waiting
        blocked |= lacking
        if blocked & {"cpus", "memory"}:
            return None
    return None


def in_order(queue: Queue, *, has_data: Callable[[Waiting], bool]) -> Iterator[Waiting]:
    """Give what waits in the order in which it should start."""

    def turn(waiting: Waiting) -> tuple[int, int, int, datetime, str]:
        request = waiting.request
        of_user, of_run = queue.users[request.user], queue.running[waiting.run_id]
        return -request.priority, of_user, of_run, waiting.created_at, waiting.run_id

    for _, of_run in groupby(sorted(queue.waiting, key=turn), key=lambda waiting: waiting.run_id):
        yield from _within_run(list(of_run), queue.competitions, has_data)


def _within_run(
    waiting: Sequence[Waiting], working: Counter[str], has_data: Callable[[Waiting], bool]
) -> Iterator[Waiting]:
    longest_first = sorted(waiting, key=lambda entry: (-entry.expected_secs, entry.position))
    least = NEARLY * longest_first[0].expected_secs
    near = [entry for entry in longest_first if entry.expected_secs >= least]
    yield from sorted(near, key=lambda entry: (not has_data(entry), working[entry.competition_id]))
    yield from longest_first[len(near) :]
