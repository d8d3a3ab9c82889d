"""Whole folders, with all that is below them."""

from collections.abc import Iterable
from pathlib import Path

from tasks.recipes.checks import require
from tasks.recipes.files import copy_files, names_in


def copy_folders(source: Path, target: Path, folders: Iterable[str]) -> None:
    """Put folders of the folder `source` below `target`, under the same paths, as `copy_files` does with files.

    Args:
        folders: paths below `source`.

    Raises:
        DataError: one is missing, or holds no files.
    """
    for folder in folders:
        names = names_in(source, folder, recursive=True)
        require(names, f"{source / folder} holds no files")
        copy_files(source, target, [f"{folder}/{name}" for name in names])
