"""What an answer about cross-validation is held against."""

from collections.abc import Mapping
from typing import Any

from grading.answers import Answer, choice, entry, flag, is_given, name, named, names, number
from grading.checks import Finding, Truth, f1, mean

STRATEGIES = {
    "kfold": ("kfold", "k_fold"),
    "stratified": ("stratified", "stratified_kfold", "stratified_k_fold"),
    "timeseries": ("timeseries", "time_series", "timeseries_split", "time_series_split"),
    "group": ("group", "group_kfold", "group_k_fold"),
    "stratified_group": ("stratified_group", "stratified_group_kfold", "stratified_group_k_fold"),
    "leave_one_out": ("leave_one_out", "loo"),
}


def shape(answer: Answer, truth: Truth) -> Finding:
    said, expected = _said(answer), truth["characteristics"]
    rows = number(said.get("num_rows")) == expected["num_rows"]
    others = mean(
        [
            number(said.get("num_cols")) == expected["num_cols"],
            name(said.get("target_column")) == name(expected["target_column"]),
            name(said.get("target_type")) == expected["target_type"],
        ]
    )
    keys = ("num_rows", "num_cols", "target_column", "target_type")
    return Finding(
        share=(others or 0.0) if rows else 0.0,
        expected={key: expected[key] for key in keys},
        answered={key: said.get(key) for key in keys},
        note="" if rows else "the number of train rows is not right",
    )


def classes(answer: Answer, truth: Truth) -> Finding:
    counts, said = truth["characteristics"]["class_distribution"], _said(answer).get("class_distribution")
    share = None
    if counts:
        right = sum(number(entry(said, label)) == count for label, count in counts.items())
        share = right / max(len(counts), len(named(said)))
    return Finding(share=share, expected=counts, answered=said)


def temporal(answer: Answer, truth: Truth) -> Finding:
    return _structure(answer, truth, "has_temporal_structure", "temporal_columns")


def groups(answer: Answer, truth: Truth) -> Finding:
    return _structure(answer, truth, "has_groups", "group_columns")


def imbalanced(answer: Answer, truth: Truth) -> Finding:
    said = answer.get("is_imbalanced")
    return Finding(share=float(flag(said) is truth["is_imbalanced"]), expected=truth["is_imbalanced"], answered=said)


def strategy(answer: Answer, truth: Truth) -> Finding:
    said = answer.get("recommended_strategy")
    chosen = next((strategy for strategy, words in STRATEGIES.items() if choice(said, words)), None)
    return Finding(share=float(chosen in truth["strategies"]), expected=truth["strategies"], answered=said)


def splits(answer: Answer, truth: Truth) -> Finding:
    said, (least, most) = answer.get("recommended_n_splits"), truth["splits"]
    value = number(said)
    right = value is not None and value.is_integer() and least <= value <= most
    return Finding(share=float(right), expected={"least": least, "most": most}, answered=said)


def splitter(answer: Answer, truth: Truth) -> Finding:
    result: Mapping[str, Any] = answer["code"]
    found = {key: result.get(key, False) for key in ("covers", "keeps_groups_apart", "keeps_time_in_order")}
    return Finding(
        share=float(all(found.values())),
        expected="pairs of different rows that keep groups apart and time in order",
        answered=found,
        note=result["note"],
    )


def _said(answer: Answer) -> dict[str, Any]:
    return named(answer.get("data_characteristics"))


def _structure(answer: Answer, truth: Truth, field: str, columns: str) -> Finding:
    """A flag counts with the columns that it rests on."""
    expected, said = truth["characteristics"][columns], _said(answer)
    right = flag(answer.get(field)) is bool(expected) and (bool(expected) or is_given(said, columns))
    share = f1(names(said.get(columns)), {name(column) for column in expected})
    return Finding(
        share=share if right else 0.0,
        expected={field: bool(expected), columns: expected},
        answered={field: answer.get(field), columns: said.get(columns)},
    )
