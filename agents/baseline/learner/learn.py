"""Tries the candidates on one goal, and blends the best of them."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .candidates import Candidate, Case, candidates
from .folds import Folds
from .metrics import Metric
from .views import Views

Array = NDArray[np.float64]
BLEND_STEPS = 12
PATIENCE = 4  # a later candidate may take that many times as long as the slowest so far

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a candidate predicted: for the rows it was judged by, and for the test rows."""

    candidate: Candidate
    score: float  # higher is better
    judged: Array
    test: Array
    secs: float


@dataclass(frozen=True, kw_only=True)
class Blend:
    """A weighted mean of candidates' predictions."""

    weights: dict[str, float]  # by the candidate's name; they add up to 1
    score: float  # higher is better

    def of(self, predictions: dict[str, Array]) -> Array:
        """The weighted mean of `predictions`, which holds at least the candidates that have a weight."""
        return np.asarray(sum(predictions[name] * weight for name, weight in self.weights.items()))


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """One goal: the data, how candidates are judged, and until when there is time."""

    views: Views
    y: Array  # class numbers or values, of the train rows
    case: Case
    folds: Folds
    metric: Metric
    deadline: float  # of time.monotonic()

    def learn(self, progress: Callable[[Array], None]) -> tuple[Array, Blend, list[Trial]]:
        """Predictions for the test rows (a column per class, or values), and how they came about.

        Args:
            progress: is given predictions whenever better ones are there.
        """
        trials: list[Trial] = []
        best = Blend(weights={}, score=-np.inf)
        for candidate in candidates(self.views, self.case):
            if trials and not self._time_for(trials):
                logger.info("no time left to try %s", candidate.name)
                continue
            trial = self._try(candidate)
            if trial is None:
                continue
            trials.append(trial)
            blend = blended(trials, self._judged_truth(), self.metric)
            if blend.score > best.score:
                best = blend
                progress(best.of({trial.candidate.name: trial.test for trial in trials}))
        return self._learned_again(trials, best), best, trials

    def _try(self, candidate: Candidate) -> Trial | None:
        """A trial; None and a line in the log where the model cannot learn from these rows."""
        started = time.monotonic()
        view = getattr(self.views, candidate.view)
        judged, tests = [], []
        try:
            for learn_rows, judge_rows in self.folds.pairs:
                model = candidate.make().fit(view[learn_rows], self.y[learn_rows])
                judged.append(self._predicted(model, view[judge_rows]))
                tests.append(self._predicted(model, view[len(self.y) :]))
            score = self.metric.function(self._judged_truth(), np.concatenate(judged))
        except ValueError as error:  # for example a single class among the rows of a fold
            logger.info("%s cannot learn from this: %s", candidate.name, error)
            return None
        secs = time.monotonic() - started
        logger.info("%-20s %s %.5f in %.1f s", candidate.name, self.metric.name, abs(score), secs)
        return Trial(
            candidate=candidate,
            score=score,
            judged=np.concatenate(judged),
            test=np.asarray(np.mean(tests, axis=0)),
            secs=secs,
        )

    def _learned_again(self, trials: Sequence[Trial], blend: Blend) -> Array:
        """The blend's predictions. After a single division, its members learn again, from all rows."""
        tests = {trial.candidate.name: trial.test for trial in trials}
        if len(self.folds.pairs) == 1:
            for trial in trials:
                if trial.candidate.name in blend.weights and self._time_for(trials):
                    view = getattr(self.views, trial.candidate.view)
                    model = trial.candidate.make().fit(view[: len(self.y)], self.y)
                    tests[trial.candidate.name] = self._predicted(model, view[len(self.y) :])
        return blend.of(tests)

    def _judged_truth(self) -> Array:
        return np.concatenate([self.y[rows] for _, rows in self.folds.pairs])

    def _predicted(self, model: Any, view: Any) -> Array:
        """A column per class, also for classes that the model has not met; or values."""
        if self.case.classes is None:
            return np.asarray(model.predict(view), dtype=float)
        known = model.predict_proba(view) if hasattr(model, "predict_proba") else _squashed(model, view)
        full = np.zeros((view.shape[0], self.case.classes))
        full[:, model.classes_.astype(int)] = known
        return full

    def _time_for(self, trials: Sequence[Trial]) -> bool:
        slowest = max(trial.secs for trial in trials)
        return time.monotonic() + PATIENCE * slowest < self.deadline


def _squashed(model: Any, view: Any) -> Array:
    """Something like probabilities, from a model that only knows distances."""
    distance = model.decision_function(view)
    if distance.ndim == 1:
        distance = np.column_stack([-distance, distance])
    weight = np.exp(distance - distance.max(axis=1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def blended(trials: Sequence[Trial], truth: Array, metric: Metric) -> Blend:
    """The mean of trials, chosen one by one and with repetition, for as long as the metric rises.

    Source: Caruana et al., Ensemble selection from libraries of models, ICML 2004.
    """
    best = max(trials, key=lambda trial: trial.score)
    chosen, score, total = [best], best.score, best.judged
    while len(chosen) < BLEND_STEPS:
        scores = [metric.function(truth, (total + trial.judged) / (len(chosen) + 1)) for trial in trials]
        number = int(np.argmax(scores))
        if scores[number] <= score:
            break
        chosen.append(trials[number])
        score, total = scores[number], total + trials[number].judged
    names = [trial.candidate.name for trial in chosen]
    return Blend(weights={name: names.count(name) / len(names) for name in dict.fromkeys(names)}, score=score)
