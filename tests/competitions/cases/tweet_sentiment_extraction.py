from collections.abc import Sequence

import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["textID", "text", "selected_text", "sentiment"]
TWEETS = [
    (" So good, really GOOD!", "good, really", "positive"),
    ('he said "no way"\nagain', 'said "no way"', "negative"),
    ("naïve ♥ 12", "12", "neutral"),
    ("null", "null", "neutral"),  # read as missing
]
TRAIN, TEST = split_positions(31, 4)  # ceil(3.1)
# The tweet without a text is in train, as in the real data.
KINDS = {n: TEST.index(n) % 3 if n in TEST else n % 4 for n in range(31)}
ROWS = [(f"{n * 0x9E3779B97F % 16**10:010x}", *TWEETS[KINDS[n]]) for n in range(31)]


def _written(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    return [["" if cell == "null" else cell for cell in row] for row in rows]


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(selected_text=["GOOD, good, so good", 'no way" said', "", " so good,\nreally "])


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    values = []
    for true, guess in zip(answers["selected_text"], submission["selected_text"], strict=True):
        words, named = set(true.lower().split()), set(guess.lower().split())
        shared = words.intersection(named)
        values.append(len(shared) / (len(words) + len(named) - len(shared)))
    return float(np.mean(values))


CASES = [
    Case(
        id="tweet-sentiment-extraction",
        raw={
            "train.csv": csv_text(HEADER, ROWS),
            "test.csv": "textID,text,sentiment\n",
            "sample_submission.csv": "textID,selected_text\n",
        },
        prepared={
            "public/train.csv": csv_text(HEADER, _written([ROWS[n] for n in TRAIN])),
            "public/test.csv": csv_text(["textID", "text", "sentiment"], [[*ROWS[n][:2], ROWS[n][3]] for n in TEST]),
            "public/sample_submission.csv": csv_text(["textID", "selected_text"], [[ROWS[n][0], ""] for n in TEST]),
            "private/test.csv": csv_text(HEADER, [ROWS[n] for n in TEST]),
        },
        noise=_noise,
        score=_score,
        best=1.0,
        valid={
            "a word for missing in place of nothing": lambda table: table.assign(
                selected_text=table["selected_text"].replace("", "NA")
            )
        },
    )
]
