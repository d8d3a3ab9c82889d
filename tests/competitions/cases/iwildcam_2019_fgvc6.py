import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["category_id", "date_captured", "file_name", "frame_num", "id", "location", "width"]
N = 62
# Places in the order of their first appearance, which is neither that of numbers nor of texts.
PLACES = [30, 4, 100, 7, 12, 55, 2, 9, 81, 5, 60]
_, TEST_PLACES = split_positions(len(PLACES), 2, seed=8)  # ceil(1.1)


def _place(n: int) -> int:
    return PLACES[n] if n < len(PLACES) else PLACES[n * n % 37 % 11]


def _name(n: int) -> str:
    """The last picture of each side once more: a picture may show two animals."""
    return _name({TRAIN[-1]: TRAIN[0], TEST[-1]: TEST[0]}[n]) if n in (TRAIN[-1], TEST[-1]) else f"5{n * 7919 % N:x}-ec"


def _row(n: int, width: str) -> list[object]:
    return [n % 5 * 4, f"2011-05-{1 + n % 9} 1{n % 10}:00", f"{_name(n)}.jpg", n % 3 + 1, _name(n), _place(n), width]


TEST = [n for n in range(N) if PLACES.index(_place(n)) in TEST_PLACES]
TRAIN = [n for n in range(N) if n not in TEST]
RAW = [_row(n, f"{1024 + n}.50") for n in range(N)]
ROWS = [_row(n, f"{1024 + n}.5") for n in range(N)]
ANSWERS = [[_name(n), ROWS[n][0]] for n in TEST]


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    guesses = perfect["Category"].mask(random.uniform(size=len(perfect)) < 0.5, 3)  # 3 is never true
    return perfect.assign(Category=guesses)


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    return float(f1_score(answers["Category"], submission["Category"], average="macro", zero_division=0))


CASES = [
    Case(
        id="iwildcam-2019-fgvc6",
        raw={
            "train.csv": csv_text(HEADER, RAW),
            "test.csv": "not used",
            "sample_submission.csv": "not used",
            "test_images.zip": {"1.jpg": "not used"},
            "train_images.zip": {f"{_name(n)}.jpg": f"picture {_name(n)}" for n in range(N)},
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            "public/test.csv": csv_text(HEADER[1:], [ROWS[n][1:] for n in TEST]),
            "private/test.csv": csv_text(HEADER, [ROWS[n] for n in TEST]),
            "private/answers.csv": csv_text(["Id", "Category"], ANSWERS),
            "public/sample_submission.csv": csv_text(["", "Id", "Category"], [[n, _name(n), 0] for n in TEST]),
            "public/train_images.zip": {f"{_name(n)}.jpg": f"picture {_name(n)}" for n in TRAIN},
            "public/test_images.zip": {f"{_name(n)}.jpg": f"picture {_name(n)}" for n in TEST},
        },
        noise=_noise,
        score=_score,
        best=1.0,
        valid={
            "an index": lambda table: table.reset_index(names=""),
            "categories as floats": lambda table: table.assign(Category=table["Category"].astype(float)),
            "sorted by id": lambda table: table.sort_values("Id", kind="stable"),
        },
        invalid={"an id once too rarely": lambda table: pd.concat([table.iloc[:-1], table.iloc[[1]]])},
    )
]
