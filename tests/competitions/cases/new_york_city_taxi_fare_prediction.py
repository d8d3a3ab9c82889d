from typing import cast

import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text, split_positions

HEADER = [
    "key",
    "fare_amount",
    "pickup_datetime",
    "pickup_longitude",
    "pickup_latitude",
    "dropoff_longitude",
    "dropoff_latitude",
    "passenger_count",
]
N_TEST = 9_914  # whatever the number of rides
N = N_TEST + 30
# Cells as they are in the raw file, and as they have to come out.
FORMS = [("52", "52.0"), ("-73.9700", "-73.97"), ("0.1", "0.1"), ("", ""), ("40.7316439", "40.7316439")]


def _row(n: int, form: int) -> list[str]:
    time = f"2012-{1 + n % 12:02}-0{1 + n % 9} 1{n % 10}:26:21"
    fare = FORMS[n % 3][form]
    places = [FORMS[(n + column) % len(FORMS)][form] for column in range(4)]
    return [f"{time}.{n * 7919 % N:07}", fare, f"{time} UTC", *places, str(n % 7)]


RAW = [_row(n, 0) for n in range(N)]
ROWS = [_row(n, 1) for n in range(N)]
TRAIN, TEST = split_positions(N, N_TEST)


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    return cast(float, np.linalg.norm(answers["fare_amount"] - submission["fare_amount"]) / np.sqrt(len(answers)))


CASES = [
    Case(
        id="new-york-city-taxi-fare-prediction",
        raw={
            "train.csv": csv_text(HEADER, RAW),
            "GCP-Coupons-Instructions.rtf": "coupons",
            "test.csv": "not used",
            "sample_submission.csv": "not used",
        },
        prepared={
            "public/labels.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            "public/test.csv": csv_text(HEADER[:1] + HEADER[2:], [ROWS[n][:1] + ROWS[n][2:] for n in TEST]),
            "public/sample_submission.csv": csv_text(HEADER[:2], [[ROWS[n][0], 11.35] for n in TEST]),
            "public/GCP-Coupons-Instructions.rtf": "coupons",
            "private/test.csv": csv_text(HEADER, [ROWS[n] for n in TEST]),
        },
        noise=lambda perfect, random: perfect.assign(
            fare_amount=perfect["fare_amount"] + random.normal(size=len(perfect))
        ),
        score=_score,
        best=0.0,
        invalid={"keys of other rides": lambda table: table.assign(key="2" + table["key"])},
    )
]
