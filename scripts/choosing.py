"""Which competitions a command means, and where data is: what the options of several commands have in common."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tasks.registry import Competition
    from worker.places import Place

DataDir = Annotated[
    str | None,
    typer.Option("--data-dir", help="the competitions' data: a folder or s3://bucket/prefix  [MLEBENCH_DATA_DIR]"),
]
Ids = Annotated[list[str] | None, typer.Option("-c", "--competition", help="a competition's id; may be repeated")]
SplitName = Annotated[str | None, typer.Option("--split", help="those of a split, by its name or .txt file")]
Lite = Annotated[bool, typer.Option("--lite", help="those of split low")]
Everything = Annotated[bool, typer.Option("--all", help="all there are")]
ListFile = Annotated[Path | None, typer.Option("--list", help="a file of ids, one a line")]


def chosen(
    ids: Sequence[str] | None, *, split: str | None, lite: bool, everything: bool, list_file: Path | None
) -> "list[Competition]":
    """Give the competitions that the options name.

    Raises:
        InputError: there is not exactly one way of naming, or a name names nothing.
    """
    from core.errors import InputError
    from tasks.splits import load_split

    ways = [bool(ids), split is not None, lite, everything, list_file is not None]
    if sum(ways) != 1:
        raise InputError("which competitions? expected one of -c ID, --split NAME, --lite, --all or --list FILE")
    if everything:
        return every_competition()
    named = "low" if lite else split or (str(list_file) if list_file is not None else None)
    names = load_split(named, roots=_roots()).competitions if named else ids or ()
    return [competition(name) for name in dict.fromkeys(names)]


def competition(name: str) -> "Competition":
    """Load one competition. Raises InputError."""
    from tasks.registry import load_competition

    return load_competition(name, roots=_roots())


def every_competition() -> "list[Competition]":
    """Load all that there are. Raises InputError."""
    from tasks.registry import list_competitions

    return [competition(name) for name in list_competitions(_roots())]


def splits() -> dict[str, tuple[str, ...]]:
    """The ids of each split in the repository."""
    from tasks.splits import list_splits, load_split

    return {name: load_split(name, roots=_roots()).competitions for name in list_splits()}


def data_place_of(given: str | None) -> "Place":
    """Where data is: at `given`, or else where the settings say. Raises InputError."""
    from worker.places import data_place
    from worker.settings import load_settings

    return data_place(load_settings(data_dir=given))


def _roots() -> list[Path]:
    from tasks.registry import competition_roots
    from worker.settings import load_settings

    return competition_roots(load_settings().competitions_path)
