"""A technique: one focused question that can be asked about a competition's data, and how its answer is graded.

A folder of tasks/techniques: technique.yaml, description.md, plant.py, which makes a view of the data and the truth
about it, and checks.py, which holds an answer against that truth. Adding one is adding a folder.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from core.errors import DataError, GraderFailed, InputError, NotApplicable, SubmissionInvalid
from grading.answers import Answer, read_answer
from grading.checks import TechniqueGrade, Truth, Weighed, graded, ungraded
from tasks.modules import load_module
from tasks.schema import CheckEntry, CodeEntry, Kind, TechniqueFile, read_yaml

if TYPE_CHECKING:
    from numpy.random import RandomState

    from tasks.planting import Planted, Tables
    from tasks.registry import Competition

CODE_RESULT = "code"  # key of the answer under which the engine puts what a code file did


@dataclass(frozen=True, kw_only=True)
class Technique:
    """What a technique's folder says, and what can be done with it."""

    id: str
    name: str
    folder: Path
    kinds: tuple[Kind, ...]
    images: bool
    fields: tuple[str, ...]
    checks: tuple[CheckEntry, ...]
    code: CodeEntry | None

    @property
    def answer_file(self) -> str:
        """Name of the answer in the submission folder."""
        return f"{self.id}_analysis.json"

    def description(self) -> str:
        """The question, for an agent."""
        return (self.folder / "description.md").read_text(encoding="utf-8")

    def content_hash(self) -> str:
        """SHA-256 (hex) of what the views and the truth come from."""
        return hashlib.sha256((self.folder / "plant.py").read_bytes()).hexdigest()

    def inapplicable(self, competition: "Competition") -> str | None:
        """Say why the question cannot be asked of a competition, as far as its folder tells; None where it can."""
        table = competition.table
        if table is None:
            return f"{competition.id} has no table"
        if table.images is not None and not self.images:
            return f"{competition.id} has images and a table of labels; {self.id} asks about columns"
        if table.kind not in self.kinds:
            return f"the target of {competition.id} is of kind {table.kind}; {self.id} asks about classes"
        return None

    def plant(self, tables: "Tables", draw: "RandomState") -> "Planted":
        """Plant known facts into a competition's tables.

        Raises:
            NotApplicable: the tables do not bear the question.
            DataError: the planter failed.
        """
        try:
            planted: Planted = load_module(self.folder / "plant.py").plant(tables, draw)
        except NotApplicable:
            raise
        except Exception as error:  # planters are anybody's code and may raise anything
            raise DataError(f"planting {self.id} failed: {type(error).__name__}: {error}") from error
        return planted

    def grade(self, answer_file: Path, truth: Truth, code: Mapping[str, Any] | None = None) -> TechniqueGrade:
        """Grade an answer. One that is missing or is no JSON object gets 0, with the reason.

        Args:
            answer_file: hostile.
            truth: of the view that was asked about.
            code: what the code file that was handed in did in its sandbox; None where there is none.

        Raises:
            GraderFailed: a check broke.
        """
        try:
            answer = read_answer(answer_file)
        except SubmissionInvalid as error:
            return ungraded(self.id, str(error))
        return self.grade_answer(answer, truth, code)

    def grade_answer(self, answer: Answer, truth: Truth, code: Mapping[str, Any] | None = None) -> TechniqueGrade:
        """Grade an answer that is an object; the rest is as for `grade`."""
        checks = [self._weighed(entry) for entry in self.checks]
        if self.code is not None and code is not None:
            checks.append(self._weighed(self.code.check, is_extra=True))
        try:
            grade = graded(self.id, checks, {**answer, CODE_RESULT: code}, truth)
        except Exception as error:  # checks are anybody's code and may raise anything
            raise GraderFailed(f"a check of {self.id} failed: {type(error).__name__}: {error}") from error
        missing = [field for field in self.fields if field not in answer]
        return replace(grade, message=f"{grade.message}; not answered: {', '.join(missing)}") if missing else grade

    def judge_code(self, outputs: Path, public: Path, truth: Truth, table: Mapping[str, Any]) -> Mapping[str, Any]:
        """Judge what the code file that was handed in gave in its sandbox; `note` says what is wrong.

        Args:
            outputs: hostile.
            public: of the view, with the tables that `table` names.

        Raises:
            GraderFailed: the judge broke.
            MemoryError: what the code gave takes more memory than there is.
        """
        try:
            judged: Mapping[str, Any] = load_module(self.folder / "judge_code.py").judge(outputs, public, truth, table)
        except SubmissionInvalid as error:
            return {"note": str(error)}
        except MemoryError:
            raise
        except Exception as error:  # judges are anybody's code and may raise anything
            raise GraderFailed(f"judging the code of {self.id} failed: {type(error).__name__}: {error}") from error
        return judged

    @cached_property
    def _functions(self) -> ModuleType:
        return load_module(self.folder / "checks.py")

    def _weighed(self, entry: CheckEntry, *, is_extra: bool = False) -> Weighed:
        check = getattr(self._functions, entry.name, None)
        if check is None:
            raise InputError(f"{self.folder / 'checks.py'} has no function {entry.name!r}, which technique.yaml names")
        return Weighed(name=entry.name, weight=entry.weight, needs=entry.needs, check=check, is_extra=is_extra)


def read_technique(folder: Path) -> Technique:
    """Read technique.yaml of a folder.

    Raises:
        InputError: it is not as it should be.
    """
    entry = read_yaml(folder / "technique.yaml", TechniqueFile)
    seen: set[str] = set()
    for check in (*entry.checks, *([entry.code.check] if entry.code else [])):
        for name in check.needs:
            if name not in seen:
                raise InputError(f"{folder / 'technique.yaml'}: {check.name} needs {name!r}, no check before it")
        seen.add(check.name)
    return Technique(
        id=entry.id,
        name=entry.name,
        folder=folder,
        kinds=entry.kinds,
        images=entry.images,
        fields=entry.fields,
        checks=entry.checks,
        code=entry.code,
    )
