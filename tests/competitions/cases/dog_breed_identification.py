from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss

from tasks.registry import COMPETITIONS
from tests.competitions.case import Case, csv_text, split_positions

BREEDS = (Path(COMPETITIONS) / "dog-breed-identification" / "classes.txt").read_text().split()
ROWS = [(f"{n * 15485863:032x}", BREEDS[n * 37 % 120]) for n in range(31)]
TRAIN, TEST = split_positions(31, 4)  # ceil(3.1)
PHOTOS = {name: f"dog {name}" for name, _ in ROWS}


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    guesses = random.dirichlet(np.ones(120), len(perfect))
    guesses[0] = np.roll(perfect[BREEDS].to_numpy()[0], 1)  # certain and wrong: 36.04365
    return pd.concat([perfect[["id"]], pd.DataFrame(guesses, columns=BREEDS)], axis="columns")


CASES = [
    Case(
        id="dog-breed-identification",
        raw={
            "labels.csv": csv_text(["id", "breed"], ROWS),
            **{f"train/{name}.jpg": content for name, content in PHOTOS.items()},
            "test/0.jpg": "dog without a breed",
        },
        prepared={
            **{f"public/train/{ROWS[n][0]}.jpg": PHOTOS[ROWS[n][0]] for n in TRAIN},
            **{f"public/test/{ROWS[n][0]}.jpg": PHOTOS[ROWS[n][0]] for n in TEST},
            "public/labels.csv": csv_text(["id", "breed"], [ROWS[n] for n in TRAIN]),
            "public/sample_submission.csv": csv_text(
                ["id", *BREEDS], [[ROWS[n][0], *["0.008333333333333333"] * 120] for n in TEST]
            ),
            "private/test.csv": csv_text(
                ["id", *BREEDS], [[ROWS[n][0], *(int(ROWS[n][1] == breed) for breed in BREEDS)] for n in TEST]
            ),
        },
        noise=_noise,
        score=lambda answers, submission: float(log_loss(answers[BREEDS], submission[BREEDS])),
        best=0.0,
        invalid={"rounded to 4 decimals": lambda table: table.assign(**dict.fromkeys(BREEDS, 0.0083))},
    )
]
