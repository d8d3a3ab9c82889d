"""From a submission file to a verdict on its format, and to a score. Three ways, one interface.

1. A named metric over the aligned tables (grading.metrics.METRICS).
2. A metric of its own: grade.py has `grade(prediction, answers) -> float` over the aligned tables, and may have
   `validate(prediction)` for what the kinds of the columns cannot say; it sees the rows in the order of the sample
   or of the answers and raises SubmissionInvalid.
3. Its own reading too: grade.py has `check(submission, public)` and `score(submission, public, private) -> float`,
   which read for themselves and raise SubmissionInvalid.
"""

import math
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

from core.errors import DataError, GraderFailed, SubmissionInvalid
from grading.formats import Column, Header, SubmissionFormat
from grading.metrics import DECIMALS, score
from grading.submission import align, read_ours, read_submission
from tasks import archives
from tasks.modules import load_module

if TYPE_CHECKING:
    import pandas as pd

OURS_BROKEN = (ValueError, OSError, DataError)  # what a file of the data folder may be read with


class Grader(Protocol):
    """Judges submissions."""

    def check(self, submission: Path, public: Path) -> None:
        """Check a submission's format against the public data alone.

        Raises:
            SubmissionInvalid: it breaks the format; the text says how, in one line.
            DataError: the public data cannot be read.
            GraderFailed: the competition's own check broke.
        """
        ...

    def score(self, submission: Path, public: Path, private: Path) -> float:
        """Grade a submission against the answers, rounded to 5 decimals.

        Raises:
            SubmissionInvalid: it breaks the format, or the metric is not defined for it.
            GraderFailed: the answers cannot be read, or the metric failed or gave no finite number.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class TableGrader:
    """Reads a submission as its format says and aligns it with the answers.

    Attributes:
        own: the module of grade.py, where there is one.
        answer_columns: what of the answers is read.
    """

    competition_id: str
    metric: str
    format: SubmissionFormat
    answer_columns: tuple[Column, ...]
    sample: str
    answers: str
    own: ModuleType | None

    def check(self, submission: Path, public: Path) -> None:
        """As Grader.check."""
        try:
            with plain_table(public / self.sample) as path:
                ours = read_ours(path, self.format)
        except OURS_BROKEN as error:
            raise DataError(f"the sample submission of {self.competition_id} is broken: {error}") from error
        self._prediction(submission, ours)

    def score(self, submission: Path, public: Path, private: Path) -> float:
        """As Grader.score."""
        format = replace(self.format, columns=self.answer_columns, rows_sum_to_one=False, header=Header.OPEN)
        try:
            answers = read_ours(private / self.answers, format)
        except OURS_BROKEN as error:
            raise GraderFailed(f"the answers of {self.competition_id} cannot be read: {error}") from error
        prediction = self._prediction(submission, answers)
        if self.own is not None:
            with _failing_as_grader(f"{self.metric} of {self.competition_id}"):
                return _rounded(self.own.grade(prediction, answers), f"{self.metric} of {self.competition_id}")
        names = self.format.names
        return score(self.metric, answers[names], prediction[names])

    def _prediction(self, submission: Path, ours: "pd.DataFrame") -> "pd.DataFrame":
        prediction = align(read_submission(submission, self.format, rows=len(ours)), ours, self.format)
        if self.own is not None and hasattr(self.own, "validate"):
            with _failing_as_grader(f"the check of {self.competition_id}"):
                self.own.validate(prediction)
        return prediction


@dataclass(frozen=True, kw_only=True)
class OwnGrader:
    """Leaves the reading to grade.py."""

    competition_id: str
    metric: str
    own: ModuleType

    def check(self, submission: Path, public: Path) -> None:
        """As Grader.check."""
        with _failing_as_grader(f"the check of {self.competition_id}"):
            self.own.check(submission, public)

    def score(self, submission: Path, public: Path, private: Path) -> float:
        """As Grader.score."""
        with _failing_as_grader(f"{self.metric} of {self.competition_id}"):
            return _rounded(self.own.score(submission, public, private), f"{self.metric} of {self.competition_id}")


@contextmanager
def plain_table(path: Path) -> Iterator[Path]:
    """Give a plain file for a table that may be the only member of an archive.

    Raises:
        DataError: the archive is broken, or holds none or several.
    """
    if not archives.is_archive(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="mlebench-sample-") as folder:
        unpacked = Path(folder) / "table.csv"
        with archives.opened_member(path) as content, unpacked.open("wb") as file:
            shutil.copyfileobj(content, file, archives.CHUNK_BYTES)
        yield unpacked


def load_grade_module(path: Path, competition_id: str) -> ModuleType | None:
    """Import grade.py, None where there is none.

    Raises:
        GraderFailed: it cannot be imported, or has none of the functions that it is for.
    """
    if not path.is_file():
        return None
    with _failing_as_grader(f"grade.py of {competition_id}"):
        module = load_module(path)
    if not hasattr(module, "grade") and not (hasattr(module, "check") and hasattr(module, "score")):
        raise GraderFailed(f"grade.py of {competition_id} has neither grade() nor check() and score()")
    return module


@contextmanager
def _failing_as_grader(what: str) -> Iterator[None]:
    try:
        yield
    except (SubmissionInvalid, GraderFailed):
        raise
    except Exception as error:  # grade.py is anybody's code and may raise anything
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise GraderFailed(f"{what} failed: {reason}") from error


def _rounded(value: float, what: str) -> float:
    value = float(value)
    if not math.isfinite(value):
        raise GraderFailed(f"{what} gave {value}, which is no score")
    return round(value, DECIMALS)
