"""What an answer about encoding categories is held against."""

from collections.abc import Mapping
from typing import Any

from grading.answers import Answer, choice, name, named, names, number
from grading.checks import Finding, Truth, f1, mean

METHODS = {
    "onehot": ("onehot", "one_hot", "onehot_encoding", "one_hot_encoding"),
    "label": ("label", "label_encoding"),
    "ordinal": ("ordinal", "ordinal_encoding"),
    "target": ("target", "target_encoding", "mean_encoding"),
    "frequency": ("frequency", "count", "frequency_encoding", "count_encoding"),
    "hash": ("hash", "hashing"),
    "binary": ("binary", "binary_encoding"),
    "leave_one_out": ("leave_one_out", "leave_one_out_encoding", "loo"),
}
BY_TARGET = ("target", "leave_one_out")
HANDLING = ("ignore", "own_level", "prior")


def columns(answer: Answer, truth: Truth) -> Finding:
    said = set(names(answer.get("categorical_columns"))) - {name(column) for column in truth["neutral"]}
    share = f1(said, {name(column) for column in truth["columns"]})
    return Finding(share=share, expected=truth["columns"], answered=names(answer.get("categorical_columns")))


def cardinalities(answer: Answer, truth: Truth) -> Finding:
    said = answer.get("categorical_columns")
    return Finding(
        share=mean(_counted(answer, truth, column) for column in truth["cardinalities"]),
        expected=truth["cardinalities"],
        answered=said,
    )


def methods(answer: Answer, truth: Truth) -> Finding:
    right = [
        _method(answer, column) in ways and _counted(answer, truth, column) for column, ways in truth["fitting"].items()
    ]
    note = "a method counts where the column's cardinality is right"
    return Finding(share=mean(right), expected=truth["fitting"], answered=answer.get("encoding_choices"), note=note)


def model(answer: Answer, truth: Truth) -> Finding:
    said = answer.get("model_type")
    right = choice(said, ("tree", "linear")) == truth["model"]
    return Finding(share=float(right), expected=truth["model"], answered=said)


def unseen(answer: Answer, truth: Truth) -> Finding:
    said = named(answer.get("leakage_prevention"))
    share = f1(names(said.get("unseen_columns")), {name(column) for column in truth["unseen"]})
    handled = choice(said.get("unseen"), HANDLING) is not None
    return Finding(
        share=share if handled else 0.0,
        expected={"unseen_columns": truth["unseen"], "unseen": HANDLING},
        answered={"unseen_columns": said.get("unseen_columns"), "unseen": said.get("unseen")},
    )


def cross_fitted(answer: Answer, truth: Truth) -> Finding:
    said = named(answer.get("leakage_prevention")).get("target_encoding")
    chosen = {_method(answer, column) for column in named(answer.get("encoding_choices"))}
    fine = ("cross_fitted",) if chosen & set(BY_TARGET) else ("cross_fitted", "not_used")
    return Finding(share=float(choice(said, fine) is not None), expected=fine, answered=said)


def encoder(answer: Answer, truth: Truth) -> Finding:
    result: Mapping[str, Any] = answer["code"]
    found = {key: result.get(key, False) for key in ("numbers", "ignores_target")}
    return Finding(
        share=float(all(found.values())),
        expected="numbers without gaps for all rows of train and test, no look at the target of the row",
        answered=found,
        note=result["note"],
    )


def _counted(answer: Answer, truth: Truth, column: str) -> bool:
    entry = named(named(answer.get("categorical_columns")).get(name(column)))
    return bool(number(entry.get("cardinality")) == truth["cardinalities"][column])


def _method(answer: Answer, column: str) -> str | None:
    said = named(answer.get("encoding_choices")).get(name(column))
    return next((method for method, words in METHODS.items() if choice(said, words)), None)
