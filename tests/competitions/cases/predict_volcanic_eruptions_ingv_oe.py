from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["segment_id", "time_to_eruption"]
N = 31
TRAIN, TEST = split_positions(N, 4)  # ceil(3.1)
ROWS = [[n * 7919 % 1000 + 1, 49_046_087 - n * 1_234_567] for n in range(N)]
READINGS = "sensor_1,sensor_2\n-12.50,\n,1e3\n"


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(time_to_eruption=perfect["time_to_eruption"] + random.choice([-2.5, 2.5], len(perfect)))


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    pairs = zip(answers["time_to_eruption"], submission["time_to_eruption"], strict=True)
    mean = sum((abs(Decimal(true) - Decimal(guess)) for true, guess in pairs), Decimal()) / len(answers)
    assert mean == Decimal("2.5")  # which becomes 2, not 3
    return float(mean.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


CASES = [
    Case(
        id="predict-volcanic-eruptions-ingv-oe",
        raw={
            "train.csv": csv_text(HEADER, ROWS),
            "sample_submission.csv": "not used",
            "test/5000.csv": "a segment without a label",
            "train/6000.csv": "another",
            **{f"train/{segment}.csv": f"{READINGS}{segment}," for segment, _ in ROWS},
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            "private/test.csv": csv_text(HEADER, [ROWS[n] for n in TEST]),
            "public/sample_submission.csv": csv_text(HEADER, [[ROWS[n][0], 0] for n in TEST]),
            **{f"public/train/{ROWS[n][0]}.csv": f"{READINGS}{ROWS[n][0]}," for n in TRAIN},
            **{f"public/test/{ROWS[n][0]}.csv": f"{READINGS}{ROWS[n][0]}," for n in TEST},
        },
        noise=_noise,
        score=_score,
        best=0.0,
        valid={"ids as floats": lambda table: table.assign(segment_id=table["segment_id"].astype(float))},
        invalid={"a segment twice": lambda table: pd.concat([table, table.iloc[[2]]])},
    )
]
