"""How long a run takes on many hosts, under the scheduler's own code, against the least that it could take.

    python benchmarks/makespan.py [--hosts 1 2 4 8 16 32 64] [--draws 20]

Replays 75 competitions x 3 seeds in simulated time with `worker.scheduling.choose`: a host that has a free slot asks
it, as a worker does. Lengths are drawn: a competition's is log-normal (median 3 hours, sigma 1.2), each seed's varies
around it (sigma 0.3), and 24 hours are the limit. A host that lacks a competition's data prepares it first, within
1 to 20 minutes. Three states of knowledge: nothing (every attempt may take 24 hours), what earlier runs took (the
competition's own length), and the future (the attempt's own, as nobody knows it).

The lower bound is max(longest attempt, sum of lengths / slots), without any preparation. Writes
benchmarks/results/makespan.json; exit code 1 where experience brings no mean ratio of 1.1 or better.
"""
# ruff: noqa: E402 - the imports need the path that is set between them

import sys
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
sys.path[0] = str(REPO)  # and not this folder, where the name of a file may hide a module of Python's own

import argparse
import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from statistics import mean

import numpy as np
from rich.console import Console
from rich.table import Table

from core.files import write_json
from core.resources import GIB, Allocation, Capacity
from store.records import RunRequest
from store.waiting import Queue, Waiting
from worker.scheduling import Host, choose
from worker.submitting import in_queue_order

COMPETITIONS, SEEDS, SLOTS = 75, 3, 4
HOUR = 3600.0
LIMIT_SECS = 24 * HOUR
MOST = 1.1
KNOWLEDGE = ("nothing", "earlier runs", "the future")
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is to be done, as it will turn out. Seconds."""

    usual: Mapping[str, float]  # of a competition
    lengths: Mapping[tuple[str, int], float]  # of an attempt
    preparation: Mapping[str, float]  # of a competition's data on a host


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """A run in the simulation: its attempts in queue order, as names of lengths."""

    request: RunRequest
    run_id: str
    created_secs: float
    attempts: Sequence[tuple[str, int]]


@dataclass(kw_only=True)
class Machine:
    """A host in the simulation."""

    host: Host
    data: set[str] = field(default_factory=set)


def drawn(seed: int) -> Work:
    """Draw what 75 x 3 attempts will take."""
    random = np.random.default_rng(seed)
    names = [f"competition-{number:02}" for number in range(COMPETITIONS)]
    usual = dict(zip(names, np.minimum(3 * HOUR * random.lognormal(0, 1.2, COMPETITIONS), LIMIT_SECS), strict=True))
    lengths = {
        (name, number): float(min(usual[name] * random.lognormal(0, 0.3), LIMIT_SECS))
        for name in names
        for number in range(SEEDS)
    }
    preparation = dict(zip(names, random.uniform(60, 1200, COMPETITIONS), strict=True))
    return Work(usual=usual, lengths=lengths, preparation=preparation)


def submitted(
    work: Work, knowledge: str, *, run_id: str = "run", user: str = "ada", competitions: int = 75
) -> Submitted:
    """A run of the first `competitions` competitions, queued as `worker.submitting` queues it."""
    names = list(work.usual)[:competitions]
    if knowledge == "nothing":
        expected = dict.fromkeys(names, LIMIT_SECS)
    elif knowledge == "earlier runs":
        expected = {name: float(work.usual[name]) for name in names}
    else:  # an attempt is a competition of its own, so that the scheduler may know each length
        expected = {f"{name}#{seed}": work.lengths[name, seed] for name in names for seed in range(SEEDS)}
    seeds = 1 if knowledge == "the future" else SEEDS
    request = RunRequest(
        agent_id="any",
        agent_hash="",
        split="all",
        competitions=tuple(expected),
        seeds=seeds,
        time_limit_secs=LIMIT_SECS,
        user=user,
        expected_secs=expected,
    )
    order = in_queue_order(list(expected), expected_secs=expected, seeds=seeds, techniques=())
    return Submitted(
        request=request,
        run_id=run_id,
        created_secs=0.0,
        attempts=[(name, seed) for name, _, seed in order],
    )


class Replay:
    """Simulated time on simulated hosts."""

    def __init__(self, work: Work, runs: Sequence[Submitted], *, hosts: int, data_counts: bool = True) -> None:
        capacity = Capacity(cpus=float(SLOTS), memory_bytes=SLOTS * GIB)
        self.machines = [Machine(host=Host(capacity=capacity, slots=SLOTS)) for _ in range(hosts)]
        self.work = work
        self.runs = {run.run_id: run for run in runs}
        self.left = {run.run_id: list(run.attempts) for run in runs}
        self.running: Counter[str] = Counter()
        self.working: Counter[str] = Counter()  # competition -> attempts that run
        self.data_counts = data_counts
        self.prepared = 0
        self.done_secs: dict[str, float] = {}

    def play(self) -> float:
        """Run everything; gives when the last attempt ends, in seconds."""
        free = [(0.0, number) for number, machine in enumerate(self.machines) for _ in range(machine.host.slots)]
        ends: list[tuple[float, int, str, str, Allocation]] = []
        now = 0.0
        while any(self.left.values()) or ends:
            while free and any(self.left.values()):
                now, number = heapq.heappop(free)
                started = self._start(number, now)
                if started is not None:
                    heapq.heappush(ends, started)
            now, number, run_id, competition, allocation = heapq.heappop(ends)
            machine = self.machines[number]
            held = list(machine.host.held)
            held.remove(allocation)
            machine.host = replace(machine.host, held=tuple(held))
            self.running[run_id] -= 1
            self.working[competition] -= 1
            self.done_secs[run_id] = now
            heapq.heappush(free, (now, number))
        return now

    def _start(self, number: int, now: float) -> tuple[float, int, str, str, Allocation] | None:
        machine = self.machines[number]
        queue = Queue(
            waiting=tuple(self._waiting()),
            running=self.running,
            users=self._users(),
            competitions=self._working(),
            held=(),
        )
        chosen = choose(queue, host=machine.host, has_data=lambda entry: self._has_data(entry, machine))
        if chosen is None:
            return None
        competition, seed = next(entry for entry in self.left[chosen.run_id] if entry[0] == chosen.competition_id)
        self.left[chosen.run_id].remove((competition, seed))
        allocation = machine.host.allocate(chosen.needs)
        assert allocation is not None
        machine.host = replace(machine.host, held=(*machine.host.held, allocation))
        self.running[chosen.run_id] += 1
        self.working[competition] += 1
        name, _, own_seed = competition.partition("#")
        length = self.work.lengths[name, int(own_seed or seed)]
        if name not in machine.data:
            machine.data.add(name)
            self.prepared += 1
            length += self.work.preparation[name]
        return now + length, number, chosen.run_id, competition, allocation

    def _waiting(self) -> list[Waiting]:
        first: dict[tuple[str, str], int] = {}
        for run_id, left in self.left.items():
            for position, (competition, _) in enumerate(left):
                first.setdefault((run_id, competition), position)
        return [
            Waiting(
                run_id=run_id,
                request=self.runs[run_id].request,
                created_at=EPOCH,
                competition_id=competition,
                technique=None,
                position=position,
            )
            for (run_id, competition), position in first.items()
        ]

    def _users(self) -> Counter[str]:
        users: Counter[str] = Counter()
        for run_id, number in self.running.items():
            users[self.runs[run_id].request.user] += number
        return users

    def _working(self) -> Counter[str]:
        return self.working if self.data_counts else Counter()

    def _has_data(self, entry: Waiting, machine: Machine) -> bool:
        return self.data_counts and entry.competition_id.partition("#")[0] in machine.data


def bound(work: Work, slots: int) -> float:
    """The least that any schedule could take, in seconds."""
    return max(max(work.lengths.values()), sum(work.lengths.values()) / slots)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Means over draws, for a number of hosts and a state of knowledge."""

    hosts: int
    knowledge: str
    bound_hours: float
    makespan_hours: float
    ratio: float
    worst_ratio: float
    prepared: float  # times that data was prepared on a host
    prepared_anywhere: float  # the same where the scheduler does not look at the data


