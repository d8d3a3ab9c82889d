"""What is asked: which table to learn from, what to predict, and in which form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    """What a target is."""

    CLASSES = "classes"  # two or more
    NUMBER = "number"


class Answer(StrEnum):
    """What the submission holds for a target."""

    PROBABILITY = "probability"  # of the second of two classes
    PROBABILITIES = "probabilities"  # one column per class
    LABEL = "label"
    NUMBER = "number"
    INTEGER = "integer"


@dataclass(frozen=True, kw_only=True)
class Goal:
    """One target, and the columns of the submission that it fills."""

    target: str
    kind: Kind
    answer: Answer
    columns: tuple[str, ...]  # more than one with PROBABILITIES only; then each is named for its class


@dataclass(frozen=True, kw_only=True)
class Question:
    """Everything about the competition that the learner needs to know. Paths are complete."""

    train: Path
    test: Path | None  # None: the rows of the sample submission are all there is
    sample: Path
    id: str
    goals: tuple[Goal, ...]
    metric: str
    time: str | None = None  # the test rows come after the train rows in this column
    groups: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    ordinal: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    text: tuple[str, ...] = ()
    images: tuple[str, str] | None = None  # paths of train's and test's images, {column} standing for a cell


class NotUnderstood(Exception):
    """The data is of a kind that this learner cannot learn from; the text says why."""
