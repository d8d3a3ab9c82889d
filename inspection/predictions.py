"""Submissions made small: a digest of the content, and a sample of rows that is the same for all of a competition.

A submission may have millions of rows. It is read as the grader reads it, one at a time, and what is kept of it is
bounded: the rows with the smallest hashes of their ids, which are the same ids in every submission, whatever its order.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import DataError, SubmissionInvalid
from grading.formats import SubmissionFormat
from grading.submission import read_submission
from inspection.rollouts import Known, Rollout
from tasks.graders import plain_table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

SUBMISSION = "submission/submission.csv"
MOST_ROWS = 20_000  # that are kept
MOST_CELLS = 2_000_000  # that are kept
LONGEST_TEXT = 200  # characters of a cell that are kept; the hash is of all
RANKED_COLUMNS = 3  # with more columns of numbers, ranks are not compared


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What is kept of a submission: n sampled rows, in the order of their ids' hashes.

    Attributes:
        digest: of the ids and the content, whatever the order of the rows and the way numbers are written: equal
            digests mean equal predictions, numbers to about 7 digits.
        rows: how many the submission has.
        varied: how many rows differ from the most frequent one, ids aside. Of few or none, equality says nothing.
        keys: n hashes of ids, sorted.
        ids: n ids, as text.
        lines: n line numbers in the file, the header being 1, if every row is one line.
        numbers: n x columns of numbers, float64; ranks: the same as ranks, centred, None with many columns.
        texts: n hashes of the cell, by column of text or labels; shown: the cells, shortened.
    """

    digest: str
    rows: int
    varied: int
    keys: "NDArray[np.uint64]"
    ids: "NDArray[np.object_]"
    lines: "NDArray[np.int64]"
    number_names: tuple[str, ...]
    numbers: "NDArray[np.float64]"
    ranks: "NDArray[np.float64] | None"
    texts: "dict[str, NDArray[np.uint64]]"
    shown: "dict[str, NDArray[np.object_]]"

    def cell(self, row: int) -> str:
        """Give what a sampled row predicts, for people."""
        cells = [f"{value:.6g}" for value in self.numbers[row][:4]]
        cells += [str(column[row])[:40] for column in list(self.shown.values())[:2]]
        return ", ".join(cells)


def predictions_of(rollout: Rollout, known: Known, *, rows: int | None) -> tuple[Predictions | None, str | None]:
    """Read an attempt's submission; or give None and why it cannot be compared by its content, as a sentence."""
    if SUBMISSION not in rollout.files:
        return None, None
    if known.competition is None:
        return None, f"{rollout.label}: this host has no such competition; its submission was compared by bytes alone"
    with rollout.local(SUBMISSION) as path:
        try:
            return read_predictions(path, known.competition.format, rows=rows), None
        except (SubmissionInvalid, OSError) as error:
            return None, f"{rollout.label}: its submission is no table to compare ({str(error)[:200]})"


def sample_predictions(known: Known) -> Predictions | None:
    """Read the sample submission; None where this host has none that can be read."""
    if known.competition is None or known.data is None:
        return None
    try:
        with plain_table(known.data.public / known.competition.sample) as path:
            return read_predictions(path, known.competition.format, rows=None)
    except (SubmissionInvalid, DataError, OSError, ValueError):  # a competition with a reading of its own
        return None


def read_predictions(path: Path, format: SubmissionFormat, *, rows: int | None) -> Predictions:
    """Read a submission.

    Args:
        rows: how many there may be at most; None where that is not known.

    Raises:
        SubmissionInvalid: it breaks the format.
        OSError: this host failed to read it.
    """
    frame = read_submission(path, format, rows=rows)
    keys, content = _hashes(frame, format)
    kept = keys.argsort(kind="stable")[: max(1, min(MOST_ROWS, MOST_CELLS // len(frame.columns)))]
    return _kept(frame, format, keys=keys, content=content, kept=kept)


def _hashes(frame: "pd.DataFrame", format: SubmissionFormat) -> "tuple[NDArray[np.uint64], NDArray[np.uint64]]":
    """Give a hash of each row's id and one of its content. Rows that share an id are told apart by their order."""
    import numpy as np

    ids = frame[format.ids].apply(lambda column: column.str.removesuffix(".0"))
    keys = _hash(ids)
    if format.repeated_ids:
        times = frame.groupby(format.ids, sort=False).cumcount().to_numpy().astype(np.uint64)
        keys = keys + times * np.uint64(0x9E3779B97F4A7C15)
    content = frame[format.names].copy()
    for name in content.select_dtypes("float64").columns:
        content[name] = content[name].astype("float32") + np.float32(0)  # no -0
    return keys, _hash(content)


def _kept(
    frame: "pd.DataFrame",
    format: SubmissionFormat,
    *,
    keys: "NDArray[np.uint64]",
    content: "NDArray[np.uint64]",
    kept: "NDArray[np.int64]",
) -> Predictions:
    import numpy as np

    sample = frame.iloc[kept]
    kinds = {column.name: column.kind.numeric for column in format.columns}
    numeric = [name for name, is_number in kinds.items() if is_number]
    texts = [name for name, is_number in kinds.items() if not is_number]
    numbers = sample[numeric].to_numpy(dtype=np.float64)
    ranks = sample[numeric].rank().to_numpy(dtype=np.float64) if 0 < len(numeric) <= RANKED_COLUMNS else None
    _, counts = np.unique(content, return_counts=True)
    rows = np.sort(keys * np.uint64(31) + content)  # wraps around
    return Predictions(
        digest=hashlib.sha256(rows.tobytes()).hexdigest(),
        rows=len(frame),
        varied=int(len(frame) - counts.max()),
        keys=keys[kept],
        ids=sample[format.id].to_numpy(dtype=object),
        lines=kept + 2,
        number_names=tuple(numeric),
        numbers=numbers,
        ranks=None if ranks is None else ranks - ranks.mean(axis=0),
        texts={name: _hash(sample[name]) for name in texts},
        shown={name: sample[name].str.slice(0, LONGEST_TEXT).to_numpy(dtype=object) for name in texts},
    )


def _hash(rows: "pd.DataFrame | pd.Series") -> "NDArray[np.uint64]":
    import numpy as np
    from pandas.util import hash_pandas_object

    return np.asarray(hash_pandas_object(rows, index=False), dtype=np.uint64)
