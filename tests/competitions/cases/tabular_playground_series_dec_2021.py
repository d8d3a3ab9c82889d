import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score

from tests.competitions.case import Case, csv_text, split_positions

FEATURES = [
    *("Elevation", "Aspect", "Slope", "Horizontal_Distance_To_Hydrology", "Vertical_Distance_To_Hydrology"),
    *("Horizontal_Distance_To_Roadways", "Hillshade_9am", "Hillshade_Noon", "Hillshade_3pm"),
    "Horizontal_Distance_To_Fire_Points",
    *(f"Wilderness_Area{n}" for n in range(1, 5)),
    *(f"Soil_Type{n}" for n in range(1, 41)),
]
HEADER = ["Id", *FEATURES, "Cover_Type"]
N = 201
ROWS = [
    [3_999_800 + n, *np.random.RandomState(n).randint(-300, 7_700, len(FEATURES)).tolist(), 1 + n % 7 * (n % 3 == 0)]
    for n in range(N)
]
TRAIN, TEST = split_positions(N, 21)  # ceil(20.1)


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    guesses = random.integers(0, 9, len(perfect))  # some of them no types
    return perfect.assign(Cover_Type=np.where(random.uniform(size=len(perfect)) < 0.5, perfect["Cover_Type"], guesses))


CASES = [
    Case(
        id="tabular-playground-series-dec-2021",
        raw={
            "train.csv": csv_text(HEADER, ROWS),
            "test.csv": "not used",
            "sample_submission.csv": "not used",
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            "private/test.csv": csv_text(HEADER, [ROWS[n] for n in TEST]),
            "public/test.csv": csv_text(HEADER[:-1], [ROWS[n][:-1] for n in TEST]),
            "public/sample_submission.csv": csv_text(["Id", "Cover_Type"], [[ROWS[n][0], 2] for n in TEST]),
        },
        noise=_noise,
        score=lambda answers, submission: accuracy_score(answers["Cover_Type"], submission["Cover_Type"]),
        best=1.0,
        valid={
            "types as floats": lambda table: table.assign(Cover_Type=table["Cover_Type"].astype(float)),
            "ids as floats": lambda table: table.assign(Id=table["Id"].astype(float)),
        },
    )
]
