"""Guesses the question from the files, where the description does not say it."""

from pathlib import Path

import pandas as pd

from .metrics import METRICS, find_metric
from .pictures import find_images
from .question import Answer, Goal, Kind, NotUnderstood, Question

PEEK_ROWS = 20_000
MAX_CLASSES = 50  # whole numbers with more values than this are amounts


def infer_question(data: Path, description: str) -> Question:
    """The question that the files in `data` seem to ask.

    Raises:
        NotUnderstood: there is no table to learn from, or no column that the sample submission asks for.
    """
    sample_path = find_sample(data)
    train_path = _find_table(data, "train")
    if train_path is None:
        raise NotUnderstood("there is no train table among the data")
    test_path = _find_table(data, "test")
    sample = pd.read_csv(sample_path, nrows=PEEK_ROWS)
    train = pd.read_csv(train_path, nrows=PEEK_ROWS)
    test = pd.read_csv(test_path, nrows=PEEK_ROWS) if test_path else sample.iloc[:, :1]
    identifier = _identifier(sample, test)
    asked = [column for column in sample.columns if column != identifier]
    metric = find_metric(description) or ""
    return Question(
        train=train_path,
        test=test_path,
        sample=sample_path,
        id=identifier,
        goals=_goals(train, test, sample[asked], metric),
        metric=metric,
        images=find_images(data, train=train, test=test, identifier=identifier),
    )


def find_sample(data: Path) -> Path:
    """The sample submission.

    Raises:
        NotUnderstood: there is none.
    """
    found = [path for path in _tables(data) if "sample" in path.name.lower() and "sub" in path.name.lower()]
    if not found:
        raise NotUnderstood("there is no sample submission among the data")
    return found[0]


def _find_table(data: Path, name: str) -> Path | None:
    found = [path for path in _tables(data) if name in path.name.lower() and "sample" not in path.name.lower()]
    exact = [path for path in found if path.name.lower().split(".")[0] == name]
    return next(iter(exact or sorted(found, key=lambda path: -path.stat().st_size)), None)


def _tables(data: Path) -> list[Path]:
    return sorted(path for path in data.glob("*.csv*") if path.is_file())


def _identifier(sample: pd.DataFrame, test: pd.DataFrame) -> str:
    shared = [column for column in sample.columns if column in test.columns]
    return str(shared[0] if shared else sample.columns[0])


def _goals(train: pd.DataFrame, test: pd.DataFrame, asked: pd.DataFrame, metric: str) -> tuple[Goal, ...]:
    columns = tuple(str(column) for column in asked.columns)
    if all(column in train.columns for column in columns):
        return tuple(_goal(train[column], column, asked[column], metric) for column in columns)
    hidden = [column for column in train.columns if column not in test.columns]
    if len(columns) == 1 and len(hidden) == 1:
        return (_goal(train[hidden[0]], columns[0], asked.iloc[:, 0], metric),)
    for column in hidden:
        if 2 <= train[column].nunique() <= len(columns):
            return (Goal(target=column, kind=Kind.CLASSES, answer=Answer.PROBABILITIES, columns=columns),)
    raise NotUnderstood(f"no column of the train table answers for {', '.join(columns[:5])}")


def _goal(target: pd.Series, column: str, asked: pd.Series, metric: str) -> Goal:
    name, values = str(target.name), target.dropna()
    if _kind(values, metric) is Kind.NUMBER:
        return Goal(target=name, kind=Kind.NUMBER, answer=Answer.NUMBER, columns=(column,))
    # What the sample submission holds tells a label from a probability.
    labels = set(asked.dropna().astype(str)) <= set(values.astype(str))
    wants_probability = not labels or metric in ("roc_auc", "log_loss")
    answer = Answer.PROBABILITY if values.nunique() <= 2 and wants_probability else Answer.LABEL
    return Goal(target=name, kind=Kind.CLASSES, answer=answer, columns=(column,))


def _kind(values: pd.Series, metric: str) -> Kind:
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        return Kind.CLASSES
    if bool((values % 1 != 0).any()):
        return Kind.NUMBER
    if metric:
        return METRICS[metric].kind
    few = values.nunique() <= min(MAX_CLASSES, max(2, len(values) // 10))
    return Kind.CLASSES if few else Kind.NUMBER
