"""The parts of the baseline: what is asked, how columns are sorted, and how targets are coded."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.baseline.learner.answers import Coding, column_places, in_order
from agents.baseline.learner.described import read_block, read_question
from agents.baseline.learner.folds import divide
from agents.baseline.learner.inferred import infer_question
from agents.baseline.learner.means import MeansByLevel
from agents.baseline.learner.metrics import METRICS, find_metric
from agents.baseline.learner.question import Answer, Goal, Kind, NotUnderstood, Question
from agents.baseline.learner.tidy import Tidy, tidy
from tasks.registry import competition_roots, load_competition

NUMBER = Goal(target="y", kind=Kind.NUMBER, answer=Answer.NUMBER, columns=("y",))


def data_folder(path: Path, **tables: dict[str, Any]) -> Path:
    """A folder with a CSV file for each table."""
    for name, columns in tables.items():
        pd.DataFrame(columns).to_csv(path / f"{name}.csv", index=False)
    return path


def inferred(path: Path, description: str = "", **tables: dict[str, Any]) -> Question:
    return infer_question(data_folder(path, **tables), description)


@pytest.mark.parametrize(
    ("competition", "kind", "answer"),
    [
        ("flight-delays", Kind.CLASSES, Answer.PROBABILITY),
        ("diamond-prices", Kind.NUMBER, Answer.NUMBER),
        ("job-classes", Kind.CLASSES, Answer.PROBABILITIES),
        ("handwritten-digits", Kind.CLASSES, Answer.LABEL),
    ],
)
def test_the_block_of_our_descriptions_is_understood(
    tmp_path: Path, competition: str, kind: Kind, answer: Answer
) -> None:
    block = read_block(load_competition(competition, roots=competition_roots(None)).description())
    assert block is not None
    question = read_question(block, data_folder(tmp_path, train={}, test={}, sample_submission={}))
    (goal,) = question.goals
    assert (goal.kind, goal.answer) == (kind, answer)
    assert question.metric in METRICS
    assert METRICS[question.metric].kind is kind
    assert (question.images is not None) == (competition == "handwritten-digits")


def test_blocks_that_are_no_description_are_passed_over() -> None:
    assert read_block("text\n```yaml\na: [\n```\n```yaml\ntable: null\n```\n") is None
    assert read_block("```yaml\ntable: {id: a}\n```\nand\n```yaml\nexample: 1\n```\n") == {"table": {"id": "a"}}


def test_a_block_that_lacks_something_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotUnderstood, match="lacks 'target'"):
        read_question({"table": {"train": "train.csv"}}, tmp_path)
    table = {"train": "train.csv", "target": "y", "id": "id", "kind": "binary"}
    with pytest.raises(NotUnderstood, match=r"names train\.csv, which is not there"):
        read_question({"table": table}, tmp_path)


def test_a_probability_is_inferred_from_the_sample(tmp_path: Path) -> None:
    train = {"id": range(20), "x": range(20), "y": [0, 1] * 10}
    question = inferred(tmp_path, train=train, test={"id": [20], "x": [1]}, sample_submission={"id": [20], "y": [0.5]})
    assert question.goals == (Goal(target="y", kind=Kind.CLASSES, answer=Answer.PROBABILITY, columns=("y",)),)
    assert (question.id, question.metric) == ("id", "")


def test_a_label_of_another_name_is_inferred(tmp_path: Path) -> None:
    train = {"PassengerId": range(20), "x": range(20), "Survived": ["yes", "no"] * 10}
    question = inferred(
        tmp_path,
        train=train,
        test={"PassengerId": [20], "x": [1]},
        sampleSubmission={"PassengerId": [20], "answer": ["no"]},
    )
    assert question.goals == (Goal(target="Survived", kind=Kind.CLASSES, answer=Answer.LABEL, columns=("answer",)),)


def test_class_columns_are_inferred(tmp_path: Path) -> None:
    question = inferred(
        tmp_path,
        "Scored by multi-class log loss.",
        train={"id": range(20), "x": range(20), "kind": ["a", "b"] * 10},
        test={"id": [20], "x": [1]},
        sample_submission={"id": [20], "Class_a": [0.5], "Class_b": [0.5]},
    )
    assert question.goals[0].answer is Answer.PROBABILITIES
    assert question.metric == "log_loss"


def test_several_numbers_are_inferred(tmp_path: Path) -> None:
    question = inferred(
        tmp_path,
        train={"id": range(20), "x": range(20), "a": np.linspace(0, 1, 20), "b": range(100, 120)},
        test={"id": [20], "x": [1]},
        sample_submission={"id": [20], "a": [0], "b": [0]},
    )
    assert [(goal.target, goal.kind) for goal in question.goals] == [("a", Kind.NUMBER), ("b", Kind.NUMBER)]


def test_what_cannot_be_inferred_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotUnderstood, match="no sample submission"):
        inferred(tmp_path)
    with pytest.raises(NotUnderstood, match="no train table"):
        inferred(tmp_path, sample_submission={"id": [1], "y": [0]})
    with pytest.raises(NotUnderstood, match="answers for y"):
        inferred(tmp_path, train={"id": [0], "a": [1], "b": [2]}, test={"id": [1]})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("evaluated on the area under the ROC curve", "roc_auc"),
        ("Root Mean Squared Logarithmic Error", "rmsle"),
        ("root mean squared error", "rmse"),
        ("multi-class logarithmic loss", "log_loss"),
        ("quadratic weighted kappa", "kappa"),
        ("the prettiest wins", None),
    ],
)
def test_metrics_are_found_in_prose(text: str, name: str | None) -> None:
    assert find_metric(text) == name


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_every_metric_prefers_the_truth(metric: Any) -> None:
    truth = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    if metric.kind is Kind.CLASSES:
        right = np.eye(2)[truth.astype(int)] * 0.8 + 0.1
        wrong = right[:, ::-1]
    else:
        right, wrong = truth + 0.01, 1 - truth
    assert metric.function(truth, right) > metric.function(truth, wrong)


def sorted_columns(train: Any, test: Any, **options: Any) -> Tidy:
    question = Question(
        train=Path("train.csv"),
        test=None,
        sample=Path("sample.csv"),
        id="id",
        goals=(NUMBER,),
        metric="rmse",
        **options,
    )
    return tidy(pd.DataFrame(train), pd.DataFrame(test), question)


def test_columns_are_sorted_by_what_they_hold() -> None:
    rows = 40
    columns = {
        "id": range(rows),
        "number": [1.5, None] * (rows // 2),
        "written": ["1", "2.5"] * (rows // 2),
        "flag": [True, False] * (rows // 2),
        "few": ["a", "b"] * (rows // 2),
        "many": [f"level{number // 2}" for number in range(rows)],
        "prose": [f"some words about thing {number}" for number in range(rows)],
        "code": [f"x{number}" for number in range(rows)],
        "day": [f"2024-01-{1 + number % 28:02d}" for number in range(rows)],
        "constant": ["same"] * rows,
        "gap": [None] * rows,
        "y": range(rows),
    }
    test = {name: list(values)[:5] for name, values in columns.items()} | {
        "few": ["c", "c", "a", None, "b"],
        "code": ["z1", "z2", "z3", "z4", "z5"],
    }
    found = sorted_columns(columns, test)
    assert {"number", "written", "flag", "day days", "day weekday"} <= set(found.numbers)
    assert set(found.categories) == {"few", "many"}
    assert list(found.texts) == ["prose"]
    assert len(found.numbers) == rows + 5
    assert found.categories["few"].isna().sum() == 1
    everything = {*found.numbers, *found.categories, *found.texts}
    assert not everything & {"id", "y", "code", "constant", "gap"}


def test_described_columns_are_what_they_are_said_to_be() -> None:
    train = {"size": [1, 2, 3], "grade": ["low", "high", None], "code": [7, 8, 7], "note": ["a", "b", "c"]}
    found = sorted_columns(
        train,
        train,
        categorical=("code",),
        ordinal={"grade": ("low", "high"), "size": ("3", "2", "1")},
        text=("note",),
    )
    assert found.numbers["grade"].tolist()[:2] == [0.0, 1.0]
    assert found.numbers["size"].tolist()[:3] == [2.0, 1.0, 0.0]
    assert found.few == ["code"]
    assert list(found.texts) == ["note"]


def test_columns_that_name_a_time_are_left_out_where_the_test_comes_later() -> None:
    days = pd.date_range("2024-01-01", periods=90, freq="D")
    table = pd.DataFrame({"when": days.astype(str), "month": days.month, "dom": days.day, "x": range(90)})
    table["x"] = table["x"] % 7
    train, test = table.iloc[:60], table.iloc[60:]
    found = sorted_columns(train, test, time="when")
    assert "x" in found.numbers and "when weekday" in found.numbers
    assert not {"month", "dom", "when days", "when month"} & set(found.numbers)
    assert found.order is not None and found.order.is_monotonic_increasing


def test_a_rows_own_target_is_not_in_its_means() -> None:
    levels = np.arange(50, dtype=float).reshape(-1, 1)  # a level for each row
    y = np.array([0.0, 1.0] * 25)
    encoded = MeansByLevel(1, classes=None, seed=0).fit_transform(levels, y)
    assert (encoded == 0.5).all(), "nothing is known of a level that no other row has"


def test_means_of_levels_gaps_and_unknown_levels() -> None:
    levels = np.array([[0.0]] * 100 + [[1.0]] * 100 + [[np.nan]] * 100)
    y = np.array([0] * 100 + [1] * 100 + [2] * 100)
    encoder = MeansByLevel(1, classes=3, seed=0).fit(levels, y)
    low, high, gap, unknown = encoder.transform(np.array([[0.0], [1.0], [np.nan], [9.0]]))
    assert low[0] < 0.1 and high[0] > 0.8 and gap[1] > 0.8
    assert unknown == pytest.approx([1 / 3, 1 / 3])


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 60), classes=st.integers(1, 5), seed=st.integers(0, 9), timed=st.booleans())
def test_every_row_is_judged_at_most_once_and_never_by_itself(rows: int, classes: int, seed: int, timed: bool) -> None:
    y = np.random.default_rng(seed).integers(0, classes, rows).astype(float)
    order = pd.Series(np.arange(rows)[::-1]) if timed else None
    folds = divide(y, order=order, groups=None, stratify=True, seed=seed)
    judged = np.concatenate([judge for _, judge in folds.pairs])
    assert len(set(judged)) == len(judged)
    for learn, judge in folds.pairs:
        assert rows == 1 or not set(learn) & set(judge)
        if timed and rows >= 10:
            assert max(judge) < min(learn), "rows that come later are judged"


def test_groups_stay_together() -> None:
    groups = pd.Series(np.arange(30) // 3)
    folds = divide(np.zeros(30), order=None, groups=groups, stratify=False, seed=0)
    for learn, judge in folds.pairs:
        assert not set(groups[learn]) & set(groups[judge])


def test_probabilities_go_to_the_columns_of_their_classes() -> None:
    assert column_places(["VF", "F"], ["F", "VF"]) == {"VF": 1, "F": 0}
    assert column_places(["Status_C", "Status_D", "Status_CL"], ["C", "CL"]) == {
        "Status_C": 0,
        "Status_D": None,
        "Status_CL": 1,
    }
    assert column_places(["p1", "p2"], ["x", "y"]) == {"p1": 0, "p2": 1}


@pytest.mark.parametrize(
    ("target", "answer", "expected"),
    [
        ([0, 1], Answer.PROBABILITY, [0.2, 0.9]),
        ([0.0, 1.0], Answer.LABEL, [0, 1]),
        (["no", "yes"], Answer.LABEL, ["no", "yes"]),
        ([True, False], Answer.LABEL, [False, True]),
    ],
)
def test_classes_are_written_as_they_stand_in_the_table(target: list[Any], answer: Answer, expected: list[Any]) -> None:
    goal = Goal(target="y", kind=Kind.CLASSES, answer=answer, columns=("y",))
    values = pd.Series(target, name="y")
    coding = Coding.of(goal, METRICS["accuracy"], values)
    assert sorted(coding.encode(values)) == [0, 1]
    cells = coding.decode(np.array([[0.8, 0.2], [0.1, 0.9]]))
    assert list(cells["y"]) == expected  # type: ignore[call-overload]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20))
def test_numbers_survive_the_logarithm(values: list[float]) -> None:
    coding = Coding.of(NUMBER, METRICS["rmsle"], pd.Series(values))
    assert list(coding.decode(coding.encode(pd.Series(values)))["y"]) == pytest.approx(values)  # type: ignore[call-overload]


def test_answers_stand_in_the_order_of_the_sample() -> None:
    sample = pd.DataFrame({"id": ["b", "a", "c"], "y": [0.0, 0.0, 7.0]})
    table = in_order({"y": np.array([1.0, 2.0])}, pd.Series(["a", "b"]), sample, "id")
    assert table["y"].tolist() == [2.0, 1.0, 7.0], "a row without a prediction keeps the sample's"
