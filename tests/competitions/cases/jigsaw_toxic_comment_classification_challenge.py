import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from tests.competitions.case import Case, csv_text

LABELS = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]
TEXTS = ["plain", 'with "quotes", and\r\nlines', "NA", "null", " blanks "]
READ = ["plain", 'with "quotes", and\r\nlines', "", "", " blanks "]
TRAIN: list[list[int | str]] = [
    [f"f{n:015x}", place, *((n >> kind) & 1 for kind in range(6))] for n, place in enumerate([0, 1, 2, 3, 4])
]
# Every third row of the test set is not scored.
TEST: list[list[int | str]] = [
    [f"{n * 7919 % 100:016x}", n % 5, *([-1] * 6 if n % 3 == 2 else ((n + kind) % 4 // 3 for kind in range(6)))]
    for n in range(24)
]


def _with_text(rows: list[list[int | str]], texts: list[str], width: int) -> list[list[int | str]]:
    return [[row[0], texts[int(row[1])], *row[2:]][:width] for row in rows]


def _labels(rows: list[list[int | str]]) -> list[list[int | str]]:
    return [[row[0], *row[2:]] for row in rows]


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    kept = [n for n, row in enumerate(TEST) if row[2] != -1]
    scores = [roc_auc_score(answers[label].iloc[kept], submission[label].iloc[kept]) for label in LABELS]
    return float(np.mean(scores))


CASES = [
    Case(
        id="jigsaw-toxic-comment-classification-challenge",
        raw={
            "train.csv.zip": {"train.csv": csv_text(["id", "comment_text", *LABELS], _with_text(TRAIN, TEXTS, 8))},
            "test.csv.zip": {"test.csv": csv_text(["id", "comment_text"], _with_text(TEST, TEXTS, 2))},
            "test_labels.csv.zip": {"test_labels.csv": csv_text(["id", *LABELS], _labels(TEST))},
            "sample_submission.csv.zip": {
                "sample_submission.csv": csv_text(["id", *LABELS], [[row[0], *[0] * 6] for row in reversed(TEST)])
            },
        },
        prepared={
            "public/train.csv": csv_text(["id", "comment_text", *LABELS], _with_text(TRAIN, READ, 8)),
            "public/test.csv": csv_text(["id", "comment_text"], _with_text(TEST, READ, 2)),
            "public/sample_submission.csv": csv_text(["id", *LABELS], [[row[0], *[0.5] * 6] for row in reversed(TEST)]),
            "private/test.csv": csv_text(["id", *LABELS], _labels(TEST)),
        },
        noise=lambda perfect, random: perfect.assign(**{label: random.normal(size=len(perfect)) for label in LABELS}),
        score=_score,
        best=1.0,
        valid={
            "other values in rows that are not scored": lambda table: table.assign(
                toxic=[value if row[2] != -1 else 17.5 for value, row in zip(table["toxic"], TEST, strict=True)]
            )
        },
        invalid={"a saved index": lambda table: table.reset_index(names="")},
    )
]
