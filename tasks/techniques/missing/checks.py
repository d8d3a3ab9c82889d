"""What an answer about missing values is held against."""

import re
from collections.abc import Mapping
from typing import Any

from grading.answers import Answer, choice, name, named, names, number
from grading.checks import Finding, Truth, f1, mean, near

STRATEGIES = {
    "drop_rows": ("drop_rows",),
    "drop_cols": ("drop_cols", "drop_columns", "drop_column"),
    "mean_impute": ("mean_impute", "mean", "mean_imputation"),
    "median_impute": ("median_impute", "median", "median_imputation"),
    "mode_impute": ("mode_impute", "mode", "mode_imputation"),
    "knn_impute": ("knn_impute", "knn", "knn_imputation"),
    "model_impute": ("model_impute", "model", "model_imputation"),
    "indicator_flag": ("indicator_flag", "indicator"),
}
JOINED = re.compile(r"\s*[+,]\s*")
PERCENT_POINTS = 0.1


def columns(answer: Answer, truth: Truth) -> Finding:
    said = answer.get("columns_with_missing")
    return Finding(
        share=f1(names(said), {name(column) for column in truth["summary"]}),
        expected=sorted(truth["summary"]),
        answered=said,
    )


def counts(answer: Answer, truth: Truth) -> Finding:
    share = mean(_counted(answer, truth, column) for column in truth["summary"])
    return Finding(share=share, expected=truth["summary"], answered=answer.get("missing_summary"))


def patterns(answer: Answer, truth: Truth) -> Finding:
    said = answer.get("missingness_pattern")
    right = [
        _pattern(said, column) == pattern and _counted(answer, truth, column)
        for column, pattern in truth["patterns"].items()
    ]
    note = "a pattern counts where the column's gaps were counted right"
    return Finding(share=mean(right), expected=truth["patterns"], answered=said, note=note)


def strategies(answer: Answer, truth: Truth) -> Finding:
    said = named(answer.get("chosen_strategy"))
    right = [
        _fits(said.get(name(column)), ways) and _counted(answer, truth, column)
        for column, ways in truth["fitting"].items()
    ]
    return Finding(share=mean(right), expected=truth["fitting"], answered=answer.get("chosen_strategy"))


def imputer(answer: Answer, truth: Truth) -> Finding:
    result: Mapping[str, Any] = answer["code"]
    found = {key: result.get(key, False) for key in ("fills", "ignores_target")}
    return Finding(
        share=float(all(found.values())),
        expected="every gap of train and test filled, whole cells kept, no look at the target of the row",
        answered=found,
        note=result["note"],
    )


def _counted(answer: Answer, truth: Truth, column: str) -> bool:
    entry = named(named(answer.get("missing_summary")).get(name(column)))
    expected = truth["summary"][column]
    percent = number(entry.get("percent"))
    return number(entry.get("count")) == expected["count"] and near(
        percent, expected["percent"], relative=0, absolute=PERCENT_POINTS
    )


def _pattern(said: object, column: str) -> str | None:
    return choice(said if isinstance(said, str) else named(said).get(name(column)), ("MCAR", "MAR", "MNAR"))


def _fits(said: object, ways: list[str]) -> bool:
    """Whether one of the named strategies fits; an indicator besides it never hurts."""
    parts = JOINED.split(said[:200]) if isinstance(said, str) else said if isinstance(said, list) else []
    chosen = {key for part in parts[:5] for key, words in STRATEGIES.items() if choice(part, words)}
    return bool(chosen & set(ways)) and chosen <= {*ways, "indicator_flag", *_filling(ways)}


def _filling(ways: list[str]) -> set[str]:
    """What an indicator may be combined with: any filling, since the flag carries what was missing."""
    return {key for key in STRATEGIES if key.endswith("_impute")} if "indicator_flag" in ways else set()
