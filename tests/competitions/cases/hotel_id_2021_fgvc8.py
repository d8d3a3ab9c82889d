import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["image", "chain", "hotel_id", "timestamp"]
TWICE = "ce27d36c9147cc19.jpg"
N = 61
ROWS = [(f"{n * 7919:016x}.jpg", n % 5, 1000 + n % 7, f"2019-0{1 + n % 9}-01 10:20:3{n % 10}") for n in range(N)]
RAW = [*ROWS[:9], (TWICE, 3, 1000, "x"), *ROWS[9:20], (TWICE, 4, 1001, "y"), *ROWS[20:]]
TRAIN, TEST = split_positions(N, 7)  # ceil(6.1), of the rows that are left
# The true hotel is marked by its place: in the 3rd place, twice, behind an empty guess, in the 6th place ...
PATTERNS = ["1 2 T 3 4", "1 T T", "1  T", "1 2 3 4 5 T", "", "T", "2 T 3"]
PRECISIONS = [1 / 3, 1 / 2, 1 / 3, 0, 0, 1, 1 / 2]


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    truth = [str(hotel) for hotel in perfect["hotel_id"]]
    return perfect.assign(hotel_id=[guess.replace("T", hotel) for guess, hotel in zip(PATTERNS, truth, strict=True)])


CASES = [
    Case(
        id="hotel-id-2021-fgvc8",
        raw={
            "train.csv": csv_text(HEADER, RAW),
            "sample_submission.csv": "not used",
            "test_images/a.jpg": "not used",
            **{f"train_images/{chain}/{name}": f"room {name}" for name, chain, *_ in RAW},
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            "private/test.csv": csv_text(HEADER, [ROWS[n] for n in TEST]),
            "public/sample_submission.csv": csv_text(
                ["image", "hotel_id"], [(ROWS[n][0], "36363 53586 18807 64314 60181") for n in TEST]
            ),
            **{f"public/train_images/{ROWS[n][1]}/{ROWS[n][0]}": f"room {ROWS[n][0]}" for n in TRAIN},
            **{f"public/test_images/{ROWS[n][0]}": f"room {ROWS[n][0]}" for n in TEST},
        },
        noise=_noise,
        score=lambda answers, submission: sum(PRECISIONS) / len(PRECISIONS),
        best=1.0,
        valid={
            "a sixth guess": lambda table: table.assign(
                hotel_id=table["hotel_id"].str.replace(r"^2 \d+ 3$", r"\g<0> 4 5 6", regex=True)
            )
        },
        invalid={"images without .jpg": lambda table: table.assign(image=table["image"].str[:-4])},
    )
]
