import numpy as np
import pandas as pd
from sklearn.metrics import root_mean_squared_error

from tests.competitions.case import Case, csv_text, split_positions

ATTRIBUTES = ["Subject Focus", "Eyes", "Face", "Near", "Action", "Accessory", "Group", "Collage", "Human", "Occlusion"]
HEADER = ["Id", *ATTRIBUTES, "Info", "Blur", "Pawpularity"]
ROWS = [(f"{n * 0x9E3779B97F4A7C15 % 2**128:032x}", *((n >> bit) % 2 for bit in range(12)), 1 + n) for n in range(32)]
TRAIN, TEST = split_positions(32, 4)  # ceil(3.2)
SAMPLE = [round(float(value), 2) for value in np.random.default_rng(0).uniform(1, 100, 4)]


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(Pawpularity=random.uniform(1, 100, len(perfect)))


CASES = [
    Case(
        id="petfinder-pawpularity-score",
        raw={
            "train.csv": csv_text(HEADER, ROWS),
            "test.csv": csv_text(HEADER[:-1], [("00" * 16, *[1] * 12)]),
            "sample_submission.csv": f"Id,Pawpularity\n{'00' * 16},50\n",
            f"test/{'00' * 16}.jpg": "a placeholder",
            **{f"train/{row[0]}.jpg": f"photo {row[0]}" for row in ROWS},
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            "public/test.csv": csv_text(HEADER[:-1], [ROWS[n][:-1] for n in TEST]),
            "public/sample_submission.csv": csv_text(
                ["Id", "Pawpularity"], [[ROWS[n][0], guess] for n, guess in zip(TEST, SAMPLE, strict=True)]
            ),
            "private/test.csv": csv_text(HEADER, [ROWS[n] for n in TEST]),
            **{f"public/train/{ROWS[n][0]}.jpg": f"photo {ROWS[n][0]}" for n in TRAIN},
            **{f"public/test/{ROWS[n][0]}.jpg": f"photo {ROWS[n][0]}" for n in TEST},
        },
        noise=_noise,
        score=lambda answers, submission: float(
            root_mean_squared_error(answers["Pawpularity"], submission["Pawpularity"])
        ),
        best=0.0,
        invalid={"scores as shares": lambda table: table.assign(Pawpularity=table["Pawpularity"] / 100)},
    )
]
