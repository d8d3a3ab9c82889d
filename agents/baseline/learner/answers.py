"""From a target's cells to numbers that models learn, and from predictions to a submission's cells."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .metrics import Metric
from .question import Answer, Goal, Kind, NotUnderstood

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Coding:
    """How a target is written as numbers, and predictions as answers."""

    goal: Goal
    metric: Metric
    classes: tuple[Hashable, ...]  # as they stand in the train table; empty for numbers
    low: float  # of the target; of no use with classes
    high: float

    @classmethod
    def of(cls, goal: Goal, metric: Metric, target: pd.Series) -> "Coding":
        """The coding for a target without gaps.

        Raises:
            NotUnderstood: there is no row of it, or a number is asked for and it is none.
        """
        if target.empty:
            raise NotUnderstood(f"no row has a {goal.target!r} to learn from")
        if goal.kind is Kind.NUMBER and not pd.api.types.is_numeric_dtype(target):
            raise NotUnderstood(f"{goal.target!r} should be a number and is not")
        if goal.kind is Kind.NUMBER:
            return cls(goal=goal, metric=metric, classes=(), low=float(target.min()), high=float(target.max()))
        return cls(goal=goal, metric=metric, classes=tuple(sorted(_whole(target).unique())), low=0, high=0)

    @property
    def uses_logarithm(self) -> bool:
        return self.metric.log_target and self.low > -1

    def encode(self, target: pd.Series) -> Array:
        """Class numbers, or values as they are learned."""
        if self.classes:
            return pd.Categorical(_whole(target), categories=list(self.classes)).codes.astype(float)
        values = target.to_numpy(dtype=float)
        return np.log1p(values) if self.uses_logarithm else values

    def decode(self, prediction: Array) -> dict[str, object]:
        """The cells of each column of the submission that the goal fills."""
        first = self.goal.columns[0]
        match self.goal.answer:
            case Answer.PROBABILITIES:
                return dict(self._probabilities(prediction))
            case Answer.PROBABILITY:
                return {first: prediction[:, self._positive()] if len(self.classes) > 1 else self._certain(prediction)}
            case Answer.LABEL:
                return {first: [self.classes[number] for number in prediction.argmax(axis=1)]}
            case Answer.NUMBER | Answer.INTEGER:
                values = np.expm1(prediction) if self.uses_logarithm else prediction
                values = np.clip(values, self.low, self.high)
                return {first: values.round().astype(int) if self.goal.answer is Answer.INTEGER else values}

    def _positive(self) -> int:
        """The class that the probability is of: the one that the column is called, else the second."""
        names = [str(value) for value in self.classes]
        column = self.goal.columns[0]
        return names.index(column) if column in names else 1

    def _certain(self, prediction: Array) -> Array:
        return np.full(len(prediction), float(str(self.classes[0]).lower() in ("1", "true", "yes")))

    def _probabilities(self, prediction: Array) -> dict[str, Array]:
        places = column_places(self.goal.columns, self.classes)
        cells = {
            column: np.zeros(len(prediction)) if place is None else prediction[:, place]
            for column, place in places.items()
        }
        total = np.sum(list(cells.values()), axis=0)
        return {
            column: np.where(total > 0, values / np.where(total > 0, total, 1), 1 / len(cells))
            for column, values in cells.items()
        }


def column_places(columns: Sequence[str], classes: Sequence[Hashable]) -> dict[str, int | None]:
    """For each column the place of its class: of the same name, or of a name with something before it."""
    names = [str(name).lower() for name in classes]
    places: dict[str, int | None] = {}
    for column in columns:
        plain = column.lower()
        ends = [number for number, name in enumerate(names) if plain.endswith((f"_{name}", f" {name}"))]
        places[column] = names.index(plain) if plain in names else next(iter(ends), None)
    if all(place is None for place in places.values()) and len(columns) == len(classes):
        return dict(zip(columns, range(len(columns)), strict=True))
    return places


def in_order(cells: dict[str, object], ids: pd.Series, sample: pd.DataFrame, identifier: str) -> pd.DataFrame:
    """`sample` with `cells`, which are in the order of `ids`, in the places of its own rows."""
    answers = pd.DataFrame(cells).set_axis(ids.astype(str), axis=0)
    table = sample.copy()
    if not answers.index.is_unique:
        if len(answers) == len(table):
            table[list(cells)] = answers.to_numpy()
        return table
    placed = answers.reindex(table[identifier].astype(str))
    for column in cells:
        found = pd.Series(placed[column].to_numpy(), index=table.index)
        table[column] = found if found.notna().all() else found.where(found.notna(), table[column])
    return table


def _whole(target: pd.Series) -> pd.Series:
    """Class numbers that became floats because of gaps are whole numbers again."""
    if pd.api.types.is_float_dtype(target) and bool((target % 1 == 0).all()):
        return target.astype(int)
    return target
