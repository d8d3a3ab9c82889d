"""What checking and grading the largest submissions costs, and how it grows.

    python benchmarks/grade.py [--only ID ...] [--sizes ID=SMALL,LARGE ...] [--folder DIR]

Answers, sample and submission are made here, the competitions' own graders read them, each in a process of its own.
The submission has its rows in another order than the answers, so that they are really aligned. Writes
benchmarks/results/grade.json. Exit code 1 where one fails, or where a row of the large size takes more than twice the
processor time of one of the small.
"""
# ruff: noqa: E402 - the imports need the path that is set between them

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # and not this folder, where queue.py hides a module

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmarks.measuring import MIB, REPOSITORY, Cost, about_this_machine, cost_of, in_own_process
from core.errors import MlebenchError
from core.files import write_json
from tasks.registry import Competition, competition_roots, load_competition
from worker.settings import load_settings

MOST_GROWTH = 2.0  # of the processor time a row
PAGE_ROWS, PAGE_COLUMNS = 420, 540


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One submission, checked (public data alone) and graded."""

    competition: str
    rows: int
    submission_mib: float
    check: Cost
    score: Cost

    @property
    def cpu_secs_per_row(self) -> float:
        return self.score.cpu_secs / self.rows


def _pixels(competition: Competition, rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    number = np.arange(rows)
    page, pixel = np.divmod(number, PAGE_ROWS * PAGE_COLUMNS)
    row, column = np.divmod(pixel, PAGE_COLUMNS)
    parts = (pd.Series(part + 1).astype("str") for part in (page, row, column))
    ids = next(parts) + "_" + next(parts) + "_" + next(parts)
    answers = pd.DataFrame({"id": ids, "value": (number % 256) / 255.0})
    return answers, answers.assign(value=np.round(answers["value"] * 0.9, 4))


def _fares(competition: Competition, rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    number = pd.Series(np.arange(rows))
    answers = pd.DataFrame(
        {"key": "2011-08-18 00:35:00.000000" + number.astype("str"), "fare_amount": number % 50 + 2.5}
    )
    return answers, answers.assign(fare_amount=11.35)


def _tokens(competition: Competition, rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    number = pd.Series(np.arange(rows))
    ids = (number // 10).astype("str") + "_" + (number % 10).astype("str")
    answers = pd.DataFrame({"id": ids, "after": "spoken form " + (number % 1000).astype("str")})
    return answers, answers.assign(after=answers["after"].where(number % 50 > 0, "something else"))


def _classes(competition: Competition, rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    names = competition.format.names
    ids = pd.DataFrame({competition.format.id: [f"{number:032x}" for number in range(rows)]})
    truth = np.eye(len(names), dtype=int)[np.arange(rows) % len(names)]
    guess = np.random.default_rng(0).dirichlet(np.ones(len(names)), rows)
    return ids.join(pd.DataFrame(truth, columns=names)), ids.join(pd.DataFrame(guess, columns=names))


# Competition -> (what makes answers and submission, a small and a large number of rows; the large is the real one).
Maker = Callable[[Competition, int], tuple[pd.DataFrame, pd.DataFrame]]
SUBMISSIONS: dict[str, tuple[Maker, tuple[int, int]]] = {
    "denoising-dirty-documents": (_pixels, (1_450_000, 5_800_000)),
    "text-normalization-challenge-english-language": (_tokens, (250_000, 1_000_000)),
    "new-york-city-taxi-fare-prediction": (_fares, (2_500, 9_914)),
    "dog-breed-identification": (_classes, (5_000, 20_000)),
}


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="*", default=list(SUBMISSIONS), metavar="ID")
    parser.add_argument("--sizes", nargs="*", default=[], metavar="ID=SMALL,LARGE")
    parser.add_argument("--folder", type=Path, help="for the files; default: a temporary one")
    parser.add_argument("--one", nargs=3, metavar=("ID", "check|score", "DIR"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        return _judge_one(arguments.one[0], arguments.one[1], Path(arguments.one[2]))
    sizes = {name: spec[1] for name, spec in SUBMISSIONS.items()} | dict(map(_parsed, arguments.sizes))
    measured: list[Measured] = []
    faults = []
    for name in arguments.only:
        try:
            of_name = [_measured(name, rows, arguments.folder) for rows in sizes[name]]
        except (MlebenchError, RuntimeError) as error:
            faults.append(f"{name}: {error}")
            continue
        measured += of_name
        growth = of_name[1].cpu_secs_per_row / of_name[0].cpu_secs_per_row
        if growth > MOST_GROWTH:
            faults.append(f"{name}: a row of the large size takes {growth:.1f} times the processor time")
    _print(measured)
    print("\n".join(faults) or "no faults")
    result = {**about_this_machine(), "measured": [asdict(entry) for entry in measured], "faults": faults}
    write_json(REPOSITORY / "benchmarks" / "results" / "grade.json", result)
    return 1 if faults else 0


def _parsed(text: str) -> tuple[str, tuple[int, int]]:
    name, _, numbers = text.partition("=")
    small, large = (int(number) for number in numbers.split(","))
    return name, (small, large)


def _measured(name: str, rows: int, folder: Path | None) -> Measured:
    competition = _competition(name)
    with tempfile.TemporaryDirectory(prefix="mlebench-grade-", dir=folder) as made:
        parts = Path(made)
        answers, submission = SUBMISSIONS[name][0](competition, rows)
        _write(answers, parts / competition.answers)
        _write(answers, parts / competition.sample)
        submission.iloc[::-1].to_csv(parts / "submission.csv", index=False)
        return Measured(
            competition=name,
            rows=rows,
            submission_mib=(parts / "submission.csv").stat().st_size / MIB,
            check=Cost(**in_own_process("grade.py", "--one", name, "check", made)),
            score=Cost(**in_own_process("grade.py", "--one", name, "score", made)),
        )


def _write(table: pd.DataFrame, path: Path) -> None:
    """Write a table; where a zip is asked for, as its only member."""
    table.to_csv(path, index=False, compression="zip" if path.suffix == ".zip" else None)


def _judge_one(name: str, verb: str, parts: Path) -> int:
    competition = _competition(name)
    submission = parts / "submission.csv"
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
    for column in ("competition", "rows", "submission", "check", "processor", "memory", "score", "processor", "memory"):
        table.add_column(column, justify="left" if column == "competition" else "right")
    for entry in measured:
        table.add_row(
            entry.competition,
            f"{entry.rows:,}",
            f"{entry.submission_mib:,.0f} MiB",
            *_cells(entry.check),
            *_cells(entry.score),
        )
    Console(width=140).print(table)


def _cells(cost: Cost) -> tuple[str, str, str]:
    return f"{cost.secs:.1f} s", f"{cost.cpu_secs:.1f} s", f"{cost.peak_mib:,.0f} MiB"


if __name__ == "__main__":
    sys.exit(main())
