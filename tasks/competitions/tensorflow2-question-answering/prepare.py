"""Questions and the articles that may answer them: a tenth of Kaggle's labelled ones becomes the test set.

17 GB of JSON lines, read and split a block at a time.
"""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pandas as pd

from core.errors import DataError
from tasks import recipes

LABELLED = "simplified-nq-train.jsonl"
BLOCK_LINES = 1000
TEST_FIELDS = ["example_id", "question_text", "document_text", "long_answer_candidates"]


def prepare(raw: Path, public: Path, private: Path) -> None:
    predictions: list[tuple[str, str]] = []
    with (
        (public / LABELLED).open("x", encoding="ascii", newline="\n") as train_file,
        (public / "simplified-nq-test.jsonl").open("x", encoding="ascii", newline="\n") as test_file,
        (private / "test.jsonl").open("x", encoding="ascii", newline="\n") as answers_file,
    ):
        for block in _blocks(raw / LABELLED):
            recipes.require(len(block) > 1, f"{LABELLED} ends with a block of one line, which cannot be split")
            train, test = recipes.split(block, test_size=0.1)
            _write_lines(train, train_file)
            _write_lines(test, answers_file)
            _write_lines([{field: item[field] for field in TEST_FIELDS} for item in test], test_file)
            predictions += [row for item in test for row in _true_predictions(item)]
    answers = pd.DataFrame(predictions, columns=["example_id", "PredictionString"])
    recipes.write_csv(answers, private / "gold_submission.csv")
    sample = recipes.sample_of(answers, "example_id", {"PredictionString": ""})
    recipes.write_csv(sample, public / "sample_submission.csv")


def _blocks(path: Path) -> Iterator[list[dict[str, Any]]]:
    """Items in the order of the file, their ids as text."""
    recipes.require(path.is_file(), f"{path} is missing")
    with path.open("rb") as file:
        while lines := list(islice(file, BLOCK_LINES)):
            try:
                block = [json.loads(line) for line in lines]
            except ValueError as error:
                raise DataError(f"{path.name} is not made of lines of JSON: {error}") from error
            for item in block:
                item["example_id"] = str(item["example_id"])
                recipes.require_equal(len(item["annotations"]), 1, f"annotations of {item['example_id']}")
            yield block


def _write_lines(items: list[dict[str, Any]], file: IO[str]) -> None:
    # pandas escapes slashes and, unlike json, leaves the character 127 as it is.
    pd.DataFrame(items, dtype=object).to_json(file, orient="records", lines=True)


def _true_predictions(item: dict[str, Any]) -> list[tuple[str, str]]:
    """The rows of a submission that answers rightly: the short answer and the long one."""
    annotation = item["annotations"][0]
    short = ""
    if annotation["yes_no_answer"] != "NONE":
        short = annotation["yes_no_answer"]
    elif annotation["short_answers"]:
        short = _span(annotation["short_answers"][0])
    long = "" if annotation["long_answer"]["start_token"] == -1 else _span(annotation["long_answer"])
    return [(f"{item['example_id']}_short", short), (f"{item['example_id']}_long", long)]


def _span(answer: dict[str, int]) -> str:
    return f"{answer['start_token']}:{answer['end_token']}"
