"""The models behind the reference thresholds of the dev split: four of rising strength for each competition.

Each is trained on the public data alone. But which models stand here, with which parameters and in which order, was
chosen by hand with their scores on the answers in view, from some seven to twenty tried for each competition, until
strength rose. The thresholds are therefore yardsticks, and slightly flattering ones: not an estimate of what these
models reach on fresh data, and not comparable with a leaderboard.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC

from tasks.schema import Table

LEVELS = ("median", "bronze", "silver", "gold")  # weakest first


@dataclass(frozen=True, kw_only=True)
class Data:
    """A competition's public data, as its table block says to read it."""

    public: Path
    table: Table

    @cached_property
    def train(self) -> pd.DataFrame:
        return pd.read_csv(self.public / self.table.train)

    @cached_property
    def test(self) -> pd.DataFrame:
        return pd.read_csv(self.public / self.table.test)

    @property
    def target(self) -> "pd.Series[Any]":
        return self.train[self.table.target]

    @property
    def numbers(self) -> list[str]:
        """Feature columns that are quantities."""
        known = {self.table.id, self.table.time, *self.table.categorical, *self.table.ordinal}
        return [column for column in self.test.columns if column not in known]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One reference model. `predict` gives the target column, or one column per class."""

    model: str
    predict: Callable[[Data], pd.DataFrame]


def _probabilities(model: Any, data: Data, train: Any = None, test: Any = None) -> pd.DataFrame:
    """Fit, and predict one column per class; of two classes only the second's, under the target's name."""
    model.fit(data.train if train is None else train, data.target)
    values = model.predict_proba(data.test if test is None else test)
    if values.shape[1] == 2:
        return pd.DataFrame({data.table.target: values[:, 1]})
    return pd.DataFrame(values, columns=model.classes_)


def _linear(numbers: list[str], categories: list[str], model: Any, *, min_frequency: int = 1) -> Pipeline:
    scaled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="ignore", min_frequency=min_frequency)
    return make_pipeline(ColumnTransformer([("n", scaled, numbers), ("c", one_hot, categories)]), model)


def _trees(numbers: list[str], categories: list[str], model: Any) -> Pipeline:
    filled = SimpleImputer(strategy="median")
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)
    return make_pipeline(ColumnTransformer([("n", filled, numbers), ("c", codes, categories)]), model)


# flight-delays

FLIGHT_CATEGORIES = ["carrier", "origin", "dest", "tailnum"]
FLIGHT_NUMBERS = ["weekday", "sched_dep_time", "sched_arr_time", "distance", "flight", "traffic"]


def _with_calendar(flights: pd.DataFrame) -> pd.DataFrame:
    """Adds the weekday and how many flights leave the same airport in the same hour."""
    local = pd.to_datetime(flights["time_hour"]).dt.tz_convert("America/New_York")
    traffic = flights.groupby(["origin", "time_hour"])["id"].transform("size")
    return flights.assign(weekday=local.dt.day_of_week, traffic=traffic)


def _flights_linear(data: Data, *, categories: list[str]) -> pd.DataFrame:
    model = _linear(data.numbers, categories, LogisticRegression(max_iter=300), min_frequency=20)
    return _probabilities(model, data)


def _flights_boosted(data: Data) -> pd.DataFrame:
    numbers = [name for name in FLIGHT_NUMBERS if name != "traffic"]
    model = _trees(numbers, FLIGHT_CATEGORIES, HistGradientBoostingClassifier(random_state=0))
    return _probabilities(model, data, _with_calendar(data.train), _with_calendar(data.test))


def _flights_blend(data: Data) -> pd.DataFrame:
    first_categories = range(len(FLIGHT_NUMBERS), len(FLIGHT_NUMBERS) + 3)  # tailnum has too many values
    parts = [
        HistGradientBoostingClassifier(random_state=0),
        HistGradientBoostingClassifier(random_state=0, categorical_features=list(first_categories)),
    ]
    train, test = _with_calendar(data.train), _with_calendar(data.test)
    return _mean(_probabilities(_trees(FLIGHT_NUMBERS, FLIGHT_CATEGORIES, part), data, train, test) for part in parts)


def _mean(predictions: Iterable[pd.DataFrame]) -> pd.DataFrame:
    frames = list(predictions)
    total = frames[0]
    for frame in frames[1:]:
        total = total + frame
    return total / len(frames)


# credit-status and job-classes


def _classes_linear(data: Data) -> pd.DataFrame:
    model = LogisticRegression(max_iter=1000)
    return _probabilities(_linear(data.numbers, list(data.table.categorical), model), data)


def _classes_trees(data: Data, *models: Any) -> pd.DataFrame:
    return _mean(_probabilities(_trees(data.numbers, list(data.table.categorical), model), data) for model in models)


def _slow_boosting() -> Any:
    return HistGradientBoostingClassifier(
        learning_rate=0.03, max_iter=200, max_leaf_nodes=16, l2_regularization=1, random_state=0
    )


# diamond-prices; all models predict the logarithm that the metric compares


def _with_levels(diamonds: pd.DataFrame, table: Table) -> pd.DataFrame:
    ranks = {
        column: diamonds[column].map({level: rank for rank, level in enumerate(levels)})
        for column, levels in table.ordinal.items()
    }
    return diamonds.assign(**ranks)


def _with_volume(diamonds: pd.DataFrame, table: Table) -> pd.DataFrame:
    ranked = _with_levels(diamonds, table)
    volume = ranked["x"] * ranked["y"] * ranked["z"]
    return ranked.assign(
        volume=volume,
        shape=ranked["x"] / ranked["y"].replace(0, np.nan),
        density=ranked["carat"] / volume.replace(0, np.nan),
        quality=ranked["color"] + ranked["clarity"],
    ).fillna(0)


def _price(model: Any, data: Data, train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    model.fit(train, np.log1p(data.target))
    return pd.DataFrame({data.table.target: np.expm1(model.predict(test)).clip(min=0)})


def _price_linear(data: Data) -> pd.DataFrame:
    model = _linear(data.numbers, list(data.table.ordinal), Ridge())
    return _price(model, data, data.train, data.test)


def _price_trees(data: Data, features: Callable[[pd.DataFrame, Table], pd.DataFrame], *models: Any) -> pd.DataFrame:
    drop = [data.table.id]
    test = features(data.test, data.table).drop(columns=drop)
    train = features(data.train, data.table)[test.columns]
    return _mean(_price(model, data, train, test) for model in models)


def _price_boosting() -> Any:
    return HistGradientBoostingRegressor(learning_rate=0.05, max_iter=600, l2_regularization=1, random_state=0)


# food-reviews


def _text(data: Data, *models: Any) -> pd.DataFrame:
    column = data.table.text[0]
    return _mean(_probabilities(model, data, data.train[column], data.test[column]) for model in models)


def _words(longest: int) -> TfidfVectorizer:
    return TfidfVectorizer(ngram_range=(1, longest), min_df=2, sublinear_tf=True)


# handwritten-digits


def _image_classes(data: Data, model: Any) -> pd.DataFrame:
    images = data.table.images
    if images is None:
        raise ValueError("the table block names no images")
    train = _pixels(data.public, images.train, data.train)
    model.fit(train, data.target)
    return pd.DataFrame({data.table.target: model.predict(_pixels(data.public, images.test, data.test))})


def _pixels(public: Path, pattern: str, rows: pd.DataFrame) -> Any:
    paths = [public / pattern.format_map(row) for row in rows.to_dict("records")]
    return np.array([np.asarray(Image.open(path)).ravel() for path in paths]) / 255


MODELS: dict[str, dict[str, Reference]] = {
    "flight-delays": {
        "median": Reference(
            model="logistic regression on the numeric columns",
            predict=lambda data: _flights_linear(data, categories=[]),
        ),
        "bronze": Reference(
            model="logistic regression on the numeric columns, carrier and origin",
            predict=lambda data: _flights_linear(data, categories=["carrier", "origin"]),
        ),
        "silver": Reference(model="gradient boosting, weekday instead of month and day", predict=_flights_boosted),
        "gold": Reference(
            model="mean of two gradient boostings, weekday instead of month and day, traffic of the hour",
            predict=_flights_blend,
        ),
    },
    "credit-status": {
        "median": Reference(model="logistic regression", predict=_classes_linear),
        "bronze": Reference(
            model="gradient boosting with default parameters",
            predict=lambda data: _classes_trees(data, HistGradientBoostingClassifier(random_state=0)),
        ),
        "silver": Reference(
            model="random forest of 500 trees with leaves of 3",
            predict=lambda data: _classes_trees(data, RandomForestClassifier(500, min_samples_leaf=3, random_state=0)),
        ),
        "gold": Reference(
            model="stochastic gradient boosting of 300 shallow trees",
            predict=lambda data: _classes_trees(
                data,
                GradientBoostingClassifier(
                    n_estimators=300, learning_rate=0.03, max_depth=3, subsample=0.7, random_state=0
                ),
            ),
        ),
    },
    "diamond-prices": {
        "median": Reference(model="ridge regression of log price, levels one-hot", predict=_price_linear),
        "bronze": Reference(
            model="random forest of 50 trees on log price, levels as ranks",
            predict=lambda data: _price_trees(data, _with_levels, RandomForestRegressor(50, random_state=0, n_jobs=-1)),
        ),
        "silver": Reference(
            model="gradient boosting on log price, rate 0.05, 600 rounds, levels as ranks",
            predict=lambda data: _price_trees(data, _with_levels, _price_boosting()),
        ),
        "gold": Reference(
            model="mean of that gradient boosting and extra trees, with volume and density",
            predict=lambda data: _price_trees(
                data,
                _with_volume,
                _price_boosting(),
                ExtraTreesRegressor(200, min_samples_leaf=2, random_state=0, n_jobs=-1),
            ),
        ),
    },
    "job-classes": {
        "median": Reference(model="logistic regression", predict=_classes_linear),
        "bronze": Reference(
            model="gradient boosting with default parameters",
            predict=lambda data: _classes_trees(data, HistGradientBoostingClassifier(random_state=0)),
        ),
        "silver": Reference(
            model="gradient boosting, rate 0.03, 200 rounds",
            predict=lambda data: _classes_trees(data, _slow_boosting()),
        ),
        "gold": Reference(
            model="mean of that gradient boosting and a random forest of 500 trees",
            predict=lambda data: _classes_trees(data, _slow_boosting(), RandomForestClassifier(500, random_state=0)),
        ),
    },
    "food-reviews": {
        "median": Reference(
            model="naive Bayes on word counts",
            predict=lambda data: _text(data, make_pipeline(CountVectorizer(), MultinomialNB())),
        ),
        "bronze": Reference(
            model="logistic regression on TF-IDF of words",
            predict=lambda data: _text(data, make_pipeline(TfidfVectorizer(), LogisticRegression())),
        ),
        "silver": Reference(
            model="logistic regression on sublinear TF-IDF of words and pairs, C = 5",
            predict=lambda data: _text(data, make_pipeline(_words(2), LogisticRegression(C=5))),
        ),
        "gold": Reference(
            model="mean of logistic regression and naive Bayes on TF-IDF of one to three words",
            predict=lambda data: _text(
                data,
                make_pipeline(_words(3), LogisticRegression(C=5)),
                make_pipeline(_words(3), ComplementNB(alpha=0.3)),
            ),
        ),
    },
    "handwritten-digits": {
        "median": Reference(
            model="Gaussian naive Bayes on pixels", predict=lambda data: _image_classes(data, GaussianNB())
        ),
        "bronze": Reference(
            model="random forest on pixels",
            predict=lambda data: _image_classes(data, RandomForestClassifier(random_state=0)),
        ),
        "silver": Reference(
            model="five nearest neighbours on pixels",
            predict=lambda data: _image_classes(data, KNeighborsClassifier()),
        ),
        "gold": Reference(
            model="support vector machine on pixels, C = 10",
            predict=lambda data: _image_classes(data, SVC(C=10)),
        ),
    },
}
