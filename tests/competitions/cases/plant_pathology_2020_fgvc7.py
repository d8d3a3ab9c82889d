import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from tests.competitions.case import Case, csv_text, split_positions

CLASSES = ["healthy", "multiple_diseases", "rust", "scab"]
HEADER = ["image_id", *CLASSES]
N = 91
TRAIN, TEST = split_positions(N, 10)  # ceil(9.1)


def _labels(n: int) -> list[int]:
    return [int(position == (n + n // 4) % 4) for position in range(4)]


NEW_TRAIN = [(f"Train_{new}", *_labels(old)) for new, old in enumerate(TRAIN)]
NEW_TEST = [(f"Test_{new}", *_labels(old)) for new, old in enumerate(TEST)]
IMAGES = {f"Train_{new}": old for new, old in enumerate(TRAIN)} | {f"Test_{new}": old for new, old in enumerate(TEST)}


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    values = np.round(random.normal(size=(len(perfect), 4)), 1)  # with ties, outside of 0 to 1
    return perfect.assign(**dict(zip(CLASSES, values.T, strict=True)))


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    return float(roc_auc_score(answers[CLASSES], submission[CLASSES], average="macro"))


def _scaled(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(**{name: table[name] * 64 - 3 for name in CLASSES})


CASES = [
    Case(
        id="plant-pathology-2020-fgvc7",
        raw={
            "train.csv": csv_text(HEADER, [(f"Train_{n}", *_labels(n)) for n in range(N)]),
            "test.csv": "image_id\nTest_0\n",
            "sample_submission.csv": "not used",
            **{f"images/Train_{n}.jpg": f"leaf {n}" for n in range(N)},
            "images/Test_0.jpg": "a leaf without labels",
        },
        prepared={
            "public/train.csv": csv_text(HEADER, NEW_TRAIN),
            "private/test.csv": csv_text(HEADER, NEW_TEST),
            "public/test.csv": csv_text(HEADER[:1], [row[:1] for row in NEW_TEST]),
            "public/sample_submission.csv": csv_text(HEADER, [[row[0], 0.25, 0.25, 0.25, 0.25] for row in NEW_TEST]),
            **{f"public/images/{new}.jpg": f"leaf {old}" for new, old in IMAGES.items()},
        },
        noise=_noise,
        score=_score,
        best=1.0,
        valid={
            "other numbers in the same order": _scaled,
            "classes in another order": lambda table: table[["scab", "image_id", "rust", "healthy", CLASSES[1]]],
        },
        invalid={"a column of another name": lambda table: table.rename(columns={CLASSES[1]: "combinations"})},
    )
]
