"""From the data folder to the submission."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .answers import Coding, in_order
from .candidates import Case
from .described import read_block, read_question
from .folds import divide
from .handing_in import copy_sample, validate, write_submission
from .inferred import find_sample, infer_question
from .learn import Lesson
from .metrics import metric_for
from .pictures import image_paths, read_images
from .question import Goal, Kind, NotUnderstood, Question
from .tidy import tidy
from .views import Views

Array = NDArray[np.float64]
MAX_TRAIN_ROWS = 1_000_000  # of larger tables, the first are read

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Work:
    """One attempt: where the data is, where the submission goes, and what limits it."""

    data: Path
    submission: Path  # the file
    seed: int
    deadline: float  # of time.monotonic()

    def run(self) -> dict[str, object]:
        """Learn, and write the submission whenever it got better. Returns what was chosen, for people.

        Raises:
            NotUnderstood: there is nothing to learn from, and not even a sample submission to hand in.
        """
        copy_sample(find_sample(self.data), self.submission)
        try:
            question = self._question()
            logger.info("question: %s", question)
            return self._answer(question)
        except NotUnderstood as reason:
            logger.info("handing in what there is: %s", reason)
            return {"handed_in": "what there was", "reason": str(reason)}

    def check(self, url: str) -> None:
        """Ask the runner whether the submission is valid. One that is not makes place for the sample."""
        verdict = validate(self.submission, url) if url else None
        logger.info("validation: %s", verdict or "not asked")
        if verdict and "is valid" not in verdict.lower():
            logger.info("handing in the sample submission instead")
            copy_sample(find_sample(self.data), self.submission)

    def _question(self) -> Question:
        path = self.data / "description.md"
        description = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        block = read_block(description)
        if block is not None:
            return read_question(block, self.data)
        logger.info("the description has no table for programs: guessing from the files")
        return infer_question(self.data, description)

    def _answer(self, question: Question) -> dict[str, object]:
        tables = Tables.read(question)
        logger.info("%d rows to learn from, %d to predict", len(tables.train), len(tables.test))
        answers = tables.sample
        chosen: dict[str, object] = {}
        for number, goal in enumerate(question.goals):
            left = len(question.goals) - number
            deadline = time.monotonic() + (self.deadline - time.monotonic()) / left
            coding, lesson = self._lesson(tables, question, goal, deadline)

            def hand_in(prediction: Array, coding: Coding = coding) -> None:
                nonlocal answers
                answers = in_order(coding.decode(prediction), tables.test[question.id], answers, question.id)
                write_submission(answers, self.submission)

            prediction, blend, trials = lesson.learn(hand_in)
            hand_in(prediction)
            logger.info("%s: %s, %s %.5f", goal.target, blend.weights, lesson.metric.name, abs(blend.score))
            chosen[goal.target] = {
                "metric": lesson.metric.name,
                "validation": lesson.folds.kind,
                "score": abs(blend.score),
                "weights": blend.weights,
                "scores": {trial.candidate.name: abs(trial.score) for trial in trials},
            }
        return {"handed_in": "predictions", "goals": chosen}

    def _lesson(self, tables: "Tables", question: Question, goal: Goal, deadline: float) -> tuple[Coding, Lesson]:
        known = tables.train[goal.target].notna()
        train = tables.train if known.all() else tables.train[known].reset_index(drop=True)
        metric = metric_for(question.metric, goal.kind)
        coding = Coding.of(goal, metric, train[goal.target])
        y = coding.encode(train[goal.target])
        case = Case(classes=len(coding.classes) or None, rows=len(train), absolute=metric.absolute, seed=self.seed)
        views = tables.views if known.all() else make_views(train, tables.test, question)
        order = None if views.tidy.order is None else views.tidy.order.iloc[: len(y)]
        folds = divide(
            y,
            order=order,
            groups=_new_groups(train, tables.test, question),
            stratify=goal.kind is Kind.CLASSES,
            seed=self.seed,
        )
        logger.info("%s: %s, judged by %s on %s", goal.target, goal.kind, metric.name, folds.kind)
        return coding, Lesson(views=views, y=y, case=case, folds=folds, metric=metric, deadline=deadline)


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The tables of a competition, and the views of all train and test rows."""

    train: pd.DataFrame
    test: pd.DataFrame
    sample: pd.DataFrame
    views: Views

    @classmethod
    def read(cls, question: Question) -> "Tables":
        """Read what `question` names.

        Raises:
            NotUnderstood: a column that it names is not there.
        """
        train = pd.read_csv(question.train, nrows=MAX_TRAIN_ROWS, low_memory=False)
        sample = pd.read_csv(question.sample, low_memory=False)
        test = pd.read_csv(question.test, low_memory=False) if question.test else sample[[question.id]]
        for column in (question.id, *(goal.target for goal in question.goals)):
            table = test if column == question.id else train
            if column not in table:
                raise NotUnderstood(f"there is no column {column!r}")
        return cls(train=train, test=test, sample=sample, views=make_views(train, test, question))


def make_views(train: pd.DataFrame, test: pd.DataFrame, question: Question) -> Views:
    """The views of train's and test's rows, with their images."""
    pixels = None
    if question.images:
        paths = [*image_paths(train, question.images[0]), *image_paths(test, question.images[1])]
        pixels = read_images(paths)
    return Views(tidy(train, test, question), pixels)


def _new_groups(train: pd.DataFrame, test: pd.DataFrame, question: Question) -> pd.Series | None:
    """A group per train row, where most test rows are of groups that the train rows do not have."""
    for column in question.groups:
        if column in train and column in test and test[column].isin(train[column]).mean() < 0.5:
            return train[column]
    return None
