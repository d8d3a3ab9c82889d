from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss

from tasks.registry import COMPETITIONS
from tests.competitions.case import Case, csv_text, split_positions

SPECIES = (Path(COMPETITIONS) / "leaf-classification" / "classes.txt").read_text().split()
HEADER = ["id", "species", "margin1", "shape1", "texture1"]
ROWS = [(3 * n + 1, SPECIES[n * 41 % 99], f"0.0{n}0", "0.00007", n % 2) for n in range(31)]
# Floats in their shortest form; a column of whole numbers stays one.
WRITTEN = [(number, name, float(margin), "7e-05", texture) for number, name, margin, _, texture in ROWS]
TRAIN, TEST = split_positions(31, 4)  # ceil(3.1)


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    guesses = random.dirichlet(np.ones(99), len(perfect))
    guesses[0] = np.roll(perfect[SPECIES].to_numpy()[0], 1)  # certain and wrong: 36.04365
    return pd.concat([perfect[["id"]], pd.DataFrame(guesses, columns=SPECIES)], axis="columns")


CASES = [
    Case(
        id="leaf-classification",
        raw={
            "train.csv.zip": {"train.csv": csv_text(HEADER, ROWS)},
            "images.zip": {f"images/{number}.jpg": f"leaf {number}" for number in range(1, 95)},
            "test.csv.zip": {"test.csv": "id\n"},
        },
        prepared={
            **{f"public/images/{number}.jpg": f"leaf {number}" for number in range(1, 94, 3)},
            "public/train.csv": csv_text(HEADER, [WRITTEN[n] for n in TRAIN]),
            "public/test.csv": csv_text([HEADER[0], *HEADER[2:]], [[WRITTEN[n][0], *WRITTEN[n][2:]] for n in TEST]),
            "public/sample_submission.csv": csv_text(
                ["id", *SPECIES], [[ROWS[n][0], *["0.010101010101010102"] * 99] for n in TEST]
            ),
            "private/test.csv": csv_text(
                ["id", *SPECIES], [[ROWS[n][0], *(int(ROWS[n][1] == name) for name in SPECIES)] for n in TEST]
            ),
        },
        noise=_noise,
        score=lambda answers, submission: float(log_loss(answers[SPECIES], submission[SPECIES])),
        best=0.0,
        valid={"ids as floats": lambda table: table.assign(id=table["id"].astype(float))},
        invalid={"file names as ids": lambda table: table.assign(id=table["id"].astype(str) + ".jpg")},
    )
]
