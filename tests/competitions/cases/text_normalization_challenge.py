import csv
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["sentence_id", "token_id", "class", "before", "after"]
WORDS = [("1999", "nineteen ninety nine"), ("cat ", "cat "), ('say "so", no', "say so"), ("NA", "NA"), ("null", "sil")]
LOST = ("NA", "null")  # read as missing
SENTENCES = [5, 7, 8, 12, 30, 31, 40, 41, 42, 50, 60]  # ids as they stand in the raw file
TOKENS: list[tuple[int, int, str, str, str]] = [
    (sentence, token, "PLAIN" if token else "DATE", *WORDS[(place + token) % len(WORDS)])
    for place, sentence in enumerate(SENTENCES)
    for token in range(3)
]
_, TEST = split_positions(len(SENTENCES), 2)  # ceil(1.1), of sentences; rows keep the order of the raw file


def _part(*, test: bool) -> list[list[object]]:
    chosen = [sentence for place, sentence in enumerate(SENTENCES) if (place in TEST) == test]
    rows = [token for token in TOKENS if token[0] in chosen]
    return [[chosen.index(row[0]), *row[1:3], *("" if cell in LOST else cell for cell in row[3:])] for row in rows]


def _quoted(header: list[str], rows: Sequence[Sequence[object]]) -> str:
    return csv_text(header, rows, quoting=csv.QUOTE_NONNUMERIC)


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(after=["oops" if row % 2 else text for row, text in enumerate(perfect["after"])])


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    hits = [bool(one == other) for one, other in zip(answers["after"], submission["after"], strict=True)]
    return sum(hits) / len(hits)


def _case(language: str, code: str) -> Case:
    test = _part(test=True)
    ids = [f"{row[0]}_{row[1]}" for row in test]
    sample = _quoted(["id", "after"], [[name, row[3]] for name, row in zip(ids, test, strict=True)])
    answers = _quoted(["id", "after"], [[name, row[4]] for name, row in zip(ids, test, strict=True)])
    raw_csv = _quoted(HEADER, TOKENS)
    return Case(
        id=f"text-normalization-challenge-{language}-language",
        raw={
            f"{code}_train.csv.zip": {f"{code}_train.csv": raw_csv},
            f"{code}_test_2.csv.zip": {f"{code}_test_2.csv": ""},
            f"{code}_sample_submission_2.csv.zip": {f"{code}_sample_submission_2.csv": ""},
        },
        prepared={
            f"public/{code}_train.csv.zip": {f"{code}_train.csv": _quoted(HEADER, _part(test=False))},
            f"public/{code}_test_2.csv.zip": {
                f"{code}_test_2.csv": _quoted(
                    ["sentence_id", "token_id", "before"], [[*row[:2], row[3]] for row in test]
                )
            },
            f"public/{code}_sample_submission_2.csv.zip": {f"{code}_sample_submission_2.csv": sample},
            "private/sample_submission.csv": sample,
            "private/answers.csv": answers,
        },
        noise=_noise,
        score=_score,
        best=1.0,
        valid={
            "a word for missing in place of nothing": lambda table: table.assign(
                after=table["after"].where(table["after"] != "", "null")
            )
        },
    )


CASES = [_case("english", "en"), _case("russian", "ru")]
