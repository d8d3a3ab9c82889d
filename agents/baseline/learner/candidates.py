"""The models that are tried, by what the data looks like: never by the clock, so that a seed gives one result."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, SVR

from .means import MeansByLevel
from .views import Views

FEW_ROWS = 6_000  # up to here, also models whose cost grows with the square of the rows
MANY_ROWS = 100_000  # beyond, tables are for boosting alone
MANY_COLUMNS = 1_000  # beyond, no trees


@dataclass(frozen=True, kw_only=True)
class Case:
    """What the models are made for."""

    classes: int | None  # None: a number is asked for
    rows: int
    absolute: bool  # errors count by their size, not by their square
    seed: int


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A model that is tried, and the view of the data that it learns from."""

    name: str
    view: str  # an attribute of Views
    make: Callable[[], Any]  # a new estimator of scikit-learn


def candidates(views: Views, case: Case) -> list[Candidate]:
    """What is tried, the cheapest first. The first works on any data."""
    found = [_constant(case)]
    if views.is_empty:
        return found
    has_text, has_pixels = not views.tidy.texts.empty, views.pixels is not None
    if case.rows <= MANY_ROWS or not views.has_columns:
        found.append(_linear(case, strength=5.0 if has_text else 1.0))
    if has_text and case.classes:
        found.append(Candidate(name="naive bayes of words", view="words", make=lambda: ComplementNB(alpha=1.0)))
    if views.has_columns and views.trees.shape[1] <= MANY_COLUMNS:
        found.append(_boosting("small boosting", views, case, max_iter=100, max_leaf_nodes=8, learning_rate=0.1))
        found.append(_boosting("large boosting", views, case, **_large(case.rows)))
    if case.rows <= FEW_ROWS and (views.has_columns or has_pixels):
        found.append(_kernel(case, strength=10.0 if has_pixels else 1.0))
    return found


def _large(rows: int) -> dict[str, Any]:
    """More rows bear larger trees, up to where time is short."""
    if rows <= 20_000:
        return {"max_iter": 120, "max_leaf_nodes": 20, "learning_rate": 0.06}
    if rows <= MANY_ROWS:
        return {"max_iter": 200, "max_leaf_nodes": 48, "learning_rate": 0.06}
    return {"max_iter": 60, "max_leaf_nodes": 16, "learning_rate": 0.1}


def _constant(case: Case) -> Candidate:
    def make() -> Any:
        if case.classes:
            return DummyClassifier(strategy="prior")
        return DummyRegressor(strategy="median" if case.absolute else "mean")

    return Candidate(name="constant", view="rows", make=make)


def _linear(case: Case, *, strength: float) -> Candidate:
    def make() -> Any:
        if case.classes:
            return LogisticRegression(C=strength, max_iter=300, random_state=case.seed)
        return Ridge(alpha=1 / strength, random_state=case.seed)

    return Candidate(name="linear", view="linear", make=make)


def _kernel(case: Case, *, strength: float) -> Candidate:
    def make() -> Any:
        return SVC(C=strength, random_state=case.seed) if case.classes else SVR(C=strength)

    return Candidate(name="support vectors", view="dense", make=make)


def _boosting(name: str, views: Views, case: Case, **options: Any) -> Candidate:
    few, many, width = len(views.tidy.few), len(views.tidy.many), views.trees.shape[1]
    # A tree per class in each round: many classes get fewer rounds.
    options["max_iter"] = max(20, options["max_iter"] * 6 // max(6, case.classes or 1))
    options |= {"early_stopping": False, "random_state": case.seed, "l2_regularization": 1.0}
    options |= {"min_samples_leaf": 10 if case.rows <= MANY_ROWS else 200}
    options |= {"categorical_features": list(range(width - many - few, width - many)) or None}

    def make() -> Any:
        if case.classes:
            model = HistGradientBoostingClassifier(**options)
        else:
            loss = "absolute_error" if case.absolute else "squared_error"
            model = HistGradientBoostingRegressor(loss=loss, **options)
        if not many:
            return model
        return make_pipeline(MeansByLevel(many, classes=case.classes, seed=case.seed), model)

    return Candidate(name=name, view="trees", make=make)
