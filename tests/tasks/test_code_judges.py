"""What a code file gave is hostile: honest outputs pass, each fault is named, and nothing breaks the judge."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from core.errors import GraderFailed
from tests.tasks.asking import load_technique

TABLE = {"train": "train.csv", "test": "test.csv", "id": "id", "target": "y"}
TRAIN = pd.DataFrame(
    {
        "id": [1, 2, 3, 4],
        "x": [1.0, None, -999.0, 4.0],
        "c": ["a", "?", "b", None],
        "who": [7, 7, 8, 9],
        "day": ["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-04"],
        "y": [0, 1, 0, 1],
    }
)
TEST = pd.DataFrame({"id": [5], "x": [2.0], "c": ["a"], "who": [10], "day": ["2020-02-01"]})
WHOLE = TRAIN.assign(x=[1.0, 2.0, 2.0, 4.0], c=["a", "a", "b", "a"])
HONEST = [{"row": 1, "before": {"x": "2.0"}, "after": {"x": "2.0000000001"}}]
LEAKY = [{"row": 1, "before": {"x": "2.0"}, "after": {"x": "3.0"}}]
CV = {"characteristics": {"group_columns": ["who"], "temporal_columns": ["day"]}}
GAPS = {"disguises": {"x": "-999", "c": "?"}}


def judged(tmp_path: Path, technique: str, truth: dict[str, Any], **files: Any) -> dict[str, Any]:
    public, outputs = tmp_path / "public", tmp_path / "outputs"
    public.mkdir()
    outputs.mkdir()
    TRAIN.to_csv(public / "train.csv", index=False)
    TEST.to_csv(public / "test.csv", index=False)
    for name, content in files.items():
        if isinstance(content, pd.DataFrame):
            content.to_csv(outputs / f"{name}.csv", index=False)
        else:
            (outputs / f"{name}.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return dict(load_technique(technique).judge_code(outputs, public, truth, TABLE))


def test_pairs_that_keep_groups_apart_and_time_in_order_pass(tmp_path: Path) -> None:
    result = judged(tmp_path, "cv", CV, pairs=[[[0, 1], [2]], [[0, 1, 2], [3]]])
    assert result == {"covers": True, "keeps_groups_apart": True, "keeps_time_in_order": True, "note": ""}


@pytest.mark.parametrize(
    ("pairs", "fault"),
    [
        ([[[0], [1]], [[0, 1], [2]]], "keeps groups apart"),
        ([[[3], [0]], [[0, 1], [2]]], "keeps time in order"),
        ([[[0, 1], [2]]], "covers"),
        ([[[0, 1], [1]], [[0], [2]]], "covers"),
        ([[[0, 9], [2]], [[0], [2]]], "covers"),
        ([[[0], []], [[0], [2]]], "covers"),
        ([[[-1], [2]], [[0], [2]]], "covers"),
        ("[[[0", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ({"0": 1}, "no pairs"),
        ([[[0.5], [1]], [[True], [1]]], "no pairs"),
    ],
)
def test_each_fault_of_pairs_is_named(tmp_path: Path, pairs: object, fault: str) -> None:
    result = judged(tmp_path, "cv", CV, pairs=pairs)
    assert fault in result["note"]
    assert not all(result.get(key, False) for key in ("covers", "keeps_groups_apart", "keeps_time_in_order"))


def test_filled_tables_pass(tmp_path: Path) -> None:
    result = judged(tmp_path, "missing", GAPS, train=WHOLE, test=TEST.assign(more=1), probes=HONEST)
    assert result == {"fills": True, "ignores_target": True, "note": ""}


@pytest.mark.parametrize(
    ("train", "test", "probes", "fault"),
    [
        (WHOLE.assign(x=TRAIN["x"].fillna(0.0)), TEST, HONEST, "gaps left in x"),
        (WHOLE.assign(c=TRAIN["c"].fillna("a")), TEST, HONEST, "gaps left in c"),
        (WHOLE.assign(x=[9.0, 2.0, 2.0, 4.0]), TEST, HONEST, "other values in whole cells of x"),
        (WHOLE.drop(columns="c"), TEST, HONEST, "train lacks the column c"),
        (WHOLE.head(3), TEST, HONEST, "train has 3 rows"),
        (WHOLE, TEST.assign(c=["b"]), HONEST, "test has other values"),
        (WHOLE, TEST, LEAKY, "depends on the target"),
        (WHOLE, TEST, [], "no row was probed"),
        (WHOLE, TEST, [{"before": {"x": "1"}, "after": {}}], "depends on the target"),
        (WHOLE, TEST, [3], "depends on the target"),
    ],
)
def test_each_fault_of_filled_tables_is_named(
    tmp_path: Path, train: pd.DataFrame, test: pd.DataFrame, probes: object, fault: str
) -> None:
    result = judged(tmp_path, "missing", GAPS, train=train, test=test, probes=probes)
    assert fault in result["note"]
    assert not (result.get("fills", False) and result.get("ignores_target", False))


NUMBERS = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0]})


def test_tables_of_numbers_pass(tmp_path: Path) -> None:
    result = judged(tmp_path, "encoding", {}, train=NUMBERS, test=NUMBERS.head(1), probes=HONEST)
    assert result == {"numbers": True, "ignores_target": True, "note": ""}


@pytest.mark.parametrize(
    ("train", "test", "probes", "fault"),
    [
        (NUMBERS.assign(a=["x", "1", "2", "3"]), NUMBERS.head(1), HONEST, "a of train is not all numbers"),
        (NUMBERS, pd.DataFrame({"a": [None]}), HONEST, "a of test is not all numbers"),
        (NUMBERS, pd.DataFrame({"a": [float("inf")]}), HONEST, "a of test is not all numbers"),
        (NUMBERS.assign(y=1), NUMBERS.head(1).assign(y=1), HONEST, "the target y is among"),
        (NUMBERS, NUMBERS.head(1).assign(b=1), HONEST, "different columns"),
        (NUMBERS.head(2), NUMBERS.head(1), HONEST, "expected 4 and 1"),
        (NUMBERS, NUMBERS.head(1), LEAKY, "depend on the target"),
    ],
)
def test_each_fault_of_tables_of_numbers_is_named(
    tmp_path: Path, train: pd.DataFrame, test: pd.DataFrame, probes: object, fault: str
) -> None:
    assert fault in judged(tmp_path, "encoding", {}, train=train, test=test, probes=probes)["note"]


def test_missing_outputs_are_said(tmp_path: Path) -> None:
    assert "cannot be read" in judged(tmp_path, "missing", GAPS)["note"]


def test_a_judge_that_breaks_is_the_graders_failure(tmp_path: Path) -> None:
    with pytest.raises(GraderFailed, match="judging the code of cv failed: KeyError"):
        judged(tmp_path, "cv", {}, pairs=[[[0, 1], [2]], [[0, 1, 2], [3]]])
