import warnings

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score
from sklearn.preprocessing import MultiLabelBinarizer

from tests.competitions.case import Case, csv_text, split_positions

LABELS = ["healthy", "scab frog_eye_leaf_spot complex", "rust", "scab", "rust complex", "powdery_mildew"]
ROWS = [(f"{n * 7919 % 1000:03x}.jpg", LABELS[n * n % 6 if n % 4 else 1]) for n in range(31)]
TRAIN, TEST = split_positions(31, 7)  # ceil(6.2)


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    cells = ["complex scab", "rust  rust", "", "blight", "scab\tblight", "healthy complex scab", "Rust"]
    return perfect.assign(labels=cells)


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    binarizer = MultiLabelBinarizer().fit(answers["labels"].str.split())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of unknown labels
        guessed = binarizer.transform(submission["labels"].str.split())
    return float(f1_score(binarizer.transform(answers["labels"].str.split()), guessed, average="micro"))


CASES = [
    Case(
        id="plant-pathology-2021-fgvc8",
        raw={
            "train.csv": csv_text(["image", "labels"], ROWS),
            "sample_submission.csv": "image,labels\n85f8.jpg,healthy\n",
            "test_images/85f8.jpg": "a placeholder",
            **{f"train_images/{name}": f"photo {name}" for name, _ in ROWS},
        },
        prepared={
            "public/train.csv": csv_text(["image", "labels"], [ROWS[n] for n in TRAIN]),
            "public/sample_submission.csv": csv_text(["image", "labels"], [[ROWS[n][0], "healthy"] for n in TEST]),
            "private/answers.csv": csv_text(["image", "labels"], [ROWS[n] for n in TEST]),
            **{f"public/train_images/{ROWS[n][0]}": f"photo {ROWS[n][0]}" for n in TRAIN},
            **{f"public/test_images/{ROWS[n][0]}": f"photo {ROWS[n][0]}" for n in TEST},
        },
        noise=_noise,
        score=_score,
        best=1.0,
        valid={
            "words for missing": lambda table: table.assign(labels=table["labels"].replace("", "null")),
            "labels twice, in another order": lambda table: table.assign(
                labels=[" ".join([*cell.split()[::-1], *cell.split()]) for cell in table["labels"]]
            ),
        },
        invalid={"labels by number": lambda table: table.assign(labels=range(len(table)))},
    )
]
