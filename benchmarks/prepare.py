"""What preparing costs, and how it grows: real preparers on raw data of realistic size.

    python benchmarks/prepare.py [--only ID ...] [--sizes ID=SMALL,LARGE ...] [--folder DIR]

Each preparation runs in a process of its own, at two sizes. Writes benchmarks/results/prepare.json. Exit code 1
where one fails, where the large table needs 4 times its CSV file or more in memory, or where a row of the large size
takes more than twice the processor time of one of the small.
"""
# ruff: noqa: E402 - the imports need the path that is set between them

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # and not this folder, where queue.py hides a module

import argparse
import json
import tempfile
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from benchmarks.measuring import MIB, REPOSITORY, about_this_machine, cost_of, in_own_process
from benchmarks.raw_data import RAW_DATA
from core.errors import MlebenchError
from core.files import write_json
from tasks.data import prepare
from tasks.registry import Competition, competition_roots, load_competition
from worker.settings import load_settings

TABLE = "tabular-playground-series-dec-2021"
MOST_TIMES_CSV = 4.0  # peak memory of the table, in sizes of its CSV file
MOST_GROWTH = 2.0  # of the processor time a row


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One preparation."""

    competition: str
    unit: str
    size: int
    raw_mib: float  # unpacked
    secs: float
    cpu_secs: float
    peak_mib: float

    @property
    def cpu_secs_per_unit(self) -> float:
        return self.cpu_secs / self.size


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="*", default=list(RAW_DATA), metavar="ID")
    parser.add_argument("--sizes", nargs="*", default=[], metavar="ID=SMALL,LARGE")
    parser.add_argument("--folder", type=Path, help="for raw and prepared data; default: a temporary one")
    parser.add_argument("--one", nargs=2, metavar=("ID", "DATA_DIR"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        return _prepare_one(arguments.one[0], Path(arguments.one[1]))
    sizes = {name: spec[2] for name, spec in RAW_DATA.items()} | dict(map(_parsed, arguments.sizes))
    measured: list[Measured] = []
    failed: dict[str, str] = {}
    for name in arguments.only:
        for size in sizes[name]:
            try:
                measured.append(_measured(name, size, arguments.folder))
            except (MlebenchError, RuntimeError) as error:
                failed[name] = str(error)
                break
    _print(measured)
    faults = [*(f"{name}: {reason}" for name, reason in failed.items()), *_faults(measured)]
    print("\n".join(faults) or "no faults")
    result = {**about_this_machine(), "measured": [asdict(entry) for entry in measured], "faults": faults}
    write_json(REPOSITORY / "benchmarks" / "results" / "prepare.json", result)
    return 1 if faults else 0


def _parsed(text: str) -> tuple[str, tuple[int, int]]:
    name, _, numbers = text.partition("=")
    small, large = (int(number) for number in numbers.split(","))
    return name, (small, large)


def _measured(name: str, size: int, folder: Path | None) -> Measured:
    make, unit, _ = RAW_DATA[name]
    with tempfile.TemporaryDirectory(prefix="mlebench-prepare-", dir=folder) as data_dir:
        raw = Path(data_dir) / name / "raw"
        raw.mkdir(parents=True)
        raw_mib = make(_competition(name), raw, size) / MIB
        cost = in_own_process("prepare.py", "--one", name, data_dir)
    return Measured(competition=name, unit=unit, size=size, raw_mib=raw_mib, **cost)


def _prepare_one(name: str, data_dir: Path) -> int:
    competition = _competition(name)
    cost = cost_of(lambda: prepare(competition, data_dir, verify=False))
    print(json.dumps(asdict(cost)))
    return 0


def _competition(name: str) -> Competition:
    return load_competition(name, roots=competition_roots(load_settings().competitions_path))


def _faults(measured: list[Measured]) -> list[str]:
    faults = [
        f"{entry.competition}: {entry.peak_mib:.0f} MiB for a table of {entry.raw_mib:.0f} MiB"
        for entry in measured
        if entry.competition == TABLE
        and entry is max((other for other in measured if other.competition == TABLE), key=lambda other: other.size)
        and entry.peak_mib >= MOST_TIMES_CSV * entry.raw_mib
    ]
    for name in {entry.competition for entry in measured}:
        of_name = sorted((entry for entry in measured if entry.competition == name), key=lambda entry: entry.size)
        growth = of_name[-1].cpu_secs_per_unit / of_name[0].cpu_secs_per_unit
        if growth > MOST_GROWTH:
            faults.append(
                f"{name}: a {of_name[0].unit[:-1]} of the large size takes {growth:.1f} times the processor time"
            )
    return faults


def _print(measured: list[Measured]) -> None:
    table = Table(title="preparing")
    for column in (
        "competition",
        "size",
        "raw data",
        "seconds",
        "processor",
        "per 1,000",
        "peak memory",
        "of the raw data",
    ):
        table.add_column(column, justify="left" if column == "competition" else "right")
    for entry in measured:
        table.add_row(
            entry.competition,
            f"{entry.size:,} {entry.unit}",
            f"{entry.raw_mib:,.0f} MiB",
            f"{entry.secs:.1f}",
            f"{entry.cpu_secs:.1f} s",
            f"{1000 * entry.cpu_secs_per_unit:.3f} s",
            f"{entry.peak_mib:,.0f} MiB",
            f"{entry.peak_mib / entry.raw_mib:.1f} x",
        )
    Console(width=140).print(table)


if __name__ == "__main__":
    sys.exit(main())
