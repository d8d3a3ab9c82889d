"""Listing the competitions and their known defects."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from scripts.choosing import chosen, data_place_of, every_competition, splits
from scripts.terminal import console_for, show_table
from tasks.data import is_prepared
from tasks.disk import size_of
from tasks.progress import human
from tasks.registry import Competition


def list_competitions(split: str | None, *, data_dir: str | None, as_json: bool) -> None:
    """Print what competitions there are: all, or those of a split."""
    folder = data_place_of(data_dir).folder
    members = splits()
    rows = [_row(competition, members, folder) for competition in _of(split)]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    columns = ["id", "splits", "category", "metric", "direction", "thresholds", "size", "prepared"]
    table = Table(*columns)
    for column in (columns.index("id"), columns.index("size")):
        table.columns[column].no_wrap = True
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in columns[:-2]), _size(row), _cell(row["prepared"]))
    show_table(table, console_for(as_json=False))


def list_issues(split: str | None, *, as_json: bool) -> None:
    """Print the known defects of data and grading, by competition."""
    known = {competition.id: list(competition.issues) for competition in _of(split) if competition.issues}
    if as_json:
        print(json.dumps(known, indent=2))
        return
    console = console_for(as_json=False)
    if not known:
        console.print("no known defects")
    for name, issues in known.items():
        console.print(name, style="bold", highlight=False)
        for issue in issues:
            console.print(f"  - {issue}", highlight=False, markup=False)


def _of(split: str | None) -> Sequence[Competition]:
    if split is None:
        return every_competition()
    return chosen(None, split=split, lite=False, everything=False, list_file=None)


def _row(competition: Competition, members: dict[str, tuple[str, ...]], folder: Path) -> dict[str, object]:
    prepared = is_prepared(competition, folder)
    return {
        "id": competition.id,
        "name": competition.name,
        "splits": [name for name, ids in members.items() if competition.id in ids],
        "category": competition.category,
        "metric": competition.metric,
        "direction": "lower" if competition.thresholds.lower_is_better else "higher",
        "thresholds": str(competition.thresholds.kind),
        "download_bytes": competition.download_bytes,
        "prepared_bytes": size_of(folder / competition.id / "prepared") if prepared else None,
        "prepared": prepared,
    }


def _size(row: dict[str, object]) -> str:
    """The prepared size; of what is not prepared, the size of its download."""
    if isinstance(size := row["prepared_bytes"], int):
        return human(size)
    return f"{human(size)} to download" if isinstance(size := row["download_bytes"], int) else ""


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(value) if isinstance(value, list) else str(value)
