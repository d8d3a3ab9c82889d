import json
import math
from typing import Any

import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text, split_positions

# Fields of train and test in different orders; numbers that a reader may spoil; large enough for several pieces.
BAND = [-27.878361000000002, -1e-07, 0.625, -20.0, 1e22]
LABELLED: list[dict[str, Any]] = [
    {
        "id": f"{n * 0x9E3779B1 % 2**32:08x}",
        "band_1": [*BAND, n / 3],
        "band_2": BAND[::-1],
        "inc_angle": "na" if n % 5 == 2 else 30 + n / 7,
        "is_iceberg": int(n % 3 == 0),
    }
    for n in range(21)
]
UNLABELLED = [{"inc_angle": 38.2, "id": f"k{n}", "band_2": [1.5] * 400_000, "band_1": [-2.5]} for n in range(4)]
TRAIN, TEST = split_positions(21, 5)  # ceil(4.2)
IDS = [LABELLED[n]["id"] for n in TEST]
HEADER = ["id", "is_iceberg"]
SAMPLE = csv_text(HEADER, [[name, 0.5] for name in IDS])
NEW_TEST = [{field: LABELLED[n][field] for field in UNLABELLED[0]} for n in TEST]


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(is_iceberg=[*random.uniform(size=len(perfect) - 1), 1 - perfect["is_iceberg"].iloc[-1]])


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    losses = [
        -math.log(max(guess if true else 1 - guess, 2.220446049250313e-16))
        for true, guess in zip(answers["is_iceberg"], submission["is_iceberg"], strict=True)
    ]
    return sum(losses) / len(losses)


CASES = [
    Case(
        id="statoil-iceberg-classifier-challenge",
        raw={
            "train.json.7z": {"data/processed/train.json": json.dumps(LABELLED, indent=1)},
            "test.json.7z": {"data/processed/test.json": json.dumps(UNLABELLED)},
            "sample_submission.csv.7z": {"data/processed/sample_submission.csv": "id,is_iceberg\n"},
        },
        prepared={
            "public/train.json.7z": {"train.json": json.dumps([LABELLED[n] for n in TRAIN])},
            "public/test.json.7z": {"test.json": json.dumps(NEW_TEST)},
            "public/sample_submission.csv.7z": {"sample_submission.csv": SAMPLE},
            "private/sample_submission.csv": SAMPLE,
            "private/test.csv": csv_text(HEADER, [[LABELLED[n]["id"], LABELLED[n]["is_iceberg"]] for n in TEST]),
        },
        noise=_noise,
        score=_score,
        best=0.0,
    )
]
