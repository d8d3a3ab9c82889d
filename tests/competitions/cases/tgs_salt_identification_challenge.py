import numpy as np
import pandas as pd

from tests.competitions.case import Case, Change, csv_text, split_positions

SIDE = 101
MASKS = ["1 10201", "", "5 10 40 200", "1 9000", "102 101 203 101", "10201 1"]
PARTS = split_positions(22, 6)  # ceil(5.5)
# The first letter rises and falls; each mask is once in test.
ROWS = [(f"{n * 7919 % 16:x}{n}" + "a" * 8, MASKS[PARTS[1].index(n) if n in PARTS[1] else n % 6]) for n in range(22)]
DEPTHS = [(name, 50 + 7 * n) for n, (name, _) in enumerate(ROWS)] + [("k" * 10, 1)]
TRAIN, TEST = (sorted(part, key=lambda n: ROWS[n][0]) for part in PARTS)
TRAIN_IDS = [ROWS[n][0] for n in TRAIN]
HEADER = ["id", "rle_mask"]
# A prediction for each mask: an empty one counts as full, runs are cut at the end, a threshold is to be exceeded.
GUESSES = {
    "1 10201": "",
    "": "7 3",
    "5 10 40 200": "5 10 40 95",
    "1 9000": " ",
    "102 101 203 101": "90 115 205 99 20000 5",
    "10201 1": "10201 50",
}


def _mask(text: str) -> set[int]:
    numbers = [int(token) for token in text.split()]
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return {pixel for start, length in pairs for pixel in range(start, start + length) if pixel <= SIDE * SIDE}


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(rle_mask=perfect["rle_mask"].map(GUESSES))


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    scores = []
    for true_text, text in zip(answers["rle_mask"], submission["rle_mask"], strict=True):
        true, guess = _mask(true_text), _mask(text)
        if not true:
            scores.append(float(not guess))
            continue
        guess = guess or set(range(1, SIDE * SIDE + 1))
        overlap = len(true & guess) / len(true | guess)
        scores.append(sum(overlap > threshold for threshold in np.arange(0.5, 1.0, 0.05)) / 10)
    return sum(scores) / len(scores)


def _with_mask(text: str) -> Change:
    return lambda table: table.assign(rle_mask=[text, *table["rle_mask"][1:]])


CASES = [
    Case(
        id="tgs-salt-identification-challenge",
        raw={
            "competition_data.zip": {
                "competition_data/train.csv": csv_text(HEADER, ROWS),
                "competition_data/test/images/kk.png": "an image without a mask",
                **{f"competition_data/train/images/{name}.png": f"image {name}" for name, _ in ROWS},
                **{f"competition_data/train/masks/{name}.png": f"mask {name}" for name, _ in ROWS},
            },
            "depths.csv": csv_text(["id", "z"], DEPTHS),
            "train.csv": "not used\n",
        },
        prepared={
            "public/train.csv": csv_text(HEADER, [ROWS[n] for n in TRAIN]),
            "public/sample_submission.csv": csv_text(HEADER, [[ROWS[n][0], "1 1"] for n in TEST]),
            "public/depths.csv": csv_text(["id", "z"], sorted(row for row in DEPTHS if row[0] in TRAIN_IDS)),
            "private/test.csv": csv_text(HEADER, [ROWS[n] for n in TEST]),
            **{f"public/train/images/{name}.png": f"image {name}" for name in TRAIN_IDS},
            **{f"public/train/masks/{name}.png": f"mask {name}" for name in TRAIN_IDS},
            **{f"public/test/images/{ROWS[n][0]}.png": f"image {ROWS[n][0]}" for n in TEST},
        },
        noise=_noise,
        score=_score,
        best=1.0,
        valid={"a word for missing": lambda table: table.assign(rle_mask=table["rle_mask"].replace("", "nan"))},
        invalid={
            f"mask {text!r}": _with_mask(text)
            for text in ("1", "1 2 3", "0 4", "3 0", "1 -4", "9 2 3 2", "1 5 5 1", "1.0 2", "1 2;3 4", "9" * 30 + " 1")
        }
        | {"nothing but numbers": lambda table: table.assign(rle_mask="1")},
    )
]
