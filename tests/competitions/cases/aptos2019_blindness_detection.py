import numpy as np
import pandas as pd
from sklearn.metrics import cohen_kappa_score

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["id_code", "diagnosis"]
ROWS = [(f"{n * 104729 + 5:012x}", n * n % 5) for n in range(51)]
TRAIN, TEST = split_positions(51, 6)  # ceil(5.1)
PHOTOS = {code: f"retina {code}" for code, _ in ROWS}


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    # 40 is one step above the highest grade that occurs: places count, not values.
    return perfect.assign(diagnosis=[40, *perfect["diagnosis"].iloc[1:-1], 3])


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    return float(cohen_kappa_score(answers["diagnosis"], submission["diagnosis"], weights="quadratic"))


CASES = [
    Case(
        id="aptos2019-blindness-detection",
        raw={
            "train.csv": csv_text(HEADER, ROWS),
            **{f"train_images/{code}.png": content for code, content in PHOTOS.items()},
            "test.csv": "id_code\n0\n",
            "test_images/0.png": "retina without a grade",
        },
        prepared={
            **{f"public/train_images/{ROWS[n][0]}.png": PHOTOS[ROWS[n][0]] for n in TRAIN},
            **{f"public/test_images/{ROWS[n][0]}.png": PHOTOS[ROWS[n][0]] for n in TEST},
            "public/train.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            "public/test.csv": csv_text(HEADER[:1], [ROWS[n][:1] for n in TEST]),
            "public/sample_submission.csv": csv_text(HEADER, [[ROWS[n][0], 0] for n in TEST]),
            "private/test.csv": csv_text(HEADER, [ROWS[n] for n in TEST]),
        },
        noise=_noise,
        score=_score,
        best=1.0,
        valid={"whole numbers as floats": lambda table: table.assign(diagnosis=table["diagnosis"].astype(float))},
    )
]
