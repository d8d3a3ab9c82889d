"""The tables of a technique task, and what is said about them."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..described import read_block
from ..question import NotUnderstood

DATE = re.compile(r"^\s*\d{4}-\d{1,2}-\d{1,2}([T ]|\s*$)")
PEEK = 200
MODEL = re.compile(r"`model_type` is `(\w+)`")
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Tables:
    """What a technique task is about."""

    train: pd.DataFrame
    test: pd.DataFrame
    target: str
    id: str
    kind: str  # binary, multiclass or regression
    model: str  # that the question names; "" where it names none
    said: dict[str, Any] = field(default_factory=dict)  # the block of the description

    @classmethod
    def read(cls, data: Path, question: str) -> "Tables":
        """Read the tables in the folder `data`, and the model from the text of the question.

        Raises:
            NotUnderstood: the description does not say which files and columns there are.
        """
        path = data / "description.md"
        block = read_block(path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else None
        if block is None:
            raise NotUnderstood("the description has no table for programs")
        said = block["table"]
        try:
            train, test = pd.read_csv(data / said["train"]), pd.read_csv(data / said["test"])
            target, identifier, kind = said["target"], said["id"], said["kind"]
        except (KeyError, OSError) as error:
            raise NotUnderstood(f"the description's table is not complete: {error}") from error
        model = MODEL.search(question)
        return cls(
            train=train,
            test=test,
            target=target,
            id=identifier,
            kind=kind,
            model=model[1] if model else "",
            said=said,
        )

    @property
    def features(self) -> list[str]:
        left_out = (self.id, self.target)
        return [str(name) for name in self.train if name in self.test and name not in left_out]

    @property
    def is_regression(self) -> bool:
        return self.kind == "regression"

    @property
    def declared(self) -> set[str]:
        """Columns that are said to be categories."""
        return {*(self.said.get("categorical") or ()), *(self.said.get("ordinal") or {})}

    @property
    def prose(self) -> set[str]:
        return set(self.said.get("text") or ())

    def numbers(self) -> Floats:
        """The target as numbers: ranks from 0 to 1, or places of the classes by name."""
        values = self.train[self.target]
        if self.is_regression:
            return np.asarray(values.rank(pct=True), dtype=float)
        return self.codes().astype(float)

    def codes(self) -> NDArray[np.int64]:
        """The classes, numbered in the order of their names."""
        values = self.train[self.target].astype(str)
        places = {label: place for place, label in enumerate(sorted(values.unique()))}
        return values.map(places).to_numpy(dtype=np.int64)

    def counts(self) -> dict[str, int]:
        """Train rows of each class; {} where the target is a number."""
        if self.is_regression:
            return {}
        return {str(label): int(size) for label, size in self.train[self.target].value_counts().items()}


def is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def is_date(values: pd.Series) -> bool:
    """Whether a column holds dates, written as text."""
    some = values.dropna().head(PEEK)
    return not is_number(values) and len(some) > 0 and bool(some.astype(str).map(lambda t: bool(DATE.match(t))).all())


def explained(levels: pd.Series, numbers: Floats) -> float:
    """The share of the variance of `numbers` that lies between the levels, corrected for how many there are."""
    table = pd.DataFrame({"level": levels.to_numpy(), "number": numbers}).dropna()
    total = float(((table["number"] - table["number"].mean()) ** 2).sum())
    inside = table["number"] - table.groupby("level")["number"].transform("mean")
    rows, groups = len(table), table["level"].nunique()
    if total <= 0 or rows <= groups:
        return 0.0
    return 1 - (float((inside**2).sum()) / (rows - groups)) / (total / (rows - 1))
