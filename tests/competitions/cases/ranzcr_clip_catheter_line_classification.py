import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from tests.competitions.case import Case, csv_text, split_positions

ID = "StudyInstanceUID"
GRADED = [
    *("ETT - Abnormal", "ETT - Borderline", "ETT - Normal"),
    *("NGT - Abnormal", "NGT - Borderline", "NGT - Incompletely Imaged", "NGT - Normal"),
    *("CVC - Abnormal", "CVC - Borderline"),
]
HEADER = [ID, *GRADED, "CVC - Normal", "Swan Ganz Catheter Present", "PatientID"]
N = 151
TRAIN, TEST = split_positions(N, 16)  # ceil(15.1)


def _name(n: int) -> str:
    return f"1.2.826.0.1.3680043.8.498.{n * 7919 % N:03}"


ROWS: list[list[object]] = [
    [_name(n), *np.random.RandomState(n).randint(0, 2, 11).tolist(), f"{n // 3:09x}"] for n in range(N)
]
LINES = [[_name(n), "CVC - Normal", f"[[{n}, 2], [3, 4]]"] for n in reversed(range(N)) for _ in range(n % 3)]
IN_TRAIN = {_name(n) for n in TRAIN}


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(**{name: random.integers(0, 6, len(perfect)) / 5 for name in GRADED})


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    return sum(float(roc_auc_score(answers[name], submission[name])) for name in GRADED) / 9


def _with_other_labels(table: pd.DataFrame) -> pd.DataFrame:
    others = pd.DataFrame({"CVC - Normal": 99, "Swan Ganz Catheter Present": "yes"}, index=table.index)
    return pd.concat([table, others], axis="columns")


CASES = [
    Case(
        id="ranzcr-clip-catheter-line-classification",
        raw={
            "train.csv": csv_text(HEADER, ROWS),
            "train_annotations.csv": csv_text([ID, "label", "data"], LINES),
            "sample_submission.csv": "not used",
            "test/1.2.3.jpg": "a picture without labels",
            "train_tfrecords/00.tfrec": "not used",
            **{f"train/{_name(n)}.jpg": f"picture {n}" for n in range(N)},
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            "private/test.csv": csv_text(HEADER, [ROWS[n] for n in TEST]),
            "public/train_annotations.csv": csv_text(
                [ID, "label", "data"], [line for line in LINES if line[0] in IN_TRAIN]
            ),
            "public/sample_submission.csv": csv_text([ID, *GRADED], [[_name(n), *[0] * 9] for n in TEST]),
            **{f"public/train/{_name(n)}.jpg": f"picture {n}" for n in TRAIN},
            **{f"public/test/{_name(n)}.jpg": f"picture {n}" for n in TEST},
        },
        noise=_noise,
        score=_score,
        best=1.0,
        valid={"anything in the labels that do not count": _with_other_labels},
    )
]
