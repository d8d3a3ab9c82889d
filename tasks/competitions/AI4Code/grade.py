"""Kendall's tau of the cells' order, pooled over all notebooks. Each row has to be an order of the notebook's cells."""

from bisect import bisect
from pathlib import Path

import pandas as pd

from core.errors import SubmissionInvalid
from grading.csv_file import shown
from grading.formats import Column, ColumnKind, SubmissionFormat
from grading.submission import align, read_ours, read_submission

FORMAT = SubmissionFormat(id="id", columns=(Column(name="cell_order", kind=ColumnKind.LABEL),))


def check(submission: Path, public: Path) -> None:
    """Check that each row holds the cells that the sample submission lists for the notebook.

    Raises:
        SubmissionInvalid: one does not, or the table is not as it should be.
    """
    _orders(submission, read_ours(public / "sample_submission.csv", FORMAT))


def score(submission: Path, public: Path, private: Path) -> float:
    """Give 1 - 4 S / sum of n (n - 1): S counts the pairs of cells in the wrong order, n the cells of a notebook.

    Raises:
        SubmissionInvalid: as `check`.
    """
    answers = read_ours(private / "test_orders.csv", FORMAT)
    inversions = pairs = 0
    for true, predicted in zip(answers["cell_order"], _orders(submission, answers), strict=True):
        place = {cell: number for number, cell in enumerate(true.split())}
        inversions += _inversions([place[cell] for cell in predicted])
        pairs += len(place) * (len(place) - 1)
    return 1 - 4 * inversions / pairs


def _orders(submission: Path, ours: pd.DataFrame) -> list[list[str]]:
    """The cells of each row, in the order of `ours`."""
    aligned = align(read_submission(submission, FORMAT, rows=len(ours)), ours, FORMAT)
    orders = []
    for notebook, given, expected in zip(aligned["id"], aligned["cell_order"], ours["cell_order"], strict=True):
        cells = expected.split()
        order = given.split(maxsplit=len(cells))  # a hostile cell may hold a gigabyte of words
        if sorted(order) != sorted(cells):
            raise SubmissionInvalid(
                f"column 'cell_order' of {shown(notebook)} does not hold each of the notebook's {len(cells)} cells once"
            )
        orders.append(order)
    return orders


def _inversions(ranks: list[int]) -> int:
    """Number of pairs in falling order."""
    seen: list[int] = []
    count = 0
    for number, rank in enumerate(ranks):
        place = bisect(seen, rank)
        count += number - place
        seen.insert(place, rank)
    return count
