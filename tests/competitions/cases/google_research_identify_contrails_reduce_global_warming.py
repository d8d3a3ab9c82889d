import io
import json
import random as python_random

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tests.competitions.case import Case, Change, csv_text, split_positions

HEADER = ["record_id", "encoded_pixels", "height", "width"]
HEIGHT, WIDTH = 4, 5  # so that columns and rows are told apart
COUNT, TEST_COUNT = 30, 7
RECORDS = [f"{10**18 + n * 7919**4 % 10**17}" for n in range(COUNT)]
TRAIN, TEST = split_positions(COUNT, TEST_COUNT)
BANDS = [f"band_{number:02}.npy" for number in range(8, 17)]
VALIDATION = json.dumps([{"record_id": str(n)} for n in range(TEST_COUNT)], indent=1)


def _mask(n: int) -> NDArray[np.int32]:
    """Empty, full, or drawn; a 2 is no contrail."""
    drawn = np.random.RandomState(n).choice([0, 1, 1, 2], size=(HEIGHT, WIDTH, 1))
    kind = TEST.index(n) if n in TEST else 2
    return np.full_like(drawn, kind).astype("int32") if kind < 2 else drawn.astype("int32")


def _encoded(mask: NDArray[np.int32]) -> str:
    """Pixel by pixel, down the columns."""
    runs: list[list[int]] = []
    for place, value in enumerate(mask[:, :, 0].T.ravel().tolist(), start=1):
        if value == 1 and runs and sum(runs[-1]) == place:
            runs[-1][1] += 1
        elif value == 1:
            runs.append([place, 1])
    return " ".join(f"{start} {length}" for start, length in runs) or "-"


def _npy(array: NDArray[np.int32]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _bands(n: int) -> dict[str, bytes]:
    return {f"{RECORDS[n]}/{band}": _npy(np.full((HEIGHT, WIDTH, 8), n, dtype="int32")) for band in BANDS}


def _masks(n: int) -> dict[str, bytes]:
    individual = _npy(np.full((HEIGHT, WIDTH, 1, 3), n, dtype="int32"))
    return {
        f"{RECORDS[n]}/human_pixel_masks.npy": _npy(_mask(n)),
        f"{RECORDS[n]}/human_individual_masks.npy": individual,
    }


def _metadata(n: int) -> dict[str, object]:
    return {"record_id": RECORDS[n], "row_min": -1.5e-07, "timestamp": 1556000000.25, "projection": "M\u00e9rida"}


def _sample() -> list[list[object]]:
    python_random.seed(0)
    return [[RECORDS[n], python_random.choice(["1 3 10 5", "-"]), HEIGHT, WIDTH] for n in TEST]


ANSWERS = [[RECORDS[n], _encoded(_mask(n)), HEIGHT, WIDTH] for n in TEST]
GUESSES = ["2 3", "-", "1 3 10 5", "5 2 18 90 400 2", " ", "20 1", "1 20"]


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(encoded_pixels=GUESSES)


def _pixels(table: pd.DataFrame) -> set[tuple[int, int]]:
    found = set()
    for row, text in enumerate(table["encoded_pixels"]):
        numbers = [int(token) for token in text.replace("-", "").split()]
        for start, length in zip(numbers[::2], numbers[1::2], strict=True):
            found |= {(row, pixel) for pixel in range(start, start + length) if pixel <= HEIGHT * WIDTH}
    return found


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    true, guessed = _pixels(answers), _pixels(submission)
    return 2 * len(true & guessed) / (len(true) + len(guessed))


def _first(cell: str) -> Change:
    return lambda table: table.assign(encoded_pixels=[cell, *table["encoded_pixels"][1:]])


CASES = [
    Case(
        id="google-research-identify-contrails-reduce-global-warming",
        raw={
            "train_metadata.json": json.dumps([_metadata(n) for n in range(COUNT)], indent=2, ensure_ascii=False),
            "validation_metadata.json": VALIDATION,
            "validation/5/band_08.npy": "band",
            "validation/5/human_pixel_masks.npy": "mask",
            "test/9/band_08.npy": "not used",
            "sample_submission.csv": "not used",
            **{f"train/{name}": content for n in range(COUNT) for name, content in {**_bands(n), **_masks(n)}.items()},
        },
        prepared={
            "public/train_metadata.json": json.dumps([_metadata(n) for n in TRAIN]),
            "public/validation_metadata.json": VALIDATION,
            "public/validation/5/band_08.npy": "band",
            "public/validation/5/human_pixel_masks.npy": "mask",
            "public/sample_submission.csv": csv_text(HEADER, _sample()),
            "private/answers.csv": csv_text(HEADER, ANSWERS),
            **{f"public/train/{name}": text for n in TRAIN for name, text in {**_bands(n), **_masks(n)}.items()},
            **{f"public/test/{name}": text for n in TEST for name, text in _bands(n).items()},
        },
        noise=_noise,
        score=_score,
        best=1.0,
        invalid={
            f"mask {text!r}": _first(text)
            for text in ("NA", "--", "7", "1 2 3", "0 4", "3 0", "1 -4", "9 2 3 2", "1 5 5 1", "1.0 2")
        },
    )
]
