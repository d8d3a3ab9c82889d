"""What an attempt costs when its agent does nothing, and whether that grows with the run.

    python benchmarks/queue.py [--attempts 1000 10000] [--slots 2] [--workers 1]
    MLEBENCH_DATABASE_URL=postgresql://... python benchmarks/queue.py --workers 4

Each run goes through the whole flow: database, chord, both workers, run folder, collecting. Without
MLEBENCH_DATABASE_URL the database is SQLite. Writes benchmarks/results/queue.json, or queue-postgres.json; exit code 1
where an attempt of the largest run costs more than 1.5 times the wall-clock or processor time of one of the smallest.
"""
# ruff: noqa: E402 - the imports need the path that is set between them

import sys
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
sys.path[0] = str(REPO)  # and not this folder, where the name of this file hides a module of Python's own

import argparse
import resource
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.nothing import SANDBOX
from core.files import write_json
from core.status import RunState, Status
from store import watching
from store.runs import Store
from tasks.data import prepare
from tasks.registry import competition_roots, load_competition
from worker.app import connect
from worker.embedded import Embedded, embedded_services
from worker.queueing import enqueue
from worker.settings import Settings, database_url, load_settings
from worker.submitting import Order, create_run, plan

COMPETITION = "diamond-prices"  # any will do: its data is not looked at
MOST_GROWTH = 1.5
POLL_SECS = 0.2


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One run. Processor times are milliseconds per attempt, memory is the peak in MiB, by process."""

    attempts: int
    written_secs: float  # run and attempts into the database
    queued_secs: float
    closed_secs: float  # from the first message to the closed run
    attempts_per_sec: float
    cpu_ms: dict[str, float]
    peak_mib: dict[str, float]

    @property
    def cpu_ms_total(self) -> float:
        return sum(self.cpu_ms.values())


def measure(attempts: int, *, slots: int, workers: int, settings: Settings) -> Measured:
    """Send one run of `attempts` through fresh services."""
    with (
        embedded_services(settings, slots=slots, agents_workers=workers, app="benchmarks.nothing") as services,
        connect(services.settings) as client,
    ):
        services.wait_until_ready()
        store = Store.open(database_url(settings))
        order = Order(agent="dummy", competitions=(COMPETITION,), seeds=attempts, sandbox=SANDBOX)
        began = time.monotonic()
        run = create_run(plan(order, settings, local=False), store)
        ids = [row.attempt_id for row in store.progress(run.run_id)]
        written = time.monotonic()
        before = cpu_secs(services)
        own_before = time.process_time()
        enqueue(client, run.run_id, ids, watching.labels(store, ids))
        queued = time.monotonic()
        own_secs = time.process_time() - own_before
        while store.run(run.run_id).state is not RunState.CLOSED:
            services.check()
            time.sleep(POLL_SECS)
        closed = time.monotonic()
        check_statuses(store, run.run_id, attempts)
        spent = {name: secs - before[name] for name, secs in cpu_secs(services).items()}
        spent["submitter"] = own_secs
        peaks = peak_mib(services)
        store.close()
    return Measured(
        attempts=attempts,
        written_secs=round(written - began, 2),
        queued_secs=round(queued - written, 2),
        closed_secs=round(closed - written, 2),
        attempts_per_sec=round(attempts / (closed - written), 1),
        cpu_ms={name: round(1000 * secs / attempts, 2) for name, secs in spent.items()},
        peak_mib=peaks,
    )


def check_statuses(store: Store, run_id: str, attempts: int) -> None:
    """Make sure that every attempt went the whole way: what fails early is cheap."""
    endings = Counter((attempt.status, attempt.message) for attempt in store.attempts(run_id))
    if {status for status, _ in endings} != {Status.NO_SUBMISSION} or endings.total() != attempts:
        raise SystemExit(f"expected {attempts} attempts without a submission, found {endings.most_common(5)}")


def processes(services: Embedded) -> dict[str, psutil.Process]:
    """The services' own processes, by name."""
    return {name: psutil.Process(guard).children()[0] for name, guard in services.guards().items()}


def cpu_secs(services: Embedded) -> dict[str, float]:
    """Processor seconds of each service so far."""
    times = {name: process.cpu_times() for name, process in processes(services).items()}
    return {name: found.user + found.system for name, found in times.items()}


def peak_mib(services: Embedded) -> dict[str, float]:
    """Peak memory of each service, and of this process (over all runs so far)."""
    peaks = {}
    for name, process in processes(services).items():
        status = Path(f"/proc/{process.pid}/status").read_text()
        kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
        peaks[name] = round(int(kib) / 1024, 1)
    peaks["submitter"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    return peaks


def table(results: list[Measured]) -> Table:
    """The results, a column for each run."""
    shown = Table("", *(f"{result.attempts:,} attempts" for result in results))
    shown.add_row("written to the database (s)", *(f"{result.written_secs:.1f}" for result in results))
    shown.add_row("queued (s)", *(f"{result.queued_secs:.1f}" for result in results))
    shown.add_row("queued to closed (s)", *(f"{result.closed_secs:.1f}" for result in results))
    shown.add_row("attempts/s", *(f"{result.attempts_per_sec:.0f}" for result in results))
    for name in results[0].cpu_ms:
        shown.add_row(f"CPU of {name} (ms/attempt)", *(f"{result.cpu_ms[name]:.2f}" for result in results))
    shown.add_row("CPU together (ms/attempt)", *(f"{result.cpu_ms_total:.2f}" for result in results))
    for name in results[0].peak_mib:
        shown.add_row(f"peak memory of {name} (MiB)", *(f"{result.peak_mib[name]:.0f}" for result in results))
    return shown


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--attempts", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1, help="processes that run attempts, each with its slots")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mlebench-queue-") as folder:
        settings = load_settings(runs_dir=Path(folder))
        prepare(load_competition(COMPETITION, roots=competition_roots(None)), settings.data_dir)
        results = [
            measure(count, slots=arguments.slots, workers=arguments.workers, settings=settings)
            for count in arguments.attempts
        ]
    least, most = results[0], results[-1]
    growth = {
        "wall_clock": round(least.attempts_per_sec / most.attempts_per_sec, 2),
        "cpu": round(most.cpu_ms_total / least.cpu_ms_total, 2),
    }
    Console().print(table(results))
    print(f"cost per attempt, {most.attempts:,} against {least.attempts:,}: {growth}")
    name = "queue-postgres.json" if settings.database_url else "queue.json"
    output = arguments.output or REPO / "benchmarks" / "results" / name
    output.parent.mkdir(exist_ok=True)
    services = {"slots": arguments.slots, "workers": arguments.workers}
    write_json(output, {**services, "growth": growth, "runs": [asdict(result) for result in results]})
    return int(max(growth.values()) > MOST_GROWTH)


if __name__ == "__main__":
    sys.exit(main())
