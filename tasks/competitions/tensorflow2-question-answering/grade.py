"""How many long and short answers are right, or rightly left out."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from core.errors import SubmissionInvalid
from grading.csv_file import shown
from grading.formats import Column, ColumnKind, SubmissionFormat
from grading.submission import align, read_ours, read_submission

ID, PREDICTION = "example_id", "PredictionString"
FORMAT = SubmissionFormat(
    id=ID, columns=(Column(name=PREDICTION, kind=ColumnKind.TEXT, missing_words=True),), max_bytes=1 << 26
)
SPAN = re.compile(r"([+-]?[0-9]{1,18})\s*:\s*([+-]?[0-9]{1,18})", re.ASCII)
ANNOTATIONS = '"annotations":'

Answer = tuple[int, int] | str  # a span of tokens, or YES or NO


def check(submission: Path, public: Path) -> None:
    """Check that there is a row for each of the sample's, with a span, YES, NO or nothing."""
    _predictions(submission, read_ours(public / "sample_submission.csv", FORMAT))


def score(submission: Path, public: Path, private: Path) -> float:
    """Share of rows whose answer is right, or that are rightly empty.

    scikit-learn's F1 with average="micro" of two 0/1 vectors, answered and rightly so, is the same.
    """
    right = dict(_right_answers(private / "test.jsonl"))
    predictions = _predictions(submission, pd.DataFrame({ID: right.keys()}))
    hits = [
        not answers if predicted is None else predicted in answers
        for predicted, answers in zip(predictions, right.values(), strict=True)
    ]
    return sum(hits) / len(hits)


def _predictions(submission: Path, ours: pd.DataFrame) -> list[Answer | None]:
    """The predicted answers in the order of `ours`, None where there is none."""
    table = align(read_submission(submission, FORMAT, rows=len(ours)), ours, FORMAT)
    return [_parsed(text.strip(), row) for row, text in zip(table[ID], table[PREDICTION], strict=True)]


def _parsed(text: str, row: str) -> Answer | None:
    if text in ("YES", "NO"):
        return text
    if not text:
        return None
    found = SPAN.fullmatch(text)
    if found is None:
        raise SubmissionInvalid(
            f"{PREDICTION} of {row} holds {shown(text)}, expected start:end in whole numbers, YES, NO or nothing"
        )
    return int(found[1]), int(found[2])


def _right_answers(path: Path) -> Iterator[tuple[str, set[Answer]]]:
    """Rows of a submission, each with all answers that are right."""
    with path.open(encoding="ascii") as file:
        for line in file:
            item = _without_text(line)
            annotation = item["annotations"][0]
            long = [annotation["long_answer"]] if annotation["long_answer"]["start_token"] != -1 else []
            words = {annotation["yes_no_answer"]} - {"NONE"}
            yield f"{item[ID]}_long", _spans(long)
            yield f"{item[ID]}_short", _spans(annotation["short_answers"]) | words


def _without_text(line: str) -> dict[str, Any]:
    """An item's fields from the annotations on: the article before them is nearly all of the line.

    Within a text quotes are escaped, so that the place that is found is the field's.
    """
    item: dict[str, Any] = json.loads("{" + line[line.rindex(ANNOTATIONS) :])
    return item


def _spans(answers: list[dict[str, int]]) -> set[Answer]:
    return {(answer["start_token"], answer["end_token"]) for answer in answers}
