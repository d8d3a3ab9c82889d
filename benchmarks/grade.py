"""What checking and grading the largest submissions costs, and how it grows.

    python benchmarks/grade.py [--only ID ...] [--sizes ID=SMALL,LARGE ...] [--folder DIR]

Answers, sample and submission are generated (graded_data.py), the competitions' own graders read them, each in a
process of its own. Writes benchmarks/results/grade.json. Exit code 1 where one fails, or where a row (or what else is
counted) of the large size takes more than twice the processor time of one of the small.
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

from benchmarks.graded_data import GRADED_DATA, SUBMISSION
from benchmarks.measuring import MIB, REPOSITORY, Cost, about_this_machine, cost_of, in_own_process
from core.errors import MlebenchError
from core.files import write_json
from tasks.registry import Competition, competition_roots, load_competition
from worker.settings import load_settings

MOST_GROWTH = 2.0  # of the processor time a row


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One submission, checked (public data alone) and graded."""

    competition: str
    unit: str
    size: int
    submission_mib: float
    check: Cost
    score: Cost

    @property
    def cpu_secs_per_unit(self) -> float:
        return self.score.cpu_secs / self.size


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="*", default=list(GRADED_DATA), metavar="ID")
    parser.add_argument("--sizes", nargs="*", default=[], metavar="ID=SMALL,LARGE")
    parser.add_argument("--folder", type=Path, help="for the files; default: a temporary one")
    parser.add_argument("--one", nargs=3, metavar=("ID", "check|score", "DIR"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        return _judge_one(arguments.one[0], arguments.one[1], Path(arguments.one[2]))
    sizes = {name: spec[2] for name, spec in GRADED_DATA.items()} | dict(map(_parsed, arguments.sizes))
    measured: list[Measured] = []
    faults = []
    for name in arguments.only:
        try:
            of_name = [_measured(name, size, arguments.folder) for size in sizes[name]]
        except (MlebenchError, RuntimeError) as error:
            faults.append(f"{name}: {error}")
            continue
        measured += of_name
        growth = of_name[1].cpu_secs_per_unit / of_name[0].cpu_secs_per_unit
        if growth > MOST_GROWTH:
            faults.append(
                f"{name}: one of the {of_name[1].unit} of the large size takes {growth:.1f} times the processor time"
            )
    _print(measured)
    print("\n".join(faults) or "no faults")
    result = {**about_this_machine(), "measured": [asdict(entry) for entry in measured], "faults": faults}
    write_json(REPOSITORY / "benchmarks" / "results" / "grade.json", result)
    return 1 if faults else 0


def _parsed(text: str) -> tuple[str, tuple[int, int]]:
    name, _, numbers = text.partition("=")
    small, large = (int(number) for number in numbers.split(","))
    return name, (small, large)


def _measured(name: str, size: int, folder: Path | None) -> Measured:
    competition = _competition(name)
    make, unit, _ = GRADED_DATA[name]
    with tempfile.TemporaryDirectory(prefix="mlebench-grade-", dir=folder) as made:
        make(competition, Path(made), size)
        return Measured(
            competition=name,
            unit=unit,
            size=size,
            submission_mib=(Path(made) / SUBMISSION).stat().st_size / MIB,
            check=Cost(**in_own_process("grade.py", "--one", name, "check", made)),
            score=Cost(**in_own_process("grade.py", "--one", name, "score", made)),
        )


def _judge_one(name: str, verb: str, parts: Path) -> int:
    competition = _competition(name)
    submission = parts / SUBMISSION
    if verb == "check":
        cost = cost_of(lambda: competition.check(submission, parts))
    else:
        cost = cost_of(lambda: competition.score(submission, parts, parts))
    print(json.dumps(asdict(cost)))
    return 0


def _competition(name: str) -> Competition:
    return load_competition(name, roots=competition_roots(load_settings().competitions_path))


def _print(measured: list[Measured]) -> None:
    table = Table(title="checking and grading")
    for column in ("competition", "size", "submission", "check", "processor", "memory", "score", "processor", "memory"):
        table.add_column(column, justify="left" if column == "competition" else "right")
    for entry in measured:
        table.add_row(
            entry.competition,
            f"{entry.size:,} {entry.unit}",
            f"{entry.submission_mib:,.0f} MiB",
            *_cells(entry.check),
            *_cells(entry.score),
        )
    Console(width=140).print(table)


def _cells(cost: Cost) -> tuple[str, str, str]:
    return f"{cost.secs:.1f} s", f"{cost.cpu_secs:.1f} s", f"{cost.peak_mib:,.0f} MiB"


if __name__ == "__main__":
    sys.exit(main())
