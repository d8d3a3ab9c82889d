"""Find, load and validate competitions and techniques.

A competition is a folder: competition.yaml, thresholds.yaml, description.md, prepare.py, grade.py where the metric
is its own, and checksums.yaml where they are known. Adding one is adding a folder.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from core.errors import DataError, InputError, UnknownName
from core.files import read_lines
from core.resources import Resources
from grading.formats import Column, Header, SubmissionFormat
from grading.medals import Thresholds
from grading.metrics import METRICS
from tasks.graders import Grader, OwnGrader, TableGrader, load_grade_module, plain_table
from tasks.modules import load_module
from tasks.schema import (
    ChecksumsFile,
    ColumnEntry,
    CompetitionFile,
    Source,
    SubmissionEntry,
    Table,
    ThresholdsFile,
    read_yaml,
)
from tasks.technique import Technique, read_technique

COMPETITIONS = Path(__file__).resolve().parent / "competitions"
TECHNIQUES = Path(__file__).resolve().parent / "techniques"
UNSAFE_CHARACTER = re.compile(r"[^A-Za-z0-9._-]|^[._-]")  # ids become folder names and parts of commands


@dataclass(frozen=True, kw_only=True)
class Competition:
    """One competition: what its folder says, and what can be done with it."""

    id: str
    name: str
    category: str
    folder: Path
    source: Source
    metric: str
    format: SubmissionFormat
    thresholds: Thresholds
    answers: str  # below private/
    answer_columns: tuple[Column, ...]  # of the answers, beside the ids
    sample: str  # below public/; a table, or an archive with one as its only file
    table: Table | None
    expected_secs: float | None  # how long an agent is expected to take; longer ones are started first
    resources: Resources  # that an attempt on it needs
    download_bytes: int | None  # size of Kaggle's archive
    further_files: dict[str, str]  # names in raw/ of files that Kaggle does not have, with their addresses
    checksums: ChecksumsFile  # without any where none are known
    issues: tuple[str, ...]  # known defects of the data or the grading

    def description(self) -> str:
        """The text for an agent: description.md, and the same facts as YAML for programs."""
        text = (self.folder / "description.md").read_text(encoding="utf-8").rstrip()
        facts = yaml.safe_dump(self._facts(), sort_keys=False, allow_unicode=True, width=110)
        return f"{text}\n\n## The same for programs\n\n```yaml\n{facts}```\n"

    def _facts(self) -> dict[str, Any]:
        return {
            "table": self.table.model_dump(mode="json") if self.table else None,
            "metric": {"name": self.metric, "lower_is_better": self.thresholds.lower_is_better},
            "submission": {
                "sample": self.sample,
                "id": self.format.id,
                **({"further_ids": list(self.format.further_ids)} if self.format.further_ids else {}),
                "columns": [_column_facts(column) for column in self.format.columns],
                **({"header": str(self.format.header)} if self.format.header is not Header.OPEN else {}),
                "rows_sum_to_one": self.format.rows_sum_to_one,
            },
        }

    def prepare_parts(self, raw: Path, public: Path, private: Path) -> None:
        """Run the competition's preparer: from `raw` into the empty folders `public` and `private`.

        Raises:
            DataError: the preparer failed, for whatever reason.
        """
        try:
            load_module(self.folder / "prepare.py").prepare(raw, public, private)
        except DataError:
            raise
        except Exception as error:  # preparers are anybody's code and may raise anything
            raise DataError(f"preparing {self.id} failed: {type(error).__name__}: {error}") from error

    def check(self, submission: Path, public: Path) -> None:
        """Check a submission's format against the public data alone.

        Raises:
            SubmissionInvalid: it breaks the format; the text says how, in one line.
            DataError: the sample submission, which tells the ids, cannot be read.
            GraderFailed: the competition's own check broke.
        """
        self._grader().check(submission, public)

    def check_sample(self, public: Path) -> None:
        """Check that the sample submission is a valid submission. Raises as `check` does."""
        with plain_table(public / self.sample) as path:
            self.check(path, public)

    def score(self, submission: Path, public: Path, private: Path) -> float:
        """Grade a submission against the answers, rounded to 5 decimals.

        Raises:
            SubmissionInvalid: it breaks the format, or the metric is not defined for it.
            GraderFailed: the answers cannot be read, or the metric failed or gave no finite number.
        """
        return self._grader().score(submission, public, private)

    def _grader(self) -> Grader:
        own = load_grade_module(self.folder / "grade.py", self.id)
        if own is not None and hasattr(own, "score"):
            return OwnGrader(competition_id=self.id, metric=self.metric, own=own)
        return TableGrader(
            competition_id=self.id,
            metric=self.metric,
            format=self.format,
            answer_columns=self.answer_columns,
            sample=self.sample,
            answers=self.answers,
            own=own,
        )


def competition_roots(extra: str | None) -> list[Path]:
    """The folders that hold competitions: ours, then those of MLEBENCH_COMPETITIONS_PATH, given as `extra`.

    Raises:
        InputError: one of them is not a folder.
    """
    roots = [Path(entry).expanduser() for entry in (extra or "").split(os.pathsep) if entry]
    for root in roots:
        if not root.is_dir():
            raise InputError(f"MLEBENCH_COMPETITIONS_PATH names {root}, which is not a folder")
    return [COMPETITIONS, *roots]


def list_competitions(roots: Sequence[Path]) -> list[str]:
    """Ids of all competitions, sorted."""
    return sorted({folder.name for root in roots for folder in _folders(root, "competition.yaml")})


def load_competition(
    competition_id: str, *, roots: Sequence[Path], thresholds: Thresholds | None = None
) -> Competition:
    """Load a competition and check its folder. With `thresholds`, its thresholds.yaml is not read.

    Raises:
        UnknownName: none of `roots` holds it.
        InputError: its folder is not as it should be, or two roots hold it.
    """
    folder = _find("competition", competition_id, roots)
    entry = read_yaml(folder / "competition.yaml", CompetitionFile)
    _check_folder(folder, entry.id, ("description.md", "prepare.py"))
    format = _format(entry.submission, folder)
    return Competition(
        id=entry.id,
        name=entry.name,
        category=entry.category,
        folder=folder,
        source=entry.source,
        metric=entry.metric,
        format=format,
        thresholds=thresholds or _thresholds(folder, lower_is_better=_lower_is_better(entry, folder)),
        answers=entry.answers,
        answer_columns=_columns(entry.answer_columns, folder) or format.columns,
        sample=entry.sample,
        table=entry.table,
        expected_secs=entry.expected_secs,
        resources=entry.resources,
        download_bytes=entry.download_bytes,
        further_files=entry.further_files,
        checksums=_checksums(folder),
        issues=entry.issues,
    )


def list_techniques() -> list[str]:
    """Ids of all techniques, sorted."""
    return sorted(folder.name for folder in _folders(TECHNIQUES, "technique.yaml"))


def load_technique(technique_id: str) -> Technique:
    """Load a technique.

    Raises:
        UnknownName: there is none of that id.
        InputError: its folder is not as it should be.
    """
    folder = _find("technique", technique_id, [TECHNIQUES])
    technique = read_technique(folder)
    _check_folder(folder, technique.id, ("description.md", "plant.py", "checks.py"))
    return technique


def _folders(root: Path, file: str) -> list[Path]:
    return [path.parent for path in root.glob(f"*/{file}")]


def _find(kind: str, name: str, roots: Sequence[Path]) -> Path:
    folders = [folder for root in roots for folder in _folders(root, f"{kind}.yaml")]
    found = [folder for folder in folders if folder.name == name]
    if not found:
        raise UnknownName(kind, name, {folder.name for folder in folders})
    if len(found) > 1:
        raise InputError(f"{kind} {name!r} is in two folders, rename one: {found[0]} and {found[1]}")
    return found[0]


def _check_folder(folder: Path, declared_id: str, files: Sequence[str]) -> None:
    if UNSAFE_CHARACTER.search(folder.name):
        raise InputError(f"{folder}: an id has letters, digits, '-', '_' and '.', and begins with a letter or digit")
    if declared_id != folder.name:
        raise InputError(f"{folder}: its id is {declared_id!r}, expected the folder's name {folder.name!r}")
    for file in files:
        if not (folder / file).is_file():
            raise InputError(f"{folder / file} is missing")


def _column_facts(column: Column) -> dict[str, Any]:
    facts = {"name": column.name, "kind": str(column.kind), "classes": list(column.classes)}
    bounds = {"minimum": column.minimum, "maximum": column.maximum}
    return {**facts, **{name: bound for name, bound in bounds.items() if bound is not None}}


def _format(entry: SubmissionEntry, folder: Path) -> SubmissionFormat:
    format = SubmissionFormat(
        id=entry.id,
        further_ids=entry.further_ids,
        repeated_ids=entry.repeated_ids,
        columns=_columns(entry.columns, folder),
        header=entry.header,
        rows_sum_to_one=entry.rows_sum_to_one,
        sum_tolerance=entry.sum_tolerance,
        max_bytes=entry.max_bytes,
    )
    names = [*format.ids, *format.names]
    if twice := {name for name in names if names.count(name) > 1}:
        raise InputError(f"{folder}: the submission has column {min(twice)!r} more than once")
    return format


def _columns(entries: Sequence[ColumnEntry], folder: Path) -> tuple[Column, ...]:
    return tuple(column for entry in entries for column in _columns_of(entry, folder))


def _columns_of(entry: ColumnEntry, folder: Path) -> Iterator[Column]:
    names = _listed_in(folder / entry.names_from) if entry.names_from else (str(entry.name),)
    classes = _listed_in(folder / entry.classes_from) if entry.classes_from else entry.classes
    for name in names:
        yield Column(
            name=name,
            kind=entry.kind,
            classes=classes,
            minimum=entry.minimum,
            maximum=entry.maximum,
            missing_words=entry.missing_words,
            refuse_all_numbers=entry.refuse_all_numbers,
        )


def _listed_in(path: Path) -> tuple[str, ...]:
    try:
        return read_lines(path)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _checksums(folder: Path) -> ChecksumsFile:
    path = folder / "checksums.yaml"
    return read_yaml(path, ChecksumsFile) if path.exists() else ChecksumsFile()


def _lower_is_better(entry: CompetitionFile, folder: Path) -> bool:
    if (folder / "grade.py").is_file():
        if entry.lower_is_better is None:
            raise InputError(f"{folder}: missing key 'lower_is_better', which a metric of its own (grade.py) needs")
        return entry.lower_is_better
    if entry.metric not in METRICS:
        raise InputError(f"{folder}: {UnknownName('metric', entry.metric, METRICS)}")
    if entry.lower_is_better is not None:
        raise InputError(f"{folder}: key 'lower_is_better' belongs to a metric of its own; {entry.metric} knows it")
    return METRICS[entry.metric].lower_is_better


def _thresholds(folder: Path, *, lower_is_better: bool) -> Thresholds:
    entry = read_yaml(folder / "thresholds.yaml", ThresholdsFile)
    rising = [entry.median, entry.bronze, entry.silver, entry.gold]
    if rising != sorted(rising, reverse=lower_is_better):
        raise InputError(f"{folder / 'thresholds.yaml'}: from median to gold the thresholds must not get worse")
    return Thresholds(
        kind=entry.kind,
        gold=entry.gold,
        silver=entry.silver,
        bronze=entry.bronze,
        median=entry.median,
        lower_is_better=lower_is_better,
    )