def measured(hosts: int, knowledge: str, draws: int) -> Measured:
    works = [drawn(seed) for seed in range(draws)]
    replays = [Replay(work, [submitted(work, knowledge)], hosts=hosts) for work in works]
    blind = [Replay(work, [submitted(work, knowledge)], hosts=hosts, data_counts=False) for work in works]
    spans = [replay.play() for replay in replays]
    for replay in blind:
        replay.play()
    bounds = [bound(work, hosts * SLOTS) for work in works]
    ratios = [span / least for span, least in zip(spans, bounds, strict=True)]
    return Measured(
        hosts=hosts,
        knowledge=knowledge,
        bound_hours=round(mean(bounds) / HOUR, 1),
        makespan_hours=round(mean(spans) / HOUR, 1),
        ratio=round(mean(ratios), 3),
        worst_ratio=round(max(ratios), 3),
        prepared=round(mean(replay.prepared for replay in replays), 1),
        prepared_anywhere=round(mean(replay.prepared for replay in blind), 1),
    )


def shares(hosts: int) -> dict[str, float]:
    """How long one competition x 3 seeds of Bob's takes alone, and beside Ada's 225 attempts. Hours."""
    work = drawn(0)
    few = submitted(work, "earlier runs", run_id="few", user="bob", competitions=1)
    alone, beside = Replay(work, [few], hosts=hosts), Replay(work, [submitted(work, "earlier runs"), few], hosts=hosts)
    alone.play()
    everything = beside.play()
    return {
        "alone": round(float(alone.done_secs["few"]) / HOUR, 2),
        "beside 225 others": round(float(beside.done_secs["few"]) / HOUR, 2),
        "all 228": round(float(everything) / HOUR, 2),
    }


def table(results: Sequence[Measured]) -> Table:
    shown = Table(
        "hosts", "known before", "bound (h)", "makespan (h)", "ratio", "worst", "data prepared", "blind to data"
    )
    for row in results:
        cells = (row.hosts, row.knowledge, row.bound_hours, row.makespan_hours, row.ratio, row.worst_ratio)
        shown.add_row(*(str(cell) for cell in (*cells, row.prepared, row.prepared_anywhere)))
    return shown


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--output", type=Path, default=REPO / "benchmarks" / "results" / "makespan.json")
    arguments = parser.parse_args()
    results = [measured(hosts, known, arguments.draws) for hosts in arguments.hosts for known in KNOWLEDGE]
    sharing = {str(hosts): shares(hosts) for hosts in arguments.hosts}
    Console(width=120).print(table(results))
    print(f"three attempts of one user, in hours, by hosts: {sharing}")
    arguments.output.parent.mkdir(exist_ok=True)
    write_json(arguments.output, {"runs": [asdict(result) for result in results], "three_attempts": sharing})
    return int(any(row.ratio > MOST for row in results if row.knowledge != "nothing"))


if __name__ == "__main__":
    sys.exit(main())
