from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from tasks.registry import COMPETITIONS
from tests.competitions.case import Case, csv_text, split_positions

FEATURES = [
    *("qa_id", "question_title", "question_body", "question_user_name", "question_user_page"),
    *("answer", "answer_user_name", "answer_user_page", "url", "category", "host"),
]
TARGETS = (COMPETITIONS / "google-quest-challenge" / "classes.txt").read_text().split()
HEADER = [*FEATURES, *TARGETS]
N = 96
TRAIN, TEST = split_positions(N, 10)  # ceil(9.6)
SPELLING = TARGETS.index("question_type_spelling")
THIRDS = ["0.0", "0.3333333333333333", "0.6666666666666666", "1.0"]


def _row(n: int, name: str) -> list[object]:
    scores = [THIRDS[int(value)] for value in np.random.RandomState(n).randint(0, 4, 30)]
    # None of the first test pairs has a spelling question, and not the first of the train pairs.
    scores[SPELLING] = "0.3333333333333333" if n in TRAIN[5:9] else "0.0"
    page, other = f"https://x.org/users/{n}", f"https://x.org/users/{n + 1}"
    texts = [f'How, "{n}"?', "One line\nand another &amp; é", name, page, "So.", "ann", other, "https://x.org/q"]
    return [3 * n + 5, *texts, "SCIENCE", "x.org", *scores]


RAW = [_row(n, "null" if n % 5 == 0 else "NAN-cy") for n in range(N)]
ROWS = [_row(n, "" if n % 5 == 0 else "NAN-cy") for n in range(N)]
# The first train pair with a spelling question and the first test pair change places.
NEW_TRAIN, NEW_TEST = [*TRAIN[:5], TEST[0], *TRAIN[6:]], [TRAIN[5], *TEST[1:]]
RISING = [place * (1 / 9) for place in range(9)] + [1.0]


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(**{name: random.permutation(len(perfect)) // 2 - 1 for name in TARGETS})


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    return sum(float(spearmanr(answers[name], submission[name]).statistic) for name in TARGETS) / 30


def _scaled(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(**{name: table[name] * 0.25 + 7 for name in TARGETS})


def _assert_sample(path: Path) -> None:
    assert path.read_text() == csv_text(
        ["qa_id", *TARGETS], [[ROWS[n][0], *[rising] * 30] for n, rising in zip(NEW_TEST, RISING, strict=True)]
    )


CASES = [
    Case(
        id="google-quest-challenge",
        raw={
            "train.csv": csv_text(HEADER, RAW),
            "test.csv": "not used",
            "sample_submission.csv": "not used",
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [ROWS[n] for n in NEW_TRAIN]),
            "public/test.csv": csv_text(FEATURES, [ROWS[n][:11] for n in NEW_TEST]),
            "private/test.csv": csv_text(["qa_id", *TARGETS], [[ROWS[n][0], *ROWS[n][11:]] for n in NEW_TEST]),
            "public/sample_submission.csv": _assert_sample,
        },
        noise=_noise,
        score=_score,
        best=1.0,
        valid={"other numbers in the same order": _scaled},
        invalid={"ids of other pairs": lambda table: table.assign(qa_id=table["qa_id"] + "1")},
    )
]
